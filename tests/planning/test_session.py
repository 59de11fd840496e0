from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procguide.anatomy import Side
from procguide.errors import InputUnfitError, UsageError
from procguide.geometry import beam_direction, vector
from procguide.planning import Needle, Plan, PlanSet, Robustness, Subject, Trajectory, View, load_catalogue
from procguide.planning.catalogue import ViewName
from procguide.planning.nouns import ViewSetting
from procguide.planning.session import Pose, Stop, Travel, plan_session, requests_for, session_of
from procguide.planning.session.budgets import budgets_of
from procguide.planning.session.route import (
    _effort,
    _improved,
    best_route,
    travel_between,
    travel_through,
)
from tests.planning.conftest import Patient

MEDIAL_BRANCH = load_catalogue()["lumbar_medial_branch_block"]


def pose(dial: float, tilt: float = 0.0, x: float = 0.0, z: float = 0.0) -> Pose:
    return Pose(dial, tilt, (x, 0.0, z))


def length(poses: list[Pose]) -> float:
    return _effort(travel_through(poses))


def walked(choices: list[list[Pose]]) -> list[Pose]:
    return [choices[stop][n] for stop, n in best_route(choices)]


def needle(
    dial: float, tilt: float, x: float, z: float, *, total: float = 0.8, chance: float = 0.01, rank: int = 1
) -> Plan:
    """A medial branch needle with its own view, the true lateral from its side, and the true AP."""
    direction = np.array(beam_direction(dial, tilt))
    target = np.array([x, 0.0, z])
    sign = 1 if x >= 0 else -1
    views = (
        ViewSetting(ViewName.BULLS_EYE, "end-on", dial, tilt, dial, reachable=True),
        ViewSetting(
            ViewName.TRUE_LATERAL, "behind the foramen", 90.0 * sign, 0.0, 90.0 * sign, reachable=True
        ),
    )
    return Plan(
        rank=rank,
        trajectory=Trajectory(vector(target - 60 * direction), vector(target), Needle(25, 0.515, 90.0)),
        clearance_mm={},
        robustness=Robustness(2.0, chance),
        view=View(dial, tilt, reachable=True),
        scores={"total": total},
        views=views,
    )


def stop(number: int, level: str, side: Side, *plans: Plan) -> Stop:
    found = PlanSet(MEDIAL_BRANCH.id, level, side, plans, 100, len(plans))
    return Stop(number, MEDIAL_BRANCH, level, side, found, plans[0] if plans else None, "" if plans else "no")


def six() -> list[Stop]:
    """L3 to L5 on both sides, asked for level by level."""
    stops, number = [], 0
    for level, z in (("L3", 0.0), ("L4", -35.0), ("L5", -70.0)):
        for side, sign in ((Side.LEFT, 1), (Side.RIGHT, -1)):
            number += 1
            stops.append(stop(number, level, side, needle(20 * sign, 0.0, 25.0 * sign, z)))
    return stops


class TestRoute:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 10_000), st.integers(1, 5))
    def test_few_stops_are_ordered_exactly(self, seed: int, count: int) -> None:
        generator = np.random.default_rng(seed)
        choices = [
            [pose(*generator.uniform(-40, 40, 2), *generator.uniform(-80, 80, 2)) for _ in range(n)]
            for n in generator.integers(1, 3, count)
        ]
        least = min(
            length([choices[stop][n] for stop, n in zip(order, picks, strict=True)])
            for order in permutations(range(count))
            for picks in product(*(range(len(choices[stop])) for stop in order))
        )
        assert length(walked(choices)) == pytest.approx(least)

    def test_many_stops_are_ordered_nearly_as_well(self) -> None:
        for seed in range(5):
            generator = np.random.default_rng(seed)
            poses = [pose(*generator.uniform(-40, 40, 2), *generator.uniform(-80, 80, 2)) for _ in range(9)]
            first = np.array([_effort(travel_between(None, one)) for one in poses])
            between = np.array([[_effort(travel_between(a, b)) for b in poses] for a in poses])
            near = _improved(np.arange(9), first, between)
            assert sorted(near) == list(range(9))
            assert length([poses[n] for n in near]) <= 1.1 * length(walked([[one] for one in poses]))

    def test_twenty_stops_are_each_met_once(self) -> None:
        choices = [[pose(7.0 * (n % 5), z=11.0 * n), pose(-7.0, z=11.0 * n)] for n in range(20)]
        assert sorted(stop for stop, _ in best_route(choices)) == list(range(20))

    def test_the_way_begins_where_the_c_arm_stands(self) -> None:
        choices = [[pose(-30)], [pose(30)]]
        assert [stop for stop, _ in best_route(choices, pose(25))] == [1, 0]
        assert best_route([]) == []

    def test_a_shift_costs_less_than_turning(self) -> None:
        assert travel_between(pose(0), pose(10, -5, z=20)) == Travel(15.0, 20.0)


