"""What would probably break a grave margin comes last; what almost surely would is no plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from procguide.planning import Plan, Request, Subject, load_catalogue, plan
from procguide.planning.grave import grave_last

if TYPE_CHECKING:
    from tests.planning.conftest import Patient

PROCEDURE = load_catalogue()["lumbar_interlaminar_esi"]
RULES = PROCEDURE.structures


@pytest.fixture(scope="module")
def plans(patient: Patient) -> tuple[Plan, ...]:
    subject = Subject(patient.spine, patient.levels, patient.regions)
    return plan(Request(PROCEDURE, "L3-L4", None), subject).plans


def at_risk(one: Plan, structure: str, chance: float) -> Plan:
    robustness = replace(one.robustness, p_violation=chance, by_structure={structure: chance})
    return replace(one, robustness=robustness)


def test_without_a_likely_breach_nothing_changes(plans: tuple[Plan, ...]) -> None:
    assert len(plans) >= 2
    assert grave_last(plans, RULES) == (plans, "")


def test_a_plan_that_probably_breaks_one_comes_last_and_says_so(plans: tuple[Plan, ...]) -> None:
    ranked, refusal = grave_last([at_risk(plans[0], "dura", 0.6), *plans[1:]], RULES)
    assert not refusal
    assert [one.rank for one in ranked] == list(range(1, len(plans) + 1))
    assert ranked[0].trajectory == plans[1].trajectory
    assert ranked[-1].trajectory == plans[0].trajectory
    assert "would probably break the margin of the dura when placed (chance 0.60)" in ranked[-1].warnings[-1]


def test_one_that_almost_surely_breaks_it_is_left_out(plans: tuple[Plan, ...]) -> None:
    ranked, refusal = grave_last([at_risk(plans[0], "dura", 0.95), *plans[1:]], RULES)
    assert not refusal
    assert [one.trajectory for one in ranked] == [one.trajectory for one in plans[1:]]
    assert ranked[0].rank == 1


def test_where_all_do_there_is_none_and_the_reason(plans: tuple[Plan, ...]) -> None:
    ranked, refusal = grave_last([at_risk(one, "spinal_cord", 0.95) for one in plans], RULES)
    assert ranked == ()
    assert "almost surely break the margin of the spinal cord" in refusal


def test_a_disc_is_not_grave(plans: tuple[Plan, ...]) -> None:
    risky = tuple(at_risk(one, "disc", 0.95) for one in plans)
    assert grave_last(risky, RULES) == (risky, "")
