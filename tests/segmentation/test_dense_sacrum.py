"""The sacrum followed down by density, and its bones told apart from the ilium at the joint."""

from __future__ import annotations

import numpy as np
import pytest

from procguide.anatomy import SACRUM, VERSE_LABELS, Region
from procguide.geometry import Affine
from procguide.imaging import Grid, LabelMap, Modality, Volume
from procguide.segmentation import TissueClass
from procguide.segmentation.dense_sacrum import complete_sacrum, with_room_below
from procguide.segmentation.inference import Prediction
from procguide.segmentation.network import NetworkSpec
from procguide.segmentation.sacroiliac_cleft import parted_at_the_joint

SPACING = 1.2
SPEC = NetworkSpec("vertebrae", "0", SPACING, 16, (4, 8), tuple(TissueClass))
SHAPE = (110, 60, 60)
WINDOW = 60
"""The lowest section that the network looked at; the bone goes on to section 15, its canal to 30."""
BONE = (slice(20, 40), slice(15, 45))
CANAL = (slice(28, 33), slice(27, 33))


def sacrum(open_at: slice = slice(0)) -> tuple[Volume, Prediction]:
    """A block of 300 HU with a canal, open behind in some sections, labelled down to the window's end."""
    image = np.full(SHAPE, 40.0, dtype=np.float32)
    image[15:, *BONE] = 300.0
    image[open_at, 33:, 26:34] = 40.0
    image[30:, *CANAL] = 0.0
    classes = np.zeros(SHAPE, dtype=np.uint8)
    classes[WINDOW:, *BONE] = TissueClass.SACRUM
    classes[WINDOW + 5 :, *CANAL] = TissueClass.CANAL
    covered = np.zeros(SHAPE, dtype=bool)
    covered[WINDOW:] = True
    grid = Grid(SHAPE, Affine.axis_aligned(SPACING, (0, 0, 0)))
    volume = Volume(image, grid.affine, Modality.CT)
    return volume, Prediction(classes, np.zeros(SHAPE, np.float32), grid, SPEC, covered)


def test_sacrum_and_canal_go_on_below_the_window_as_far_as_the_ct_shows_them() -> None:
    volume, answer = sacrum()
    before = answer.classes.copy()
    classes = complete_sacrum(volume, answer)
    is_canal = (classes == TissueClass.CANAL).any(axis=(1, 2))
    assert abs(int(np.flatnonzero(is_canal)[0]) - 30) <= 1
    assert is_canal[31:].all()
    assert (classes[17:29, 22:38, 17:43] == TissueClass.SACRUM).all()
    assert (classes[32:, 29:32, 28:32] == TissueClass.CANAL).all()
    assert not classes[:13].any()
    outside = np.ones(SHAPE, dtype=bool)
    outside[:, *BONE] = False
    assert not classes[outside].any()
    assert np.array_equal(answer.classes, before)


@pytest.mark.parametrize("from_section", [44, 70])
def test_the_canal_is_followed_past_sections_that_are_open_behind(from_section: int) -> None:
    open_at = slice(from_section, from_section + 5)
    volume, answer = sacrum(open_at)
    classes = complete_sacrum(volume, answer)
    assert (classes[32:, 29:32, 28:32] == TissueClass.CANAL).all()
    assert not (classes[open_at, 35:] == TissueClass.CANAL).any()


def test_a_canal_that_stays_open_behind_has_ended() -> None:
    volume, answer = sacrum(slice(50))
    classes = complete_sacrum(volume, answer)
    is_canal = (classes == TissueClass.CANAL).any(axis=(1, 2))
    assert abs(int(np.flatnonzero(is_canal)[0]) - 50) <= 1


def test_what_another_class_holds_is_left() -> None:
    volume, answer = sacrum()
    answer.classes[20:50, 20:40, 38:45] = TissueClass.ILIUM
    classes = complete_sacrum(volume, answer)
    assert (classes[20:50, 20:40, 38:45] == TissueClass.ILIUM).all()
    assert (classes[20:28, 22:38, 17:37] == TissueClass.SACRUM).all()


