"""Clearance against brute force: 1,000 random needles at each of three spacings of a phantom's labels.

    python benchmarks/clearance.py

writes ``benchmarks/results/clearance.json``. Brute force: points every 0.1 mm along the needle against the
voxel cells of the structure; a KD-tree only discards cells that cannot be the nearest. Errors are ours
less brute force: above zero is optimistic (says more room than there is). ``reported``: what a plan says.
``search``: what candidates are ranked by, exact only near the limit (here 2.5 mm).
"""

from __future__ import annotations

import os
import time

import numpy as np
from recording import write_result
from scipy.spatial import cKDTree

from procguide.anatomy import Side
from procguide.phantom import build, sample_parameters
from procguide.planning import Request, Scene, Subject, build_case, load_catalogue
from procguide.planning.clearance import FAR_MM, Shafts, clearance_along

SEED = 2
SPACINGS_MM = (1.0, 1.25, 1.5)
NEEDLES = 1000
SEARCH_EXACT_MM = 2.5
PROCEDURE, LEVEL = "transforaminal_esi_subpedicular", "L3-L4"


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
        "mean_mm": round(float(off.mean()), 4),
        "mean_absolute_mm": round(float(np.abs(off).mean()), 4),
    }


def measure(scene: Scene, name: str, count: int) -> dict[str, object]:
    """Errors for one structure; half of the needles are chosen to come within 8 mm of it."""
    structure = scene.structures[name]
    assert structure.mask is not None
    entries, tips = random_needles(scene, 40 * count)
    nominal = clearance_along(scene, structure, entries, tips, 0.0)
    near = np.flatnonzero((nominal > 0) & (nominal < 8.0))[: count // 2]
    which = np.concatenate([np.arange(count - len(near)), near])
    entries, tips = entries[which], tips[which]
    cells = Cells(scene, structure.mask)
    truth = np.array([cells.distance(entry, tip) for entry, tip in zip(entries, tips, strict=True)])
    start = time.perf_counter()
    reported = clearance_along(scene, structure, entries, tips, 0.0)
    seconds = time.perf_counter() - start
    shafts = Shafts.between(scene, entries, tips)
    search = shafts.distances(shafts.passing(structure, 0.0, -FAR_MM), SEARCH_EXACT_MM)
    return {
        "structure": name,
        "needles": len(which),
        "through_it": int((truth == 0).sum()),
        "within_8_mm": int(((truth > 0) & (truth < 8)).sum()),
        "reported": error(reported, truth) | {"needles_per_second": round(len(which) / seconds)},
        "search": error(search, truth),
    }


def main() -> None:
    load = os.getloadavg()[0]
    runs = []
    for spacing in SPACINGS_MM:
        phantom = build(sample_parameters(SEED), spacing_mm=spacing)
        request = Request(load_catalogue()[PROCEDURE], LEVEL, Side.LEFT)
        scene = build_case(request, Subject(phantom.spine, phantom.levels, phantom.regions)).scene
        names = [name for name, one in scene.structures.items() if one.mask is not None]
        rows = [measure(scene, name, NEEDLES // len(names)) for name in names]
        runs.append({"spacing_mm": scene.grid.affine.spacing.round(3).tolist(), "structures": rows})
    rows = [row for run in runs for row in run["structures"]]
    result = {
        "phantom_seed": SEED,
        "worst": {
            kind: {
                side: max(row[kind][side] for row in rows)
                for side in ("max_optimistic_mm", "max_pessimistic_mm")
            }
            for kind in ("reported", "search")
        },
        "runs": runs,
    }
    write_result("clearance", result, load)


if __name__ == "__main__":
    main()
