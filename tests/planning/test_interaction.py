from __future__ import annotations

import time

import numpy as np
import pytest

from procguide.anatomy import Side
from procguide.planning import PlanSet, Request, Subject, build_case, load_catalogue
from procguide.planning.candidates import ANGLES
from procguide.planning.frontier import Frontier, explore, read_weights
from procguide.planning.interaction import ZONE, Evaluation, evaluate
from procguide.planning.planner import plans_of
from procguide.planning.search import LENGTH, SKIN
from tests.planning.conftest import Patient


@pytest.fixture(scope="module")
def frontier(patient: Patient) -> Frontier:
    subject = Subject(patient.spine, patient.levels, patient.regions)
    procedure = load_catalogue()["transforaminal_esi_subpedicular"]
    return explore(build_case(Request(procedure, "L3-L4", Side.LEFT), subject))


@pytest.fixture(scope="module")
def plan_set(frontier: Frontier) -> PlanSet:
    return plans_of(frontier)


def names(evaluation: Evaluation) -> set[str]:
    return {breach.constraint for breach in evaluation.breaches}


def test_a_planned_needle_is_told_the_same_when_held_by_hand(frontier: Frontier, plan_set: PlanSet) -> None:
    for plan in plan_set.plans:
        found = evaluate(frontier.case, plan.trajectory.entry, plan.trajectory.target)
        assert found.acceptable
        assert found.off_zone_mm == pytest.approx(0.0, abs=1e-6)
        assert found.plan.clearance_mm == pytest.approx(plan.clearance_mm, abs=0.02)
        assert found.plan.robustness.p_violation == pytest.approx(plan.robustness.p_violation, abs=0.02)
        assert found.plan.scores == pytest.approx(dict(plan.scores), abs=0.02)
        assert found.plan.view.oblique_deg == pytest.approx(plan.view.oblique_deg, abs=0.3)
        assert [row.objective for row in found.plan.objectives] == [row.objective for row in plan.objectives]


def test_the_hub_may_be_anywhere_on_the_needles_line(frontier: Frontier, plan_set: PlanSet) -> None:
    trajectory = plan_set.plans[0].trajectory
    outward = -np.array(trajectory.direction)
    for beyond_mm in (-20.0, 35.0):
        found = evaluate(frontier.case, trajectory.entry + outward * beyond_mm, trajectory.target)
        np.testing.assert_allclose(found.plan.trajectory.entry, trajectory.entry, atol=0.3)


def test_it_agrees_with_the_search_on_what_is_feasible(frontier: Frontier) -> None:
    judged = frontier.judged
    rng = np.random.default_rng(5)
    off_by_a_hair = 0
    for n in rng.choice(len(judged.candidates), 60, replace=False):
        found = evaluate(frontier.case, judged.candidates.entries[n], judged.candidates.targets[n])
        expected = {str(name) for name, broken in judged.broken.items() if broken[n]}
        limits = {str(rule.name): rule.margin_mm.value for rule in frontier.case.rules}
        if expected - limits.keys():  # the search measures nothing of a needle that comes from elsewhere
            continue
        if names(found) != expected:
            rooms = [
                abs(found.plan.clearance_mm.get(name, 99.0) - limits.get(name, 0.0))
                for name in names(found) ^ expected
            ]
            assert max(rooms) < 0.5
            off_by_a_hair += 1
    assert off_by_a_hair <= 3


def test_what_is_broken_is_said_with_numbers(frontier: Frontier, plan_set: PlanSet) -> None:
    trajectory = plan_set.plans[0].trajectory
    entry, target = np.array(trajectory.entry), np.array(trajectory.target)
    medial = target - np.array([14.0, 0.0, 0.0])
    found = evaluate(frontier.case, entry, medial)
    assert not found.acceptable
    assert {ZONE, "dura"} <= names(found)
    words = {breach.constraint: breach.words for breach in found.breaches}
    assert words["dura"] == f"dura: {found.plan.clearance_mm['dura']:.1f} mm, margin 3"
    assert "outside the target zone" in words[ZONE]
    assert found.plan.robustness.p_violation > 0.9
    steep = evaluate(frontier.case, target + np.array([80.0, 5.0, 0.0]), target)
    assert any("allowed" in breach.words for breach in steep.breaches)


def test_structures_are_named_beside_broken_angles(frontier: Frontier, plan_set: PlanSet) -> None:
    medial = np.array(plan_set.plans[0].trajectory.target) - np.array([14.0, 0.0, 0.0])
    found = evaluate(frontier.case, medial + np.array([80.0, 5.0, 0.0]), medial)
    assert {ANGLES, "dura", "bone"} <= names(found)
    assert found.plan.clearance_mm["dura"] < 3.0


def test_a_line_that_meets_no_skin_is_said(frontier: Frontier, plan_set: PlanSet) -> None:
    target = np.array(plan_set.plans[0].trajectory.target)
    found = evaluate(frontier.case, target + np.array([0.0, 0.0, 90.0]), target)
    assert SKIN in names(found)


def test_too_short_a_needle_is_said(frontier: Frontier, plan_set: PlanSet) -> None:
    case = frontier.case
    needle = case.procedure.needle.model_copy(update={"lengths_mm": (40.0,)})
    short = build_case(
        Request(case.procedure.model_copy(update={"needle": needle}), "L3-L4", Side.LEFT),
        Subject(case.site.spine, *_labels(frontier)),
    )
    trajectory = plan_set.plans[0].trajectory
    found = evaluate(short, trajectory.entry, trajectory.target)
    assert names(found) == {LENGTH}
    assert "the longest has 40" in found.breaches[0].words


def _labels(frontier: Frontier) -> tuple[object, object]:
    return frontier.case.scene.labels.levels, frontier.case.scene.labels.regions


def test_weights_of_ones_own_count(frontier: Frontier, plan_set: PlanSet) -> None:
    trajectory = plan_set.plans[0].trajectory
    found = evaluate(
        frontier.case, trajectory.entry, trajectory.target, weights=read_weights({"length": 1.0})
    )
    assert found.plan.scores["total"] == pytest.approx(1 - trajectory.length_mm / 150, abs=0.01)


def test_it_keeps_up_with_a_hand(frontier: Frontier, plan_set: PlanSet) -> None:
    """Ten milliseconds on a quiet machine (benchmarks/uncertainty.py); tests run on busy ones."""
    trajectory = plan_set.plans[0].trajectory
    spent = []
    for _ in range(15):
        start = time.process_time()
        evaluate(frontier.case, trajectory.entry, trajectory.target)
        spent.append(time.process_time() - start)
    assert np.median(spent) < 0.04
