from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from procguide.anatomy import POSTERIOR_ELEMENTS, VERSE_LABELS, Anchor, Region, Side, Vertebra
from procguide.errors import InputUnfitError, UsageError
from procguide.findings import Finding, Severity
from procguide.geometry import Vector, beam_direction, vector
from procguide.imaging import LabelMap
from procguide.imaging.volume import Modality, Volume
from procguide.planning import (
    Plan,
    PlanSet,
    Procedure,
    Request,
    Subject,
    load_catalogue,
    plan_to_json,
)
from procguide.planning import build_case as build
from procguide.planning import plan as find_plans
from procguide.planning.choose import Choice
from procguide.planning.nouns import Exclusion, Explanation, StructureOrigin
from procguide.planning.planner import Case, Progress, _reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.planning.conftest import Patient

TRANSFORAMINAL = "transforaminal_esi_subpedicular"
MEDIAL_BRANCH = "lumbar_medial_branch_block"
INTERLAMINAR = "lumbar_interlaminar_esi"
INTERSPACES = ["L3-L4", "L4-L5", "L5-S1"]
NERVES = ["L3", "L4", "L5"]
CASES = [
    *((TRANSFORAMINAL, level, side) for level in INTERSPACES for side in Side),
    *((MEDIAL_BRANCH, level, side) for level in NERVES for side in Side),
    *((INTERLAMINAR, level, side) for level in INTERSPACES for side in (None, *Side)),
]


def inputs(patient: Patient) -> dict[str, Any]:
    return {"spine": patient.spine, "levels": patient.levels, "regions": patient.regions, "image": None}


def plan(
    procedure: Procedure,
    *,
    level: str,
    side: Side | None,
    target: Vector | None = None,
    findings: Sequence[Finding] = (),
    progress: Progress | None = None,
    **given: Any,
) -> PlanSet:
    subject = Subject(findings=tuple(findings), **given)
    return find_plans(Request(procedure, level, side, target), subject, progress=progress)


def build_case(procedure: Procedure, *, level: str, side: Side | None, **given: Any) -> Case:
    return build(Request(procedure, level, side), Subject(**given))


@lru_cache(maxsize=64)
def planned(patient: Patient, procedure: str, level: str, side: Side | None) -> PlanSet:
    return plan(load_catalogue()[procedure], level=level, side=side, **inputs(patient))


def first(plan_set: PlanSet) -> Plan:
    assert plan_set.plans, plan_set.reason
    return plan_set.plans[0]


def shaft(best: Plan, step_mm: float = 0.25) -> np.ndarray:
    entry, target = np.array(best.trajectory.entry), np.array(best.trajectory.target)
    count = int(best.trajectory.length_mm / step_mm) + 2
    return entry + np.linspace(0, 1, count)[:, None] * (target - entry)


def values_at(labels: LabelMap, points: np.ndarray) -> np.ndarray:
    index = np.clip(np.round(labels.to_index(points)).astype(int), 0, np.array(labels.shape) - 1)
    return np.asarray(labels.voxels[tuple(np.moveaxis(index, -1, 0))])


@pytest.mark.parametrize(("procedure", "level", "side"), CASES)
def test_a_plan_keeps_its_side_its_limits_and_out_of_bone(
    patient: Patient, procedure: str, level: str, side: Side | None
) -> None:
    plan_set = planned(patient, procedure, level, side)
    margins = {limit.name: limit.margin_mm for limit in plan_set.limits}
    for candidate in plan_set.plans:
        assert all(value >= margins[name] for name, value in candidate.clearance_mm.items())
        points = shaft(candidate)
        # A medial branch block ends on bone: its tip may lie up to a voxel in the label.
        in_bone = (values_at(patient.levels, points) != 0).mean()
        assert in_bone * candidate.trajectory.length_mm < (1.5 if procedure == MEDIAL_BRANCH else 0.75)
        assert values_at(patient.regions, points[:1])[0] in {0, Region.SKIN, Region.FAT, Region.SOFT_TISSUE}
        if side is not None:
            middle = patient.spine.vertebra(level[:2]).frame.origin[0]
            assert (candidate.trajectory.entry[0] - middle) * side.sign > 0
        if procedure != INTERLAMINAR:
            assert (values_at(patient.regions, points) != Region.CANAL).all()
    assert first(plan_set).rank == 1


