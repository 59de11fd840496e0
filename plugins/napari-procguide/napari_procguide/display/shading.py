"""Light and shade on a surface, put into its colours.

napari lights surfaces by its camera, and where depth goes away from the eye (as patient space needs) it
lights them from behind.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["shaded"]

_AMBIENT = 0.3
_LIGHTS = (((-0.35, 0.75, 0.55), 0.7), ((0.6, -0.5, 0.3), 0.35))
"""Toward each light, patient LPS: from behind and above, and weaker from the front left. Assumed."""


def shaded(
    points: NDArray[np.float64], faces: NDArray[np.int64], colours: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``colours`` ``(n, 3)`` as lit: ``points`` ``(n, 3)`` LPS mm, ``faces`` ``(m, 3)`` outward."""
    edges = points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]]
    across = np.cross(*edges)
    count = len(points)
    normals = np.stack(
        [
            sum(np.bincount(faces[:, corner], across[:, axis], minlength=count) for corner in range(3))
            for axis in range(3)
        ],
        axis=1,
    )
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    light = np.full(count, _AMBIENT)
    for toward, strength in _LIGHTS:
        light += strength * np.maximum(normals @ (np.array(toward) / np.linalg.norm(toward)), 0.0)
    return np.asarray(np.clip(colours * light[:, None], 0.0, 1.0))
