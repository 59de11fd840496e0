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
from procguide.segmentation.instances import Instances, separate, settled
from procguide.segmentation.naming import name_levels
from procguide.segmentation.network import NetworkSpec

SPACING = 2.0
SPEC = NetworkSpec("test", "0", SPACING, 32, (8, 16), LOCATOR_CLASSES)
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
    return Prediction(classes, offset, grid, SPEC)


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


def stack(bodies: list[tuple[int, int, int]], noise_mm: float = 0.0) -> Prediction:
    """Bodies alone: centre, half height and half width in voxels; neighbours may touch."""
    shape = (max(centre + half for centre, half, _ in bodies) + 4, 40, 60)
    classes = np.zeros(shape, dtype=np.uint8)
    offset = np.zeros(shape, dtype=np.float32)
    k = np.arange(shape[0])[:, None, None]
    for centre, half, wide in bodies:
        rows = slice(max(centre - half, 0), centre + half + 1)
        box = (rows, slice(5, 5 + 2 * wide), slice(30 - wide, 30 + wide))
        classes[box] = TissueClass.BODY
        offset[box] = np.broadcast_to((centre - k) * SPACING, shape)[box]
    offset += np.random.default_rng(1).normal(0, noise_mm, shape).astype(np.float32)
    grid = Grid(classes.shape, Affine.axis_aligned(SPACING, (0, 0, 0)))
    return Prediction(classes, offset, grid, SPEC)


def test_small_cervical_bodies_are_kept() -> None:
    """From lumbar bodies up to some of a twelfth of their volume."""
    halves = [(7, 11), (7, 11), (7, 11), (6, 10), (6, 9), (5, 8), (5, 7), (4, 6), (4, 5), (3, 5), (3, 5)]
    bodies, centre = [], 8
    for half, wide in halves:
        bodies.append((centre, half, wide))
        centre += 2 * half + 3
    assert separate(stack(bodies, noise_mm=2.0)).count == len(halves)


def test_fused_bodies_are_two() -> None:
    """A block vertebra: no disc between them, told apart by the votes alone."""
    instances = separate(stack([(10, 7, 11), (28, 8, 11), (45, 8, 11), (63, 7, 11)], noise_mm=3.0))
    assert instances.count == 4
    assert instances.labels[34, 15, 30] == 2
    assert instances.labels[39, 15, 30] == 3


def test_a_collapsed_body_is_one_between_its_neighbours() -> None:
    instances = separate(stack([(10, 7, 11), (26, 3, 11), (42, 7, 11), (60, 7, 11)], noise_mm=2.0))
    assert instances.count == 4
    assert instances.labels[26, 15, 30] == 2


def test_a_body_cut_by_the_field_is_still_one() -> None:
    instances = separate(stack([(2, 7, 11), (20, 7, 11), (38, 7, 11)]))
    assert instances.count == 3


def test_a_network_that_wavers_over_one_body_makes_one_vertebra() -> None:
    """Half of the votes point 8 mm too high, half as much too low."""
    prediction = stack([(10, 7, 11), (30, 8, 11), (50, 7, 11), (68, 7, 11)], noise_mm=4.0)
    offset = prediction.offset_mm.copy()
    offset[22:39, :, :30] += 8.0
    offset[22:39, :, 30:] -= 8.0
    wavering = Prediction(prediction.classes, offset, prediction.grid, prediction.model)
    assert separate(wavering).count == 4


def test_settled_merges_what_has_one_name_and_drops_the_sacrum() -> None:
    labels = np.array([[[0, 1, 2, 3, 4]]], dtype=np.uint8)
    instances = Instances(labels, (0.9, 0.8, 0.7, 0.6), (1.0, 2.0, 3.0, 4.0))
    found = settled(instances, ("sacrum", "L5", "L5", "L4"))
    assert found.labels.tolist() == [[[0, 0, 1, 1, 2]]]
    assert found.heights_mm == (2.0, 4.0)
