"""Requests that nothing can come of end in a sentence that says why, never in a crash or a bad needle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from procguide.anatomy import CANAL_CONTENT, VERSE_LABELS, Region, Side
from procguide.errors import InputUnfitError, UsageError
from procguide.geometry import Vector, vector
from procguide.planning import PlanSet, Procedure, Request, Subject, load_catalogue, plan

if TYPE_CHECKING:
    from tests.planning.conftest import Patient

CATALOGUE = load_catalogue()
NEAR_MM = 16.0


def side_for(procedure: Procedure) -> Side | None:
    return Side.LEFT if procedure.side == "required" else None


def subject(patient: Patient) -> Subject:
    return Subject(patient.spine, patient.levels, patient.regions)


def ask(patient: Patient, name: str, level: str, side: Side | None, target: Vector | None = None) -> PlanSet:
    return plan(Request(CATALOGUE[name], level, side, target), subject(patient))


def with_bone(patient: Patient, mask: np.ndarray, level: str) -> Patient:
    """The patient with more of a vertebra's lamina."""
    levels, regions = patient.levels.voxels.copy(), patient.regions.voxels.copy()
    levels[mask] = VERSE_LABELS[level]
    regions[mask] = Region.LAMINA
    return replace(
        patient, levels=patient.levels.with_voxels(levels), regions=patient.regions.with_voxels(regions)
    )


def about(patient: Patient, point: Vector, radius_mm: float) -> np.ndarray:
    """Voxels within a ball."""
    centre, spacing = patient.levels.to_index(point), patient.levels.spacing
    axes = np.ogrid[tuple(slice(size) for size in patient.levels.shape)]
    off = sum(((axis - middle) * step) ** 2 for axis, middle, step in zip(axes, centre, spacing, strict=True))
    return np.asarray(off < radius_mm**2)


def test_fused_laminae_leave_no_interlaminar_window(patient: Patient) -> None:
    canal = patient.regions.mask(*CANAL_CONTENT)
    size = canal.shape[1]
    behind = size - 1 - np.argmax(canal[:, ::-1], axis=1)
    at = np.arange(size)[None, :, None]
    plate = (at > behind[:, None]) & (at <= behind[:, None] + 6) & canal.any(axis=1)[:, None]
    middle = vector(patient.spine.vertebra("L3").inferior_endplate.centre)
    fused = with_bone(patient, plate & about(patient, middle, 60.0), "L3")
    result = ask(fused, "lumbar_interlaminar_esi", "L3-L4", None)
    assert result.plans == ()
    assert "no open window" in result.reason


def test_a_foramen_closed_by_bone_names_bone(patient: Patient) -> None:
    foramen = patient.spine.vertebra("L4").foramina[Side.LEFT]
    closed = with_bone(patient, about(patient, foramen, NEAR_MM), "L4")
    result = ask(closed, "transforaminal_esi_subpedicular", "L4-L5", Side.LEFT)
    assert result.plans == ()
    assert result.feasible == 0
    assert "bone" in result.reason


@pytest.mark.parametrize(
    ("name", "level", "side"),
    [
        ("lumbar_medial_branch_block", "L3", Side.LEFT),
        ("transforaminal_esi_subpedicular", "L3-L4", Side.RIGHT),
    ],
)
def test_too_short_a_needle_is_the_reason(patient: Patient, name: str, level: str, side: Side | None) -> None:
    needle = CATALOGUE[name].needle.model_copy(update={"lengths_mm": (25.0,)})
    short = CATALOGUE[name].model_copy(update={"needle": needle})
    result = plan(Request(short, level, side), subject(patient))
    assert result.plans == ()
    assert result.exclusions["needle length"] == result.considered
    assert "needle length" in result.reason


def test_an_organ_over_the_zone_is_the_reason(patient: Patient) -> None:
    """A kidney about the whole target: horseshoe, or wrong labels."""
    body = patient.spine.vertebra("L3")
    plate = body.superior_endplate
    side = body.frame.to_patient((plate.width_mm / 2, -plate.depth_mm / 2, 0))
    covered = patient.regions.voxels.copy()
    covered[about(patient, vector(side), 30.0) & ~patient.regions.mask(Region.BODY)] = Region.KIDNEY
    organ = replace(patient, regions=patient.regions.with_voxels(covered))
    result = ask(organ, "lumbar_sympathetic_block", "L3", Side.LEFT)
    assert result.plans == ()
    assert max(result.exclusions, key=lambda name: result.exclusions[name]) == "kidney"
    assert "kidney" in result.reason


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_level_out_of_view_is_unfit_input(patient: Patient, name: str) -> None:
    """Only the upper four vertebrae of the phantom are there: T8 to T11, and no sacrum."""
    procedure = CATALOGUE[name]
    few = replace(patient, spine=replace(patient.spine, vertebrae=patient.spine.vertebrae[:4], sacrum=None))
    with pytest.raises(InputUnfitError, match=r"not in view.*[Ll]oad images") as raised:
        ask(few, name, procedure.level.allowed[-1], side_for(procedure))
    assert raised.value.exit_code == 5


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_level_that_is_not_the_procedures_is_wrong_use(patient: Patient, name: str) -> None:
    with pytest.raises(UsageError, match="it takes"):
        ask(patient, name, "C1" if CATALOGUE[name].level.names != "interspace" else "C1-C2", Side.LEFT)


@pytest.mark.parametrize(
    "name", sorted(name for name, procedure in CATALOGUE.items() if procedure.side == "required")
)
def test_no_side_is_wrong_use(patient: Patient, name: str) -> None:
    with pytest.raises(UsageError, match="needs a side"):
        ask(patient, name, CATALOGUE[name].level.allowed[-1], None)


def test_an_entry_on_the_wrong_side_has_no_needle(patient: Patient) -> None:
    """60 mm to the right of the midline for a target on the left: no angle of the catalogue goes there."""
    right = patient.spine.vertebra("L4").frame.to_patient((-60.0, 90.0, 0.0))
    request = Request(CATALOGUE["transforaminal_esi_subpedicular"], "L4-L5", Side.LEFT, entry=vector(right))
    result = plan(request, subject(patient))
    assert result.plans == ()
    assert result.exclusions["angles of the approach"] == result.considered
    assert "angles of the approach" in result.reason


def test_labels_that_end_above_the_level_are_unfit_input(patient: Patient) -> None:
    """Landmarks below the labels: a spine of one study with the labels of another."""
    top = patient.levels.shape[0]
    start = round(0.75 * top)
    cut = replace(
        patient,
        levels=patient.levels.crop((start, 0, 0), patient.levels.shape),
        regions=patient.regions.crop((start, 0, 0), patient.regions.shape),
    )
    with pytest.raises(InputUnfitError):
        ask(cut, "lumbar_medial_branch_block", "L4", Side.LEFT)
