"""Compiled loops for the body's surface: the air round it, and where rays leave it. Import lazily."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from procguide.planning._kernels import _sample

__all__ = ["fill_planes", "opened", "skin_exit"]

Array = NDArray[Any]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def opened(mask: Array) -> Array:
    """``mask`` ``(k, j, i)`` without what is one voxel thin: opened by a voxel and its six neighbours.

    Beyond the lattice is outside.
    """
    size_k, size_j, size_i = mask.shape
    core = np.zeros(mask.shape, np.bool_)
    for k in range(1, size_k - 1):
        for j in range(1, size_j - 1):
            for i in range(1, size_i - 1):
                core[k, j, i] = (
                    mask[k, j, i]
                    & mask[k, j, i - 1]
                    & mask[k, j, i + 1]
                    & mask[k, j - 1, i]
                    & mask[k, j + 1, i]
                    & mask[k - 1, j, i]
                    & mask[k + 1, j, i]
                )
    result = core.copy()
    for k in range(1, size_k - 1):
        for j in range(1, size_j - 1):
            for i in range(1, size_i - 1):
                if core[k, j, i]:
                    result[k, j, i - 1] = True
                    result[k, j, i + 1] = True
                    result[k, j - 1, i] = True
                    result[k, j + 1, i] = True
                    result[k - 1, j, i] = True
                    result[k + 1, j, i] = True
    return result


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fill_planes(mask: Array) -> None:
    """In place: in each plane of ``mask`` ``(k, j, i)``, all that no path through air joins to the edge."""
    size_k, size_j, size_i = mask.shape
    stack = np.empty((size_j * size_i, 2), np.int32)
    air = np.empty((size_j, size_i), np.bool_)
    for k in range(size_k):
        air[:] = False
        count = 0
        for j in range(size_j):
            edge = j == 0 or j == size_j - 1
            for i in range(0, size_i, 1 if edge else max(size_i - 1, 1)):
                if not mask[k, j, i] and not air[j, i]:
                    air[j, i] = True
                    stack[count, 0], stack[count, 1] = j, i
                    count += 1
        while count > 0:
            count -= 1
            j, i = stack[count, 0], stack[count, 1]
            for side in range(4):
                b = j + (1 if side == 0 else -1 if side == 1 else 0)
                a = i + (1 if side == 2 else -1 if side == 3 else 0)
                inside = 0 <= b < size_j and 0 <= a < size_i
                if inside and not mask[k, b, a] and not air[b, a]:
                    air[b, a] = True
                    stack[count, 0], stack[count, 1] = b, a
                    count += 1
        for j in range(size_j):
            for i in range(size_i):
                mask[k, j, i] = not air[j, i]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def skin_exit(
    field: Array, spacing: Array, starts: Array, directions: Array, air_mm: float, limit_mm: float
) -> Array:
    """Depth (mm, ``(n,)``) at which rays from inside leave the body for at least ``air_mm``; -1 if never.

    Air up to the lattice's edge is enough. ``field`` is the signed distance to the body (negative inside):
    what is that far from the surface cannot cross it sooner.
    """
    depths = np.full(starts.shape[0], -1.0)
    size_k, size_j, size_i = field.shape
    for n in range(starts.shape[0]):
        dz, dy, dx = directions[n, 0], directions[n, 1], directions[n, 2]
        travelled = 0.0
        before = 0.0
        left_at = -1.0
        previous = -1.0
        while travelled < limit_mm:
            z = (starts[n, 0] + dz * travelled) / spacing[0]
            y = (starts[n, 1] + dy * travelled) / spacing[1]
            x = (starts[n, 2] + dx * travelled) / spacing[2]
            within = -0.5 <= z <= size_k - 0.5 and -0.5 <= y <= size_j - 0.5 and -0.5 <= x <= size_i - 0.5
            if not within:
                depths[n] = left_at
                break
            value = _sample(field, z, y, x)
            if value <= 0.0:
                left_at = -1.0
            elif left_at < 0.0:
                left_at = travelled - (travelled - before) * value / max(value - previous, 1e-6)
            elif travelled - left_at >= air_mm:
                depths[n] = left_at
                break
            previous, before = value, travelled
            travelled += max(0.5, abs(value) - 1.0)
    return depths
