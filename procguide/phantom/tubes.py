"""Tubes along a curve: the spinal canal, vessels, ribs and nerves, and how they reach a lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from procguide.imaging import Grid
from procguide.phantom._tube_kernels import nearest_kernel, splat_kernel, wall_kernel
from procguide.phantom.solids import FAR, Array, Window, window

__all__ = ["Tube", "nearest_point", "smooth_curve", "splat", "tube_axes", "tube_distance"]


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


def tube_axes(tube: Tube) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Unit tangent, left and posterior at each point, ``(n, 3)`` each."""
    tangent = np.gradient(tube.points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    posterior = tube.posterior - (tube.posterior * tangent).sum(axis=1, keepdims=True) * tangent
    posterior /= np.linalg.norm(posterior, axis=1, keepdims=True)
    return tangent, np.cross(posterior, -tangent), posterior


def nearest_point(
    grid: Grid, points: NDArray[np.float64], reach: float
) -> tuple[Window, NDArray[np.int32]] | None:
    """For each voxel of the curve's window the nearest point's place, -1 beyond ``reach`` mm."""
    where = window(grid, points.min(axis=0) - reach, points.max(axis=0) + reach)
    if where is None:
        return None
    shape = tuple(s.stop - s.start for s in where)
    index = np.full(shape, -1, dtype=np.int32)
    best = np.full(shape, reach * reach, dtype=np.float32)
    nearest_kernel(
        np.ascontiguousarray(points, dtype=np.float64), reach, _corner(grid, where), _step(grid), best, index
    )
    return where, index


def tube_distance(grid: Grid, tube: Tube, margin: float = 4.0) -> tuple[Window, Array] | None:
    """Distance to the tube's wall on its window, 1000 beyond ``margin``; None outside the lattice."""
    found = nearest_point(grid, tube.points, float(tube.half.max()) * 1.2 + margin)
    if found is None:
        return None
    where, index = found
    distance = np.full(index.shape, FAR, dtype=np.float32)
    half = np.ascontiguousarray(tube.half, dtype=np.float64)
    points = np.ascontiguousarray(tube.points, dtype=np.float64)
    form = (float(tube.taper), float(tube.power))
    wall_kernel(points, tube_axes(tube), half, form, _corner(grid, where), _step(grid), index, distance)
    return where, distance


def splat(
    grid: Grid,
    segments: NDArray[np.float64],
    numbers: NDArray[np.uint8],
    tissues: NDArray[np.uint8],
    instances: NDArray[np.uint8],
    allowed: NDArray[np.bool_],
) -> None:
    """Paint round rods ``(n, 8)`` (start, end, two radii) with ``numbers`` ``(n, 2)``, later over earlier.

    A rod takes the voxels within its radius and those that its axis passes through, so that one thinner
    than a voxel is one voxel wide; one thinner than 0.4 voxels is left out. ``allowed`` ``(n, 256)`` tells
    by tissue what each may cover.
    """
    low, high = grid.affine.origin, grid.affine.origin + _step(grid) * (np.array(grid.shape[::-1]) - 1)
    slack = segments[:, 6:].max(axis=1, initial=0.0)[:, None] + _step(grid)
    ends = segments[:, :3], segments[:, 3:6]
    inside = ((np.maximum(*ends) + slack >= low) & (np.minimum(*ends) - slack <= high)).all(axis=1)
    inside &= 2 * segments[:, 6:].max(axis=1, initial=0.0) > 0.4 * float(grid.affine.spacing.min())
    chosen = np.flatnonzero(inside)
    if len(chosen):
        kept = np.ascontiguousarray(segments[chosen])
        splat_kernel(kept, numbers[chosen], allowed[chosen], low, _step(grid), tissues, instances)


def _corner(grid: Grid, where: Window) -> NDArray[np.float64]:
    """Patient (x, y, z) of the window's first voxel."""
    starts = np.array([s.start for s in where[::-1]])
    return np.asarray(grid.affine.origin + starts * _step(grid))


def _step(grid: Grid) -> NDArray[np.float64]:
    return np.ascontiguousarray(grid.affine.spacing[::-1])
