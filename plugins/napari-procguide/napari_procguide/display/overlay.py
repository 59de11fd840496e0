"""What lies over a pane's picture, as lines, dots and words on its plane: needle, zone, distances.

A needle seldom lies in the plane shown. What of it is within ``NEAR_MM`` of the plane is drawn full, the
rest thin, as its shadow on the plane; a ring marks where it crosses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from napari_procguide.display.colours import (
    BROKEN,
    NEEDLE,
    NERVE,
    OTHER,
    ZONE,
    Colour,
    structure_colour,
)
from napari_procguide.display.planes import Plane
from napari_procguide.engine.messages import Near
from napari_procguide.models.plan import Needle, PlanModel
from procguide.geometry import Vector
from procguide.planning import Tube

__all__ = ["NEAR_MM", "Dot", "Dots", "Mark", "Stroke", "Tag", "plan_marks"]

NEAR_MM = 2.0
_SHOWN_NEAR = 4
_ZONE_WITHIN_MM = 1.5


@dataclass(frozen=True)
class Stroke:
    """A line through ``points`` ``(n, 2)``: right and down on the plane, mm; ``width`` in pixels."""

    points: NDArray[np.float64]
    colour: Colour
    width: float = 1.0
    dashed: bool = False
    opacity: float = 1.0


@dataclass(frozen=True)
class Dot:
    """A mark at a place: ``"ring"`` or ``"cross"``; ``radius`` in pixels."""

    place: tuple[float, float]
    colour: Colour
    kind: str
    radius: float = 4.0
    opacity: float = 1.0


@dataclass(frozen=True)
class Dots:
    """Small dots, all alike, at ``points`` ``(n, 2)``: right and down on the plane, mm."""

    points: NDArray[np.float64]
    colour: Colour
    radius: float
    opacity: float


@dataclass(frozen=True)
class Tag:
    """Words beside a place: to its right, or ``leftward`` of it."""

    place: tuple[float, float]
    words: str
    colour: Colour
    leftward: bool = False


Mark = Stroke | Dot | Dots | Tag


def plan_marks(plane: Plane, plan: PlanModel) -> Iterator[Mark]:
    """All that the plan puts on a plane, in drawing order."""
    if plan.plan_set is not None:
        yield from _zone(plane, plan.plan_set.target_zone)
        for tube in plan.plan_set.modelled:
            yield from _tube(plane, tube)
    for name, (entry, target) in plan.others.items():
        yield from _shaft(plane, entry, target, OTHER, dashed=False)
        yield Dot(_flat(plane, target), OTHER, "cross", 5.0, _faded(plane, target))
        yield Tag(_flat(plane, entry), name.split(" ", 1)[1], OTHER)
    needle = plan.needle
    if needle is None:
        return
    for near in needle.near[:_SHOWN_NEAR]:
        if needle.judged:
            yield from _distance(plane, near, needle)
    yield from _needle(plane, needle, locked=plan.locked)


def _needle(plane: Plane, needle: Needle, *, locked: bool) -> Iterator[Mark]:
    colour = BROKEN if needle.broken else NEEDLE
    yield from _shaft(plane, needle.entry, needle.target, colour, dashed=bool(needle.broken))
    handle = 5.0 if locked else 7.0
    yield Dot(_flat(plane, needle.entry), colour, "ring", handle, _faded(plane, needle.entry))
    yield Dot(_flat(plane, needle.target), colour, "cross", handle, _faded(plane, needle.target))


def _shaft(plane: Plane, entry: Vector, target: Vector, colour: Colour, *, dashed: bool) -> Iterator[Mark]:
    ends = plane.to_plane([entry, target])
    yield Stroke(ends[:, :2], colour, 1.0, dashed=True, opacity=0.6)
    within = _clipped(ends, NEAR_MM)
    if within is not None:
        yield Stroke(within[:, :2], colour, 3.0, dashed=dashed)
    crossing = _crossing(ends)
    if crossing is not None:
        yield Dot(crossing, colour, "ring", 3.0)


def _clipped(ends: NDArray[np.float64], half_mm: float) -> NDArray[np.float64] | None:
    """The piece of a segment that lies within ``half_mm`` of the plane."""
    depths = ends[:, 2]
    change = float(depths[1] - depths[0])
    if abs(change) < 1e-9:
        return ends if abs(depths[0]) <= half_mm else None
    shares = sorted(((-half_mm - depths[0]) / change, (half_mm - depths[0]) / change))
    low, high = max(shares[0], 0.0), min(shares[1], 1.0)
    if low >= high:
        return None
    return np.asarray(ends[0] + np.array([[low], [high]]) * (ends[1] - ends[0]))


def _crossing(ends: NDArray[np.float64]) -> tuple[float, float] | None:
    first, last = float(ends[0, 2]), float(ends[1, 2])
    if first * last > 0 or abs(first - last) < 1e-9:
        return None
    place = ends[0] + first / (first - last) * (ends[1] - ends[0])
    return float(place[0]), float(place[1])


def _zone(plane: Plane, points: Sequence[Vector]) -> Iterator[Mark]:
    """The zone's points near the plane as dots; the rest as one outline of where it lies behind or before."""
    if not len(points):
        return
    flat = plane.to_plane(points)
    near = np.abs(flat[:, 2]) <= _ZONE_WITHIN_MM
    if near.any():
        yield Dots(flat[near][:400, :2], ZONE, 1.6, 0.8)
    outline = _outline(tuple(points), plane.right, plane.down) - np.array(
        [np.dot(plane.centre, plane.right), np.dot(plane.centre, plane.down)]
    )
    yield Stroke(outline, ZONE, 1.0, dashed=True, opacity=0.9 if near.any() else 0.35)


