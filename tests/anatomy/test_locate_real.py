import numpy as np
import pytest

from procguide.anatomy import VERSE_LABELS, Anchor, Region, Side
from procguide.anatomy.locate import locate_spine
from procguide.imaging.files import read_labels
from procguide.imaging.resample import resample, working_grid

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def l3(real_data):
    """L3 of ct_l3_crop; its label map has no canal, so the ring has to give it."""
    folder = real_data / "ct_l3_crop"
    levels = read_labels(folder / "seg-vert_label-22_msk.nii.gz", {})
    parts = read_labels(folder / "seg-subreg_label-22_msk.nii.gz", {})
    regions = np.where(
        np.isin(parts.voxels, (49, 50)), Region.BODY, np.where(parts.voxels > 0, Region.ARCH, 0)
    )
    grid = working_grid(levels.grid, 1.5)
    levels = resample(levels, grid)
    regions = resample(parts.with_voxels(regions.astype(np.uint8)), grid)
    return (
        levels,
        parts,
        locate_spine(levels, regions, anchor=Anchor.USER, confidence={"L3": 1.0}).vertebra("L3"),
    )


def test_l3_has_both_pedicles_of_a_lumbar_size(l3):
    vertebra = l3[2]
    for side in Side:
        pedicle = vertebra.pedicles[side]
        x, y, _ = vertebra.frame.to_local(pedicle.centre)
        assert 8 < x * side.sign < 22
        assert 12 < y < 30
        assert 4 < pedicle.width_mm < 16
        assert 9 < pedicle.height_mm < 22


def test_transverse_tips_lie_in_the_labelled_transverse_process(l3):
    levels, parts, vertebra = l3
    of_l3 = levels.voxels == VERSE_LABELS["L3"]
    assert of_l3.any()
    for side, label in ((Side.LEFT, 43), (Side.RIGHT, 44)):
        process = parts.to_patient(np.argwhere(parts.voxels == label))
        gap = np.linalg.norm(process - vertebra.transverse_process_tips[side], axis=1).min()
        assert gap < 3


def test_the_spinous_tip_and_the_facets_lie_where_they_are_labelled(l3):
    _, parts, vertebra = l3
    spinous = parts.to_patient(np.argwhere(parts.voxels == 42))
    assert np.linalg.norm(spinous - vertebra.spinous_process_tip, axis=1).min() < 3
    for side, label in ((Side.LEFT, 47), (Side.RIGHT, 48)):
        inferior = parts.to_patient(np.argwhere(parts.voxels == label))
        assert np.linalg.norm(inferior - vertebra.facet_joints[side], axis=1).min() < 4
