"""The groove between the S1 articular process and the sacral ala, in which the L5 dorsal ramus lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.planning.zones.patch import STEP_MM

__all__ = ["groove"]

Window = tuple[tuple[int, int], tuple[int, int]]
_OUTWARD = np.radians(np.arange(0.0, 91.0, 7.5))
_LEAST_DEPTH_MM = 1.5
_STRAY_MM = 3.0
Floats = NDArray[np.float64]


def groove(
    solid: NDArray[np.bool_], blocked: NDArray[np.bool_], window: Window, rows: range
) -> tuple[Floats, Floats]:
    """The groove's floor in each section of ``rows``, and the way out of it: ``(n, 3)`` and ``(n, 3)``.

    ``solid`` ``(lateral, posterior, superior)`` is the sacrum, ``blocked`` any bone; floors are sample
    indices, ways out unit vectors on the same axes. In a section the floor is the open sample that lies
    deepest under the line which bridges articular process and ala, behind and lateral of them, among bone
    within ``window`` (first and last sample lateral, and posterior). Sections whose floor strays from the
    others' are left out.
    """
    (left, right), (front, back) = window
    left, front = max(left, 0), max(front, 0)
    floors, ways = [], []
    for row in rows:
        here = (slice(left, right), slice(front, back), row)
        found = _floor(solid[here], _open_behind(solid[here] | blocked[here]))
        if found is not None:
            i, j, angle = found
            floors.append((i + left, j + front, row))
            ways.append((np.cos(angle), np.sin(angle), 0.0))
    points, outward = np.array(floors, dtype=np.float64).reshape(-1, 3), np.array(ways).reshape(-1, 3)
    if not len(points):
        return points, outward
    stray = np.linalg.norm(points[:, :2] - np.median(points[:, :2], axis=0), axis=1) * STEP_MM
    return points[stray <= _STRAY_MM], outward[stray <= _STRAY_MM]


def _floor(section: NDArray[np.bool_], open_: NDArray[np.bool_]) -> tuple[int, int, float] | None:
    """The deepest open sample, and the angle from straight lateral to straight back of the way out."""
    bone = np.argwhere(section)
    free = np.argwhere(open_)
    if not len(bone) or not len(free):
        return None
    way = np.stack([np.cos(_OUTWARD), np.sin(_OUTWARD)])
    depth = (bone @ way).max(axis=0) - free @ way
    least = depth.min(axis=1)
    best = int(np.argmax(least))
    if least[best] * STEP_MM < _LEAST_DEPTH_MM:
        return None
    return int(free[best, 0]), int(free[best, 1]), float(_OUTWARD[int(np.argmin(depth[best]))])


def _open_behind(section: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Free samples from which a straight way 45 degrees out, or straight back, meets no bone."""
    back = np.cumsum(section[:, ::-1], axis=1)[:, ::-1] == 0
    slanted = ~section
    for i in range(section.shape[0] - 2, -1, -1):
        slanted[i, :-1] &= slanted[i + 1, 1:]
    return np.asarray(back | slanted)
