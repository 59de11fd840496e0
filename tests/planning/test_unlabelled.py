from __future__ import annotations

import numpy as np
import pytest

from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.planning.structures.unlabelled import rind, unlabelled_bone

SHAPE = (24, 40, 40)


def scene(modality: Modality = Modality.CT) -> tuple[Volume, np.ndarray, LabelMap]:
    """A labelled block of bone whose label is a voxel short, and a far one without a label; 1 mm voxels."""
    voxels = np.full(SHAPE, 40, np.int16)
    voxels[8:16, 5:15, 5:14] = 700
    voxels[8:16, 5:15, 14] = 450
    voxels[8:16, 5:15, 28:36] = 500
    voxels[2, 35, 35] = 900
    bone = np.zeros(SHAPE, bool)
    bone[8:16, 5:15, 5:14] = True
    affine = Affine.axis_aligned((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    return Volume(voxels, affine, modality), bone, LabelMap(np.zeros(SHAPE, np.uint8), affine)


def test_a_dense_block_without_a_label_counts_and_the_label_s_own_rim_does_not() -> None:
    image, bone, regions = scene()
    found = unlabelled_bone(image, bone, regions)
    assert found is not None
    assert found[8:16, 5:15, 28:36].all()
    assert found.sum() == 8 * 10 * 8, "neither the rim beside the label nor a speck"


def test_beside_a_label_only_what_is_dense_counts() -> None:
    image, bone, regions = scene()
    voxels = image.voxels.copy()
    voxels[8:16, 5:15, 14] = 800
    found = unlabelled_bone(Volume(voxels, image.affine, Modality.CT), bone, regions)
    assert found is not None
    assert found[8:16, 5:15, 14].all()
    assert found.sum() == 8 * 10 * 9


def test_what_has_a_rule_of_its_own_is_left_to_it() -> None:
    image, bone, regions = scene()
    voxels = regions.voxels.copy()
    voxels[8:16, 5:15, 28:36] = 18
    found = unlabelled_bone(image, bone, regions.with_voxels(voxels))
    assert found is not None
    assert not found.any()


def test_the_image_s_own_lattice_may_differ() -> None:
    image, bone, regions = scene()
    coarse = Volume(image.voxels[::2, ::2, ::2], image.affine @ Affine(np.diag([2.0, 2, 2, 1])), Modality.CT)
    found = unlabelled_bone(coarse, bone, regions)
    assert found is not None
    assert found[10:14, 7:13, 29:34].all()
    assert not found[:, :, 18:26].any()


@pytest.mark.parametrize("far_mm", [500.0])
def test_mri_and_an_image_elsewhere_say_nothing(far_mm: float) -> None:
    image, bone, regions = scene(Modality.MR)
    assert unlabelled_bone(image, bone, regions) is None
    away = Volume(image.voxels, Affine.axis_aligned((1.0, 1.0, 1.0), (far_mm, 0.0, 0.0)), Modality.CT)
    assert unlabelled_bone(away, bone, regions) is None


def test_a_label_that_stands_out_behind_dense_bone_is_its_rind() -> None:
    bone = np.zeros((3, 20, 3), bool)
    bone[:, 5:12] = True
    dense = np.zeros_like(bone)
    dense[0, 5:9] = True
    dense[1, 5:7] = True
    found = rind(bone, dense, 1.0)
    assert found[0].any(axis=1).nonzero()[0].tolist() == [9, 10, 11]
    # Five samples are more than a label stands out; in the last row nothing is dense.
    assert not found[1:].any()