@pytest.mark.parametrize("level", INTERSPACES)
@pytest.mark.parametrize("side", list(Side))
def test_transforaminal_tip_lies_under_the_right_pedicle(patient: Patient, level: str, side: Side) -> None:
    best = first(planned(patient, TRANSFORAMINAL, level, side))
    upper = patient.spine.vertebra(level[:2])
    pedicle = upper.pedicles[side]
    across, _, up = upper.frame.to_local(best.trajectory.target) - upper.frame.to_local(pedicle.centre)
    assert -0.1 <= across * side.sign <= pedicle.width_mm / 2
    # The zone begins 1 mm under the pedicle, at L5 at its lowest point: so high the root is farther off.
    highest = 0.0 if level == "L5-S1" else 1.0
    assert -pedicle.height_mm / 2 - 6 <= up <= -pedicle.height_mm / 2 - highest + 0.1
    nearest = min(
        ((v.level, s) for v in patient.spine.vertebrae for s in v.foramina),
        key=lambda key: np.linalg.norm(
            np.array(patient.spine.vertebra(key[0]).foramina[key[1]]) - best.trajectory.target
        ),
    )
    assert nearest == (upper.level, side)


@pytest.mark.parametrize("level", NERVES)
@pytest.mark.parametrize("side", list(Side))
def test_medial_branch_tip_rests_on_the_bone_below_beside_its_process(
    patient: Patient, level: str, side: Side
) -> None:
    best = first(planned(patient, MEDIAL_BRANCH, level, side))
    bone = patient.spine.below(level)
    label = VERSE_LABELS[bone.level if isinstance(bone, Vertebra) else "sacrum"]
    target = np.array(best.trajectory.target)
    onward = target + np.array(best.trajectory.direction) * np.arange(0, 4, 0.25)[:, None]
    assert label in values_at(patient.levels, onward)
    process = np.array(bone.superior_articular_processes[side])
    across, _, up = bone.frame.to_local(target) - bone.frame.to_local(process)
    assert 0 < across * side.sign < 18
    assert -24 < up < 0


@pytest.mark.parametrize("level", INTERSPACES)
@pytest.mark.parametrize("side", [None, *Side])
def test_interlaminar_tip_lies_at_the_back_of_the_canal(
    patient: Patient, level: str, side: Side | None
) -> None:
    best = first(planned(patient, INTERLAMINAR, level, side))
    target = np.array(best.trajectory.target)
    ahead = target - np.array([0, 1, 0]) * np.arange(1, 4, 0.5)[:, None]
    assert (values_at(patient.regions, ahead) == Region.CANAL).all()
    # The phantom's canal holds the flavum, up to 6 mm thick: the tip lies at or in front of it. At L5-S1 the
    # canal bulges back between the laminae, and the tip stops 5.5 mm past the line through their edges.
    thick = 10.0 if level == "L5-S1" else 8.0
    behind = target + np.array([0, 1, 0]) * (thick + np.arange(0, 2, 0.5))[:, None]
    assert (values_at(patient.regions, behind) != Region.CANAL).all()
    upper = patient.spine.vertebra(level[:2])
    assert upper.canal_centre is not None
    assert target[2] < upper.canal_centre[2]
    assert abs(best.view.oblique_deg) <= (10 if side is None else 22)


@pytest.mark.parametrize(
    ("procedure", "level"), [(TRANSFORAMINAL, "L3-L4"), (MEDIAL_BRANCH, "L4"), (INTERLAMINAR, "L4-L5")]
)
def test_a_mirrored_patient_gets_the_mirrored_plan(
    patient: Patient, mirrored: Patient, procedure: str, level: str
) -> None:
    ours = first(planned(patient, procedure, level, Side.LEFT))
    theirs = first(planned(mirrored, procedure, level, Side.RIGHT))
    flip = np.array([-1, 1, 1])
    # Points of a zone are up to 2.5 mm apart, and two needles may be as good but for a hair.
    assert np.linalg.norm(np.array(ours.trajectory.target) * flip - theirs.trajectory.target) < 3.0
    assert ours.view.oblique_deg == pytest.approx(-theirs.view.oblique_deg, abs=6)
    assert ours.scores["total"] == pytest.approx(theirs.scores["total"], abs=0.05)


