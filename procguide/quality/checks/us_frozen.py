"""Whether an ultrasound stream still moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.sector import Sector, sector_of

__all__ = ["CHECKS", "STILL", "Stillness"]

STILL = "still frames"
"""What a live stream leaves in an examined frame's memory: how many frames in a row showed the same."""
_CELL = 4
"""Pixels along a side of the cells that frames are compared by: as large as a grain of speckle."""
_UNMOVED, _SHARE = 0.006, 0.99
"""Share of the cells that change by less than so much of white in a frozen picture, however it was recorded:
calibrated, docs/quality_2d.md."""
_FEWEST = 6


class Stillness:
    """Counts frames that show the same as the first of their row did, one stream long.

    Not to the last bit: a clock beside the sector, a video's compression and a frame grabber's noise change
    frozen pictures too. What drifts slowly leaves the first frame behind, and is not still.
    """

    def __init__(self) -> None:
        self._first: Sector | None = None
        self._count = 0

    def see(self, sector: Sector | None) -> int:
        """How many frames before this one, in a row, showed what it shows; None is a black frame."""
        if self._first is not None and sector is not None and _unmoved(self._first, sector):
            self._count += 1
        else:
            self._first, self._count = sector, 0
        return self._count


def _unmoved(first: Sector, now: Sector) -> bool:
    """By the first's place: the black that ends a sector may move it by a block, with noise in it."""
    if first.planar.shape != now.planar.shape:
        return False
    change = np.abs(_cells(first, first) - _cells(now, first))
    return bool((change < _UNMOVED).mean() >= _SHARE)


def _cells(sector: Sector, place: Sector) -> NDArray[np.float32]:
    planar = sector.planar
    top, left, bottom, right = (n // planar.factor for n in place.box)
    size = max(_CELL // planar.factor, 1)
    rows, columns = (bottom - top) // size, (right - left) // size
    part = planar.mean[top : top + rows * size, left : left + columns * size]
    cells = np.zeros((rows, columns), np.float32)
    for j in range(size):
        for i in range(size):
            cells += part[j::size, i::size]
    return cells / np.float32(size * size)


def _still(examined: Examined) -> Score | None:
    if STILL in examined.memory:
        return Score(float(examined.memory[STILL]))
    cine = examined.cine
    if cine is None or len(cine) < _FEWEST:
        return None
    stillness = Stillness()
    runs = [stillness.see(sector_of(frame)) for frame in cine]
    return Score(float(max(runs)), frame=int(np.argmax(runs)))


CHECKS = (
    Check(
        "frozen",
        frozenset((Kind.ULTRASOUND,)),
        "frames",
        _still,
        Limits(10.0, 60.0, Worse.ABOVE, "assumed: speckle changes with the least motion of hand or tissue"),
        "{value:.0f} frames in a row show the same: the picture is frozen.",
        "Unfreeze the machine; a needle must not be moved on a frozen picture.",
        "The picture moves.",
        "One frame does not say whether the picture moves.",
        live=True,
    ),
)
