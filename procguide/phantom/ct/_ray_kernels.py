"""Compiled parallel rays through one slice, and back. Import lazily: numba costs a second."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["back_project", "project"]

Array = NDArray[Any]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def project(images: Array, pixel: float, angles: Array, rays: int) -> Array:
    """Line integrals (mm times value) of ``images`` ``(n, j, i)``: ``(n, angle, ray)``.

    Rays of one view lie ``pixel`` apart round the image's centre, at ``s = x cos + y sin``; along a ray the
    image is read once a row or column, linearly (Joseph, IEEE Trans Med Imaging 1982;1:192).
    """
    count, size_j, size_i = images.shape
    out = np.zeros((count, angles.shape[0], rays), np.float32)
    centre_j, centre_i, centre_s = (size_j - 1) / 2, (size_i - 1) / 2, (rays - 1) / 2
    for a in range(angles.shape[0]):
        cos, sin = np.cos(angles[a]), np.sin(angles[a])
        steep = abs(cos) >= abs(sin)
        length = pixel / (abs(cos) if steep else abs(sin))
        for r in range(rays):
            s = r - centre_s
            for n in range(size_j if steep else size_i):
                if steep:
                    place = centre_i + (s - (n - centre_j) * sin) / cos
                    low = int(np.floor(place))
                    if low < 0 or low >= size_i - 1:
                        continue
                    t = place - low
                    for m in range(count):
                        out[m, a, r] += length * (images[m, n, low] * (1 - t) + images[m, n, low + 1] * t)
                else:
                    place = centre_j + (s - (n - centre_i) * cos) / sin
                    low = int(np.floor(place))
                    if low < 0 or low >= size_j - 1:
                        continue
                    t = place - low
                    for m in range(count):
                        out[m, a, r] += length * (images[m, low, n] * (1 - t) + images[m, low + 1, n] * t)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def back_project(views: Array, weights: Array, angles: Array, shape: Any) -> Array:
    """``(n, j, i)``: for every pixel and set of ``weights`` ``(n, angle)``, the weighted sum over views."""
    count = weights.shape[0]
    size_j, size_i = shape
    rays = views.shape[1]
    out = np.zeros((count, size_j, size_i), np.float32)
    centre_j, centre_i, centre_s = (size_j - 1) / 2, (size_i - 1) / 2, (rays - 1) / 2
    for a in range(angles.shape[0]):
        cos, sin = np.cos(angles[a]), np.sin(angles[a])
        for j in range(size_j):
            base = centre_s + (j - centre_j) * sin - centre_i * cos
            for i in range(size_i):
                place = base + i * cos
                low = int(np.floor(place))
                if low < 0 or low >= rays - 1:
                    continue
                t = place - low
                value = views[a, low] * (1 - t) + views[a, low + 1] * t
                for n in range(count):
                    if weights[n, a] > 0:
                        out[n, j, i] += weights[n, a] * value
    return out
