"""Whether the needle is in the plane of an ultrasound picture, where one is expected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Box, Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planar import each_frame
from procguide.quality.sector import Sector, sector_seen

__all__ = ["CHECKS"]

_WIDE = 200
_REACH = 3
_CLEAR = 0.3
"""A ridge this much brighter than what is above and below counts in full, and no more."""
_LENGTH = 0.4
"""Length of the line looked for, of the picture's width."""
_ANGLES_DEG = np.concatenate([np.arange(-56, -7, 2.0), np.arange(8, 57, 2.0)])
"""Flatter lines are fasciae, steeper needles reflect too little. Assumed."""
_STEEP_DEG, _FLAT_DEG, _DOUBT = 26.0, 10.0, 0.2
"""From which angle on a line is not doubted, up to which it is doubted most, and by how much its score is
lowered then: fasciae may be as straight and bright. On the calibration set."""


def _needle(examined: Examined) -> Score | None:
    """Of the best straight line, how much is a bright ridge, %."""
    if "needle" not in examined.task or (sector := sector_seen(examined)) is None or sector.curved:
        return None
    from procguide.quality._planar_kernels import line_strengths

    ridge = _ridges(sector)
    slopes, steepness = np.tan(np.radians(_ANGLES_DEG)), np.abs(_ANGLES_DEG)
    across = np.rint(_LENGTH * ridge.shape[1] * np.cos(np.radians(_ANGLES_DEG))).astype(np.int64)
    doubts = _DOUBT * np.clip((_STEEP_DEG - steepness) / (_STEEP_DEG - _FLAT_DEG), 0, 1)
    value, j, i, n = line_strengths(ridge, slopes, across, doubts)
    top, left, _, right = sector.box
    scale = (right - left) / ridge.shape[1]
    ends = sorted((j, j + round(slopes[n] * across[n])))
    low = (top + int(ends[0] * scale), left + int(i * scale))
    where = Box(low, (top + int((ends[1] + 1) * scale), left + int((i + across[n]) * scale)))
    return Score(max(100 * value, 0.0), where, {"angle": float(steepness[n])})


def _ridges(sector: Sector) -> NDArray[np.float32]:
    """How much brighter a pixel is than those above and below, 0..1, of a picture some ``_WIDE`` wide."""
    top, left, bottom, right = (n // sector.planar.factor for n in sector.box)
    part = sector.planar.mean[top:bottom, left:right]
    few = max(part.shape[1] // _WIDE, 1)
    rows, columns = (n // few * few for n in part.shape)
    small = part[:rows, :columns].reshape(rows // few, few, columns // few, few).mean(axis=(1, 3))
    ridge = np.zeros_like(small)
    around = np.maximum(small[: -2 * _REACH], small[2 * _REACH :])
    ridge[_REACH:-_REACH] = np.clip((small[_REACH:-_REACH] - around) / _CLEAR, 0, 1)
    ridge[: round(0.06 * len(ridge))] = 0
    return np.asarray(ridge, np.float32)


CHECKS = (
    Check(
        "needle in plane",
        frozenset((Kind.ULTRASOUND,)),
        "%",
        lambda examined: each_frame(examined, _needle, Worse.BELOW),
        Limits(55.0, None, Worse.BELOW, "calibrated: docs/quality_2d.md"),
        "No needle can be seen in the picture.",
        "Stop the needle. Slide or turn the probe until its whole shaft and tip are seen.",
        "A line like a needle is seen, {angle:.0f} degrees steep.",
        "No needle is expected in the picture.",
        needs=frozenset(("task",)),
        live=True,
    ),
)
