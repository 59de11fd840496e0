"""Compiled loops that make smooth fields of label maps. Import lazily: numba costs a second.

Arrays are ``(k, j, i)``. Everything runs without Python's lock, so threads may share the structures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["BLOCK", "felt_in_blocks", "halved", "smoothed"]

Array = NDArray[Any]

BLOCK = 4
"""Voxels along the edge of the cubes by which empty space is skipped."""
_FULL = 4080
_HELD = 2180
_VANISHED = 1450
_FELT = 25


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _blur(
    source: Array, target: Array, axis: int, far: int, near: int, shift: int
) -> None:  # pragma: no cover
    """Blur of uint16 along one axis by the weights far, near, own, near, far, which sum to ``2**shift``.

    The two outermost layers of ``target`` along the axis become 0.
    """
    size_k, size_j, size_i = source.shape
    own, half = (1 << shift) - 2 * (near + far), 1 << (shift - 1)
    target[:] = 0
    rim_k, rim_j = (2 if axis == 0 else 0), (2 if axis == 1 else 0)
    for k in range(rim_k, size_k - rim_k):
        for j in range(rim_j, size_j - rim_j):
            c, out = source[k, j], target[k, j]
            if axis == 2:
                for i in range(2, size_i - 2):
                    value = far * (c[i - 2] + c[i + 2]) + near * (c[i - 1] + c[i + 1]) + own * c[i]
                    out[i] = np.uint16((value + half) >> shift)
                continue
            if axis == 0:
                a, b, d, e = source[k - 2, j], source[k - 1, j], source[k + 1, j], source[k + 2, j]
            else:
                a, b, d, e = source[k, j - 2], source[k, j - 1], source[k, j + 1], source[k, j + 2]
            for i in range(size_i):
                value = far * (a[i] + e[i]) + near * (b[i] + d[i]) + own * c[i]
                out[i] = np.uint16((value + half) >> shift)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def smoothed(materials: Array, chosen: Array, field: Array) -> None:  # pragma: no cover (compiled)
    """The structure of the ``chosen`` materials (256 flags) as a smooth ``field`` uint8, in place.

    A blur of about a voxel (variance 1), then the structure's own voxels are held just above the
    surface's value, and a lesser blur (variance 0.5) rounds what that left. Where a structure would
    still vanish, as laminae one voxel thin do, it is lifted over that value, the more the further it sank.
    """
    one = np.empty(materials.shape, dtype=np.uint16)
    other = np.empty(materials.shape, dtype=np.uint16)
    for k in range(materials.shape[0]):
        for j in range(materials.shape[1]):
            for i in range(materials.shape[2]):
                one[k, j, i] = _FULL if chosen[materials[k, j, i]] else 0
    _blur(one, other, 0, 1, 4, 4)
    _blur(other, one, 1, 1, 4, 4)
    _blur(one, other, 2, 1, 4, 4)
    for k in range(materials.shape[0]):
        for j in range(materials.shape[1]):
            for i in range(materials.shape[2]):
                if chosen[materials[k, j, i]] and other[k, j, i] < _HELD:
                    other[k, j, i] = _HELD
    _blur(other, one, 0, 0, 1, 2)
    _blur(one, other, 1, 0, 1, 2)
    _blur(other, one, 2, 0, 1, 2)
    for k in range(materials.shape[0]):
        for j in range(materials.shape[1]):
            for i in range(materials.shape[2]):
                value = int(one[k, j, i])
                sinks = _VANISHED < value < _FULL // 2 and chosen[materials[k, j, i]]
                if sinks and _thin(one, materials, chosen, k, j, i):
                    value = min(_FULL // 2 + (_FULL // 2 - value) * 6 // 5, _FULL)
                field[k, j, i] = value >> 4


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _thin(
    values: Array, materials: Array, chosen: Array, k: int, j: int, i: int
) -> bool:  # pragma: no cover (compiled)
    """Whether a voxel is of a sheet or rod: none beside it is above the surface's value, two are its own."""
    own = 0
    for axis in range(3):
        for step in (-1, 1):
            a, b, c = (
                k + (step if axis == 0 else 0),
                j + (step if axis == 1 else 0),
                i + (step if axis == 2 else 0),
            )
            inside = 0 <= a < values.shape[0] and 0 <= b < values.shape[1] and 0 <= c < values.shape[2]
            if not inside:
                continue
            if values[a, b, c] >= _FULL // 2:
                return False
            own += 1 if chosen[materials[a, b, c]] else 0
    return own >= 2


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def felt_in_blocks(field: Array, bit: int, blocks: Array) -> None:  # pragma: no cover (compiled)
    """Set ``bit`` in ``blocks`` for every cube that the field, or its rim of one voxel, reaches into."""
    size_k, size_j, size_i = field.shape
    for k in range(size_k):
        for j in range(size_j):
            for i in range(size_i):
                if field[k, j, i] <= _FELT:
                    continue
                for bk in range(max(k - 1, 0) // BLOCK, min(k + 1, size_k - 1) // BLOCK + 1):
                    for bj in range(max(j - 1, 0) // BLOCK, min(j + 1, size_j - 1) // BLOCK + 1):
                        for bi in range(max(i - 1, 0) // BLOCK, min(i + 1, size_i - 1) // BLOCK + 1):
                            blocks[bk, bj, bi] |= np.uint16(1 << bit)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def halved(fields: Array, coarse: Array) -> None:  # pragma: no cover (compiled)
    """``coarse`` float32: means over cubes of 2 of the largest of ``fields`` (group, k, j, i), 0 to 1."""
    for k in range(coarse.shape[0]):
        for j in range(coarse.shape[1]):
            for i in range(coarse.shape[2]):
                total = 0
                for corner in range(8):
                    a, b, c = 2 * k + (corner >> 2), 2 * j + ((corner >> 1) & 1), 2 * i + (corner & 1)
                    most = 0
                    for group in range(fields.shape[0]):
                        most = max(most, int(fields[group, a, b, c]))
                    total += most
                coarse[k, j, i] = total / 2040.0
