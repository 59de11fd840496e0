from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from procguide.anatomy import Side
from procguide.errors import UsageError
from procguide.geometry import vector
from procguide.planning import Plan, PlanSet, Request, Subject, build_case, load_catalogue
from procguide.planning.catalogue import StructureRule
from procguide.planning.choose import _margins, rank
from procguide.planning.clearance import clearance_along
from procguide.planning.explain import explain
from procguide.planning.frontier import Frontier, _efficient, explore, read_weights
from procguide.planning.names import Objective
from procguide.planning.planner import plans_of
from procguide.planning.zones import TargetZone
from tests.planning.conftest import Patient

TRANSFORAMINAL = "transforaminal_esi_subpedicular"


@pytest.fixture(scope="module")
def frontier(patient: Patient) -> Frontier:
    subject = Subject(patient.spine, patient.levels, patient.regions)
    return explore(build_case(Request(load_catalogue()[TRANSFORAMINAL], "L3-L4", Side.LEFT), subject))


@pytest.fixture(scope="module")
def plan_set(frontier: Frontier) -> PlanSet:
    return plans_of(frontier)


def dominated(columns: np.ndarray) -> np.ndarray:
    """By the definition, one by one."""
    beaten = np.zeros(len(columns), bool)
    for n, row in enumerate(columns):
        beaten[n] = ((columns >= row).all(axis=1) & (columns > row).any(axis=1)).any()
    return beaten


def test_efficient_rows_are_those_that_no_other_beats() -> None:
    columns = np.random.default_rng(4).integers(0, 8, (400, 4)) * 0.04 + 0.02
    merit = columns.sum(axis=1)
    chosen = _efficient(columns, merit)
    unique = np.unique(columns[~dominated(columns)], axis=0)
    np.testing.assert_array_equal(np.unique(columns[chosen], axis=0), unique)
    assert chosen.sum() == len(unique)


def test_of_several_alike_the_best_stands_for_all() -> None:
    columns = np.array([[0.41, 0.81], [0.43, 0.83], [0.42, 0.82]])
    assert _efficient(columns, columns.sum(axis=1)).tolist() == [False, True, False]


def test_a_frontier_keeps_the_objectives_of_every_feasible_needle(frontier: Frontier) -> None:
    assert 0 < len(frontier) == frontier.judged.feasible.sum() < len(frontier.judged.candidates)
    assert set(frontier.scores) == set(Objective)
    assert all(len(values) == len(frontier) for values in frontier.scores.values())
    merit = frontier.merit()
    assert np.isnan(merit).sum() == len(merit) - len(frontier)


def test_rank_one_is_the_best_by_the_weights_and_plans_say_what_they_trade(plan_set: PlanSet) -> None:
    plans = plan_set.plans
    assert [plan.rank for plan in plans] == list(range(1, len(plans) + 1))
    assert all(one.scores["total"] >= other.scores["total"] for one, other in pairwise(plans))
    for plan in plans:
        assert plan.trade_offs
        rows = {row.objective: row for row in plan.objectives}
        assert set(rows) == set(Objective)
        assert sum(row.weight for row in plan.objectives) == pytest.approx(1.0)
        assert sum(row.weight * row.score for row in plan.objectives) == pytest.approx(plan.scores["total"])
        assert f"{plan.trajectory.length_mm:.0f} mm" in rows[Objective.LENGTH].words


