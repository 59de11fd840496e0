"""What a coarse network labels of organs has a spread, and a plan's chances know it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from procguide.anatomy import Region, Side
from procguide.planning import Request, Subject, build_case, load_catalogue, plan
from procguide.planning.nouns import StructureOrigin
from procguide.planning.site import LocalLabels, Site, find_site
from procguide.planning.structures import BUILDERS
from procguide.planning.structures.organs import COARSE_SPREAD_MM
from procguide.planning.uncertainty import simulate

if TYPE_CHECKING:
    from tests.planning.conftest import Patient

CELIAC = load_catalogue()["celiac_plexus_block"]


@pytest.fixture(scope="module")
def site(patient: Patient) -> Site:
    return find_site(Request(CELIAC.at("L1"), "L1", Side.LEFT), patient.spine)


@pytest.fixture(scope="module")
def labels(patient: Patient) -> LocalLabels:
    """The patient's, with the fat beside the spine labelled kidney."""
    regions = patient.regions.with_voxels(
        np.where(patient.regions.voxels == Region.FAT, Region.KIDNEY, 0).astype(np.uint8)
    )
    return LocalLabels(patient.levels, regions, frozenset({int(Region.KIDNEY)}))


def test_only_a_coarse_label_has_a_spread(site: Site, labels: LocalLabels) -> None:
    exact = BUILDERS["kidney"](site, labels)
    coarse = BUILDERS["kidney"](site, replace(labels, coarse_organs=True))
    assert exact is not None
    assert coarse is not None
    assert (exact.spread_mm, coarse.spread_mm) == (0.0, COARSE_SPREAD_MM[Region.KIDNEY])
    assert coarse.origin is StructureOrigin.SEGMENTED
    assert np.array_equal(coarse.mask, exact.mask)


def test_what_nobody_labelled_is_not_judged(site: Site, labels: LocalLabels) -> None:
    assert BUILDERS["lung"](site, replace(labels, coarse_organs=True)) is None


def with_organs(patient: Patient, beside_mm: float = 45.0) -> Subject:
    """A kidney and an aorta are put where they usually lie beside and before L3."""
    points = patient.regions.to_patient(np.argwhere(patient.regions.voxels > 0))
    x, y, z = patient.spine.vertebra("L3").frame.to_local(points).T
    kidney = (x > beside_mm) & (x < 75) & (y < -5) & (y > -60) & (np.abs(z) < 40)
    aorta = (np.hypot(x, y + 35) < 8) & (np.abs(z) < 60)
    voxels = patient.regions.voxels.copy()
    inside = np.argwhere(voxels > 0)
    for region, where in ((Region.KIDNEY, kidney), (Region.AORTA, aorta)):
        voxels[tuple(inside[where].T)] = region
    return Subject(patient.spine, patient.levels, patient.regions.with_voxels(voxels))


def test_a_plan_on_coarse_labels_is_less_certain_and_says_why(patient: Patient) -> None:
    exact = with_organs(patient)
    coarse = replace(exact, coarse_organs=True)
    request = Request(load_catalogue()["lumbar_sympathetic_block"], "L3", Side.LEFT)
    best = plan(request, exact).plans[0]
    ends = np.array(best.trajectory.entry), np.array(best.trajectory.target)
    sure, unsure = (simulate(build_case(request, one).hazards, *ends) for one in (exact, coarse))
    assert unsure.by_structure["aorta"] > sure.by_structure["aorta"]
    assert unsure.p_violation > sure.p_violation
    said = [plan(request, one).warnings for one in (exact, coarse)]
    assert [any("labelled coarsely" in words for words in one) for one in said] == [False, True]


def test_needles_keep_farther_off_a_kidney_that_is_labelled_coarsely(patient: Patient) -> None:
    exact = with_organs(patient, beside_mm=34.0)
    request = Request(load_catalogue()["lumbar_sympathetic_block"], "L3", Side.LEFT)
    near, far = (
        min(one.clearance_mm["kidney"] for one in plan(request, replace(exact, coarse_organs=coarse)).plans)
        for coarse in (False, True)
    )
    assert near < 5 + COARSE_SPREAD_MM[Region.KIDNEY] <= far
