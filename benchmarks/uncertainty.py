"""The chance of a broken limit: against an independent Monte Carlo, and against the true anatomy.

``python benchmarks/uncertainty.py [--needles 10] [--draws 1500] [--seeds 6] [--first 1900]`` writes
``benchmarks/results/uncertainty.json`` after each step.

``monte_carlo``: feasible needles of one phantom, each placed ``--draws`` times by the stated model with
numpy's own random numbers, turned by finite angles and measured at points every 0.5 mm to the surfaces of the
voxels' cells and to the tubes by KD-trees; structures with a spread are shifted bodily in three dimensions
(the planner moves their surface along its normal). Errors are the planner's less the Monte Carlo's, whose own
standard error stands beside them. ``former`` is the closed form that the planner had before (one deviation
of 2 mm everywhere, structures independent).

``truth``: needles planned on the true labels of phantoms, placed by the model, and measured against the true
nerve and dura at 0.5 mm: what was foretold for the modelled structures against how often it comes true.

``interaction``: milliseconds to judge a dragged needle and to rank a frontier by other weights.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt, map_coordinates
from scipy.spatial import cKDTree
from scipy.stats import norm, spearmanr

from procguide.anatomy import Region, Side
from procguide.phantom import Phantom, build, sample_parameters
from procguide.planning import (
    Frontier,
    Request,
    Subject,
    build_case,
    evaluate,
    explore,
    load_catalogue,
    plans_of,
    read_weights,
)
from procguide.planning.uncertainty import PlacementError, chance_of_violation, simulate

RESULT = Path(__file__).parent / "results" / "uncertainty.json"
SEED = 2
SPACING_MM = 1.5
FINE_MM = 0.5
MARGIN_MM = 8.0
CASES = (
    ("transforaminal_esi_subpedicular", "L4-L5", Side.LEFT),
    ("lumbar_interlaminar_esi", "L3-L4", None),
    ("lumbar_medial_branch_block", "L4", Side.RIGHT),
)
TRUTH = {
    "nerve_root": (Region.NERVE_ROOT, Region.GANGLION),
    "dura": (Region.DURA, Region.CEREBROSPINAL_FLUID, Region.SPINAL_CORD, Region.CAUDA_EQUINA),
}
BINS = (0.0, 0.02, 0.1, 0.2, 0.3, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class Surface:
    """Points of a structure's surface or centre line; ``radius`` is a tube's."""

    name: str
    trees: tuple[tuple[cKDTree, float], ...]
    margin: float
    spread: float


def dense(points: np.ndarray, step: float) -> np.ndarray:
    return np.concatenate(
        [
            a + np.arange(0, 1 + 1e-9, step / np.linalg.norm(b - a))[:, None] * (b - a)
            for a, b in itertools.pairwise(points)
        ]
    )


def surfaces(frontier: Frontier) -> Iterator[Surface]:
    """Of what could be harmed, from the scene's masks and tubes alone."""
    case = frontier.case
    for rule in case.rules:
        one = case.scene.structures[rule.name]
        trees: list[tuple[cKDTree, float]] = []
        if one.tubes:
            for tube in one.tubes:
                points = np.array(tube.points)
                for a, b, radius in zip(points, points[1:], tube.radii_mm, strict=False):
                    trees.append((cKDTree(dense(np.array([a, b]), 0.2)), radius))
        elif one.mask is not None:
            rim = one.mask & ~_shrunk(one.mask)
            fine = np.indices((5, 5, 5)).reshape(3, -1).T / 4 - 0.5
            cells = (np.argwhere(rim)[:, None] + fine).reshape(-1, 3)
            trees.append((cKDTree(case.scene.grid.affine.apply(cells)), 0.0))
        if trees and not rule.harmless:
            yield Surface(str(rule.name), tuple(trees), rule.margin_mm.value, one.spread_mm)


def _shrunk(mask: np.ndarray) -> np.ndarray:
    from scipy.ndimage import binary_erosion

    return np.asarray(binary_erosion(mask))