def test_other_weights_rank_at_once_without_a_new_search(
    frontier: Frontier, plan_set: PlanSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(*_: object) -> None:
        raise AssertionError("searched again")

    monkeypatch.setattr("procguide.planning.frontier.judge", search)
    start = time.perf_counter()
    shortest = rank(frontier, read_weights({"length": 1.0})).plans
    assert time.perf_counter() - start < 2.0  # a busy machine; some tens of milliseconds on a quiet one
    assert shortest[0].trajectory.length_mm < plan_set.plans[0].trajectory.length_mm - 3
    assert set(shortest[0].scores) == {"length", "total"}
    easiest = rank(frontier, read_weights({"carm": 1.0})).plans[0]

    def turn(plan: Plan) -> float:
        return max(abs(plan.view.oblique_deg) / 50, abs(plan.view.tilt_deg) / 35)

    assert turn(easiest) < turn(plan_set.plans[0])


def test_trade_offs_name_what_is_shorter(frontier: Frontier) -> None:
    plans = rank(frontier, read_weights({"robustness": 10.0, "length": 1.0})).plans
    shorter = [plan for plan in plans[1:] if plan.trajectory.length_mm < plans[0].trajectory.length_mm - 3]
    longer = [plan for plan in plans[1:] if plan.trajectory.length_mm > plans[0].trajectory.length_mm + 3]
    assert shorter or longer
    assert all("mm shorter" in plan.trade_offs[0] for plan in shorter)
    assert all("mm longer" in plan.trade_offs[-1] for plan in longer)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"speed": 1.0}, "'speed' is no objective; they are clearance, robustness"),
        ({"length": -1.0}, "weight of length is -1"),
        ({"length": float("nan")}, "weight of length"),
        ({"length": 0.0}, "no objective has a weight"),
        ({}, "no objective has a weight"),
    ],
)
def test_weights_that_make_no_sense_are_refused(given: dict[str, float], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        read_weights(given)


def test_plans_keep_a_margin_and_no_more_where_the_catalogue_says_so(frontier: Frontier) -> None:
    procedure = frontier.case.procedure
    exact = tuple(
        rule.model_copy(update={"kept_beyond": rule.name != "nerve_root"}) for rule in frontier.case.rules
    )
    case = replace(frontier.case, rules=exact)
    usual, found = _margins(frontier, 2.0, 0.5), _margins(replace(frontier, case=case), 2.0, 0.5)
    own = next(rule for rule in procedure.structures if rule.name == "nerve_root").margin_mm.value
    assert usual["nerve_root"] > own
    assert found == {**usual, "nerve_root": own}


def test_plans_keep_off_all_that_a_coarse_label_may_be_short_of_where_the_catalogue_says_so(
    frontier: Frontier,
) -> None:
    case = frontier.case
    coarse = replace(case.scene.structures["disc"], spread_mm=9.0)
    scene = replace(case.scene, structures={**case.scene.structures, "disc": coarse})
    disc = next(rule for rule in case.rules if rule.name == "disc")
    whole = disc.model_copy(update={"whole_spread": True})

    def kept(rule: StructureRule) -> float:
        rules = tuple(rule if one.name == "disc" else one for one in case.rules)
        return _margins(replace(frontier, case=replace(case, scene=scene, rules=rules)), 2.0, 0.5)["disc"]

    assert kept(whole) == disc.margin_mm.value + 18.0
    assert disc.margin_mm.value < kept(disc) < kept(whole)


def test_the_explanation_counts_what_each_limit_excludes_alone_and_with_others(
    frontier: Frontier, plan_set: PlanSet
) -> None:
    said = plan_set.explanation
    assert said is not None
    assert (said.considered, said.feasible) == (plan_set.considered, plan_set.feasible)
    assert 0 < said.efficient <= said.feasible
    assert said.tried >= len(plan_set.plans)
    assert said.kept_away.startswith("the plans keep")  # how much, the anatomy decides
    broken = frontier.judged.broken
    by_name = {one.constraint: one for one in said.exclusions}
    assert set(by_name) == {str(name) for name in broken}
    for name, one in by_name.items():
        others = np.logical_or.reduce([values for key, values in broken.items() if str(key) != name])
        own = broken[next(key for key in broken if str(key) == name)]
        assert (one.excluded, one.alone) == (own.sum(), (own & ~others).sum())
    assert [one.excluded for one in said.exclusions] == sorted(
        (one.excluded for one in said.exclusions), reverse=True
    )


def test_the_explanation_says_by_how_little_a_margin_is_missed(patient: Patient) -> None:
    """A margin that no needle can keep, with the other structures out of the way."""
    procedure = load_catalogue()[TRANSFORAMINAL]
    rules = [rule for rule in procedure.structures if rule.name in ("nerve_root", "dura", "disc")]
    nine = {"margin_mm": rules[0].margin_mm.model_copy(update={"value": 9.0}), "least_margin_mm": None}
    strict = [rule.model_copy(update=nine) if rule.name == "nerve_root" else rule for rule in rules]
    subject = Subject(patient.spine, patient.levels, patient.regions)
    case = build_case(
        Request(procedure.model_copy(update={"structures": tuple(strict)}), "L3-L4", Side.LEFT), subject
    )
    found = explore(case)
    said = explain(found, rank(found))
    assert said.feasible == 0
    nerve = next(one for one in said.exclusions if one.constraint == "nerve_root")
    assert nerve.margin_mm == 9.0
    assert nerve.shortfall_mm is not None
    assert 0 < nerve.shortfall_mm < 9
    nearest = clearance_along(
        case.scene,
        case.scene.structures["nerve_root"],
        found.judged.candidates.entries,
        found.judged.candidates.targets,
        0.0,
    )
    assert nerve.shortfall_mm >= 9 + case.procedure.needle.radius_mm - nearest.max() - 1e-6


def test_a_case_without_any_candidate_is_explained(frontier: Frontier) -> None:
    middle = vector(frontier.case.site.upper.frame.to_patient((3.0, 0.0, 0.0)))
    zone = replace(frontier.case.zone, points=np.array([middle]), misfit=np.zeros(1), finer=None)
    found = explore(replace(frontier.case, zone=zone))
    said = plans_of(found)
    assert said.plans == ()
    assert said.explanation is not None
    assert said.explanation.efficient == 0
    assert said.explanation.exclusions[0].constraint == "bone"


def test_a_zone_without_a_needle_is_searched_again_with_its_points_closer(frontier: Frontier) -> None:
    spine, zone = frontier.case.site.spine, frontier.case.zone
    inside_bone = np.array([spine.vertebra("L3").frame.origin])
    shut = TargetZone(inside_bone, np.zeros(1))
    assert not len(explore(replace(frontier.case, zone=shut)))
    found = explore(replace(frontier.case, zone=replace(shut, finer=lambda: zone)))
    assert len(found)
    assert {tuple(target) for target in found.candidates.targets} <= {tuple(point) for point in zone.points}


def test_a_finer_search_is_not_made_where_there_is_a_needle(frontier: Frontier) -> None:
    zone = replace(frontier.case.zone, finer=lambda: TargetZone(frontier.case.zone.points[:1], np.zeros(1)))
    assert len(explore(replace(frontier.case, zone=zone))) == len(frontier)
