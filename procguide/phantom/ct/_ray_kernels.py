"""Compiled parallel rays through one slice, and back. Import lazily: numba costs a second."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["back_project", "project", "weighed"]

Array = NDArray[Any]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _along(image: Array, across: float, slope: float) -> Any:  # pragma: no cover - compiled
    """Sum of linear readings of ``image``, one a row, at column ``across + slope * row``."""
    lines, last = image.shape[0], image.shape[1] - 1
    low, high = 0.0, lines - 1.0
    if abs(slope) > 1e-9:
        one, other = -across / slope, (last - 1e-6 - across) / slope
        low, high = max(low, min(one, other)), min(high, max(one, other))
    elif across < 0 or across >= last:
        return 0.0
    total = 0.0
    for n in range(int(np.ceil(low)), int(np.floor(high)) + 1):
        place = across + slope * n
        at = min(max(int(place), 0), last - 1)
        t = place - at
        total += image[n, at] * (1 - t) + image[n, at + 1] * t
    return total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def project(image: Array, pixel: float, angles: Array, rays: int) -> Array:  # pragma: no cover - compiled
    """Line integrals (mm times value) of ``image`` ``(j, i)``: ``(angle, ray)``.

    Rays of one view lie ``pixel`` apart round the image's centre, at ``s = x cos + y sin``; along a ray the
    image is read once a row or column, linearly (Joseph, IEEE Trans Med Imaging 1982;1:192).
    """
    out = np.empty((angles.shape[0], rays), np.float32)
    middle_j, middle_i = (image.shape[0] - 1) / 2, (image.shape[1] - 1) / 2
    turned = np.ascontiguousarray(image.T)
    for a in range(angles.shape[0]):
        cos, sin = np.cos(angles[a]), np.sin(angles[a])
        for r in range(rays):
            s = r - (rays - 1) / 2
            if abs(cos) >= abs(sin):
                across = middle_i + (s + middle_j * sin) / cos
                out[a, r] = pixel / abs(cos) * _along(image, across, -sin / cos)
            else:
                across = middle_j + (s + middle_i * cos) / sin
                out[a, r] = pixel / abs(sin) * _along(turned, across, -cos / sin)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def back_project(
    views: Array, weights: Array, angles: Array, shape: Any, step: int
) -> Array:  # pragma: no cover - compiled
    """``(n, j, i)``: for every pixel and set of ``weights`` ``(n, angle)``, the weighted sum over views.

    Pixels are ``step`` rays wide, ``shape`` is their number.
    """
    rays = views.shape[1]
    out = np.zeros((weights.shape[0], shape[0], shape[1]), np.float32)
    middle_j, middle_i, middle_s = step * (shape[0] - 1) / 2, step * (shape[1] - 1) / 2, (rays - 1) / 2
    for a in range(angles.shape[0]):
        cos, sin = np.cos(angles[a]), np.sin(angles[a])
        for n in range(weights.shape[0]):
            weight = weights[n, a]
            if weight < 1e-6:
                continue
            for j in range(shape[0]):
                base = middle_s + (step * j - middle_j) * sin - middle_i * cos
                for i in range(shape[1]):
                    place = base + step * i * cos
                    low = min(max(int(place), 0), rays - 2)
                    t = np.float32(place - low)
                    out[n, j, i] += weight * (views[a, low] * (1 - t) + views[a, low + 1] * t)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def weighed(strength: Array, grains: Array, step: int) -> Array:  # pragma: no cover - compiled
    """``(j, i)``: sum over n of ``grains`` ``(n, j, i)`` times ``strength``, read linearly.

    ``strength`` ``(n, ...)`` has pixels ``step`` times as wide, counted from the same corner.
    """
    count, size_j, size_i = grains.shape
    last_j, last_i = strength.shape[1] - 1, strength.shape[2] - 1
    out = np.zeros((size_j, size_i), np.float32)
    row = np.empty(last_i + 1, np.float32)
    low, share = np.empty(size_i, np.int64), np.empty(size_i, np.float32)
    for i in range(size_i):
        u = min(max((i + 0.5) / step - 0.5, 0.0), last_i)
        low[i] = min(int(u), max(last_i - 1, 0))
        share[i] = u - low[i]
    for n in range(count):
        for j in range(size_j):
            v = min(max((j + 0.5) / step - 0.5, 0.0), last_j)
            above = min(int(v), max(last_j - 1, 0))
            t = np.float32(v - above)
            for m in range(last_i + 1):
                upper, under = strength[n, above, m], strength[n, min(above + 1, last_j), m]
                row[m] = upper + (under - upper) * t
            for i in range(size_i):
                a = row[low[i]]
                b = row[min(low[i] + 1, last_i)]
                out[j, i] += grains[n, j, i] * (a + (b - a) * share[i])
    return out
