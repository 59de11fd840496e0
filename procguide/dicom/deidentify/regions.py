"""Rectangles of pixels, and where an ultrasound image shows tissue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

__all__ = ["Box", "mask_of", "ultrasound_regions"]


@dataclass(frozen=True)
class Box:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, the last ones not included."""

    top: int
    left: int
    bottom: int
    right: int

    def grown(self, by: int) -> Box:
        """With a margin all round."""
        return Box(self.top - by, self.left - by, self.bottom + by, self.right + by)


def mask_of(boxes: Iterable[Box], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """``(j, i)`` True within any of ``boxes``."""
    mask = np.zeros(shape, dtype=bool)
    for box in boxes:
        mask[max(box.top, 0) : max(box.bottom, 0), max(box.left, 0) : max(box.right, 0)] = True
    return mask


def ultrasound_regions(dataset: Dataset) -> tuple[Box, ...]:
    """Regions that hold scan data (PS3.3 C.8.5.5); none where the header has none that can be used."""
    found = []
    for item in dataset.get("SequenceOfUltrasoundRegions") or ():
        try:
            box = Box(
                int(item.RegionLocationMinY0),
                int(item.RegionLocationMinX0),
                int(item.RegionLocationMaxY1) + 1,
                int(item.RegionLocationMaxX1) + 1,
            )
        except (AttributeError, TypeError, ValueError):
            continue
        if 0 <= box.top < box.bottom and 0 <= box.left < box.right:
            found.append(box)
    return tuple(found)
