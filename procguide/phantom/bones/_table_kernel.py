"""Hot loop: a table of distances read between its nodes."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["read_kernel"]

_Floats = NDArray[np.float32]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def read_kernel(
    values: _Floats, low: NDArray[np.float64], step: float, x: _Floats, y: _Floats, z: _Floats, out: _Floats
) -> None:  # fmt: skip # pragma: no cover - compiled
    """Trilinear; beyond the table the nearest face's value plus the way there."""
    nx, ny, nz = values.shape
    for n in range(x.size):
        a, b, c = (x[n] - low[0]) / step, (y[n] - low[1]) / step, (z[n] - low[2]) / step
        p = min(max(a, 0.0), nx - 1.001)
        q = min(max(b, 0.0), ny - 1.001)
        r = min(max(c, 0.0), nz - 1.001)
        i, j, k = int(p), int(q), int(r)
        u, v, w = p - i, q - j, r - k
        front = (values[i, j, k] * (1 - u) + values[i + 1, j, k] * u) * (1 - v)
        front += (values[i, j + 1, k] * (1 - u) + values[i + 1, j + 1, k] * u) * v
        back = (values[i, j, k + 1] * (1 - u) + values[i + 1, j, k + 1] * u) * (1 - v)
        back += (values[i, j + 1, k + 1] * (1 - u) + values[i + 1, j + 1, k + 1] * u) * v
        way = np.sqrt((a - p) ** 2 + (b - q) ** 2 + (c - r) ** 2) * step
        out[n] = front * (1 - w) + back * w + way
