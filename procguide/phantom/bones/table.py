"""A bone's distances on its own lattice: worked out once for a subject, read at any spacing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.geometry import Affine
from procguide.imaging import Grid
from procguide.phantom.bones._table_kernel import read_kernel
from procguide.phantom.solids import Array, Part, carve

__all__ = ["TABLE_LOCK", "DistanceTable", "tabulate", "tabulate_parts"]

KNOWN_MM = 8.0
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
    return DistanceTable(_to_scale(values, step), corner, step)


def _to_scale(values: Array, step: float) -> Array:
    slope = np.zeros_like(values)
    for axis in range(3):
        along = np.gradient(values, step, axis=axis)
        slope += along * along
    return np.ascontiguousarray(values / np.clip(np.sqrt(slope), 0.55, 1.8), dtype=np.float32)


def tabulate_parts(
    parts: Sequence[Part], low: ArrayLike, high: ArrayLike, step: float, uneven: Callable[[Grid], Array]
) -> DistanceTable:
    """The smooth union of ``parts``, made true to scale, plus what ``uneven`` says of the surface, mm.

    Beyond 8 mm a distance is only known to be at least that.
    """
    corner = np.asarray(low, dtype=float)
    count = np.ceil((np.asarray(high, dtype=float) - corner) / step).astype(int) + 1
    grid = Grid((int(count[2]), int(count[1]), int(count[0])), Affine.axis_aligned(step, corner))
    values = np.full(grid.shape, KNOWN_MM, dtype=np.float32)
    field = carve(grid, parts, margin=KNOWN_MM)
    if field is not None:
        values[field.window] = np.minimum(field.distance, KNOWN_MM)
    values = _to_scale(values, step) + uneven(grid)
    return DistanceTable(np.ascontiguousarray(values.transpose(2, 1, 0)), corner, step)
