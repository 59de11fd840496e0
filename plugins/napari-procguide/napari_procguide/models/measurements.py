"""Distances and angles that a person measures, between places of the patient."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from psygnal import Signal

from procguide.geometry import Vector

__all__ = ["Kind", "Measurement", "MeasurementsModel"]


class Kind(StrEnum):
    """What is measured."""

    DISTANCE = "distance"
    ANGLE = "angle"

    @property
    def places(self) -> int:
        """How many places it takes."""
        return 2 if self is Kind.DISTANCE else 3


@dataclass(frozen=True)
class Measurement:
    """Places in patient LPS mm: both ends of a distance; of an angle an end, its vertex, the other end."""

    kind: Kind
    points: tuple[Vector, ...]

    @property
    def value(self) -> float:
        """Millimetres, or degrees from 0 to 180."""
        if self.kind is Kind.DISTANCE:
            return float(np.linalg.norm(np.subtract(self.points[1], self.points[0])))
        first, second = (np.subtract(self.points[end], self.points[1]) for end in (0, 2))
        lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
        cosine = float(first @ second) / max(lengths, 1e-12)
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))

    @property
    def words(self) -> str:
        """The value with its unit."""
        return f"{self.value:.1f} mm" if self.kind is Kind.DISTANCE else f"{self.value:.0f}°"


class MeasurementsModel:
    """What is measured, and the tool in hand. ``pending`` are the places of one that is not complete yet."""

    changed = Signal()
    tool_changed = Signal()

    def __init__(self) -> None:
        self.done: tuple[Measurement, ...] = ()
        self.pending: tuple[Vector, ...] = ()
        self._tool: Kind | None = None

    @property
    def tool(self) -> Kind | None:
        """What the next clicks measure; None: clicks move the crosshair."""
        return self._tool

    @tool.setter
    def tool(self, tool: Kind | None) -> None:
        if tool is not self._tool:
            self._tool, self.pending = tool, ()
            self.tool_changed.emit()
            self.changed.emit()

    def toggle(self, tool: Kind) -> None:
        """Take a tool, or put it away."""
        self.tool = None if self._tool is tool else tool

    def add(self, point: Vector) -> None:
        """One more place; the last one completes the measurement."""
        if self._tool is None:
            return
        points = (*self.pending, point)
        if len(points) == self._tool.places:
            self.done, self.pending = (*self.done, Measurement(self._tool, points)), ()
        else:
            self.pending = points
        self.changed.emit()

    def take_back(self) -> None:
        """The last place goes, or else the last measurement."""
        if self.pending:
            self.pending = self.pending[:-1]
        else:
            self.done = self.done[:-1]
        self.changed.emit()

    def set_done(self, done: Iterable[Measurement]) -> None:
        """Others than those before."""
        self.done, self.pending = tuple(done), ()
        self.changed.emit()
