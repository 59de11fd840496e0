"""Hot loops over a lattice for tubes: ``origin`` and ``step`` are (x, y, z) mm, arrays ``(k, j, i)``."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["nearest_kernel", "splat_kernel", "wall_kernel"]

_Reals = NDArray[np.float64]
_Floats = NDArray[np.float32]
_Bytes = NDArray[np.uint8]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _range(
    centre: float, reach: float, origin: float, step: float, count: int
) -> tuple[int, int]:  # pragma: no cover
    low = int(np.ceil((centre - reach - origin) / step))
    high = int(np.floor((centre + reach - origin) / step))
    return max(low, 0), min(high, count - 1) + 1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def nearest_kernel(
    points: _Reals, reach: float, origin: _Reals, step: _Reals, best: _Floats, index: NDArray[np.int32],
) -> None:  # fmt: skip # pragma: no cover - compiled
    """Lower ``best`` (squared mm) to the distance from a point and note the point in ``index``."""
    size_k, size_j, size_i = best.shape
    for n in range(points.shape[0]):
        first_k, last_k = _range(points[n, 2], reach, origin[2], step[2], size_k)
        for k in range(first_k, last_k):
            z = origin[2] + k * step[2] - points[n, 2]
            first_j, last_j = _range(points[n, 1], reach, origin[1], step[1], size_j)
            for j in range(first_j, last_j):
                y = origin[1] + j * step[1] - points[n, 1]
                across = y * y + z * z
                room = reach * reach - across
                if room <= 0.0:
                    continue
                first_i, last_i = _range(points[n, 0], np.sqrt(room), origin[0], step[0], size_i)
                for i in range(first_i, last_i):
                    x = origin[0] + i * step[0] - points[n, 0]
                    d = x * x + across
                    if d < best[k, j, i]:
                        best[k, j, i] = d
                        index[k, j, i] = n


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def wall_kernel(
    points: _Reals, axes: tuple[_Reals, _Reals, _Reals], half: _Reals, form: tuple[float, float],
    origin: _Reals, step: _Reals, index: NDArray[np.int32], distance: _Floats,
) -> None:  # fmt: skip # pragma: no cover - compiled
    """``axes`` are tangent, left and posterior; ``form`` is taper and power."""
    tangent, left, posterior = axes
    taper, power = form
    size_k, size_j, size_i = distance.shape
    for k in range(size_k):
        for j in range(size_j):
            for i in range(size_i):
                n = index[k, j, i]
                if n < 0:
                    continue
                dx = origin[0] + i * step[0] - points[n, 0]
                dy = origin[1] + j * step[1] - points[n, 1]
                dz = origin[2] + k * step[2] - points[n, 2]
                x = dx * left[n, 0] + dy * left[n, 1] + dz * left[n, 2]
                y = dx * posterior[n, 0] + dy * posterior[n, 1] + dz * posterior[n, 2]
                x /= 1 - taper * min(max(y / half[n, 1], -1.2), 1.2)
                a, b = abs(x) / half[n, 0], abs(y) / half[n, 1]
                r = max((a**power + b**power) ** (1 / power), 0.05)
                across = max(np.sqrt(x * x + y * y), 0.3) * (1 - 1 / r)
                beyond = abs(dx * tangent[n, 0] + dy * tangent[n, 1] + dz * tangent[n, 2]) - 0.8
                distance[k, j, i] = max(across, beyond) if beyond > 0 else across


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def splat_kernel(
    segments: _Reals, numbers: _Bytes, allowed: NDArray[np.bool_], origin: _Reals, step: _Reals,
    tissues: _Bytes, instances: _Bytes,
) -> None:  # fmt: skip # pragma: no cover - compiled
    """Each rod ``(n, 8)`` over what ``allowed`` lets it cover."""
    size_k, size_j, size_i = tissues.shape
    finest = min(step[0], step[1], step[2])
    for n in range(segments.shape[0]):
        a, b = segments[n, :3], segments[n, 3:6]
        along = b - a
        length = max(along[0] ** 2 + along[1] ** 2 + along[2] ** 2, 1e-9)
        middle = (a + b) / 2
        reach = np.abs(along) / 2 + max(segments[n, 6], segments[n, 7])
        first_k, last_k = _range(middle[2], reach[2], origin[2], step[2], size_k)
        first_j, last_j = _range(middle[1], reach[1], origin[1], step[1], size_j)
        first_i, last_i = _range(middle[0], reach[0], origin[0], step[0], size_i)
        for k in range(first_k, last_k):
            z = origin[2] + k * step[2] - a[2]
            for j in range(first_j, last_j):
                y = origin[1] + j * step[1] - a[1]
                for i in range(first_i, last_i):
                    x = origin[0] + i * step[0] - a[0]
                    t = min(max((x * along[0] + y * along[1] + z * along[2]) / length, 0.0), 1.0)
                    dx, dy, dz = x - t * along[0], y - t * along[1], z - t * along[2]
                    r = segments[n, 6] + t * (segments[n, 7] - segments[n, 6])
                    if dx * dx + dy * dy + dz * dz < r * r and allowed[n, tissues[k, j, i]]:
                        tissues[k, j, i] = numbers[n, 0]
                        instances[k, j, i] = numbers[n, 1]
        pieces = int(np.sqrt(length) / (0.3 * finest)) + 1
        for m in range(pieces + 1):
            i = int(np.floor((a[0] + along[0] * m / pieces - origin[0]) / step[0] + 0.5))
            j = int(np.floor((a[1] + along[1] * m / pieces - origin[1]) / step[1] + 0.5))
            k = int(np.floor((a[2] + along[2] * m / pieces - origin[2]) / step[2] + 0.5))
            if 0 <= i < size_i and 0 <= j < size_j and 0 <= k < size_k and allowed[n, tissues[k, j, i]]:
                tissues[k, j, i] = numbers[n, 0]
                instances[k, j, i] = numbers[n, 1]
