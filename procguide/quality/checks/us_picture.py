"""Shadow, focus, and what was drawn over the tissue of an ultrasound picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.checks.us_signal import without_contact
from procguide.quality.nouns import Box, Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planar import each_frame
from procguide.quality.sector import DEPTHS, LINES, Sector, sector_seen

__all__ = ["CHECKS"]

_US = frozenset((Kind.ULTRASOUND,))
_CALIBRATED = "calibrated: docs/quality_2d.md"
_CELL = 16
_APART = 2
"""Blocks from which differences are taken: a picture is some 400 to 700 blocks wide."""
_DRAWN = 7
"""Drawn pixels that make a cell of 16 x 16 one of writing: a caliper's arm has more."""


def _shadow(examined: Examined) -> Score | None:
    sector = sector_seen(examined)
    if sector is None or (touching := ~without_contact(sector)).mean() < 0.2:
        return None
    mask = _behind(sector) & touching
    return Score(100 * float(mask[:, touching].mean()), sector.to_pixels(mask))


def _behind(sector: Sector) -> NDArray[np.bool_]:
    """Cells below a bright reflector from where their line stays dark to the end."""
    from scipy.ndimage import maximum_filter1d, uniform_filter

    smooth = uniform_filter(sector.echoes, (5, 3))
    usual = np.median(smooth[round(0.05 * DEPTHS) : DEPTHS // 2], axis=0)
    lit = smooth > np.maximum(0.3 * usual, 0.03)
    last = DEPTHS - 1 - lit[::-1].argmax(axis=0)
    last = np.where(lit.any(axis=0), last, 0)
    peak = maximum_filter1d(sector.echoes, round(0.1 * DEPTHS) | 1, axis=0)
    at = np.clip(last - round(0.04 * DEPTHS), 0, DEPTHS - 1)
    struck = peak[at, np.arange(LINES)] > np.clip(1.7 * usual, 0.2, 0.7)
    struck &= (last > 0.06 * DEPTHS) & (last < 0.8 * DEPTHS)
    return np.asarray((np.arange(DEPTHS)[:, None] > last[None]) & struck[None])


def _smear(examined: Examined) -> Score | None:
    """How much wider the finest echoes are sideways than in depth, in pixels of the picture as shown."""
    sector = sector_seen(examined)
    if sector is None or sector.curved:
        return None
    top, left, bottom, right = (n // sector.planar.factor for n in sector.box)
    part = sector.planar.mean[top + (bottom - top) // 10 : bottom, left:right]
    if min(part.shape) < 60:
        return None
    widths = [_width(part), _width(part.T)]
    return None if min(widths) <= 0 else Score(widths[0] / widths[1])


def _width(part: NDArray[np.float32]) -> float:
    """Of the finest echoes along the second axis; 0 where there are too few.

    It is the root of the power of first over that of second differences: for speckle of a Gaussian beam it
    is in proportion to the beam's width. Long structures along the axis hardly add to either.
    """
    before, here, after = part[:, : -2 * _APART], part[:, _APART:-_APART], part[:, 2 * _APART :]
    used = here > max(0.06, float(np.median(part)))
    if used.sum() < 2000:
        return 0.0
    first, second = (after - before)[used], (after - 2 * here + before)[used]
    return float(np.sqrt((first**2).sum() / max(float((second**2).sum()), 1e-9)))


def _drawn(examined: Examined) -> Score | None:
    from procguide.quality._planar_kernels import count_strokes

    sector = sector_seen(examined)
    if sector is None:
        return None
    planar = sector.planar
    span = planar.high - planar.low
    if span <= 0:
        return None
    counts = count_strokes(planar.values, sector.box, planar.low + 0.62 * span, 0.42 * span, _CELL)
    cells = counts >= _DRAWN
    top, left, bottom, right = sector.box
    if planar.coloured is not None:
        colour = planar.coloured[top:bottom, left:right]
        if 0 < colour.mean() < 0.03:  # more is a flow overlay
            rows, columns = (n // _CELL * _CELL for n in colour.shape)
            blocks = colour[:rows, :columns].reshape(rows // _CELL, _CELL, columns // _CELL, _CELL)
            cells[: rows // _CELL, : columns // _CELL] |= blocks.sum(axis=(1, 3)) >= _DRAWN
    where = None
    if cells.any():
        j, i = np.nonzero(cells)
        where = Box(
            (top + int(j.min()) * _CELL, left + int(i.min()) * _CELL),
            (min(top + (int(j.max()) + 1) * _CELL, bottom), min(left + (int(i.max()) + 1) * _CELL, right)),
        )
    return Score(float(cells.sum()), where)


CHECKS = (
    Check(
        "shadow",
        _US,
        "%",
        lambda examined: each_frame(examined, _shadow),
        Limits(25.0, 70.0, Worse.ABOVE, _CALIBRATED),
        "{value:.0f} % of the picture lie in the shadow of bone or gas.",
        "Slide or tilt the probe until the target is beside the shadow: nothing is seen behind it.",
        "{value:.0f} % of the picture lie in a shadow.",
        live=True,
    ),
    Check(
        "focus",
        _US,
        "ratio",
        lambda examined: each_frame(examined, _smear),
        Limits(2.3, None, Worse.ABOVE, _CALIBRATED),
        "Echoes are smeared sideways: the beam is not focused at this depth.",
        "Set the focus to the target's depth; a higher frequency is finer, if it still reaches.",
        "Echoes are as fine as the beam lets them be.",
        "There are too few echoes to judge the focus by.",
        live=True,
    ),
    Check(
        "writing",
        _US,
        "cells",
        lambda examined: each_frame(examined, _drawn),
        Limits(1.0, None, Worse.ABOVE, _CALIBRATED),
        "Calipers or words are drawn over the tissue, in {value:.0f} places of 16 x 16 pixels.",
        "Clear the annotations on the machine: they hide tissue, and may name the patient.",
        "Nothing is drawn over the tissue.",
        live=True,
    ),
)
