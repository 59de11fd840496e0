"""Tubes along a curve: the spinal canal, vessels and ribs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from procguide.imaging import Grid
from procguide.phantom.solids import Array, Window, radial, window

__all__ = ["Tube", "smooth_curve", "tube_distance"]


@dataclass(frozen=True)
class Tube:
    """``points`` ``(n, 3)`` LPS mm along the curve; ``half`` ``(n, 2)`` its half-sizes across, mm.

    ``posterior`` ``(n, 3)`` is the direction of the second half-size. ``taper`` narrows the posterior
    side and widens the anterior one (0 is an ellipse); ``power`` is the superellipse's exponent.
    """

    points: NDArray[np.float64]
    half: NDArray[np.float64]
    posterior: NDArray[np.float64]
    taper: float = 0.0
    power: float = 2.0


def smooth_curve(points: ArrayLike, *columns: ArrayLike, step: float = 1.0) -> list[NDArray[np.float64]]:
    """Cubic spline through ``(n, 3)`` points about every ``step`` mm, and ``columns`` interpolated along."""
    nodes = np.asarray(points, dtype=float)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(nodes, axis=0), axis=1))])
    at = np.linspace(0, length[-1], max(2, int(length[-1] / step) + 1))
    curve = [np.asarray(CubicSpline(length, nodes)(at))]
    for column in columns:
        values = np.asarray(column, dtype=float).reshape(len(nodes), -1)
        curve.append(np.column_stack([np.interp(at, length, values[:, n]) for n in range(values.shape[1])]))
    return curve


def tube_distance(grid: Grid, tube: Tube, margin: float = 4.0) -> tuple[Window, Array] | None:
    """Distance to the tube's wall on its window, 1000 beyond ``margin``; None outside the lattice."""
    widest = float(tube.half.max()) * 1.2 + margin
    where = window(grid, tube.points.min(axis=0) - widest, tube.points.max(axis=0) + widest)
    if where is None:
        return None
    shape = tuple(s.stop - s.start for s in where)
    near = np.zeros(shape, dtype=bool)
    for chunk in np.array_split(tube.points, max(1, len(tube.points) // 12)):
        inner = window(grid, chunk.min(axis=0) - widest, chunk.max(axis=0) + widest)
        if inner is not None:
            near[
                tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, where, strict=True))
            ] = True
    index = np.argwhere(near) + [s.start for s in where]
    at = grid.affine.apply(index)
    _, nearest = cKDTree(tube.points).query(at)
    tangent = np.gradient(tube.points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    posterior = tube.posterior - (tube.posterior * tangent).sum(axis=1, keepdims=True) * tangent
    posterior /= np.linalg.norm(posterior, axis=1, keepdims=True)
    left = np.cross(posterior, -tangent)
    offset = at - tube.points[nearest]
    half_x, half_y = tube.half[nearest].T
    x, y = (offset * left[nearest]).sum(axis=1), (offset * posterior[nearest]).sum(axis=1)
    x = x / (1 - tube.taper * np.clip(y / half_y, -1.2, 1.2))
    across = radial(x.astype(np.float32), y.astype(np.float32), half_x, half_y, tube.power)
    beyond = np.abs((offset * tangent[nearest]).sum(axis=1)) - 0.8
    distance = np.full(shape, 1e3, dtype=np.float32)
    distance[near] = np.maximum(across, np.where(beyond > 0, beyond, -1e3))
    return where, distance
