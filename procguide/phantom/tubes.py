"""Tubes along a curve: the spinal canal, vessels, ribs and nerves, and how they reach a lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from procguide.imaging import Grid
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
    _nearest(
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
    shape = (*tube_axes(tube), np.ascontiguousarray(tube.half, dtype=np.float64), tube.taper, tube.power)
    _wall(np.ascontiguousarray(tube.points), *shape, _corner(grid, where), _step(grid), index, distance)
    return where, distance


def splat(
    grid: Grid,
    segments: NDArray[np.float64],
    numbers: NDArray[np.uint8],
    tissues: NDArray[np.uint8],
    instances: NDArray[np.uint8],
    allowed: NDArray[np.bool_],
) -> None:
    """Paint round rods ``(n, 8)`` (start, end, their two radii) with ``numbers`` ``(n, 2)``, later over earlier.

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
        _splat(kept, numbers[chosen], allowed[chosen], low, _step(grid), tissues, instances)


def _corner(grid: Grid, where: Window) -> NDArray[np.float64]:
    """Patient (x, y, z) of the window's first voxel."""
    starts = np.array([s.start for s in where[::-1]])
    return np.asarray(grid.affine.origin + starts * _step(grid))


def _step(grid: Grid) -> NDArray[np.float64]:
    return np.ascontiguousarray(grid.affine.spacing[::-1])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _range(centre, reach, origin, step, count):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    low = int(np.ceil((centre - reach - origin) / step))
    high = int(np.floor((centre + reach - origin) / step))
    return max(low, 0), min(high, count - 1) + 1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _nearest(points, reach, origin, step, best, index):  # type: ignore[no-untyped-def] # pragma: no cover
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
def _wall(  # noqa: PLR0914
    points, tangent, left, posterior, half, taper, power, origin, step, index, distance,  # type: ignore[no-untyped-def]
):  # fmt: skip # pragma: no cover - compiled
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
def _splat(  # noqa: PLR0914
    segments, numbers, allowed, origin, step, tissues, instances,  # type: ignore[no-untyped-def]
):  # fmt: skip # pragma: no cover - compiled
    size_k, size_j, size_i = tissues.shape
    for n in range(segments.shape[0]):
        a, b = segments[n, :3], segments[n, 3:6]
        thick = max(segments[n, 6], segments[n, 7])
        along = b - a
        length = max(along[0] ** 2 + along[1] ** 2 + along[2] ** 2, 1e-9)
        low = np.minimum(a, b) - thick
        high = np.maximum(a, b) + thick
        for k in range(max(int(np.ceil((low[2] - origin[2]) / step[2])), 0),
                       min(int(np.floor((high[2] - origin[2]) / step[2])) + 1, size_k)):  # fmt: skip
            z = origin[2] + k * step[2] - a[2]
            for j in range(max(int(np.ceil((low[1] - origin[1]) / step[1])), 0),
                           min(int(np.floor((high[1] - origin[1]) / step[1])) + 1, size_j)):  # fmt: skip
                y = origin[1] + j * step[1] - a[1]
                for i in range(max(int(np.ceil((low[0] - origin[0]) / step[0])), 0),
                               min(int(np.floor((high[0] - origin[0]) / step[0])) + 1, size_i)):  # fmt: skip
                    x = origin[0] + i * step[0] - a[0]
                    t = min(max((x * along[0] + y * along[1] + z * along[2]) / length, 0.0), 1.0)
                    dx, dy, dz = x - t * along[0], y - t * along[1], z - t * along[2]
                    r = segments[n, 6] + t * (segments[n, 7] - segments[n, 6])
                    if dx * dx + dy * dy + dz * dz < r * r and allowed[n, tissues[k, j, i]]:
                        tissues[k, j, i] = numbers[n, 0]
                        instances[k, j, i] = numbers[n, 1]
        pieces = int(np.sqrt(length) / (0.3 * min(step[0], min(step[1], step[2])))) + 1
        for m in range(pieces + 1):
            i = int(np.floor((a[0] + along[0] * m / pieces - origin[0]) / step[0] + 0.5))
            j = int(np.floor((a[1] + along[1] * m / pieces - origin[1]) / step[1] + 0.5))
            k = int(np.floor((a[2] + along[2] * m / pieces - origin[2]) / step[2] + 0.5))
            if 0 <= i < size_i and 0 <= j < size_j and 0 <= k < size_k and allowed[n, tissues[k, j, i]]:
                tissues[k, j, i] = numbers[n, 0]
                instances[k, j, i] = numbers[n, 1]