@lru_cache(maxsize=32)
def _outline(zone: tuple[Vector, ...], right: Vector, down: Vector) -> NDArray[np.float64]:
    """The zone's convex outline along two directions of the patient, mm; kept, since planes move often."""
    points = np.array(zone) @ np.array([right, down]).T
    try:
        around = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):
        around = points
    return np.concatenate([around, around[:1]])


def _tube(plane: Plane, tube: Tube) -> Iterator[Mark]:
    """A modelled nerve's centre line, where it is near the plane or crosses it."""
    flat = plane.to_plane(tube.points)
    for start, end, radius in zip(flat[:-1], flat[1:], tube.radii_mm, strict=True):
        piece = _clipped(np.array([start, end]), max(radius, NEAR_MM))
        if piece is not None:
            yield Stroke(piece[:, :2], NERVE, 2.0, opacity=0.8)


def _distance(plane: Plane, near: Near, needle: Needle) -> Iterator[Mark]:
    """A line from the needle to the structure, and the distance, where the plane is near both."""
    ends = plane.to_plane([near.on_needle, near.on_structure])
    if np.abs(ends[:, 2]).max() > 3 * NEAR_MM:
        return
    colour = BROKEN if near.broken else structure_colour(near.name)
    yield Stroke(ends[:, :2], colour, 1.5, dashed=near.broken)
    words = f"{near.name.replace('_', ' ')} {near.distance_mm:.1f} mm"
    if near.broken:
        words += f" < {near.margin_mm:g}"
    shaft = plane.to_plane([needle.target, needle.entry])
    leftward = bool(shaft[1, 0] >= shaft[0, 0])  # away from where the needle comes from
    yield Tag((float(ends[1, 0]), float(ends[1, 1])), words, colour, leftward)


def _flat(plane: Plane, point: Vector) -> tuple[float, float]:
    right, down, _ = plane.to_plane(point)
    return float(right), float(down)


def _faded(plane: Plane, point: Vector) -> float:
    """Full on the plane, half where far from it."""
    return 1.0 if abs(float(plane.to_plane(point)[2])) <= NEAR_MM else 0.55