def test_plans_are_ranked_and_differ(patient: Patient) -> None:
    plans = planned(patient, TRANSFORAMINAL, "L3-L4", Side.LEFT).plans
    assert len(plans) == 5
    assert [candidate.rank for candidate in plans] == [1, 2, 3, 4, 5]
    totals = [candidate.scores["total"] for candidate in plans]
    assert totals == sorted(totals, reverse=True)
    for one, other in pairwise(plans):
        entries = np.linalg.norm(np.array(one.trajectory.entry) - other.trajectory.entry)
        targets = np.linalg.norm(np.array(one.trajectory.target) - other.trajectory.target)
        assert entries >= 10 or targets >= 4


def test_the_view_looks_down_the_needle(patient: Patient) -> None:
    best = first(planned(patient, TRANSFORAMINAL, "L4-L5", Side.LEFT))
    assert best.view.oblique_deg > 0
    along = beam_direction(best.view.oblique_deg, best.view.tilt_deg)
    np.testing.assert_allclose(along, best.trajectory.direction, atol=1e-6)


def test_plan_json_holds_the_contract(patient: Patient) -> None:
    document = plan_to_json(planned(patient, TRANSFORAMINAL, "L3-L4", Side.LEFT), {"software": "test"})
    assert json.loads(json.dumps(document)) == document
    assert document["schema"] == "procguide.plan/1"
    assert document["approved"] is None
    assert (document["level"], document["side"]) == ("L3-L4", "left")
    assert document["candidates"]["considered"] >= document["candidates"]["feasible"] > 0
    best = document["plans"][0]
    assert set(best) >= {
        *("rank", "entry_lps_mm", "target_lps_mm", "length_mm", "needle", "clearance_mm"),
        *("robustness", "view", "scores", "warnings"),
    }
    assert best["needle"]["length_mm"] >= best["length_mm"] + 10
    assert 0 <= best["robustness"]["p_violation"] <= 1


def test_what_is_not_segmented_is_said(patient: Patient) -> None:
    voxels = np.where(
        np.isin(patient.regions.voxels, [Region.KIDNEY, Region.AORTA]), 0, patient.regions.voxels
    )
    bare = replace(patient, regions=patient.regions.with_voxels(voxels))
    plan_set = plan(load_catalogue()[MEDIAL_BRANCH], level="L3", side=Side.LEFT, **inputs(bare))
    (unseen,) = [words for words in plan_set.warnings if words.startswith("not judged")]
    assert all(
        name in unseen for name in ("kidney", "aorta", "lung", "bowel", "vena cava", "smaller vessels")
    )
    assert {limit.origin for limit in plan_set.limits if limit.name == "aorta"} == {StructureOrigin.ABSENT}
    assert "kidney" not in first(plan_set).clearance_mm


def test_a_target_by_hand_is_met(patient: Patient) -> None:
    target = planned(patient, TRANSFORAMINAL, "L3-L4", Side.LEFT).plans[1].trajectory.target
    plan_set = plan(
        load_catalogue()[TRANSFORAMINAL], level="L3-L4", side=Side.LEFT, target=target, **inputs(patient)
    )
    assert plan_set.target_zone == (target,)
    assert {candidate.trajectory.target for candidate in plan_set.plans} == {target}


def test_a_target_on_the_other_side_is_refused(patient: Patient) -> None:
    target = planned(patient, TRANSFORAMINAL, "L3-L4", Side.LEFT).plans[0].trajectory.target
    with pytest.raises(UsageError, match="lies on the patient's left, but the side given is right"):
        plan(
            load_catalogue()[TRANSFORAMINAL], level="L3-L4", side=Side.RIGHT, target=target, **inputs(patient)
        )


def test_no_feasible_needle_names_the_limit_that_excluded_most(patient: Patient) -> None:
    """A target in the middle of a vertebral body cannot be reached without crossing bone."""
    target = patient.spine.vertebra("L4").frame.to_patient((3.0, 0.0, 0.0))
    plan_set = plan(
        load_catalogue()[TRANSFORAMINAL],
        level="L4-L5",
        side=Side.LEFT,
        target=vector(target),
        **inputs(patient),
    )
    assert plan_set.plans == ()
    assert plan_set.feasible == 0
    assert "bone (margin 0 mm) excluded most" in plan_set.reason
    assert plan_set.exclusions["bone"] == plan_set.considered


