"""Two bones are parted in the cleft that a CT shows, not where labels say."""

from __future__ import annotations

import numpy as np
import pytest

from procguide.planning.zones.cleft import parted

SPACING = np.full(3, 1.2)
SHAPE = (14, 12, 26)
CLEFT = 12
"""Column of the cleft, one voxel wide."""


@pytest.fixture
def density() -> np.ndarray:
    """Two boxes of marrow in a cortex of one voxel, side by side in soft tissue."""
    image = np.full(SHAPE, 50.0, np.float32)
    for low, high in ((2, CLEFT), (CLEFT + 1, 23)):
        image[2:12, 2:10, low:high] = 900.0
        image[3:11, 3:9, low + 1 : high - 1] = 250.0
    return image


def box(low: int, high: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[2:12, 2:10, low:high] = True
    return mask


def test_a_label_that_reaches_across_the_cleft_is_cut_there(density: np.ndarray) -> None:
    first, second = parted(box(2, CLEFT + 2), box(CLEFT + 2, 23), ~box(2, 23), density, SPACING)
    assert first[:, :, :CLEFT].sum() == box(2, CLEFT).sum()
    assert second[:, :, CLEFT + 1 :].sum() == box(CLEFT + 1, 23).sum()
    assert not first[:, :, CLEFT + 1 :].any()
    assert not second[:, :, :CLEFT].any()


def test_bone_that_no_label_holds_goes_to_its_own_side_of_the_cleft(density: np.ndarray) -> None:
    seen = box(2, CLEFT - 2), box(CLEFT + 1, 23)
    first, second = parted(*seen, ~(seen[0] | seen[1]), density, SPACING)
    assert first[5, 5, 2:CLEFT].all()
    assert not second[:, :, :CLEFT].any()


def test_without_a_core_of_both_labels_they_stay(density: np.ndarray) -> None:
    thin = box(CLEFT + 1, CLEFT + 3)
    first, second = parted(box(2, CLEFT), thin, ~box(2, 23), density, SPACING)
    assert np.array_equal(first, box(2, CLEFT))
    assert np.array_equal(second, thin)
