"""Errors of the located landmarks against the phantom's truth, from true labels or from the network's.

    python benchmarks/landmarks.py --seeds 8
    python benchmarks/landmarks.py --seeds 3 --network

Writes ``benchmarks/results/landmarks.json`` (or ``landmarks_network.json``) and prints a table. A phantom's
truth is by construction; where its definition differs (a pedicle's isthmus is the narrowest place in the
labels, a constructed point in the truth), that difference counts as error here.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from procguide.anatomy import VERSE_LABELS, Anchor, Side, Spine
from procguide.anatomy.locate import locate_spine
from procguide.imaging import LabelMap
from procguide.phantom import build, sample_parameters

RESULTS = Path(__file__).parent / "results"
SEED_OFFSET = 9000
BY_SIDE = (
    "laminae",
    "superior_articular_processes",
    "inferior_articular_processes",
    "facet_joints",
    "transverse_process_tips",
    "foramina",
)
FIELD = ((-95, -85, -125), (95, 150, 400))


def errors(found: Spine, truth: Spine) -> Iterator[tuple[str, float | None]]:
    """(landmark, error in mm or degrees), None where the landmark is missing."""
    located = {vertebra.level: vertebra for vertebra in found.vertebrae}
    for true in truth.vertebrae:
        mine = located.get(true.level)
        yield "vertebra found", None if mine is None else 0.0
        if mine is None:
            continue
        yield "frame origin", apart(mine.frame.origin, true.frame.origin)
        yield "frame angle (deg)", turned(mine.frame.rotation, true.frame.rotation)
        for name in ("superior_endplate", "inferior_endplate"):
            yield "endplate centre", apart(getattr(mine, name).centre, getattr(true, name).centre)
            yield "endplate normal (deg)", angle(getattr(mine, name).normal, getattr(true, name).normal)
        for side in Side:
            yield from _pedicle(mine.pedicles.get(side), true.pedicles[side])
        for name in BY_SIDE:
            yield from _by_side(name.replace("_", " "), getattr(mine, name), getattr(true, name))
        yield "spinous process tip", apart(mine.spinous_process_tip, true.spinous_process_tip)
        yield "canal centre to canal line", off_line(mine.canal_centre, truth.canal)
    yield "sacrum found", None if found.sacrum is None else 0.0
    if found.sacrum is not None and truth.sacrum is not None:
        mine_s, true_s = found.sacrum, truth.sacrum
        yield "S1 endplate centre", apart(mine_s.endplate.centre, true_s.endplate.centre)
        yield "S1 frame angle (deg)", turned(mine_s.frame.rotation, true_s.frame.rotation)
        yield "promontory", apart(mine_s.promontory, true_s.promontory)
        processes = mine_s.superior_articular_processes, true_s.superior_articular_processes
        yield from _by_side("S1 superior articular processes", *processes)
        yield from _by_side("alae", mine_s.alae, true_s.alae)


def _pedicle(mine, true) -> Iterator[tuple[str, float | None]]:
    yield "pedicle centre", None if mine is None else apart(mine.centre, true.centre)
    if mine is not None:
        yield "pedicle axis (deg)", angle(mine.axis, true.axis)
        yield "pedicle width", abs(mine.width_mm - true.width_mm)
        yield "pedicle height", abs(mine.height_mm - true.height_mm)


def _by_side(name: str, mine: Mapping, true: Mapping) -> Iterator[tuple[str, float | None]]:
    for side, point in true.items():
        yield name, apart(mine.get(side), point)


def apart(mine, true) -> float | None:
    return None if mine is None else float(np.linalg.norm(np.subtract(mine, true)))


def angle(mine, true) -> float:
    return float(np.degrees(np.arccos(np.clip(np.dot(mine, true), -1, 1))))


def turned(mine: np.ndarray, true: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(mine.T @ true) - 1) / 2, -1, 1))))


def off_line(point, line) -> float | None:
    """Distance to the polyline, mm."""
    if point is None:
        return None
    nodes = np.asarray(line)
    start, step = nodes[:-1], np.diff(nodes, axis=0)
    share = np.clip(((point - start) * step).sum(1) / (step * step).sum(1), 0, 1)
    return float(np.linalg.norm(point - start - share[:, None] * step, axis=1).min())


def labels_of(
    seed: int, spacing_mm: float, *, network: bool
) -> tuple[LabelMap, LabelMap, Anchor, Mapping, Spine]:
    phantom = build(sample_parameters(seed), spacing_mm, box=FIELD)
    if not network:
        certain = dict.fromkeys(VERSE_LABELS, 1.0)
        return phantom.levels, phantom.regions, Anchor.SACRUM, certain, phantom.spine
    from procguide.phantom import simulate_ct
    from procguide.segmentation.segment import segment

    seen = segment(simulate_ct(phantom, seed=seed))
    return seen.levels, seen.regions, seen.anchor, seen.confidence, phantom.spine


def summary(values: list[float | None]) -> dict[str, float | int | None]:
    there = np.array([value for value in values if value is not None])
    return {
        "n": len(values),
        "missing": len(values) - len(there),
        "mean": round(float(there.mean()), 2) if len(there) else None,
        "p95": round(float(np.percentile(there, 95)), 2) if len(there) else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--spacing", type=float, default=1.25)
    parser.add_argument("--network", action="store_true", help="labels from the network on simulated CT")
    options = parser.parse_args()
    collected: dict[str, list[float | None]] = defaultdict(list)
    seconds = []
    for seed in range(SEED_OFFSET, SEED_OFFSET + options.seeds):
        levels, regions, anchor, confidence, truth = labels_of(seed, options.spacing, network=options.network)
        start = time.perf_counter()
        found = locate_spine(levels, regions, anchor=anchor, confidence=confidence)
        seconds.append(time.perf_counter() - start)
        for name, error in errors(found, truth):
            collected[name].append(error)
    table = {name: summary(values) for name, values in collected.items()}
    result = {
        "labels": "network" if options.network else "true",
        "seeds": [SEED_OFFSET, SEED_OFFSET + options.seeds - 1],
        "spacing_mm": options.spacing,
        "locate_seconds": round(float(np.mean(seconds)), 2),
        "unit": "mm unless named (deg)",
        "landmarks": table,
    }
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / ("landmarks_network.json" if options.network else "landmarks.json")
    file.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{'landmark':34} {'n':>5} {'missing':>8} {'mean':>7} {'p95':>7}")
    for name, row in table.items():
        print(f"{name:34} {row['n']:5} {row['missing']:8} {row['mean']!s:>7} {row['p95']!s:>7}")
    print(f"locate_spine: {result['locate_seconds']} s a spine")


if __name__ == "__main__":
    main()
