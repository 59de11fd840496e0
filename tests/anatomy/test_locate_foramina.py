"""Which holes of the sacrum's back are S1 to S3."""

from __future__ import annotations

import numpy as np
import pytest

from procguide.anatomy import Region, Side
from procguide.anatomy.locate_foramina import locate_foramina
from procguide.anatomy.locate_patch import Labels, Patch
from procguide.anatomy.locate_unrolled import Unrolled
from procguide.geometry import Affine, AnatomicalFrame
from procguide.imaging import LabelMap, Modality

HOLES = {26: 2.0, 48: 2.0, 68: 2.0, 84: 2.0}
"""Millimetres under the endplate, and radius: S1 to S4."""


def back(holes: dict[int, float]) -> Unrolled:
    """An even sacral back over a straight canal, with holes 16 mm off the midline on both sides."""
    frame = AnatomicalFrame.from_axes((0, 0, 0), (0, 0, 1), (1, 0, 0))
    labels = LabelMap(
        np.full((4, 4, 4), Region.SACRUM, np.uint8), Affine.axis_aligned(1.0, (0, 0, 0)), Modality.OTHER
    )
    patch = Patch.around(Labels(labels, labels), frame, (-2, -2, -2), (2, 2, 2))
    line = np.column_stack([np.zeros(110), np.zeros(110), -np.arange(110.0)])
    across = np.arange(-45.0, 45.1)
    dorsal = np.full((len(line), len(across)), 12.0)
    for station, radius in holes.items():
        off = np.hypot(np.arange(110.0)[:, None] - station, np.abs(across) - 16.0)
        dorsal[off <= radius] = 2.0
    straight = np.tile([0.0, 1.0, 0.0], (len(line), 1))
    return Unrolled(patch, line, line, straight, across, dorsal)


@pytest.mark.parametrize("widest", [26, 48, 68, 84])
def test_the_first_three_holes_are_s1_to_s3_whichever_is_widest(widest: int) -> None:
    found = locate_foramina(back(HOLES | {widest: 3.5}))
    for side in Side:
        heights = [-one.centre[2] for one in found[side].values()]
        assert all(one.seen for one in found[side].values())
        np.testing.assert_allclose(heights, [26, 48, 68], atol=1.5)
