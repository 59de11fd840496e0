"""The page of a sitting: in which order, where the C-arm stops, how much may be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from procguide.anatomy import Spine
from procguide.geometry import Vector
from procguide.planning.nouns import ViewSetting
from procguide.planning.posture import lying_of
from procguide.planning.session import Budget, SessionPlan, Station, Stop
from procguide.provenance import Provenance
from procguide.reporting.page import write_page
from procguide.reporting.viewing import setting_words, view_title

__all__ = ["write_session_page"]

_ROOM_MM = 35.0


@dataclass(frozen=True)
class _NeedleRow:
    """One needle, in the order in which it is set; ``link`` leads to its own report."""

    place: int
    name: str
    needle: str
    depth: str
    risk: str
    rank: int
    link: str


@dataclass(frozen=True)
class _StationRow:
    """One place where the C-arm stops."""

    place: int
    view: str
    angles: str
    shows: str
    look_for: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _BudgetRow:
    """What may be given of one agent at one strength."""

    agent: str
    strength: str
    planned: str
    most: str
    each: str
    source: str
    exceeded: bool


@dataclass(frozen=True)
class _Mark:
    """A numbered point, or a level's name, of a drawing."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class _Needle:
    """A needle seen from behind: from the skin ``a`` to the tip ``b``."""

    a: _Mark
    b: _Mark


@dataclass(frozen=True)
class _Back:
    """The back seen from behind, head up, the patient's left on the left; mm."""

    box: str
    needles: tuple[_Needle, ...]
    levels: tuple[_Mark, ...]


def write_session_page(
    path: Path, session: SessionPlan, spine: Spine, folders: Mapping[int, str], provenance: Provenance
) -> None:
    """Write ``path`` whole or not at all; ``folders`` are where each stop's own report lies, beside it."""
    write_page(
        path,
        "session.html.j2",
        title=session.stops[0].procedure.title,
        position=session.stops[0].procedure.position,
        asked=[stop.name for stop in session.stops],
        rows=_needle_rows(session, folders),
        stations=_station_rows(session),
        budgets=[_budget_row(budget) for budget in session.budgets],
        needles=", ".join(f"{count} x {name}" for name, count in session.needles.items()),
        travel=session.travel,
        one_by_one=session.travel_one_by_one,
        warnings=session.warnings,
        failed=[stop for stop in session.stops if stop.plan is None],
        back=_back(session, spine),
        provenance=provenance,
    )


def _needle_rows(session: SessionPlan, folders: Mapping[int, str]) -> list[_NeedleRow]:
    rows = []
    for place, stop in enumerate(_in_order(session), start=1):
        assert stop.plan is not None  # noqa: S101 (in the order are planned stops)
        trajectory = stop.plan.trajectory
        rows.append(
            _NeedleRow(
                place,
                stop.name,
                f"{trajectory.needle.gauge}G {trajectory.needle.length_mm:g} mm",
                f"{trajectory.length_mm:.0f} mm",
                f"{100 * stop.plan.robustness.p_violation:.0f} %",
                stop.plan.rank,
                f"{folders[stop.number]}/report.html" if stop.number in folders else "",
            )
        )
    return rows


def _in_order(session: SessionPlan) -> list[Stop]:
    by_number = {stop.number: stop for stop in session.stops}
    return [by_number[number] for number in session.order]


def _station_rows(session: SessionPlan) -> list[_StationRow]:
    names = {stop.number: stop.name for stop in session.stops}
    first = session.stops[0]
    lying = lying_of(first.procedure.position, first.side)
    return [
        _StationRow(
            place,
            view_title(_setting(station)),
            setting_words(_setting(station), lying),
            ", ".join(names[number] for number in station.stops),
            "; ".join(station.look_for),
            station.warnings,
        )
        for place, station in enumerate(session.stations, start=1)
    ]


def _setting(station: Station) -> ViewSetting:
    """The station as a view, to be put into words as the views of a needle are."""
    pose = station.pose
    dial, tilt = (pose.dial_deg, pose.tilt_deg) if pose is not None else (None, None)
    return ViewSetting(station.view, "", dial, tilt, dial, station.reachable)


def _budget_row(budget: Budget) -> _BudgetRow:
    return _BudgetRow(
        budget.agent,
        f"{budget.strength_mg_per_ml:g} mg/mL",
        "not in the catalogue" if budget.planned_ml is None else f"{budget.planned_ml:g} mL",
        f"{budget.most_ml:.1f} mL ({budget.most_mg:g} mg)",
        f"{budget.each_ml:.1f} mL",
        budget.source,
        budget.exceeded,
    )


def _back(session: SessionPlan, spine: Spine) -> _Back | None:
    """Needles and levels from behind; None without a needle."""
    needles = []
    for place, stop in enumerate(_in_order(session), start=1):
        if stop.plan is not None:
            ends = (stop.plan.trajectory.entry, stop.plan.trajectory.target)
            a, b = (_Mark(-x, -z, str(place)) for x, _, z in ends)
            needles.append(_Needle(a, b))
    if not needles:
        return None
    points = np.array([(mark.x, mark.y) for needle in needles for mark in (needle.a, needle.b)])
    low, high = points.min(axis=0) - _ROOM_MM, points.max(axis=0) + _ROOM_MM
    bones: list[tuple[str, Vector]] = [
        (vertebra.level, vertebra.frame.origin) for vertebra in spine.vertebrae
    ]
    if spine.sacrum is not None:
        bones.append(("S1", spine.sacrum.frame.origin))
    levels = tuple(_Mark(-x, -z, name) for name, (x, _, z) in bones if low[1] + 10 < -z < high[1] - 10)
    return _Back(
        f"{low[0]:.0f} {low[1]:.0f} {high[0] - low[0]:.0f} {high[1] - low[1]:.0f}", tuple(needles), levels
    )
