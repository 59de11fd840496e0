"""A margin to what is only modelled is made smaller where no needle keeps it, and the plan says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from procguide.anatomy import Side
from procguide.planning import PlanSet, Procedure, Request, Subject, build_case, load_catalogue
from procguide.planning.catalogue import StructureRule
from procguide.planning.frontier import explore
from procguide.planning.nouns import StructureOrigin
from procguide.planning.planner import Case, plans_of
from tests.planning.conftest import Patient

TRANSFORAMINAL = "transforaminal_esi_subpedicular"


def asked(patient: Patient, margin_mm: float, least_mm: float | None) -> Case:
    """A needle beside L3's root with another margin to it."""
    procedure = load_catalogue()[TRANSFORAMINAL]
    structures = tuple(
        _with_margins(rule, margin_mm, least_mm) if rule.name == "nerve_root" else rule
        for rule in procedure.structures
    )
    changed: Procedure = procedure.model_copy(update={"structures": structures})
    subject = Subject(patient.spine, patient.levels, patient.regions)
    return build_case(Request(changed, "L3-L4", Side.LEFT), subject)


def _with_margins(rule: StructureRule, margin_mm: float, least_mm: float | None) -> StructureRule:
    margin = rule.margin_mm.model_copy(update={"value": margin_mm})
    least = None if least_mm is None else margin.model_copy(update={"value": least_mm})
    return rule.model_copy(update={"margin_mm": margin, "least_margin_mm": least})


def told(plan_set: PlanSet) -> list[str]:
    return [words for words in plan_set.warnings if "NO NEEDLE KEEPS" in words]


def margin_of(plan_set: PlanSet) -> float:
    return next(limit.margin_mm for limit in plan_set.limits if limit.name == "nerve_root")


def test_where_needles_keep_the_margin_it_stays(patient: Patient) -> None:
    found = plans_of(explore(asked(patient, 2.0, 1.0)))
    assert found.plans
    assert not told(found)
    assert margin_of(found) == 2.0


def test_half_way_is_tried_first_and_the_plan_says_so(patient: Patient) -> None:
    assert not plans_of(explore(asked(patient, 9.0, None))).plans
    found = plans_of(explore(asked(patient, 9.0, 1.0)))
    assert margin_of(found) in (5.0, 1.0)
    (words,) = told(found)
    assert found.warnings[0] == words
    kept = f"{margin_of(found):g} mm or more"
    assert words.startswith(f"NO NEEDLE KEEPS 9 mm from the modelled nerve root: these keep {kept}.")
    for plan in found.plans:
        assert plan.clearance_mm["nerve_root"] >= margin_of(found) - 0.01


def test_a_structure_that_is_seen_keeps_its_margin(patient: Patient) -> None:
    case = asked(patient, 9.0, 1.0)
    seen = replace(case.scene.structures["nerve_root"], origin=StructureOrigin.SEGMENTED)
    scene = replace(case.scene, structures={**case.scene.structures, "nerve_root": seen})
    found = plans_of(explore(replace(case, scene=scene)))
    assert not found.plans
    assert not told(found)
    assert margin_of(found) == 9.0


def test_a_margin_that_nothing_keeps_is_said_as_the_catalogue_has_it(patient: Patient) -> None:
    found = plans_of(explore(asked(patient, 12.0, 11.0)))
    assert not found.plans
    assert margin_of(found) == 12.0
    assert not told(found)


def test_the_least_margin_is_smaller_than_the_margin() -> None:
    rule = next(one for one in load_catalogue()[TRANSFORAMINAL].structures if one.name == "nerve_root")
    written = rule.model_dump(mode="json")
    with pytest.raises(ValidationError, match="from 0 to below margin_mm, 2"):
        StructureRule.model_validate({**written, "least_margin_mm": {"value": 2, "mark": "assumed"}})
