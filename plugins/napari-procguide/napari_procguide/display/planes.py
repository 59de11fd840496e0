"""Planes that panes show: where they lie in the patient, and which letters stand at their edges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.geometry import Vector, unit, vector

__all__ = ["AXIAL", "CORONAL", "SAGITTAL", "Plane", "along_needle", "down_needle", "letters"]

_LEAST_SHARE = 0.35
"""A direction's second letter is written from this cosine on (assumed: 20 degrees off an axis)."""


@dataclass(frozen=True)
class Plane:
    """A picture's plane: ``centre`` in patient LPS mm, unit vectors to its ``right`` and ``down``."""

    centre: Vector
    right: Vector
    down: Vector

    @cached_property
    def normal(self) -> Vector:
        """Away from the viewer; written out, for ``np.cross`` is slow for three numbers."""
        (a, b, c), (d, e, f) = self.right, self.down
        return (b * f - c * e, c * d - a * f, a * e - b * d)

    @cached_property
    def _axes(self) -> NDArray[np.float64]:
        return np.array([self.right, self.down, self.normal])

    def at(self, point: Vector) -> Plane:
        """The parallel plane through ``point``, centred on it."""
        return replace(self, centre=point)

    def to_plane(self, points: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` patient LPS mm to ``(..., 3)``: right, down, depth behind the plane, mm."""
        return np.asarray((np.asarray(points, np.float64) - np.array(self.centre)) @ self._axes.T)

    def to_patient(self, right: float, down: float, depth: float = 0.0) -> Vector:
        """A place of the picture, mm from its centre, in patient LPS mm."""
        return vector(np.array(self.centre) + np.array([right, down, depth]) @ self._axes)

    @property
    def is_orthogonal(self) -> bool:
        """Whether both directions run along the patient's axes."""
        return all(max(map(abs, direction)) > 0.9999 for direction in (self.right, self.down))


AXIAL = Plane((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
"""Seen from the feet: patient left on the right, anterior up."""
CORONAL = Plane((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
"""Seen from the front: patient left on the right, head up."""
SAGITTAL = Plane((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
"""Anterior on the left, head up."""


def down_needle(entry: Vector, target: Vector, place: Vector) -> Plane:
    """Across the needle at ``place``, as one sees it who looks from the skin toward the tip.

    Up is the patient's head where the needle is not along the body, else anterior.
    """
    along = np.array(unit(np.asarray(target) - np.asarray(entry)))
    head = np.array([0.0, 0.0, 1.0]) if abs(along[2]) < 0.9 else np.array([0.0, -1.0, 0.0])
    up = np.array(unit(head - along * float(head @ along)))
    return Plane(place, vector(np.cross(-up, along)), vector(-up))


def along_needle(entry: Vector, target: Vector) -> Plane:
    """Along the needle, the skin at the top: the plane that holds it and the patient's head best.

    ``right`` is perpendicular to the needle, toward the patient's left where the needle runs to and fro,
    so that a needle in an axial plane is seen in an axial plane.
    """
    ends = np.asarray(entry, np.float64), np.asarray(target, np.float64)
    along = np.array(unit(ends[1] - ends[0]))
    side = np.array([1.0, 0.0, 0.0]) if abs(along[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    across = np.array(unit(side - along * float(side @ along)))
    return Plane(vector((ends[0] + ends[1]) / 2), vector(across), vector(along))


def letters(direction: Vector) -> str:
    """Where a direction points in the patient: ``"L"``, ``"PS"``; the larger share first."""
    names = ("RL", "AP", "IS")
    order = np.argsort(-np.abs(direction))
    said = [names[axis][int(direction[axis] > 0)] for axis in order if abs(direction[axis]) >= _LEAST_SHARE]
    return "".join(said[:2])
