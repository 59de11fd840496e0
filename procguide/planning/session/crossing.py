"""Needles that stand beside each other: none may be in another's way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from procguide.geometry import distance_to_segment
from procguide.planning.nouns import Plan
from procguide.planning.session.nouns import Stop

__all__ = ["alternatives", "crossings", "out_of_each_others_way"]

_SHAFTS_APART_MM = 3.0
_HUBS_APART_MM = 12.0
"""Nearer than these, needles or their hubs are in each other's way. Assumed."""
_GIVEN_UP_SCORE = 0.1
_GIVEN_UP_CHANCE = 0.05
"""What of a stop's score may be given up, and how much risk be taken on, to stand clear. Assumed."""
_STEP_MM = 0.2


def alternatives(stop: Stop, score: float, chance: float) -> list[Plan]:
    """Other plans of the stop that lose at most ``score`` of the total and add at most that ``chance``.

    None trades a view within the C-arm's reach for one beyond it.
    """
    if stop.plan_set is None or stop.plan is None:
        return []
    first = stop.plan_set.plans[0]
    return [
        one
        for one in stop.plan_set.plans
        if one is not stop.plan
        and one.scores["total"] >= first.scores["total"] - score
        and one.robustness.p_violation <= first.robustness.p_violation + chance
        and one.view.reachable >= first.view.reachable
    ]


def out_of_each_others_way(stops: Sequence[Stop]) -> list[Stop]:
    """The same stops, some with another of their plans, so that fewer needles are in each other's way.

    One exchange after the other, each the one that frees most and then costs least, while any helps.
    """
    current = list(stops)
    while _met(current):
        exchanges = [
            (*current[:n], replace(stop, plan=other), *current[n + 1 :])
            for n, stop in enumerate(current)
            for other in alternatives(stop, _GIVEN_UP_SCORE, _GIVEN_UP_CHANCE)
        ]
        best = min(exchanges, key=lambda some: (len(_met(some)), -_score(some)), default=None)
        if best is None or len(_met(best)) >= len(_met(current)):
            break
        current = list(best)
    return current


def crossings(stops: Sequence[Stop]) -> Iterator[str]:
    """In words, the needles that are in each other's way, under the skin or at their hubs."""
    for one, other in _met(stops):
        assert one.plan is not None and other.plan is not None  # noqa: S101, PT018 (planned)
        apart = _shafts_apart(one.plan, other.plan)
        if apart < _SHAFTS_APART_MM:
            yield f"the needles of {one.name} and {other.name} pass each other at {max(apart, 0.0):.1f} mm"
        else:
            hubs = _hubs_apart(one.plan, other.plan)
            yield f"the hubs of {one.name} and {other.name} stand {hubs:.0f} mm from each other"


def _met(stops: Sequence[Stop]) -> list[tuple[Stop, Stop]]:
    """The pairs in each other's way."""
    return [
        (one, other)
        for one, other in combinations(stops, 2)
        if one.plan is not None
        and other.plan is not None
        and (
            _hubs_apart(one.plan, other.plan) < _HUBS_APART_MM
            or _shafts_apart(one.plan, other.plan) < _SHAFTS_APART_MM
        )
    ]


def _score(stops: Sequence[Stop]) -> float:
    return sum(stop.plan.scores["total"] for stop in stops if stop.plan is not None)


def _hub(one: Plan) -> np.ndarray:
    """Where the needle's hub is: its whole length back from the tip."""
    trajectory = one.trajectory
    back = np.asarray(trajectory.direction) * trajectory.needle.length_mm
    return np.asarray(trajectory.target) - back


def _hubs_apart(one: Plan, other: Plan) -> float:
    return float(np.linalg.norm(_hub(one) - _hub(other)))


def _shafts_apart(one: Plan, other: Plan) -> float:
    """Between the needles' surfaces up to their hubs, mm, to a tenth."""
    tip = np.asarray(one.trajectory.target)
    count = int(one.trajectory.needle.length_mm / _STEP_MM) + 2
    points = np.linspace(_hub(one), tip, count)
    nearest = float(distance_to_segment(points, _hub(other), other.trajectory.target).min())
    return nearest - (one.trajectory.needle.diameter_mm + other.trajectory.needle.diameter_mm) / 2
