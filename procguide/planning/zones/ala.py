"""The groove between the S1 articular process and the sacral ala, in which the L5 dorsal ramus lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.planning.zones.patch import STEP_MM

__all__ = ["groove"]

Window = tuple[tuple[int, int], tuple[int, int]]
_BESIDE_MM = 3.0
_BEFORE_MM = 4.0
_LEAST_WALL_MM = 3.0
_STRAY_MM = 3.0


def groove(solid: NDArray[np.bool_], window: Window, rows: range) -> NDArray[np.float64]:
    """The groove's floor in each section of ``rows``: ``(n, 3)`` sample indices, where there is one.

    ``solid`` ``(lateral, posterior, superior)`` is the sacrum. In a section the floor is the free sample
    within ``window`` (first and last sample lateral, and posterior) that has the articular process straight
    medial of it, the ala straight in front, both closest, and no bone behind. Sections whose floor strays
    from the others' are left out.
    """
    floors = [(*floor, row) for row in rows if (floor := _floor(solid[:, :, row], window)) is not None]
    found = np.array(floors, dtype=np.float64).reshape(-1, 3)
    if not len(found):
        return found
    stray = np.linalg.norm(found[:, :2] - np.median(found[:, :2], axis=0), axis=1) * STEP_MM
    return np.asarray(found[stray <= _STRAY_MM])


def _floor(section: NDArray[np.bool_], window: Window) -> tuple[int, int] | None:
    beside, before = _to_bone(section, 0), _to_bone(section, 1)
    walled = _thickness_behind(section) >= _LEAST_WALL_MM
    reached = np.cumsum(section[:, ::-1], axis=1)[:, ::-1] == 0
    free = reached & (beside <= _BESIDE_MM) & (before <= _BEFORE_MM) & walled
    inside = np.zeros_like(free)
    (left, right), (front, back) = window
    inside[max(left, 0) : right, max(front, 0) : back] = True
    index = np.argwhere(free & inside)
    if not len(index):
        return None
    deep = beside[free & inside] + before[free & inside]
    off = np.linalg.norm(index - np.mean(window, axis=1), axis=1) * STEP_MM
    i, j = index[int(np.argmin(deep + off / 2))]
    return int(i), int(j)


def _to_bone(section: NDArray[np.bool_], axis: int) -> NDArray[np.float64]:
    """From each sample back along ``axis`` to the bone before it, mm; large where there is none."""
    order = np.moveaxis(section, axis, 0)
    index = np.arange(len(order))[:, None]
    last = np.maximum.accumulate(np.where(order, index, -10_000), axis=0)
    return np.asarray(np.moveaxis((index - last) * STEP_MM, 0, axis))


def _thickness_behind(section: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far the bone medial of each sample goes on backward of it: the articular process's wall, mm."""
    reach = np.where(section, np.arange(section.shape[1])[None, :], -10_000)
    medial = np.maximum.accumulate(reach.max(axis=1))
    return np.asarray((medial[:, None] - np.arange(section.shape[1])[None, :]) * STEP_MM)
