"""Organs round the spine, and bone that only the locator saw."""

import numpy as np

from procguide.anatomy import Region
from procguide.geometry import Affine
from procguide.imaging import Grid, Modality, Volume
from procguide.segmentation import TissueClass
from procguide.segmentation.classes import FINE_CLASSES, LOCATOR_CLASSES, ORGAN_CLASSES
from procguide.segmentation.inference import Prediction
from procguide.segmentation.network import NetworkSpec
from procguide.segmentation.surroundings import around, organs_from


def predicted(classes: np.ndarray, spacing: float, told: tuple[TissueClass, ...]) -> Prediction:
    grid = Grid(classes.shape, Affine.axis_aligned(spacing, (0, 0, 0)))
    spec = NetworkSpec("test", "0", spacing, 32, (8, 16), told)
    covered = np.ones(classes.shape, dtype=np.bool_)
    return Prediction(classes.astype(np.uint8), np.zeros(classes.shape, np.float32), grid, spec, covered)


def test_an_organ_must_be_large_enough_to_be_one() -> None:
    classes = np.zeros((40, 40, 40), dtype=np.uint8)
    classes[5:15, 5:12, 5:12] = TissueClass.KIDNEY  # 31 mL
    classes[30:33, 30:33, 30:33] = TissueClass.KIDNEY  # 1.7 mL
    classes[:, 20:24, 20:24] = TissueClass.AORTA
    image = Volume(np.zeros((4, 4, 4), np.int16), Affine.axis_aligned(40.0, (0, 0, 0)), Modality.CT)
    organs = organs_from(predicted(classes, 4.0, ORGAN_CLASSES), image)
    assert (organs.voxels == Region.KIDNEY).sum() == 490
    assert (organs.voxels == Region.AORTA).sum() == 640
    assert set(organs.present()) == {Region.KIDNEY, Region.AORTA}
    assert set(organs.names) == {
        Region.LUNG, Region.KIDNEY, Region.AORTA, Region.VENA_CAVA, Region.LIVER, Region.BOWEL,
    }  # fmt: skip


def test_bone_beyond_the_fine_windows_is_the_locators() -> None:
    coarse = np.zeros((20, 20, 20), dtype=np.uint8)
    coarse[:, :, 14:] = TissueClass.ILIUM
    coarse[:, :, :4] = TissueClass.BODY  # a hip joint that looks like a vertebra
    fine = np.zeros((50, 50, 50), dtype=np.uint8)
    fine[:, :, 20:30] = TissueClass.LAMINA
    near = predicted(fine, 1.2, FINE_CLASSES)
    assert near.covered is not None
    near.covered[:, :, :15] = False
    near.covered[:, :, 42:] = False
    merged = around(near, predicted(coarse, 3.0, LOCATOR_CLASSES))
    assert (merged[:46, :46, 44:48] == TissueClass.ILIUM).mean() > 0.95
    assert (merged[:, :, 36:42] == TissueClass.OTHER).all()  # the fine network looked, and saw none
    assert (merged[:, :, 20:30] == TissueClass.LAMINA).all()
    assert (merged[:, :, :15] == TissueClass.OTHER).all()


def test_a_sacrum_that_the_fine_windows_miss_is_the_locators() -> None:
    coarse = np.full((20, 20, 20), TissueClass.SACRUM, dtype=np.uint8)
    fine = np.zeros((50, 50, 50), dtype=np.uint8)
    fine[:, :, 20:30] = TissueClass.DISC
    merged = around(predicted(fine, 1.2, FINE_CLASSES), predicted(coarse, 3.0, LOCATOR_CLASSES))
    assert (merged[:46, :46, :20] == TissueClass.SACRUM).all()
    assert (merged[:, :, 20:30] == TissueClass.DISC).all()