def test_a_limit_that_alone_stood_in_the_way_of_most_is_named_too(patient: Patient) -> None:
    case = build_case(load_catalogue()[INTERLAMINAR], level="L3-L4", side=None, **inputs(patient))
    explanation = Explanation(
        exclusions=(Exclusion("bone", 900, 3), Exclusion("entry from the midline", 500, 40)),
        considered=1000,
        feasible=0,
        efficient=0,
        tried=0,
    )
    reason = _reason(case, explanation, Choice((), 0, {}), "")
    assert reason.endswith(
        "of 1000 candidates, bone (margin 0 mm) excluded most (900); entry from the midline alone stood in "
        "the way of 40."
    )
    first = replace(explanation, exclusions=explanation.exclusions[:1])
    assert _reason(case, first, Choice((), 0, {}), "").endswith("excluded most (900).")


def test_too_short_a_needle_is_named(patient: Patient) -> None:
    procedure = load_catalogue()[INTERLAMINAR]
    short = procedure.model_copy(
        update={"needle": procedure.needle.model_copy(update={"lengths_mm": (30.0,)})}
    )
    plan_set = plan(short, level="L3-L4", side=None, **inputs(patient))
    assert not plan_set.plans
    assert "needle length excluded most" in plan_set.reason


def test_a_side_is_asked_for(patient: Patient) -> None:
    with pytest.raises(UsageError, match="needs a side"):
        plan(load_catalogue()[MEDIAL_BRANCH], level="L3", side=None, **inputs(patient))


def test_a_missing_landmark_is_named(patient: Patient) -> None:
    vertebrae = tuple(
        replace(vertebra, foramina={}) if vertebra.level == "L4" else vertebra
        for vertebra in patient.spine.vertebrae
    )
    broken = replace(patient, spine=replace(patient.spine, vertebrae=vertebrae))
    with pytest.raises(InputUnfitError, match="left foramen of L4 was not found"):
        plan(load_catalogue()[TRANSFORAMINAL], level="L4-L5", side=Side.LEFT, **inputs(broken))


def test_an_unanchored_spine_and_a_stopped_input_are_refused(patient: Patient) -> None:
    unanchored = replace(patient, spine=replace(patient.spine, anchor=Anchor.NONE))
    with pytest.raises(InputUnfitError, match="lowest-level"):
        plan(load_catalogue()[MEDIAL_BRANCH], level="L3", side=Side.LEFT, **inputs(unanchored))
    stop = Finding("gap", Severity.STOP, "slices are missing")
    with pytest.raises(InputUnfitError, match="slices are missing"):
        plan(load_catalogue()[MEDIAL_BRANCH], level="L3", side=Side.LEFT, findings=[stop], **inputs(patient))


def test_skin_from_ct_and_from_labels_agree_and_the_table_is_not_skin(patient: Patient) -> None:
    body = patient.regions.voxels > 0
    hounsfield = np.where(body, 40, -1000).astype(np.int16)
    spacing = patient.regions.spacing[1]
    back = int(np.flatnonzero(body.any(axis=(0, 2)))[-1])
    hounsfield = np.pad(hounsfield, ((0, 0), (0, 40), (0, 0)), constant_values=-1000)
    hounsfield[:, back + int(8 / spacing) : back + int(10 / spacing)] = 100
    image = Volume(hounsfield, patient.regions.affine, Modality.CT)
    procedure = load_catalogue()[INTERLAMINAR]
    arguments = inputs(patient) | {"image": image}
    from_ct = first(plan(procedure, level="L3-L4", side=None, **arguments))
    from_labels = first(planned(patient, INTERLAMINAR, "L3-L4", None))
    assert from_ct.trajectory.length_mm == pytest.approx(from_labels.trajectory.length_mm, abs=3)


def like_the_networks(patient: Patient, beside_mm: float, behind_mm: float) -> Patient:
    """Only what the networks label, and only on a lattice round the spine."""
    known = [Region.BODY, Region.DISC, Region.SACRUM, Region.CANAL, *POSTERIOR_ELEMENTS]
    regions = patient.regions.with_voxels(
        np.where(np.isin(patient.regions.voxels, known), patient.regions.voxels, 0)
    )
    points = patient.levels.to_patient(np.argwhere(patient.levels.voxels > 0))
    middle = patient.spine.vertebra("L4").frame.origin[0]
    low, high = points.min(axis=0) - 5, points.max(axis=0) + 5
    low[0], high[0], high[1] = middle - beside_mm, middle + beside_mm, points[:, 1].max() + behind_mm
    start, stop = patient.levels.to_index(low), patient.levels.to_index(high)
    k, j, i = ((int(a), int(b)) for a, b in zip(start, stop, strict=True))
    window = (k[0], j[0], i[0]), (k[1], j[1], i[1])
    return replace(patient, levels=patient.levels.crop(*window), regions=regions.crop(*window))


