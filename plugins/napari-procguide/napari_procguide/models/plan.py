"""The needle: asked for, proposed, chosen, dragged, locked, approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psygnal import Signal

from napari_procguide.engine.messages import Evaluated, Near, Planned, Written
from napari_procguide.models.study import Lattice
from procguide.geometry import Vector
from procguide.planning import Plan, PlanSet

__all__ = ["Needle", "PlanModel", "Row", "row_of"]


@dataclass(frozen=True)
class Needle:
    """The needle that is shown: ends in patient LPS mm, what it is near, whether it breaks a limit."""

    entry: Vector
    target: Vector
    diameter_mm: float
    near: tuple[Near, ...] = ()
    broken: tuple[str, ...] = ()
    judged: bool = True
    dragged: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the table of plans."""

    rank: int
    length_mm: float
    nearest: str
    distance_mm: float | None
    p_violation: float
    oblique_deg: float
    tilt_deg: float
    reachable: bool
    by_hand: bool


def row_of(plan: Plan, near: tuple[Near, ...]) -> Row:
    """A plan as a line of the table; the nearest is the structure with a margin that is nearest to it."""
    held = [one for one in near if one.margin_mm is not None]
    closest = min(held, key=lambda one: one.distance_mm - (one.margin_mm or 0.0), default=None)
    return Row(
        plan.rank,
        plan.trajectory.length_mm,
        "" if closest is None else closest.name.replace("_", " "),
        None if closest is None else closest.distance_mm,
        plan.robustness.p_violation,
        plan.view.oblique_deg,
        plan.view.tilt_deg,
        plan.view.reachable,
        any(words.startswith("set by hand") for words in plan.warnings),
    )


class PlanModel:
    """What is planned for the open series. ``chosen`` counts rows from 0.

    ``needle_moved`` tells that a hand has moved the needle, ``needle_changed`` that it is judged there, or
    another one.
    """

    plans_changed = Signal()
    needle_moved = Signal()
    needle_changed = Signal()
    approval_changed = Signal()
    request_changed = Signal()

    def __init__(self) -> None:
        self.planned: Planned | None = None
        self.structures: Lattice | None = None
        self.request: dict[str, Any] = {}
        self.chosen = 0
        self.needle: Needle | None = None
        self.evaluated: Evaluated | None = None
        self.others: dict[str, tuple[Vector, Vector]] = {}
        self.kept: tuple[str, ...] = ()
        """Which of ``others`` were added here, and can be written together."""
        self.approved: Mapping[str, Any] | None = None
        self.written: Written | None = None
        self.read_words = ""
        self._locked = False

    @property
    def plan_set(self) -> PlanSet | None:
        """The plans of the last request."""
        return None if self.planned is None else self.planned.plan_set

    @property
    def plan(self) -> Plan | None:
        """What the needle shown is told by: the dragged one's, or the chosen plan."""
        if self.evaluated is not None and self.needle is not None and self.needle.dragged:
            return self.evaluated.evaluation.plan
        if self.plan_set is None or not self.plan_set.plans:
            return None
        return self.plan_set.plans[self.chosen]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The table."""
        if self.planned is None:
            return ()
        pairs = zip(self.planned.plan_set.plans, self.planned.near, strict=True)
        return tuple(row_of(plan, near) for plan, near in pairs)

    @property
    def folder(self) -> Path | None:
        """Where the plan was written to."""
        return None if self.written is None else self.written.folder

    @property
    def locked(self) -> bool:
        """Whether the needle stays where it is."""
        return self._locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self._locked = bool(locked)
        self.needle_changed.emit()

    def set_planned(self, planned: Planned | None, choose: int = 0) -> None:
        """Other plans; one of them is chosen."""
        self.planned = planned
        self.structures = None if planned is None else Lattice.read(planned.structures)
        self.approved, self.written, self._locked = None, None, False
        self.approval_changed.emit()
        self.plans_changed.emit()
        self.choose(choose)

    def choose(self, row: int) -> None:
        """Show another plan's needle."""
        self.evaluated = None
        if self.planned is None or not self.planned.plan_set.plans:
            self.needle = None
        else:
            self.chosen = max(0, min(row, len(self.planned.plan_set.plans) - 1))
            plan = self.planned.plan_set.plans[self.chosen]
            broken = tuple(words for words in plan.warnings if words.startswith("limit broken"))
            self.needle = Needle(
                plan.trajectory.entry,
                plan.trajectory.target,
                plan.trajectory.needle.diameter_mm,
                self.planned.near[self.chosen],
                broken,
            )
        self.needle_changed.emit()

    def move(self, entry: Vector, target: Vector) -> None:
        """The needle as it is dragged, not judged yet."""
        if self.needle is None or self._locked:
            return
        old = self.needle
        self.needle = Needle(entry, target, old.diameter_mm, old.near, old.broken, judged=False, dragged=True)
        self.needle_moved.emit()

    def set_evaluated(self, evaluated: Evaluated) -> None:
        """The engine's judgement of a dragged needle; the place stays where the hand is."""
        if self.needle is None or not self.needle.dragged:
            return
        self.evaluated = evaluated
        old = self.needle
        broken = tuple(breach.words for breach in evaluated.evaluation.breaches)
        self.needle = Needle(old.entry, old.target, old.diameter_mm, evaluated.near, broken, dragged=True)
        self.needle_changed.emit()

    def set_written(self, written: Written) -> None:
        """The folder that holds the plan now; nobody has approved it yet."""
        self.written, self.approved = written, None
        self.approval_changed.emit()

    def set_approved(self, approved: Mapping[str, Any] | None) -> None:
        """A named person's approval, as it stands in the folder's files."""
        self.approved = approved
        self.approval_changed.emit()

    def wish(self, request: Mapping[str, Any]) -> None:
        """What is to be asked for next, as it was asked for before."""
        self.request = dict(request)
        self.request_changed.emit()

    def set_sitting(self, needles: Mapping[str, tuple[Vector, Vector]], words: str = "") -> None:
        """Needles beside the one that is planned; ``words`` say where they come from."""
        self.others, self.kept, self.read_words = dict(needles), (), words
        self.needle_changed.emit()

    def set_kept(self, needles: Mapping[str, tuple[Vector, Vector]]) -> None:
        """The needles that the engine keeps for the sitting."""
        self.others, self.kept = {**self.others, **needles}, tuple(needles)
        self.needle_changed.emit()