class TestSession:
    def test_one_side_is_finished_before_the_c_arm_swings_over(self) -> None:
        session = session_of(six())
        sides = [session.stops[number - 1].side for number in session.order]
        assert sides in ([Side.LEFT] * 3 + [Side.RIGHT] * 3, [Side.RIGHT] * 3 + [Side.LEFT] * 3)
        assert session.travel.turning_deg < session.travel_one_by_one.turning_deg / 4

    def test_views_that_agree_are_shared(self) -> None:
        session = session_of(six())
        own = [station for station in session.stations if station.view is ViewName.BULLS_EYE]
        assert sorted(map(sorted, (station.stops for station in own))) == [[1, 3, 5], [2, 4, 6]]
        (lateral,) = [station for station in session.stations if station.view is ViewName.TRUE_LATERAL]
        assert sorted(lateral.stops) == [1, 2, 3, 4, 5, 6]
        assert lateral.pose is not None
        assert abs(lateral.pose.dial_deg) == 90

    def test_needles_are_set_before_they_are_checked(self) -> None:
        views = [station.view for station in session_of(six()).stations]
        assert views == [ViewName.BULLS_EYE, ViewName.BULLS_EYE, ViewName.TRUE_LATERAL]

    def test_views_that_differ_are_not_shared(self) -> None:
        stops = [
            stop(1, "L3", Side.LEFT, needle(20, 0, 25, 0)),
            stop(2, "L4", Side.LEFT, needle(20, 6, 25, -35)),
            stop(3, "L5", Side.LEFT, needle(20, 0, 25, -170)),
        ]
        own = [one for one in session_of(stops).stations if one.view is ViewName.BULLS_EYE]
        assert sorted(one.stops for one in own) == [(1,), (2,), (3,)]

    def test_a_plan_as_good_spares_a_move(self) -> None:
        other = needle(20, 0, 25, -35, total=0.79, rank=2)
        stops = [
            stop(1, "L3", Side.LEFT, needle(20, 0, 25, 0)),
            stop(2, "L4", Side.LEFT, needle(35, 10, 25, -35), other),
        ]
        assert session_of(stops).stops[1].plan == other

    @pytest.mark.parametrize("worse", [{"total": 0.7}, {"chance": 0.2}])
    def test_a_worse_plan_does_not(self, worse: dict[str, float]) -> None:
        stops = [
            stop(1, "L3", Side.LEFT, needle(20, 0, 25, 0)),
            stop(2, "L4", Side.LEFT, needle(35, 10, 25, -35), needle(20, 0, 25, -35, rank=2, **worse)),
        ]
        chosen = session_of(stops).stops[1].plan
        assert chosen is not None
        assert chosen.rank == 1

    def test_needles_are_counted_and_what_cannot_be_is_said(self) -> None:
        session = session_of([*six()[:2], stop(3, "L4", Side.LEFT)])
        assert session.needles == {"25G 90 mm": 2}
        assert session.order in {(1, 2), (2, 1)}
        assert "no needle for L4 left: no" in session.warnings

    def test_needles_in_each_others_way_are_said(self) -> None:
        crossing = [
            stop(1, "L3", Side.LEFT, needle(20, -30, 25, 0)),
            stop(2, "L4", Side.LEFT, needle(20, 30, 25, -34)),
        ]
        assert any("L3 left and L4 left pass each other" in words for words in session_of(crossing).warnings)
        assert not any("pass each other" in words for words in session_of(six()).warnings)
        meeting = [
            stop(1, "L3", Side.LEFT, needle(20, -9, 25, 0)),
            stop(2, "L4", Side.LEFT, needle(20, 9, 25, -36)),
        ]
        assert any("hubs of L3 left and L4 left" in words for words in session_of(meeting).warnings)

    def test_a_plan_that_stands_clear_is_taken(self) -> None:
        clear = needle(20, -30, 25, -34, total=0.75, rank=2)
        stops = [
            stop(1, "L3", Side.LEFT, needle(20, -30, 25, 0)),
            stop(2, "L4", Side.LEFT, needle(20, 30, 25, -34), clear),
        ]
        session = session_of(stops)
        assert session.stops[1].plan == clear
        assert session.stops[1].plan_set == stops[1].plan_set
        assert session.warnings == ()
        poor = replace(clear, robustness=Robustness(2.0, 0.3))
        kept = session_of([stops[0], stop(2, "L4", Side.LEFT, needle(20, 30, 25, -34), poor)])
        assert any("pass each other" in words for words in kept.warnings)

    def test_under_ultrasound_no_c_arm_moves(self) -> None:
        view = ViewSetting(ViewName.ULTRASOUND_IN_PLANE, "the whole needle", None, None, None, reachable=True)
        stops = [
            stop(n, level, Side.LEFT, replace(needle(60, 0, 25, z), views=(view,)))
            for n, level, z in ((1, "L3", 0.0), (2, "L4", -35.0))
        ]
        session = session_of(stops)
        assert session.order == (1, 2)
        assert session.travel == Travel()
        assert [station.stops for station in session.stations] == [(1,), (2,)]
        assert all(station.pose is None for station in session.stations)

    def test_an_empty_session_is_empty(self) -> None:
        session = session_of([stop(1, "L3", Side.LEFT)])
        assert session.order == ()
        assert session.stations == ()


