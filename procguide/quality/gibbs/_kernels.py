"""Compiled loop of sub-voxel unringing. Import lazily: numba costs a second."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["choose_shifts"]

Array = NDArray[Any]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def choose_shifts(shifted: Array, shifts: Array, nearest: int, farthest: int, out: Array) -> None:
    """For each voxel of each line the shift with the least oscillation beside it, taken back to its place.

    ``shifted`` is ``(lines, shifts, n)``: each line at each of ``shifts`` (voxels, -0.5 to 0.5; the first is
    0), lines closed to rings. Oscillation is the sum of absolute differences from ``nearest`` to ``farthest``
    voxels away, on the better side. ``out`` is ``(lines, n)``.
    """
    count, _, n = shifted.shape
    margin = farthest + 1
    wide = np.empty(n + 2 * margin + 1, shifted.dtype)
    jump = np.empty(n + 2 * margin, shifted.dtype)
    left = np.empty(n, shifted.dtype)
    right = np.empty(n, shifted.dtype)
    least = np.empty(n, shifted.dtype)
    chosen = np.empty(n, np.int32)
    for line in range(count):
        least[:] = np.inf
        chosen[:] = 0
        for s in range(len(shifts)):
            row = shifted[line, s]
            wide[:margin] = row[n - margin :]
            wide[margin : margin + n] = row
            wide[margin + n :] = row[: margin + 1]
            for p in range(n + 2 * margin):
                jump[p] = abs(wide[p] - wide[p + 1])
            left[:] = 0.0
            right[:] = 0.0
            # Plain loops over whole lines: the compiler makes vector instructions of these only.
            for away in range(nearest, farthest + 1):
                for p in range(n):
                    left[p] += jump[p + margin - away - 1]
                for p in range(n):
                    right[p] += jump[p + margin + away]
            for p in range(n):
                oscillation = min(left[p], right[p])
                better = oscillation < least[p]
                least[p] = oscillation if better else least[p]
                chosen[p] = s if better else chosen[p]
        for p in range(n):
            row = shifted[line, chosen[p]]
            shift = shifts[chosen[p]]
            beside = row[p - 1] if shift > 0.0 else row[p + 1 - n]  # negative places count from the end
            out[line, p] = row[p] + abs(shift) * (beside - row[p])
