"""A coarse label of a vessel gives way to fat that a CT shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from procguide.anatomy import Region
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.planning.structures.vessels import vessels_off_fat

AFFINE = Affine(np.array([[0, 0, 1.2, 0], [0, 1.2, 0, 0], [1.2, 0, 0, 0], [0, 0, 0, 1.0]]))


@pytest.fixture
def ct() -> Volume:
    """Blood to column 10, fat beyond, with noise."""
    noise = np.random.default_rng(0).normal(0, 25, (16, 16, 24))
    voxels = np.where(np.arange(24) < 10, 40, -100) + noise
    return Volume(voxels.astype(np.float32), AFFINE, Modality.CT)


def labelled(region: Region) -> LabelMap:
    voxels = np.zeros((16, 16, 24), np.uint8)
    voxels[:, :, 4:14] = region
    return LabelMap(voxels, AFFINE, names={int(region): region.label})


@pytest.mark.parametrize("vessel", [Region.AORTA, Region.VENA_CAVA])
def test_the_label_ends_where_fat_begins(ct: Volume, vessel: Region) -> None:
    kept = vessels_off_fat(ct, labelled(vessel)).mask(vessel)
    assert kept[:, :, 4:9].mean() > 0.99
    assert kept[:, :, 11:].mean() < 0.01


def test_other_organs_and_other_images_keep_their_labels(ct: Volume) -> None:
    kidney, cava = labelled(Region.KIDNEY), labelled(Region.VENA_CAVA)
    assert np.array_equal(vessels_off_fat(ct, kidney).voxels, kidney.voxels)
    assert np.array_equal(vessels_off_fat(replace(ct, modality=Modality.MR), cava).voxels, cava.voxels)
