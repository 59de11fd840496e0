"""Clearance against brute force on a phantom, and how long a plan takes.

    python benchmarks/clearance.py

writes ``benchmarks/results/clearance.json``. Brute force: points every 0.1 mm along the needle against the
voxel cells of the structure; a KD-tree only discards cells that cannot be the nearest. Errors are ours
less brute force: above zero is optimistic (says more room than there is).
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from procguide.anatomy import Side
from procguide.phantom import Phantom, build, sample_parameters
from procguide.planning import Request, Scene, Subject, build_case, load_catalogue, plan
from procguide.planning.search import clearance_along, exact_clearance

RESULT = Path(__file__).parent / "results" / "clearance.json"
SEED = 2
SPACING_MM = 1.5
NEEDLES = 200
NEAR_MM = 8.0
CASES = {
    "transforaminal_esi_subpedicular": ("L3-L4", "L4-L5", "L5-S1"),
    "lumbar_medial_branch_block": ("L3", "L4", "L5"),
    "lumbar_interlaminar_esi": ("L3-L4", "L4-L5", "L5-S1"),
}


class Cells:
    """The voxel cells of a mask, for distances from points to the nearest one."""

    def __init__(self, scene: Scene, mask: np.ndarray) -> None:
        self.centres = scene.grid.affine.apply(np.argwhere(mask))
        self.tree = cKDTree(self.centres)
        self.half = scene.grid.affine.spacing[::-1] / 2

    def distance(self, entry: np.ndarray, tip: np.ndarray) -> float:
        """Least distance from points every 0.1 mm between ``entry`` and ``tip`` to a cell, mm."""
        count = int(np.linalg.norm(tip - entry) / 0.1) + 2
        points = entry + np.linspace(0, 1, count)[:, None] * (tip - entry)
        to_centre, _ = self.tree.query(points)
        reach = to_centre.min() + np.linalg.norm(self.half)  # a nearer cell has its centre within this
        near = points[to_centre <= reach]
        best = np.inf
        for point, found in zip(near, self.tree.query_ball_point(near, reach), strict=True):
            gaps = np.maximum(np.abs(self.centres[found] - point) - self.half, 0)
            best = min(best, float((gaps**2).sum(axis=1).min()))
        return float(np.sqrt(best))


def random_needles(scene: Scene, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Entries and tips ``(count, 3)`` in the scene's box, mostly from behind, as needles come."""
    rng = np.random.default_rng(seed)
    low, high = scene.grid.corners.min(axis=0) + 2, scene.grid.corners.max(axis=0) - 2
    tips = rng.uniform(low, high, (count, 3))
    entries = np.clip(tips + rng.normal(0, 15, (count, 3)) + (0, 60, 0), low, high)
    return entries, tips


def error(ours: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    off = ours - truth
    return {
        "max_optimistic_mm": round(float(off.max()), 3),
        "max_pessimistic_mm": round(float(-off.min()), 3),
        "mean_mm": round(float(off.mean()), 3),
        "mean_absolute_mm": round(float(np.abs(off).mean()), 3),
    }


def subject(phantom: Phantom) -> Subject:
    return Subject(phantom.spine, phantom.levels, phantom.regions)


def measure_clearance(phantom: Phantom) -> dict[str, object]:
    """Errors for bone, on needles that come within 8 mm of it and do not touch it."""
    request = Request(load_catalogue()["transforaminal_esi_subpedicular"], "L4-L5", Side.LEFT)
    scene = build_case(request, subject(phantom)).scene
    bone = scene.structures["bone"]
    entries, tips = random_needles(scene, 100_000)
    clearance_along(scene, bone, entries[:10], tips[:10], 0.0)
    start = time.perf_counter()
    traced = clearance_along(scene, bone, entries, tips, 0.0)
    traced_s = time.perf_counter() - start
    near = np.flatnonzero((traced > 0) & (traced < NEAR_MM))[:NEEDLES]
    cells = Cells(scene, bone.mask)
    truth = np.array([cells.distance(entries[n], tips[n]) for n in near])
    start = time.perf_counter()
    exact = np.array([exact_clearance(scene, bone, entries[n], tips[n], 0.0) for n in near])
    exact_s = time.perf_counter() - start
    return {
        "structure": "bone",
        "needles": len(near),
        "search": error(traced[near], truth) | {"needles_per_second": round(len(entries) / traced_s)},
        "exact_check": error(exact, truth) | {"needles_per_second": round(len(near) / exact_s)},
    }


def measure_plans(phantom: Phantom) -> list[dict[str, object]]:
    """Whole plans (left side, skin from the labels), compiled loops warm.

    Wall seconds depend on what else runs (see ``load_before``); CPU seconds say what a quiet core needs.
    """
    rows = []
    for procedure, levels in CASES.items():
        for level in levels:
            start, cpu_start = time.perf_counter(), time.process_time()
            result = plan(Request(load_catalogue()[procedure], level, Side.LEFT), subject(phantom))
            rows.append(
                {
                    "procedure": procedure,
                    "level": level,
                    "seconds": round(time.perf_counter() - start, 2),
                    "cpu_seconds": round(time.process_time() - cpu_start, 2),
                    "considered": result.considered,
                    "feasible": result.feasible,
                    "plans": len(result.plans),
                }
            )
    return rows


def main() -> None:
    started = time.perf_counter()
    load = os.getloadavg()[0]
    phantom = build(sample_parameters(SEED), spacing_mm=SPACING_MM)
    clearance = measure_clearance(phantom)
    plans = measure_plans(phantom)
    result = {
        "phantom": {"seed": SEED, "spacing_mm": SPACING_MM},
        "clearance": clearance,
        "plans": plans,
        "seconds_a_plan": {
            "mean": round(float(np.mean([row["seconds"] for row in plans])), 2),
            "max": max(row["seconds"] for row in plans),
            "cpu_mean": round(float(np.mean([row["cpu_seconds"] for row in plans])), 2),
            "cpu_max": max(row["cpu_seconds"] for row in plans),
        },
        "seconds_in_all": round(time.perf_counter() - started, 1),
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
        "time_utc": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
