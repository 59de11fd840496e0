"""Several needles in one sitting: stops, the C-arm's stations, how far it moves, how much is injected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from procguide.anatomy import Side
from procguide.geometry import Vector
from procguide.planning.catalogue import Mark, Procedure, ViewName
from procguide.planning.nouns import Plan, PlanSet

__all__ = ["Budget", "Pose", "SessionPlan", "Station", "Stop", "Travel"]


@dataclass(frozen=True)
class Pose:
    """Where a C-arm stands: the angles on its own dials, degrees, and what it is centred on, LPS mm.

    ``dial_deg`` counts from vertical, ``tilt_deg`` is positive cranial.
    """

    dial_deg: float
    tilt_deg: float
    centre: Vector


@dataclass(frozen=True)
class Travel:
    """How far a C-arm moves: turning about both axes, degrees, and shifting over the patient, mm."""

    turning_deg: float = 0.0
    shift_mm: float = 0.0

    def __add__(self, other: Travel) -> Travel:
        return Travel(self.turning_deg + other.turning_deg, self.shift_mm + other.shift_mm)


@dataclass(frozen=True)
class Stop:
    """One needle that was asked for. ``number`` counts from 1 as it was asked.

    ``plan`` is what the session uses: the first of ``plan_set``, or one as good that spares the C-arm a
    move. None where there is none, for the ``reason``; without ``plan_set`` the stop could not be planned.
    """

    number: int
    procedure: Procedure
    level: str
    side: Side | None
    plan_set: PlanSet | None
    plan: Plan | None
    reason: str = ""

    @property
    def name(self) -> str:
        """``"L4 left"``."""
        return f"{self.level} {self.side.value}" if self.side else self.level


@dataclass(frozen=True)
class Station:
    """One place where the C-arm stops, and the needles that are seen from there by their numbers.

    ``pose`` is None under ultrasound.
    """

    view: ViewName
    pose: Pose | None
    stops: tuple[int, ...]
    look_for: tuple[str, ...]
    reachable: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Budget:
    """How much of an agent may be given in all. ``planned_ml`` None: the catalogue gives no volume.

    ``most_ml`` is the volume of ``strength_mg_per_ml`` that holds the most that is allowed.
    """

    agent: str
    strength_mg_per_ml: float
    most_ml: float
    most_mg: float
    planned_ml: float | None
    each_ml: float
    mark: Mark
    source: str

    @property
    def exceeded(self) -> bool:
        """Whether the planned volume is more than allowed."""
        return self.planned_ml is not None and self.planned_ml > self.most_ml


@dataclass(frozen=True)
class SessionPlan:
    """All needles of a sitting. A proposal until a named person approves it.

    ``order`` are the planned stops' numbers in the order in which needles are set. ``stations`` are what
    the C-arm does: first every needle's own view in that order, then what is checked, needles together.
    ``travel`` is its way through them from the vertical, ``travel_one_by_one`` the way if every needle were
    finished before the next, in the order asked for.
    """

    stops: tuple[Stop, ...]
    order: tuple[int, ...]
    stations: tuple[Station, ...]
    travel: Travel
    travel_one_by_one: Travel
    volumes_ml: Mapping[str, float] = field(default_factory=dict)
    budgets: tuple[Budget, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def planned(self) -> tuple[Stop, ...]:
        """The stops that have a needle."""
        return tuple(stop for stop in self.stops if stop.plan is not None)

    @property
    def needles(self) -> Mapping[str, int]:
        """How many of each needle: ``{"25G 90 mm": 4}``."""
        counted: dict[str, int] = {}
        for stop in self.planned:
            assert stop.plan is not None  # noqa: S101 (planned)
            needle = stop.plan.trajectory.needle
            name = f"{needle.gauge}G {needle.length_mm:g} mm"
            counted[name] = counted.get(name, 0) + 1
        return counted
