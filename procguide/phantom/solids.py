"""Signed distance fields of simple solids and their smooth union on a lattice.

A distance is in mm, negative inside, float32. Each ``Part`` has its own frame and a box within which
alone it is evaluated: that is what makes a whole spine take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame, vector
from procguide.imaging import Grid

__all__ = [
    "FAR",
    "Array",
    "Field",
    "Part",
    "Window",
    "box",
    "capsule",
    "carve",
    "elliptic",
    "frame_between",
    "local_coordinates",
    "radial",
    "smooth_max",
    "smooth_min",
    "window",
]

Array = NDArray[np.float32]
Window = tuple[slice, slice, slice]
FAR = np.float32(1e3)


@dataclass(frozen=True)
class Part:
    """One solid: ``distance(x, y, z)`` in ``frame``'s (left, posterior, superior) coordinates.

    ``reach`` is the half-size of its box round the frame's origin, mm (three numbers). ``blend`` is the
    radius of the fillet where it joins the parts before it.
    """

    region: Region
    frame: AnatomicalFrame
    reach: tuple[float, float, float]
    distance: Callable[[Array, Array, Array], Array]
    blend: float = 2.0
    side: Side | None = None


@dataclass(frozen=True)
class Field:
    """A bone on its window of the lattice: distance, and the nearest part by its place in the list."""

    window: Window
    distance: Array
    part: NDArray[np.uint8]
    parts: Sequence[Part]

    @property
    def region(self) -> NDArray[np.uint8]:
        """Region of the nearest part."""
        return np.array([part.region for part in self.parts], dtype=np.uint8)[self.part]


def window(grid: Grid, low: ArrayLike, high: ArrayLike) -> Window | None:
    """The index box of an axis-aligned lattice between two LPS mm corners; None if outside."""
    spacing, origin = grid.affine.spacing, grid.affine.origin
    start = np.floor((np.asarray(low, dtype=float)[::-1] - origin[::-1]) / spacing).astype(int)
    stop = np.ceil((np.asarray(high, dtype=float)[::-1] - origin[::-1]) / spacing).astype(int) + 1
    start, stop = np.maximum(start, 0), np.minimum(stop, grid.shape)
    if (stop <= start).any():
        return None
    k, j, i = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return (k, j, i)


def local_coordinates(grid: Grid, where: Window, frame: AnatomicalFrame) -> tuple[Array, Array, Array]:
    """``frame`` coordinates of the voxels in a window, three ``(k, j, i)`` arrays, mm."""
    spacing, origin = grid.affine.spacing, grid.affine.origin
    axes = [
        (origin[2 - n] + spacing[n] * np.arange(where[n].start, where[n].stop) - frame.origin[2 - n])
        for n in range(3)
    ]
    z, y, x = (axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :])
    rotation = frame.rotation
    left, posterior, superior = (
        (x * rotation[0, n]).astype(np.float32)
        + (y * rotation[1, n]).astype(np.float32)
        + (z * rotation[2, n]).astype(np.float32)
        for n in range(3)
    )
    return left, posterior, superior


def smooth_min(a: Array, b: Array, radius: float) -> Array:
    """Union with a fillet of about ``radius`` mm (polynomial smooth minimum)."""
    if radius <= 0:
        return np.minimum(a, b)
    overlap = np.maximum(np.float32(radius) - np.abs(a - b), 0)
    return np.asarray(np.minimum(a, b) - overlap * overlap * np.float32(0.25 / radius), dtype=np.float32)


def smooth_max(a: Array, b: Array, radius: float) -> Array:
    """Intersection with a rounded edge."""
    return -smooth_min(-a, -b, radius)


def _corners(part: Part, margin: float) -> NDArray[np.float64]:
    half = np.asarray(part.reach) + margin
    signs = np.array(np.meshgrid(*[(-1, 1)] * 3, indexing="ij")).reshape(3, 8).T
    return part.frame.to_patient(signs * half)


def carve(grid: Grid, parts: Sequence[Part], margin: float = 4.0) -> Field | None:
    """The smooth union of ``parts`` on the lattice; None where all lie outside it.

    Distances further than ``margin`` mm from a part are only known to be at least that.
    """
    boxes = [_corners(part, margin) for part in parts]
    whole = window(grid, np.min([b.min(axis=0) for b in boxes], axis=0), np.max(np.vstack(boxes), axis=0))
    if whole is None:
        return None
    shape = tuple(s.stop - s.start for s in whole)
    distance = np.full(shape, FAR, dtype=np.float32)
    nearest = np.full(shape, FAR, dtype=np.float32)
    which = np.zeros(shape, dtype=np.uint8)
    for n, (part, corners) in enumerate(zip(parts, boxes, strict=True)):
        inner = window(grid, corners.min(axis=0), corners.max(axis=0))
        if inner is None:
            continue
        d = part.distance(*local_coordinates(grid, inner, part.frame))
        k, j, i = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, whole, strict=True))
        closer = d < nearest[k, j, i]
        which[k, j, i][closer] = n
        nearest[k, j, i] = np.minimum(nearest[k, j, i], d)
        distance[k, j, i] = smooth_min(distance[k, j, i], d, part.blend)
    return Field(whole, distance, which, parts)


def radial(x: Array, y: Array, half_x: ArrayLike, half_y: ArrayLike, power: float = 2.0) -> Array:
    """Distance to a superellipse along the ray from its centre."""
    a, b = np.abs(x) / np.asarray(half_x, np.float32), np.abs(y) / np.asarray(half_y, np.float32)
    r = np.hypot(a, b) if power == 2.0 else (a**power + b**power) ** np.float32(1 / power)
    r = np.maximum(r, np.float32(0.05))
    length = np.maximum(np.hypot(x, y), np.float32(0.3))
    return np.asarray(length * (1 - 1 / r), dtype=np.float32)


def elliptic(x: Array, y: Array, z: Array, half: tuple[float, float, float]) -> Array:
    """Ellipsoid, distance along the ray from the centre."""
    a, b, c = (np.float32(h) for h in half)
    r = np.maximum(np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2), np.float32(0.05))
    length = np.maximum(np.sqrt(x * x + y * y + z * z), np.float32(0.3))
    return np.asarray(length * (1 - 1 / r), dtype=np.float32)


def box(x: Array, y: Array, z: Array, half: Sequence[ArrayLike], rounding: float) -> Array:
    """Box with rounded edges; half-sizes (numbers or arrays) include the rounding."""
    q = [
        np.abs(v) - (np.asarray(h, np.float32) - np.float32(rounding))
        for v, h in zip((x, y, z), half, strict=True)
    ]
    outside = np.sqrt(sum(np.maximum(v, 0) ** 2 for v in q))
    inside = np.minimum(np.maximum(np.maximum(q[0], q[1]), q[2]), 0)
    return np.asarray(outside + inside - np.float32(rounding), dtype=np.float32)


def capsule(
    x: Array,
    y: Array,
    z: Array,
    length: float,
    start: tuple[float, float],
    end: tuple[float, float],
) -> Array:
    """Tapered flat rod along x from 0 to ``length``; (half thickness in y, half height in z) at each end."""
    t = np.clip(x / np.float32(length), 0, 1)
    half_y, half_z = (np.float32(a) + t * np.float32(b - a) for a, b in zip(start, end, strict=True))
    along = x - t * np.float32(length)
    small = np.minimum(half_y, half_z)
    across = radial(y, z, half_y, half_z)
    outside = np.hypot(np.maximum(across + small, 0), along) - small
    return np.asarray(np.where(along == 0, across, outside), dtype=np.float32)


def frame_between(
    base: AnatomicalFrame, start: ArrayLike, end: ArrayLike, up: ArrayLike = (0, 0, 1)
) -> tuple[AnatomicalFrame, float]:
    """A frame at ``start`` whose x axis runs to ``end`` (both local to ``base``), and the distance, mm.

    Its z axis is as near to ``up`` (local) as it can be.
    """
    a, b = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    length = float(np.linalg.norm(b - a))
    along = (b - a) / length
    upward = np.asarray(up, dtype=float)
    upward = upward - (upward @ along) * along
    upward /= np.linalg.norm(upward)
    rotation = base.rotation @ np.column_stack([along, np.cross(upward, along), upward])
    return AnatomicalFrame(vector(base.to_patient(a)), *(vector(c) for c in rotation.T)), length
