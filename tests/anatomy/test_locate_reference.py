"""Landmarks from a real CT's reference labels: ct_lumbar_3mm, which has no labelled canal."""

import numpy as np
import pytest

from procguide.anatomy import VERSE_LABELS, Anchor, Region, Side
from procguide.anatomy.locate import locate_spine
from procguide.imaging.files import read_labels
from procguide.imaging.resample import resample, working_grid

pytestmark = pytest.mark.real

LUMBAR = ("L1", "L2", "L3", "L4", "L5")
# TotalSegmentator v2: 26 is S1, 27 L5, upward to 33, T11.
TOTALSEGMENTATOR = {26: "sacrum"} | {27 + n: level for n, level in enumerate((*LUMBAR[::-1], "T12", "T11"))}


@pytest.fixture(scope="module")
def spine(real_data):
    folder = real_data / "ct_lumbar_3mm"
    numbers = read_labels(folder / "labels_totalseg_v2.nii.gz", {})
    parts = read_labels(folder / "labels_body_disc.nii.gz", {})
    table = np.zeros(256, dtype=np.uint8)
    for label, level in TOTALSEGMENTATOR.items():
        table[label] = VERSE_LABELS[level]
    levels = table[numbers.voxels]
    regions = np.where(levels > 0, Region.ARCH, 0).astype(np.uint8)
    regions[(levels > 0) & (parts.voxels == 1)] = Region.BODY
    regions[levels == VERSE_LABELS["sacrum"]] = Region.SACRUM
    regions[(parts.voxels == 2) & (levels == 0)] = Region.DISC
    grid = working_grid(numbers.grid, 1.5)
    return locate_spine(
        resample(numbers.with_voxels(levels), grid),
        resample(numbers.with_voxels(regions), grid),
        anchor=Anchor.SACRUM,
        confidence={},
    )


def test_every_level_in_view_is_found_in_order(spine):
    assert spine.levels[-6:] == ("T12", *LUMBAR)
    assert spine.sacrum is not None


@pytest.mark.parametrize("level", LUMBAR)
def test_frames_look_to_the_patients_left_and_up(spine, level):
    frame = spine.vertebra(level).frame
    assert frame.left[0] > 0.95
    assert frame.superior[2] > 0.8
    assert frame.posterior[1] > 0.8


@pytest.mark.parametrize("level", LUMBAR)
def test_each_pedicle_is_on_its_side_behind_the_body(spine, level):
    vertebra = spine.vertebra(level)
    for side in Side:
        pedicle = vertebra.pedicles[side]
        x, y, z = vertebra.frame.to_local(pedicle.centre)
        assert 9 < x * side.sign < 26
        assert 12 < y < 32
        assert -4 < z < 14
        # At 3 mm these labels merge the pedicles of L4 and L5 with what springs from them.
        assert 5 < pedicle.width_mm < 27
        assert 9 < pedicle.height_mm < 28


@pytest.mark.parametrize("level", LUMBAR[:-1])
def test_each_foramen_lies_under_its_pedicle(spine, level):
    vertebra = spine.vertebra(level)
    for side in Side:
        pedicle, foramen = vertebra.pedicles[side].centre, vertebra.foramina[side]
        off = np.subtract(vertebra.frame.to_local(foramen), vertebra.frame.to_local(pedicle))
        assert abs(off[0]) < 8
        assert abs(off[1]) < 12
        assert -26 < off[2] < -7


def test_discs_have_the_height_of_discs(spine):
    for upper, lower in zip(spine.vertebrae[-5:-1], spine.vertebrae[-4:], strict=True):
        gap = np.subtract(upper.inferior_endplate.centre, lower.superior_endplate.centre)
        assert 3 < np.linalg.norm(gap) < 18
        assert np.dot(upper.inferior_endplate.normal, lower.superior_endplate.normal) > np.cos(np.radians(25))


def test_bodies_have_the_size_of_lumbar_bodies(spine):
    for level in LUMBAR:
        plate = spine.vertebra(level).superior_endplate
        assert 38 < plate.width_mm < 68
        assert 26 < plate.depth_mm < 48


def test_no_foramen_of_l5_is_put_into_its_pedicle(spine):
    # These labels close L5-S1's foramina: none may be found, but none in bone.
    vertebra = spine.vertebra("L5")
    for side, foramen in vertebra.foramina.items():
        pedicle = vertebra.frame.to_local(vertebra.pedicles[side].centre)
        assert pedicle[2] - vertebra.frame.to_local(foramen)[2] > 6