@pytest.mark.parametrize(("procedure", "level"), [(TRANSFORAMINAL, "L3-L4"), (MEDIAL_BRANCH, "L4")])
def test_labels_that_end_before_the_skin_do_not_change_the_plan(
    patient: Patient, procedure: str, level: str
) -> None:
    body = patient.regions.voxels > 0
    hounsfield = np.where(body, np.where(patient.levels.voxels > 0, 400, 40), -1000).astype(np.int16)
    image = Volume(hounsfield, patient.regions.affine, Modality.CT)
    wide, narrow = (like_the_networks(patient, *size) for size in ((120.0, 90.0), (55.0, 2.0)))
    far, near = (
        plan(load_catalogue()[procedure], level=level, side=Side.LEFT, **inputs(labelled) | {"image": image})
        for labelled in (wide, narrow)
    )
    best, same = first(near), first(far)
    assert not narrow.levels.grid.contains(best.trajectory.entry)
    assert near.considered == far.considered
    np.testing.assert_allclose(best.trajectory.entry, same.trajectory.entry, atol=0.5)
    for name, clearance in best.clearance_mm.items():
        assert clearance == pytest.approx(same.clearance_mm[name], abs=0.6)
        assert clearance <= same.clearance_mm[name] + 0.05


def test_labels_without_skin_need_the_image(patient: Patient) -> None:
    with pytest.raises(InputUnfitError, match="do not show the skin"):
        plan(
            load_catalogue()[MEDIAL_BRANCH],
            level="L4",
            side=Side.LEFT,
            **inputs(like_the_networks(patient, 90.0, 35.0)),
        )


def test_what_only_the_exact_check_refuses_is_named(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("procguide.planning.assess.exact_clearance", lambda *_: 0.0)
    plan_set = plan(load_catalogue()[MEDIAL_BRANCH], level="L4", side=Side.LEFT, **inputs(patient))
    assert plan_set.plans == ()
    assert plan_set.feasible > 0
    assert "tried the exact check; " in plan_set.reason
    assert re.search(r"(bone|dura|nerve root|foramen) \(margin \d mm\) refused most", plan_set.reason)


@pytest.mark.parametrize(("procedure", "level", "side"), CASES)
def test_the_first_plan_is_not_clearly_riskier_than_the_second(
    patient: Patient, procedure: str, level: str, side: Side | None
) -> None:
    plans = planned(patient, procedure, level, side).plans
    # Ranks weigh robustness with the rest: rank 1 may give up some of it, not much.
    assert plans
    assert all(plans[0].robustness.p_violation <= one.robustness.p_violation + 0.16 for one in plans[1:2])


def test_the_scene_is_there_for_pictures(patient: Patient) -> None:
    scene = build_case(
        load_catalogue()[TRANSFORAMINAL], level="L4-L5", side=Side.LEFT, **inputs(patient)
    ).scene
    sac = scene.structures["dura"].mask
    assert sac is not None
    assert (scene.labels.regions.voxels[sac] == Region.CANAL).all()
    assert sac.sum() < (scene.labels.regions.voxels == Region.CANAL).sum()
    assert [tube.name for tube in scene.structures["nerve_root"].tubes] == ["L4 root left"]


def test_an_island_of_canal_is_not_dura(patient: Patient) -> None:
    """Seen on a real CT: a few voxels of canal beside the transverse process forbade every good needle."""
    best = first(planned(patient, MEDIAL_BRANCH, "L4", Side.LEFT)).trajectory
    beside = np.array(best.target) - 10 * np.array(best.direction) + (2.0, 0, 0)
    voxels = patient.regions.voxels.copy()
    voxels[tuple(np.round(patient.regions.to_index(beside)).astype(int))] = Region.CANAL
    specked = replace(patient, regions=patient.regions.with_voxels(voxels))
    plan_set = plan(load_catalogue()[MEDIAL_BRANCH], level="L4", side=Side.LEFT, **inputs(specked))
    assert first(plan_set).trajectory.target == best.target


def test_progress_is_told(patient: Patient) -> None:
    told: list[tuple[str, float]] = []
    plan(
        load_catalogue()[MEDIAL_BRANCH],
        level="L3",
        side=Side.LEFT,
        progress=lambda step, fraction: told.append((step, fraction)),
        **inputs(patient),
    )
    assert [fraction for _, fraction in told] == sorted(fraction for _, fraction in told)
    assert told[-1][1] == 1.0
