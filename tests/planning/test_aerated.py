"""Lung told by its density in a block of tissue, with gas in bowel and air outside that are none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from procguide.anatomy import Region, Side
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.planning import Request, load_catalogue
from procguide.planning.site import LocalLabels, Site, find_site
from procguide.planning.skin import Body, body_from_ct
from procguide.planning.structures.aerated import aerated_lung, lung
from procguide.planning.structures.organs import COARSE_SPREAD_MM

if TYPE_CHECKING:
    from tests.planning.conftest import Patient

LUNG, GAS = np.s_[10:40, 30:60, 20:40], np.s_[10:20, 40:50, 60:70]


@pytest.fixture(scope="module")
def image() -> Volume:
    hounsfield = np.full((50, 100, 100), -1000, np.int16)
    hounsfield[:, 15:85, 10:90] = 40
    hounsfield[LUNG], hounsfield[GAS] = -820, -1000
    return Volume(hounsfield, Affine.axis_aligned(1.5, (0.0, 0.0, 0.0)), Modality.CT)


@pytest.fixture(scope="module")
def body(image: Volume) -> Body:
    return body_from_ct(image, (np.full(3, -50.0), np.full(3, 200.0)))


@pytest.fixture(scope="module")
def seen(image: Volume, body: Body) -> np.ndarray:
    found = aerated_lung(image, body, image.grid)
    assert found is not None
    return found


def test_lung_is_found_and_neither_gas_nor_the_air_outside(seen: np.ndarray) -> None:
    assert seen[LUNG].all()
    seen = seen.copy()
    seen[LUNG] = False
    assert not seen.any()


def test_without_lung_there_is_none(image: Volume, body: Body) -> None:
    solid = image.with_voxels(np.where(image.voxels == -820, 40, image.voxels).astype(np.int16))
    found = aerated_lung(solid, body, image.grid)
    assert found is not None
    assert not found.any()


def test_a_magnetic_resonance_image_says_nothing(image: Volume, body: Body) -> None:
    assert aerated_lung(replace(image, modality=Modality.MR), body, image.grid) is None


@pytest.fixture(scope="module")
def site(patient: Patient) -> Site:
    return find_site(Request(load_catalogue()["celiac_plexus_block"], "L1", Side.LEFT), patient.spine)


@pytest.fixture(scope="module")
def labels(patient: Patient) -> LocalLabels:
    voxels = np.zeros_like(patient.regions.voxels)
    voxels[:3] = Region.LUNG
    regions = patient.regions.with_voxels(voxels)
    return LocalLabels(patient.levels, regions, frozenset({int(Region.LUNG)}), coarse_organs=True)


def test_label_and_image_count_both(site: Site, labels: LocalLabels) -> None:
    aerated = np.zeros(labels.regions.shape, bool)
    aerated[2:6] = True
    solid = lung(site, replace(labels, aerated=aerated))
    assert solid is not None
    assert solid.mask is not None
    assert solid.mask.any(axis=(1, 2)).nonzero()[0].tolist() == [0, 1, 2, 3, 4, 5]
    assert solid.spread_mm < COARSE_SPREAD_MM[Region.LUNG]


def test_the_image_alone_is_enough(site: Site, labels: LocalLabels) -> None:
    bare = replace(labels, present=frozenset(), aerated=np.zeros(labels.regions.shape, bool))
    assert lung(site, bare) is not None
    assert lung(site, replace(bare, aerated=None)) is None


def test_without_an_image_the_coarse_label_is_uncertain(site: Site, labels: LocalLabels) -> None:
    solid = lung(site, labels)
    assert solid is not None
    assert solid.spread_mm == COARSE_SPREAD_MM[Region.LUNG]
