"""Whether the probe touches, the gain is right and the depth is used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planar import each_frame
from procguide.quality.sector import DEPTHS, LINES, Sector, sector_seen

__all__ = ["CHECKS", "without_contact"]

_US = frozenset((Kind.ULTRASOUND,))
_CALIBRATED = "calibrated: docs/quality_2d.md"
_NEAR = slice(round(0.1 * DEPTHS), round(0.4 * DEPTHS))
_BELOW = slice(round(0.1 * DEPTHS), DEPTHS)
_UPPER = slice(round(0.05 * DEPTHS), round(0.6 * DEPTHS))
_SHOWN = slice(round(0.05 * DEPTHS), round(0.4 * DEPTHS))
"""Where tissue is bright if anywhere: deeper there may be none."""


def without_contact(sector: Sector) -> NDArray[np.bool_]:
    """Lines that are dark from the probe down, while others are not; or all, where none has echoes."""
    from scipy.ndimage import median_filter

    near = sector.echoes[_NEAR].mean(axis=0)
    bright = float(np.percentile(near, 75))
    if bright < 0.02:
        return np.ones(LINES, bool)
    deep = sector.echoes[_BELOW].mean(axis=0)
    dark = (near < min(0.25 * bright, 0.05)) & (deep < 0.04)
    return np.asarray(median_filter(dark, 5, mode="nearest"))


def _contact(examined: Examined) -> Score | None:
    sector = sector_seen(examined)
    if sector is None:
        return Score(100.0, None, {"side": "all"})
    lost = without_contact(sector)
    mask = np.broadcast_to(lost, sector.echoes.shape)
    halves = lost[: LINES // 2].sum(), lost[LINES // 2 :].sum()
    side = "left" if halves[0] > 2 * halves[1] else "right" if halves[1] > 2 * halves[0] else "middle"
    return Score(100 * float(lost.mean()), sector.to_pixels(mask), {"side": side})


def _level(examined: Examined) -> Score | None:
    sector = sector_seen(examined)
    if sector is None:
        return Score(0.0)
    touching = ~without_contact(sector)
    if touching.mean() < 0.2:
        touching[:] = True
    return Score(100 * float(np.median(sector.echoes[_SHOWN][:, touching])))


def _full(examined: Examined) -> Score | None:
    sector = sector_seen(examined)
    if sector is None or (touching := ~without_contact(sector)).mean() < 0.2:
        return None
    bright = (sector.echoes > 0.7) & touching
    bright[: round(0.05 * DEPTHS)] = False
    return Score(100 * float(bright.sum() / (0.95 * DEPTHS * touching.sum())), sector.to_pixels(bright))


def _empty(examined: Examined) -> Score | None:
    """Share of the depth, from below, in which at most every tenth line has an echo."""
    sector = sector_seen(examined)
    if sector is None or (touching := ~without_contact(sector)).mean() < 0.2:
        return None
    level = np.percentile(sector.echoes[:, touching], 90, axis=1)
    signal = level > max(0.05, 0.15 * float(np.percentile(level[_UPPER], 75)))
    enough = np.convolve(signal, np.ones(7) / 7, mode="same") > 0.5
    last = int(np.flatnonzero(enough)[-1]) + 1 if enough.any() else 0
    mask = np.zeros(sector.echoes.shape, bool)
    mask[last:] = True
    depth = "" if sector.depth_mm is None else f", {sector.depth_mm * last / DEPTHS:.0f} mm down"
    return Score(100 * (1 - last / DEPTHS), sector.to_pixels(mask), {"depth": depth})


def _target(examined: Examined) -> Score | None:
    """How far from the middle of the depth the target's labels lie: 0 middle, 100 at either end."""
    sector = sector_seen(examined)
    if sector is None or examined.labels is None or sector.curved:
        return None
    rows = np.flatnonzero((examined.labels.voxels[0] > 0).any(axis=1))
    if not len(rows):
        return None
    top, _, bottom, _ = sector.box
    middle, lowest = (float(rows.mean()) - top) / (bottom - top), (float(rows[-1]) + 1 - top) / (bottom - top)
    deep = lowest > 0.97 or middle > 0.5
    value = 100.0 if lowest > 0.97 else 200 * abs(middle - 0.5)
    words = ("reaches the picture's lower end", "increase") if deep else ("lies close to the probe", "reduce")
    return Score(value, None, {"place": words[0], "do": words[1]})


CHECKS = (
    Check(
        "contact",
        _US,
        "%",
        lambda examined: each_frame(examined, _contact),
        Limits(15.0, 60.0, Worse.ABOVE, _CALIBRATED),
        "Over {value:.0f} % of its width ({side}) the probe has no contact: nothing comes back from below.",
        "Press evenly, rock the probe toward that side, and add gel.",
        "The probe has contact over its whole width.",
        live=True,
    ),
    Check(
        "gain too low",
        _US,
        "%",
        lambda examined: each_frame(examined, _level, Worse.BELOW),
        Limits(3.5, 0.8, Worse.BELOW, _CALIBRATED),
        "Tissue is shown at {value:.0f} % of white: too dark to tell structures apart.",
        "Turn the gain up; if it stays dark, use a lower frequency or more gel.",
        "Tissue is shown at {value:.0f} % of white.",
        live=True,
    ),
    Check(
        "gain too high",
        _US,
        "%",
        lambda examined: each_frame(examined, _full),
        Limits(9.0, 50.0, Worse.ABOVE, _CALIBRATED),
        "{value:.0f} % of the picture is close to white: structures and needle disappear in it.",
        "Turn the gain down, or the slider of the depth in question.",
        "{value:.0f} % of the picture is close to white.",
        live=True,
    ),
    Check(
        "empty depth",
        _US,
        "%",
        lambda examined: each_frame(examined, _empty),
        Limits(35.0, 75.0, Worse.ABOVE, _CALIBRATED),
        "The lowest {value:.0f} % of the picture show nothing{depth}.",
        "Reduce the depth until the target fills the picture; if it lies below, use a lower frequency.",
        "Echoes come from all but the lowest {value:.0f} % of the depth.",
        live=True,
    ),
    Check(
        "target depth",
        _US,
        "%",
        lambda examined: each_frame(examined, _target),
        Limits(75.0, None, Worse.ABOVE, "assumed"),
        "The target {place}.",
        "Change the depth: {do} it until the target lies in the middle third.",
        "The target lies within the picture's middle.",
        "No target is marked in the picture.",
        needs=frozenset(("labels",)),
    ),
)
