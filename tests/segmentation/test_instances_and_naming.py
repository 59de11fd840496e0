"""Separating and naming vertebrae, on a column of boxes whose truth is known."""

import numpy as np
import pytest

from procguide.anatomy import Anchor
from procguide.errors import InputUnfitError
from procguide.geometry import Affine
from procguide.imaging import Grid
from procguide.segmentation import TissueClass
from procguide.segmentation.classes import LOCATOR_CLASSES
from procguide.segmentation.inference import Prediction
from procguide.segmentation.instances import separate
from procguide.segmentation.naming import name_levels
from procguide.segmentation.network import NetworkSpec

SPACING = 2.0
BODY_CENTRES = (40, 57, 74, 91)  # voxels along k: 34 mm apart


def column(*, sacrum: bool = True, cut_lowest: bool = False) -> Prediction:
    """Four bodies with an arch that hangs down behind the body below, over a sacrum."""
    shape = (110, 50, 40)
    classes = np.zeros(shape, dtype=np.uint8)
    offset = np.zeros(shape, dtype=np.float32)
    k = np.arange(shape[0])[:, None, None]
    for centre in BODY_CENTRES:
        for tissue, low, high, rows in (
            (TissueClass.BODY, centre - 6, centre + 7, slice(5, 20)),
            (TissueClass.ARCH, centre - 12, centre + 5, slice(20, 32)),
        ):
            classes[low:high, rows, 12:30] = tissue
            offset[low:high, rows, 12:30] = ((centre - k) * SPACING)[low:high]
    if sacrum:
        classes[8:31, 5:25, 8:34] = TissueClass.SACRUM
    if cut_lowest:
        classes, offset = classes[40:], offset[40:]
    grid = Grid(classes.shape, Affine.axis_aligned(SPACING, (0, 0, 0)))
    return Prediction(classes, offset, grid, NetworkSpec("test", "0", SPACING, 32, (8, 16), LOCATOR_CLASSES))


def test_each_vertebra_keeps_its_own_arch() -> None:
    prediction = column()
    instances = separate(prediction)
    assert instances.count == 4
    for number, centre in enumerate(BODY_CENTRES, start=1):
        assert instances.labels[centre, 10, 20] == number
        # The arch reaches down to the level of the disc below, and still belongs to its own body.
        assert instances.labels[centre - 11, 25, 20] == number


def test_votes_with_noise_still_separate() -> None:
    prediction = column()
    rng = np.random.default_rng(3)
    noisy = prediction.offset_mm + rng.normal(0, 5, prediction.offset_mm.shape).astype(np.float32)
    instances = separate(Prediction(prediction.classes, noisy, prediction.grid, prediction.model))
    assert instances.count == 4
    assert all(0.5 < share <= 1.0 for share in instances.sharpness)
    assert max(separate(prediction).sharpness) == 1.0


def test_a_stray_island_is_dropped() -> None:
    prediction = column()
    classes = prediction.classes.copy()
    classes[60:63, 44:48, 2:5] = TissueClass.ARCH
    labels = separate(Prediction(classes, prediction.offset_mm, prediction.grid, prediction.model)).labels
    assert labels[61, 45, 3] == 0
    assert labels[57, 10, 20] == 2


def test_nothing_gives_nothing() -> None:
    prediction = column()
    empty = Prediction(
        np.zeros_like(prediction.classes), prediction.offset_mm, prediction.grid, prediction.model
    )
    instances = separate(empty)
    assert instances.count == 0
    with pytest.raises(InputUnfitError, match="no vertebra"):
        name_levels(empty.classes, instances, SPACING)


def test_levels_count_up_from_the_sacrum() -> None:
    prediction = column()
    naming = name_levels(prediction.classes, separate(prediction), SPACING)
    assert naming.levels == ("L5", "L4", "L3", "L2")
    assert naming.anchor is Anchor.SACRUM
    assert min(naming.confidence.values()) > 0.85


def test_without_a_sacrum_the_user_is_asked() -> None:
    prediction = column(sacrum=False)
    with pytest.raises(InputUnfitError, match="--lowest-level"):
        name_levels(prediction.classes, separate(prediction), SPACING)


def test_the_user_names_the_lowest_whole_vertebra() -> None:
    prediction = column(sacrum=False)
    naming = name_levels(prediction.classes, separate(prediction), SPACING, "L2")
    assert naming.levels == ("L2", "L1", "T12", "T11")
    assert naming.anchor is Anchor.USER


def test_a_vertebra_cut_by_the_border_is_not_the_lowest_whole_one() -> None:
    prediction = column(sacrum=False, cut_lowest=True)
    naming = name_levels(prediction.classes, separate(prediction), SPACING, "L2")
    assert naming.levels == ("L3", "L2", "L1", "T12")


def test_a_contradiction_with_the_sacrum_is_said() -> None:
    prediction = column()
    naming = name_levels(prediction.classes, separate(prediction), SPACING, "T12")
    assert any(finding.name == "level anchor" for finding in naming.findings)


def test_a_rib_on_a_lumbar_vertebra_is_said() -> None:
    prediction = column()
    classes = prediction.classes.copy()
    classes[BODY_CENTRES[2] - 4 : BODY_CENTRES[2] + 4, 8:18, 30:40] = TissueClass.RIB
    naming = name_levels(classes, separate(prediction), SPACING)
    assert [finding.name for finding in naming.findings] == ["rib count"]
    assert naming.levels[0] == "L5"