@pytest.mark.parametrize("gone", [TissueClass.SACRUM, TissueClass.CANAL])
def test_without_a_sacrum_nothing_and_without_a_canal_none_is_made_up(gone: TissueClass) -> None:
    volume, answer = sacrum()
    answer.classes[answer.classes == gone] = TissueClass.OTHER
    classes = complete_sacrum(volume, answer)
    kinds = {int(one) for one in np.unique(classes[:WINDOW])}
    assert kinds == ({0} if gone is TissueClass.SACRUM else {0, int(TissueClass.SACRUM)})


def test_the_lattice_goes_on_below_the_sacrum_as_far_as_the_image() -> None:
    volume, answer = sacrum()
    upper = Prediction(
        answer.classes[50:],
        answer.offset_mm[50:],
        Grid((60, 60, 60), answer.grid.affine.shifted((50, 0, 0))),
        SPEC,
        answer.covered[50:] if answer.covered is not None else None,
    )
    roomy = with_room_below(volume, upper)
    rows = len(roomy.classes) - len(upper.classes)
    assert rows == round(45.0 / SPACING) - 10
    assert np.array_equal(roomy.classes[rows:], upper.classes)
    assert not roomy.classes[:rows].any()
    assert roomy.offset_mm.shape == roomy.classes.shape == roomy.grid.shape
    assert roomy.covered is not None
    assert not roomy.covered[:rows].any()
    point = roomy.grid.affine.apply([[rows + 3.0, 7.0, 8.0]])
    np.testing.assert_allclose(point, upper.grid.affine.apply([[3.0, 7.0, 8.0]]))
    short = Volume(volume.voxels[45:], volume.affine.shifted((45, 0, 0)), Modality.CT)
    assert len(with_room_below(short, upper).classes) - len(upper.classes) == 5


def joint(sacrum_to: int, ilium_from: int) -> tuple[Volume, LabelMap, LabelMap]:
    """Two bones with a cleft at i = 30 to 31, labelled up to and from the voxels given."""
    shape = (40, 40, 60)
    image = np.full(shape, 300.0, dtype=np.float32)
    image[..., 28:34] = 600.0
    image[..., 30:32] = 60.0
    image[:8], image[-8:], image[:, :8], image[:, -8:] = 40.0, 40.0, 40.0, 40.0
    affine = Affine.axis_aligned(SPACING, (0, 0, 0))
    regions, levels = np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=np.uint8)
    regions[8:-8, 8:-8, 5:sacrum_to], levels[8:-8, 8:-8, 5:sacrum_to] = Region.SACRUM, VERSE_LABELS[SACRUM]
    regions[8:-8, 8:-8, ilium_from:55] = Region.ILIUM
    return (
        Volume(image, affine, Modality.CT),
        LabelMap(levels, affine, Modality.OTHER),
        LabelMap(regions, affine, Modality.OTHER),
    )


@pytest.mark.parametrize("border", [28, 31, 34])
def test_labels_that_meet_in_a_bone_meet_in_the_cleft(border: int) -> None:
    volume, levels, regions = joint(border, border)
    found_levels, found = parted_at_the_joint(levels, regions, volume)
    inner = (slice(9, -9), slice(9, -9))
    assert (found.voxels[*inner, 5:30] == Region.SACRUM).all()
    assert (found.voxels[*inner, 32:55] == Region.ILIUM).all()
    assert np.array_equal(found.voxels > 0, regions.voxels > 0)
    assert np.array_equal(found_levels.voxels > 0, found.voxels == Region.SACRUM)


def test_one_bone_alone_or_far_from_the_other_stays() -> None:
    volume, levels, regions = joint(30, 40)
    far_levels, far = parted_at_the_joint(levels, regions, volume)
    assert np.array_equal(far.voxels, regions.voxels)
    assert np.array_equal(far_levels.voxels, levels.voxels)
    alone = regions.with_voxels(np.where(regions.voxels == Region.ILIUM, 0, regions.voxels))
    assert parted_at_the_joint(levels, alone, volume) == (levels, alone)
