"""Clearance: error of the traced field and of the exact check against brute force, and needles a second.

Writes one JSON document to standard output.
"""

from __future__ import annotations

import json
import time

import numpy as np

from procguide.anatomy import Side
from procguide.phantom import build, sample_parameters
from procguide.planning import build_scene, load_catalogue
from procguide.planning.search import clearance_along, exact_clearance


def brute_force(scene, mask, entry, tip):  # type: ignore[no-untyped-def]
    """Points at 0.1 mm against the cells of the voxels within 25 mm of the needle's box."""
    centres = scene.grid.affine.apply(np.argwhere(mask))
    low, high = np.minimum(entry, tip) - 25, np.maximum(entry, tip) + 25
    centres = centres[((centres > low) & (centres < high)).all(axis=1)]
    half = scene.grid.affine.spacing[::-1] / 2
    best = np.inf
    for point in entry + np.linspace(0, 1, int(np.linalg.norm(tip - entry) / 0.1) + 2)[:, None] * (
        tip - entry
    ):
        best = min(best, float((np.maximum(np.abs(centres - point) - half, 0) ** 2).sum(axis=1).min()))
    return float(np.sqrt(best))


def main(needles: int = 60, many: int = 100_000) -> None:
    phantom = build(sample_parameters(2), spacing_mm=1.0)
    scene = build_scene(
        load_catalogue()["transforaminal_esi_subpedicular"],
        level="L4-L5", side=Side.LEFT, spine=phantom.spine,
        levels=phantom.levels, regions=phantom.regions, image=None,
    )  # fmt: skip
    bone = scene.structures["bone"]
    rng = np.random.default_rng(0)
    low, high = scene.grid.corners.min(axis=0) + 2, scene.grid.corners.max(axis=0) - 2
    tips = rng.uniform(low, high, (many, 3))
    entries = np.clip(tips + rng.normal(0, 15, (many, 3)) + (0, 60, 0), low, high)
    traced = clearance_along(scene, bone, entries, tips, 0.0)
    start = time.perf_counter()
    traced = clearance_along(scene, bone, entries, tips, 0.0)
    seconds = time.perf_counter() - start
    near = np.flatnonzero((traced > 0) & (traced < 7))[:needles]
    truth = np.array([brute_force(scene, bone.mask, entries[n], tips[n]) for n in near])
    exact = np.array([exact_clearance(scene, bone, entries[n], tips[n], 0.0) for n in near])
    print(
        json.dumps(
            {
                "structure": "bone",
                "needles_compared": len(near),
                "traced_error_mm": {"min": (traced[near] - truth).min(), "max": (traced[near] - truth).max()},
                "exact_error_mm": {"min": (exact - truth).min(), "max": (exact - truth).max()},
                "needles_traced_per_second": round(many / seconds),
            }
        )
    )


if __name__ == "__main__":
    main()
