"""C2 is told by its dens: a tall body, narrow at its top, no wider than a neck's."""

from __future__ import annotations

import numpy as np
import pytest

from procguide.segmentation.classes import TissueClass
from procguide.segmentation.instances import Instances
from procguide.segmentation.signs import read_signs

SPACING = 1.5


def column(width: int) -> tuple[np.ndarray, Instances]:
    """Three bodies, ``width`` voxels wide; the highest twice as tall, with a dens; the canal behind them."""
    classes = np.zeros((60, 40, 60), dtype=np.uint8)
    labels = np.zeros_like(classes)
    for number, (low, high) in enumerate(((5, 14), (16, 25), (27, 47)), start=1):
        for k in range(low, high):
            half = max(2, width // 2 - (4 if k >= 39 else 0))
            box = (k, slice(5, 5 + width), slice(30 - half, 30 + half))
            classes[box] = TissueClass.BODY
            labels[box] = number
    classes[:, 30:38, 25:35] = TissueClass.CANAL
    return classes, Instances(labels, (1.0,) * 3, (14.0, 30.0, 55.0))


@pytest.mark.parametrize(("width", "axis"), [(12, True), (19, False)])
def test_two_thoracic_bodies_taken_for_one_are_no_axis(width: int, axis: bool) -> None:
    """18 mm is C2's width; 28 mm was T1's, found as one body with C7 on a chest CT, which named all wrong."""
    classes, instances = column(width)
    assert read_signs(classes, instances, SPACING).axis is axis
