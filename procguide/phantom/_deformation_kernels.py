"""Hot loops of a deformation: lattices are axis-aligned, ``origin`` and ``step`` are (x, y, z) mm."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["pull", "sample"]

_Reals = NDArray[np.float64]
_Floats = NDArray[np.float32]
_Bytes = NDArray[np.uint8]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _place(at: float, size: int) -> tuple[int, float]:  # pragma: no cover - compiled
    """Lower node and share of the upper one; held at the border."""
    held = min(max(at, 0.0), size - 1.0)
    low = min(int(held), max(size - 2, 0))
    return low, held - low


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sample(
    field: _Floats, origin: _Reals, step: _Reals, points: _Reals
) -> _Reals:  # fmt: skip # pragma: no cover - compiled
    """The field at points ``(n, 3)`` (x, y, z), linear between nodes."""
    out = np.zeros(points.shape)
    for n in range(points.shape[0]):
        i, u = _place((points[n, 0] - origin[0]) / step[0], field.shape[2])
        j, v = _place((points[n, 1] - origin[1]) / step[1], field.shape[1])
        k, w = _place((points[n, 2] - origin[2]) / step[2], field.shape[0])
        for dk in range(2):
            for dj in range(2):
                for di in range(2):
                    share = (w if dk else 1 - w) * (v if dj else 1 - v) * (u if di else 1 - u)
                    if share > 0:
                        for axis in range(3):
                            out[n, axis] += share * field[k + dk, j + dj, i + di, axis]
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def pull(
    tissues: _Bytes, levels: _Bytes, instances: _Bytes, bone: _Floats, origin: _Reals, step: _Reals,
    field: _Floats, field_origin: _Reals, field_step: _Reals,
    out_tissues: _Bytes, out_levels: _Bytes, out_instances: _Bytes, out_bone: _Floats,
    out_origin: _Reals, out_step: _Reals,
) -> None:  # fmt: skip # pragma: no cover - compiled
    """Nearest labels and linear distance of the source at every point of the target's lattice."""
    size_k, size_j, size_i = bone.shape
    count_k, count_j, count_i = out_bone.shape
    row = np.empty((count_i, 3))
    for k in range(count_k):
        for j in range(count_j):
            for i in range(count_i):
                row[i, 0] = out_origin[0] + i * out_step[0]
                row[i, 1] = out_origin[1] + j * out_step[1]
                row[i, 2] = out_origin[2] + k * out_step[2]
            shift = sample(field, field_origin, field_step, row)
            for i in range(count_i):
                x = (row[i, 0] + shift[i, 0] - origin[0]) / step[0]
                y = (row[i, 1] + shift[i, 1] - origin[1]) / step[1]
                z = (row[i, 2] + shift[i, 2] - origin[2]) / step[2]
                ni, nj, nk = int(np.floor(x + 0.5)), int(np.floor(y + 0.5)), int(np.floor(z + 0.5))
                if ni < 0 or nj < 0 or nk < 0 or ni >= size_i or nj >= size_j or nk >= size_k:
                    continue
                out_tissues[k, j, i] = tissues[nk, nj, ni]
                out_levels[k, j, i] = levels[nk, nj, ni]
                out_instances[k, j, i] = instances[nk, nj, ni]
                if bone[nk, nj, ni] < 20.0:
                    out_bone[k, j, i] = _linear(bone, x, y, z)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _linear(values: _Floats, x: float, y: float, z: float) -> float:  # pragma: no cover - compiled
    """One value between voxels; far ones (1000) are held at 20 mm so that they do not bleed in."""
    i, u = _place(x, values.shape[2])
    j, v = _place(y, values.shape[1])
    k, w = _place(z, values.shape[0])
    total = 0.0
    for dk in range(2):
        for dj in range(2):
            for di in range(2):
                share = (w if dk else 1 - w) * (v if dj else 1 - v) * (u if di else 1 - u)
                if share > 0:
                    total += share * min(values[k + dk, j + dj, i + di], 20.0)
    return total