def placed(
    rng: np.random.Generator, error: PlacementError, entry: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One needle by the stated model: turned by finite angles about its shifted entry."""
    axis = target - entry
    length = float(np.linalg.norm(axis))
    axis = axis / length
    across = np.cross(axis, rng.normal(size=3))
    across /= np.linalg.norm(across)
    tilt = np.tan(np.radians(rng.normal(0, error.angle_deg, 2)))
    turned = length * (tilt[0] * across + tilt[1] * np.cross(axis, across))
    shift = rng.normal(0, error.registration_mm, 3)
    return entry + shift, target + shift + turned + rng.normal(0, error.tip_mm, 3)


def monte_carlo(frontier: Frontier, solids: list[Surface], n: int, draws: int) -> float:
    """Share of placed needles that break any limit."""
    rng = np.random.default_rng(1000 + n)
    entry, target = frontier.candidates.entries[n], frontier.candidates.targets[n]
    error, radius = PlacementError.of(frontier.case.procedure), frontier.case.procedure.needle.radius_mm
    broken, length = 0, float(np.linalg.norm(target - entry))
    near = {solid.name: _stretch(solid, entry, target, radius) for solid in solids}
    for _ in range(draws):
        ends = placed(rng, error, entry, target)
        hit = False
        for solid in solids:
            shift = rng.normal(0, solid.spread, 3) if solid.spread else 0.0
            if near[solid.name] is None or hit:
                continue
            low, high = near[solid.name]
            share = np.linspace(low, high, int((high - low) * length / 0.5) + 2)[:, None]
            points = ends[0] + share * (ends[1] - ends[0]) - shift
            room = min(tree.query(points)[0].min() - thick for tree, thick in solid.trees)
            hit |= room - radius < solid.margin
        broken += hit
    return broken / draws


def _stretch(
    solid: Surface, entry: np.ndarray, target: np.ndarray, radius: float
) -> tuple[float, float] | None:
    """The piece of the needle, as shares of it, that could come near: within 15 mm beyond the margin."""
    share = np.linspace(0, 1, 60)
    points = entry + share[:, None] * (target - entry)
    room = np.min([tree.query(points)[0] - thick for tree, thick in solid.trees], axis=0) - radius
    near = share[room < solid.margin + 15]
    return (max(float(near.min()) - 0.05, 0.0), min(float(near.max()) + 0.05, 1.0)) if len(near) else None


def former(frontier: Frontier) -> np.ndarray:
    """The planner's closed form before this model."""
    safe = np.ones(len(frontier))
    for rule in frontier.case.rules:
        if not rule.harmless:
            spread = frontier.case.scene.structures[rule.name].spread_mm
            room = frontier.clearances[rule.name] - rule.margin_mm.value
            safe *= norm.cdf(room / np.hypot(2.0, spread))
    return np.asarray(1 - safe)


def spread_out(frontier: Frontier, count: int) -> np.ndarray:
    """Needles from the least to the most likely to break a limit."""
    order = np.argsort(frontier.measures.p_violation)
    return order[np.linspace(0, len(order) - 1, count).astype(int)]


def against_monte_carlo(frontier: Frontier, needles: int, draws: int) -> dict[str, Any]:
    which = spread_out(frontier, needles)
    solids = list(surfaces(frontier))
    truth = np.array([monte_carlo(frontier, solids, n, draws) for n in which])
    entries, targets = frontier.candidates.entries[which], frontier.candidates.targets[which]
    hazards = frontier.case.hazards
    shown = np.array([simulate(hazards, *ends).p_violation for ends in zip(entries, targets, strict=True)])
    quick = chance_of_violation(hazards, entries, targets)
    return {
        "needles": len(which),
        "monte_carlo": {
            "least": round(float(truth.min()), 4),
            "most": round(float(truth.max()), 4),
            "standard_error": round(float(np.sqrt(truth * (1 - truth) / draws).max()), 4),
        },
        "shown": error(shown, truth),
        "quick": error(quick, truth),
        "former": error(former(frontier)[which], truth),
    }


def error(ours: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    off = ours - truth
    return {
        "mean": round(float(off.mean()), 4),
        "mean_absolute": round(float(np.abs(off).mean()), 4),
        "most_optimistic": round(float(-off.min()), 4),
        "most_pessimistic": round(float(off.max()), 4),
        "rank_correlation": round(float(spearmanr(ours, truth).statistic), 4) if np.ptp(truth) else 1.0,
    }


def subject(phantom: Phantom) -> Subject:
    return Subject(phantom.spine, phantom.levels, phantom.regions)


def frontier_of(given: Subject, procedure: str, level: str, side: Side | None) -> Frontier:
    return explore(build_case(Request(load_catalogue()[procedure], level, side), given))


def against_truth(seed: int, needles: int, draws: int) -> list[dict[str, Any]]:
    """Foretold and realised chance by needle and structure, on one phantom."""
    parameters = sample_parameters(seed)
    given = subject(build(parameters, SPACING_MM))
    rows = []
    for procedure, level, side in CASES[:2]:
        frontier = frontier_of(given, procedure, level, side)
        if not len(frontier):
            continue
        which = spread_out(frontier, needles)
        entries, targets = frontier.candidates.entries[which], frontier.candidates.targets[which]
        ends = np.concatenate([targets, targets + 0.4 * (entries - targets)])
        box = (ends.min(axis=0) - MARGIN_MM, ends.max(axis=0) + MARGIN_MM)
        fields = true_fields(build(parameters, FINE_MM, box=box))
        for entry, target in zip(entries, targets, strict=True):
            foretold = simulate(frontier.case.hazards, entry, target).by_structure
            met = realised(frontier, fields, entry, target, draws)
            rows += [
                {
                    "seed": seed,
                    "procedure": procedure,
                    "structure": name,
                    "foretold": p,
                    "realised": met[name],
                }
                for name, p in foretold.items()
                if name in met
            ]
    return rows


def true_fields(phantom: Phantom) -> dict[str, tuple[Phantom, np.ndarray]]:
    """Signed distance to the truth, mm."""
    fields = {}
    for name, regions in TRUTH.items():
        mask = phantom.tissues.mask(*regions)
        if mask.any():
            out = distance_transform_edt(~mask, sampling=FINE_MM)
            within = distance_transform_edt(mask, sampling=FINE_MM)
            fields[name] = (
                phantom,
                np.where(mask, FINE_MM / 2 - within, out - FINE_MM / 2).astype(np.float32),
            )
    return fields


def realised(
    frontier: Frontier,
    fields: dict[str, tuple[Phantom, np.ndarray]],
    entry: np.ndarray,
    target: np.ndarray,
    draws: int,
) -> dict[str, float]:
    """How often placed needles come nearer to the true structure than its margin."""
    rng = np.random.default_rng(11)
    procedure = frontier.case.procedure
    error = PlacementError.of(procedure)
    margins = {str(rule.name): rule.margin_mm.value for rule in frontier.case.rules}
    ends = np.array([placed(rng, error, entry, target) for _ in range(draws)])
    share = np.linspace(0.6, 1.0, 80)[None, :, None]
    points = ends[:, :1] + share * (ends[:, 1:] - ends[:, :1])
    found = {}
    for name, (phantom, field) in fields.items():
        if name in margins:
            index = np.moveaxis(phantom.tissues.to_index(points), -1, 0)
            room = map_coordinates(field, index, order=1, mode="nearest").min(axis=1)
            found[name] = float((room - procedure.needle.radius_mm < margins[name]).mean())
    return found


def calibration(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean foretold and realised chance, over all and by what was foretold."""
    told = np.array([row["foretold"] for row in rows])
    met = np.array([row["realised"] for row in rows])
    names = np.array([row["structure"] for row in rows])
    return {
        name: {
            "needles": int((names == name).sum()),
            "foretold": round(float(told[names == name].mean()), 4),
            "realised": round(float(met[names == name].mean()), 4),
            "by_foretold": [
                {
                    "from": low,
                    "to": high,
                    "needles": int(some.sum()),
                    "foretold": round(float(told[some].mean()), 4),
                    "realised": round(float(met[some].mean()), 4),
                }
                for low, high in itertools.pairwise(BINS)
                for some in [(names == name) & (told >= low) & (told < high)]
                if some.any()
            ],
        }
        for name in sorted(set(names))
    }


def interaction(frontier: Frontier, rounds: int = 40) -> dict[str, Any]:
    """Wall and CPU milliseconds, compiled loops warm."""
    plan = plans_of(frontier).plans[0].trajectory
    rng = np.random.default_rng(2)
    wall, spent = [], []
    for _ in range(rounds):
        hub, tip = plan.entry + rng.normal(0, 5, 3), plan.target + rng.normal(0, 2, 3)
        start, cpu = time.perf_counter(), time.process_time()
        evaluate(frontier.case, hub, tip)
        wall.append(time.perf_counter() - start)
        spent.append(time.process_time() - cpu)
    start, cpu = time.perf_counter(), time.process_time()
    plans_of(frontier, weights=read_weights({"length": 1.0, "clearance": 1.0}))
    return {
        "evaluate_ms": {
            "median": round(1e3 * float(np.median(wall)), 2),
            "p95": round(1e3 * float(np.quantile(wall, 0.95)), 2),
            "cpu_median": round(1e3 * float(np.median(spent)), 2),
        },
        "feasible": len(frontier),
        "rank_again_ms": {
            "wall": round(1e3 * (time.perf_counter() - start), 1),
            "cpu": round(1e3 * (time.process_time() - cpu), 1),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--needles", type=int, default=10)
    parser.add_argument("--draws", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first", type=int, default=1900)
    options = parser.parse_args()
    document: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": os.getloadavg()[0],
        "cores": os.cpu_count(),
        "phantom": {"seed": SEED, "spacing_mm": SPACING_MM},
        "interaction": {},
        "monte_carlo": {"draws": options.draws},
    }
    given = subject(build(sample_parameters(SEED), SPACING_MM))
    frontiers = {case: frontier_of(given, *case) for case in CASES}
    for case, frontier in frontiers.items():
        document["interaction"][f"{case[0]} {case[1]}"] = interaction(frontier)
    for case, frontier in frontiers.items():
        document["monte_carlo"][f"{case[0]} {case[1]}"] = against_monte_carlo(
            frontier, options.needles, options.draws
        )
        save(document)
    rows: list[dict[str, Any]] = []
    for seed in range(options.first, options.first + options.seeds):
        rows += against_truth(seed, options.needles, options.draws)
        document["truth"] = {"seeds": [options.first, seed], "structures": calibration(rows)}
        save(document)


def save(document: dict[str, Any]) -> None:
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document, indent=2), flush=True)


if __name__ == "__main__":
    main()
