"""Noise of X-ray pictures against their contrast, and how sharp their edges are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.checks.xray_exposure import field_of
from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planar import XrayField, each_frame

__all__ = ["CHECKS"]

_XRAYS = frozenset((Kind.FLUOROSCOPY, Kind.RADIOGRAPH))
_CALIBRATED = "calibrated: docs/quality_2d.md"
_REACH = 10
_STRONG = 0.08
"""Change of brightness, of its full range, that makes an edge. Assumed."""
_FEWEST = 150
_FOUR = ("across", "along a falling diagonal", "up and down", "along a rising diagonal")


def _usable(field: XrayField) -> NDArray[np.bool_]:
    return np.asarray(field.inner & (field.light > 0.02) & (field.light < 0.98))


def _sigma(field: XrayField) -> float:
    """Noise as a share of full brightness: the calmer third of the blocks, where there are no edges."""
    grain = field.planar.grain[::2, ::2][_usable(field)[::2, ::2]]
    return float(np.percentile(grain, 33)) if len(grain) > 100 else float("nan")


def _noise(examined: Examined) -> Score | None:
    field = field_of(examined)
    if field is None or not np.isfinite(sigma := _sigma(field)):
        return None
    low, high = np.percentile(field.light[::2, ::2][_usable(field)[::2, ::2]], (10, 90))
    return Score(100 * sigma / max(float(high - low), 0.02), None, {"sigma": 100 * sigma})


def _unsharp(examined: Examined) -> Score | None:
    """Pixels, of a picture 512 wide, that the sharper edges take in the direction where they take most."""
    from procguide.quality._planar_kernels import edge_widths

    field = field_of(examined)
    if field is None or not np.isfinite(sigma := _sigma(field)):
        return None
    strong = max(_STRONG, 8 * sigma / field.factor)
    counts = edge_widths(np.ascontiguousarray(field.light), _usable(field), _REACH, strong)
    enough = counts.sum(axis=1) >= _FEWEST
    if enough.sum() < 2:
        return None
    widths = np.where(enough, [_sharper(row) for row in counts], 0.0)
    worst = int(np.argmax(widths))
    return Score(float(widths[worst]), None, {"way": _FOUR[worst]})


def _sharper(counts: NDArray[np.int64]) -> float:
    """The width that a tenth of the edges are sharper than."""
    total = np.cumsum(counts)
    return float(np.searchsorted(total, 0.1 * total[-1])) / 10 if total[-1] else 0.0


CHECKS = (
    Check(
        "noise",
        _XRAYS,
        "% of the contrast",
        lambda examined: each_frame(examined, _noise),
        Limits(3.0, 8.0, Worse.ABOVE, _CALIBRATED),
        "Noise is {value:.0f} % of the picture's contrast: fine bone edges and thin needles drown in it.",
        "Raise the dose or the pulse width, average frames, or collimate.",
        "Noise is {value:.1f} % of the picture's contrast.",
        live=True,
    ),
    Check(
        "motion blur",
        _XRAYS,
        "px of 512",
        lambda examined: each_frame(examined, _unsharp),
        Limits(3.0, None, Worse.ABOVE, _CALIBRATED),
        "The sharpest edges are blurred {way}: patient, table or C-arm moved while the picture was taken.",
        "Hold still and take it again; a shorter pulse blurs less.",
        "Edges are sharp.",
        "There are no edges in the field that blur could be judged by.",
        live=True,
    ),
)
