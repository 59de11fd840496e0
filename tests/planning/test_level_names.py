"""A plan by a name that is in doubt is refused, and by one that is not sure says so first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from procguide.anatomy import Anchor
from procguide.errors import InputUnfitError
from procguide.planning import PlanSet, Request, Subject, load_catalogue, plan

if TYPE_CHECKING:
    from tests.planning.conftest import Patient

PROCEDURE = load_catalogue()["lumbar_interlaminar_esi"]


def planned(patient: Patient, confidence: float, anchor: Anchor = Anchor.SACRUM) -> PlanSet:
    """L3-L4 where the name L3 is as probable as said, and all others are sure."""
    vertebrae = tuple(
        replace(one, confidence=confidence if one.level == "L3" else 1.0) for one in patient.spine.vertebrae
    )
    spine = replace(patient.spine, vertebrae=vertebrae, anchor=anchor)
    return plan(Request(PROCEDURE, "L3-L4", None), Subject(spine, patient.levels, patient.regions))


def test_another_count_that_is_nearly_as_likely_is_refused(patient: Patient) -> None:
    with pytest.raises(InputUnfitError, match=r"name L3 is in doubt \(probability 0\.65\).*--level-at"):
        planned(patient, 0.65)


def test_a_name_that_is_not_sure_is_said_first(patient: Patient) -> None:
    found = planned(patient, 0.8)
    assert found.plans
    assert found.cautions[0] == ("the name L3 is not sure (probability 0.80): the needle may be a level off")


def test_a_sure_name_is_not_talked_about(patient: Patient) -> None:
    assert not planned(patient, 0.95).findings


def test_names_of_a_foreign_model_are_planned_on_with_a_caution(patient: Patient) -> None:
    found = planned(patient, 0.5, Anchor.MODEL)
    assert found.plans
    assert [finding.name for finding in found.findings] == ["level name"]
