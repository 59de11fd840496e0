"""Whether the needle is in the plane of an ultrasound picture, where one is expected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Box, Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planar import each_frame
from procguide.quality.sector import Sector, sector_seen

__all__ = ["CHECKS"]

_WIDE = 200
_REACH = 5
_CLEAR = 0.3
"""A ridge this much brighter than what is above and below counts in full, and no more."""
_SHARE = 0.45
"""Length of the line looked for, of the picture's width."""
_STEEP_DEG = np.concatenate([np.arange(-56, -13, 2.0), np.arange(14, 57, 2.0)])
_FLAT_DEG = np.array([-13.0, -11.5, -10.0, -8.5, 8.5, 10.0, 11.5, 13.0])
"""Flatter lines are fasciae, steeper needles reflect too little. Assumed."""
_DOUBT = 15.0
"""What a flat line's score is lowered by: fasciae may be as straight and bright."""


def _needle(examined: Examined) -> Score | None:
    """Of the best straight line, how much is a bright ridge, %."""
    if "needle" not in examined.task or (sector := sector_seen(examined)) is None or sector.curved:
        return None
    from procguide.quality._planar_kernels import line_strengths

    ridge = _ridges(sector)
    across = round(_SHARE * ridge.shape[1])
    found = []
    for angles, doubt in ((_STEEP_DEG, 0.0), (_FLAT_DEG, _DOUBT)):
        best, j, i, slope = line_strengths(ridge, np.tan(np.radians(angles)), across)
        found.append((100 * best - doubt, j, i, slope))
    value, j, i, slope = max(found)
    top, left, _, right = sector.box
    scale = (right - left) / ridge.shape[1]
    ends = sorted((j, j + round(slope * across)))
    low = (top + int(ends[0] * scale), left + int(i * scale))
    where = Box(low, (top + int((ends[1] + 1) * scale), left + int((i + across) * scale)))
    return Score(max(value, 0.0), where, {"angle": abs(float(np.degrees(np.arctan(slope))))})


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
        Limits(50.0, None, Worse.BELOW, "calibrated: docs/quality_2d.md"),
        "No needle can be seen in the picture.",
        "Stop the needle. Slide or turn the probe until its whole shaft and tip are seen.",
        "A line like a needle is seen, {angle:.0f} degrees steep.",
        "No needle is expected in the picture.",
        needs=frozenset(("task",)),
        live=True,
    ),
)
