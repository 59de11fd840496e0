"""A bone's distances on its own lattice: worked out once for a subject, read at any spacing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.phantom.bones._table_kernel import read_kernel
from procguide.phantom.solids import Array

__all__ = ["TABLE_LOCK", "DistanceTable", "tabulate"]

TABLE_LOCK = Lock()
"""Two slabs that want the same table at once: the second waits rather than works it out again."""


@dataclass(frozen=True, eq=False)
class DistanceTable:
    """``values`` ``(nx, ny, nz)`` mm, negative inside, at ``low`` plus multiples of ``step`` mm."""

    values: Array
    low: NDArray[np.float64]
    step: float

    def __call__(self, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Array:
        """Distance at points of the table's frame, of their common shape, float32 mm."""
        points = np.broadcast_arrays(*(np.asarray(v, np.float32) for v in (x, y, z)))
        out = np.empty(points[0].shape, dtype=np.float32)
        flat = [np.ascontiguousarray(v).reshape(-1) for v in points]
        read_kernel(self.values, self.low, self.step, *flat, out.reshape(-1))
        return out


def tabulate(
    distance: Callable[[Array, Array, Array], Array], low: ArrayLike, high: ArrayLike, step: float
) -> DistanceTable:
    """``distance`` on a lattice, made true to scale: divided by its own slope where that is not one.

    Fields built from height maps and superellipses rise too fast or too slowly beside a slanting wall;
    a cortex of even thickness needs millimetres.
    """
    corner = np.asarray(low, dtype=float)
    axes = [
        np.arange(a, b + step, step, dtype=np.float32) for a, b in zip(corner, np.asarray(high), strict=True)
    ]
    x, y, z = np.broadcast_arrays(*np.ix_(*axes))
    values = np.asarray(distance(x, y, z), dtype=np.float32)
    slope = np.zeros_like(values)
    for axis in range(3):
        along = np.gradient(values, step, axis=axis)
        slope += along * along
    values = values / np.clip(np.sqrt(slope), 0.55, 1.8)
    return DistanceTable(np.ascontiguousarray(values, dtype=np.float32), corner, step)
