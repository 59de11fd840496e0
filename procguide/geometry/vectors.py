"""Points and directions as plain tuples, so that nouns stay hashable and JSON-able."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Vector", "distance_to_segment", "unit", "vector"]

Vector = tuple[float, float, float]
"""A point or direction, patient LPS, mm for points."""


def vector(values: ArrayLike) -> Vector:
    """Three numbers as a ``Vector``."""
    x, y, z = (float(value) for value in np.asarray(values, dtype=np.float64))
    return (x, y, z)


def unit(values: ArrayLike) -> Vector:
    """The direction of ``values``; a zero vector has none and is refused."""
    array = np.asarray(values, dtype=np.float64)
    length = float(np.linalg.norm(array))
    if length < 1e-12:
        raise ValueError("a zero vector has no direction")
    return vector(array / length)


def distance_to_segment(points: ArrayLike, start: ArrayLike, end: ArrayLike) -> np.ndarray:
    """Distance of ``(..., 3)`` points to the segment from ``start`` to ``end``, mm."""
    origin = np.asarray(start, dtype=np.float64)
    along = np.asarray(end, dtype=np.float64) - origin
    relative = np.asarray(points, dtype=np.float64) - origin
    fraction = np.clip(relative @ along / max(float(along @ along), 1e-24), 0.0, 1.0)
    return np.asarray(np.linalg.norm(relative - fraction[..., None] * along, axis=-1))
