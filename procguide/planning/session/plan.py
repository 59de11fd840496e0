"""From several requests to one sitting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from procguide.anatomy import Side
from procguide.errors import InputUnfitError, UsageError
from procguide.planning.carm import CArm
from procguide.planning.catalogue import Procedure
from procguide.planning.frontier import Weights
from procguide.planning.nouns import Plan, PlanSet
from procguide.planning.planner import Progress, plan
from procguide.planning.session.budgets import budgets_of, volumes_of
from procguide.planning.session.crossing import alternatives, crossings, out_of_each_others_way
from procguide.planning.session.nouns import Budget, Pose, SessionPlan, Stop, Travel
from procguide.planning.session.route import best_route, travel_through
from procguide.planning.session.stations import pose_of, stations_of
from procguide.planning.site import Request, Subject, canonical_level

__all__ = ["check_together", "plan_session", "requests_for", "session_of"]

_AS_GOOD_SCORE = 0.02
_AS_GOOD_CHANCE = 0.01
"""A plan of lower rank serves as well within these: total score, and chance of a violation. Assumed."""


def requests_for(
    procedure: Procedure, levels: Sequence[str], sides: Sequence[Side | None]
) -> tuple[Request, ...]:
    """One request a level and side, level by level; a pair that comes twice is an error."""
    names = [canonical_level(procedure, level) for level in levels]
    requests = tuple(Request(procedure, name, side) for name in names for side in sides)
    check_together(requests)
    return requests


def check_together(requests: Sequence[Request]) -> None:
    """A :class:`UsageError` where one stands there twice, or is on both sides and must not be."""
    if not requests:
        raise UsageError("nothing was asked for; name at least one level")
    asked = [(one.procedure.id, canonical_level(one.procedure, one.level), one.side) for one in requests]
    twice = [level for n, (_, level, _) in enumerate(asked) if asked[n] in asked[:n]]
    if twice:
        raise UsageError(f"a level or side was given twice: {', '.join(dict.fromkeys(twice))}")
    for procedure in {one.procedure.id: one.procedure for one in requests}.values():
        sides = {one.side for one in requests if one.procedure.id == procedure.id}
        if not procedure.both_sides and {Side.LEFT, Side.RIGHT} <= sides:
            raise UsageError(f"{procedure.id} is not done on both sides in one sitting; choose left or right")


def plan_session(
    requests: Sequence[Request],
    subject: Subject,
    *,
    carm: CArm | None = None,
    weights: Weights | None = None,
    weight_kg: float | None = None,
    progress: Progress | None = None,
) -> SessionPlan:
    """Plan every request, choose needles and their order so that the C-arm moves least.

    ``weights`` of the objectives take the place of the procedures' own; ``weight_kg`` is the patient's.
    A request whose anatomy is unfit is a stop without a needle; where all are, the first one's error.
    """
    check_together(requests)
    stops, faults = [], []
    for number, request in enumerate(requests, start=1):
        try:
            stops.append(_stop(number, plan(request, subject, carm=carm, weights=weights), request))
        except InputUnfitError as error:
            level = canonical_level(request.procedure, request.level)
            stops.append(Stop(number, request.procedure, level, request.side, None, None, str(error)))
            faults.append(error)
        if progress is not None:
            progress(stops[-1].name, number / len(requests))
    if faults and len(faults) == len(requests):
        raise faults[0]
    return session_of(stops, weight_kg)


def _stop(number: int, found: PlanSet, request: Request) -> Stop:
    first = found.plans[0] if found.plans else None
    return Stop(number, request.procedure, found.level, request.side, found, first, found.reason)


def session_of(
    stops: Sequence[Stop], weight_kg: float | None = None, *, as_chosen: bool = False
) -> SessionPlan:
    """Needles, order and stations from stops that are planned one by one.

    ``as_chosen``: a person has chosen each needle; none is exchanged for one as good.
    """
    planned = [stop for stop in stops if stop.plan is not None]
    chosen, order = _as_they_are(planned) if as_chosen else _apart(planned)
    by_number = {stop.number: stop for stop in chosen}
    final = tuple(by_number.get(stop.number, stop) for stop in stops)
    stations = stations_of([by_number[number] for number in order])
    budgets = budgets_of(chosen, weight_kg)
    return SessionPlan(
        stops=final,
        order=order,
        stations=stations,
        travel=travel_through([station.pose for station in stations if station.pose is not None]),
        travel_one_by_one=_one_by_one(stops),
        volumes_ml=volumes_of(chosen),
        budgets=budgets,
        warnings=(*_unplanned(final), *crossings(chosen), *_overdoses(budgets)),
    )


def _apart(stops: Sequence[Stop]) -> tuple[list[Stop], tuple[int, ...]]:
    """Needles that spare the C-arm moves and are out of each other's way, and their order."""
    chosen, order = _chosen(stops)
    apart = out_of_each_others_way(chosen)
    return (chosen, order) if apart == chosen else _as_they_are(apart)


def _as_they_are(stops: Sequence[Stop]) -> tuple[list[Stop], tuple[int, ...]]:
    """The same needles, in the order that moves the C-arm least."""
    ordered, order = _chosen([replace(stop, plan_set=None) for stop in stops])
    return [replace(one, plan_set=stop.plan_set) for one, stop in zip(ordered, stops, strict=True)], order


def _chosen(stops: Sequence[Stop]) -> tuple[list[Stop], tuple[int, ...]]:
    """The plan of each stop, and the stops' numbers in the order that moves the C-arm least."""
    options = [[(one, pose) for one in _as_good(stop) if (pose := _first_pose(one))] for stop in stops]
    posed = [n for n, choices in enumerate(options) if choices]
    route = best_route([[pose for _, pose in options[n]] for n in posed])
    chosen = list(stops)
    for place, choice in route:
        n = posed[place]
        chosen[n] = replace(stops[n], plan=options[n][choice][0])
    order = [stops[posed[place]].number for place, _ in route]
    order += [stop.number for stop, choices in zip(stops, options, strict=True) if not choices]
    return chosen, tuple(order)


def _as_good(stop: Stop) -> list[Plan]:
    """The first plan, and those that are as good but for a hair."""
    if stop.plan is None:
        return []
    return [stop.plan, *alternatives(stop, _AS_GOOD_SCORE, _AS_GOOD_CHANCE)]


def _first_pose(one: Plan) -> Pose | None:
    return pose_of(one.views[0], one) if one.views else None


def _one_by_one(stops: Sequence[Stop]) -> Travel:
    """Every needle finished before the next, in the order asked for, each by its first plan."""
    poses = [
        pose_of(setting, stop.plan) for stop in stops if stop.plan is not None for setting in stop.plan.views
    ]
    return travel_through([pose for pose in poses if pose is not None])


def _unplanned(stops: Sequence[Stop]) -> Iterator[str]:
    for stop in stops:
        if stop.plan is None:
            yield f"no needle for {stop.name}: {stop.reason}"


def _overdoses(budgets: Sequence[Budget]) -> Iterator[str]:
    for budget in budgets:
        if budget.exceeded:
            yield (
                f"volume: {budget.planned_ml:g} mL are planned at most; of {budget.agent}, "
                f"{budget.strength_mg_per_ml:g} mg/mL, {budget.most_ml:.1f} mL ({budget.most_mg:g} mg) are "
                f"the most in all ({budget.source})"
            )