class TestBudgets:
    def test_what_is_planned_is_held_against_what_is_allowed(self) -> None:
        lidocaine = [one for one in budgets_of(six()) if one.agent.startswith("lidocaine")]
        assert [one.most_ml for one in lidocaine] == [30.0, 15.0]
        assert lidocaine[0].planned_ml == pytest.approx(6 * 0.5)
        assert lidocaine[0].each_ml == pytest.approx(5.0)
        assert not lidocaine[0].exceeded

    def test_a_light_patient_gets_less(self) -> None:
        (one, *_) = budgets_of(six(), weight_kg=40)
        assert one.most_mg == pytest.approx(180)
        assert budgets_of(six(), weight_kg=120)[0].most_mg == 300

    def test_too_much_is_a_warning(self) -> None:
        number = MEDIAL_BRANCH.volumes_ml["injectate"].model_copy(update={"value": 6.0})
        generous = MEDIAL_BRANCH.model_copy(update={"volumes_ml": {"injectate": number}})
        session = session_of([replace(one, procedure=generous) for one in six()])
        assert any("36 mL are planned" in words and "lidocaine" in words for words in session.warnings)

    def test_a_volume_that_nobody_gave_is_not_guessed(self) -> None:
        contrast = [one for one in budgets_of(six()) if one.agent.startswith("iohexol")]
        assert {one.planned_ml for one in contrast} == {None}
        assert min(one.most_ml for one in contrast) == pytest.approx(10.2)
        assert budgets_of([]) == ()


class TestRequests:
    def test_every_level_on_every_side(self) -> None:
        requests = requests_for(MEDIAL_BRANCH, ["l3", "L4"], [Side.LEFT, Side.RIGHT])
        assert [(one.level, one.side) for one in requests] == [
            ("L3", Side.LEFT),
            ("L3", Side.RIGHT),
            ("L4", Side.LEFT),
            ("L4", Side.RIGHT),
        ]

    def test_twice_the_same_is_an_error(self) -> None:
        with pytest.raises(UsageError, match="given twice: L3"):
            requests_for(MEDIAL_BRANCH, ["L3", "l3"], [Side.LEFT])

    def test_what_is_done_on_one_side_only_stays_there(self) -> None:
        one_sided = MEDIAL_BRANCH.model_copy(update={"both_sides": False})
        with pytest.raises(UsageError, match="not done on both sides in one sitting"):
            requests_for(one_sided, ["L3"], [Side.LEFT, Side.RIGHT])
        assert len(requests_for(one_sided, ["L3", "L4"], [Side.RIGHT])) == 2

    def test_the_stellate_ganglion_is_never_blocked_on_both_sides(self) -> None:
        with pytest.raises(UsageError, match="both sides"):
            requests_for(load_catalogue()["stellate_ganglion_block"], ["C6"], [Side.LEFT, Side.RIGHT])

    def test_nothing_asked_for_is_an_error(self) -> None:
        with pytest.raises(UsageError, match="at least one level"):
            requests_for(MEDIAL_BRANCH, [], [Side.LEFT])


def test_a_session_of_a_phantom(patient: Patient) -> None:
    subject = Subject(patient.spine, patient.levels, patient.regions)
    requests = requests_for(MEDIAL_BRANCH, ["L4"], [Side.LEFT, Side.RIGHT])
    session = plan_session(requests, subject)
    assert [one.side for one in session.planned] == [Side.LEFT, Side.RIGHT]
    assert {number for station in session.stations for number in station.stops} == {1, 2}
    assert session.travel.turning_deg <= session.travel_one_by_one.turning_deg
    without = replace(subject, spine=replace(patient.spine, vertebrae=patient.spine.vertebrae[:2]))
    with pytest.raises(InputUnfitError):
        plan_session(requests, without)
