"""Noise of X-ray pictures against their contrast, and how sharp their edges are."""

from __future__ import annotations

import numpy as np

from procguide.quality.checks.xray_exposure import field_of
from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planar import XrayField, each_frame

__all__ = ["CHECKS"]

_XRAYS = frozenset((Kind.FLUOROSCOPY, Kind.RADIOGRAPH))
_CALIBRATED = "calibrated: docs/quality_2d.md"
_REACH = 6
_FOUR = ("across", "along a falling diagonal", "up and down", "along a rising diagonal")


def _usable(field: XrayField) -> np.ndarray:
    return np.asarray(field.inner & (field.light > 0.02) & (field.light < 0.98))


def _sigma(field: XrayField) -> float:
    """Noise as a share of full brightness: the calmer third of the blocks, where there are no edges."""
    grain = field.planar.grain[_usable(field)]
    return float(np.percentile(grain, 33)) if len(grain) > 100 else float("nan")


def _noise(examined: Examined) -> Score | None:
    field = field_of(examined)
    if field is None or not np.isfinite(sigma := _sigma(field)):
        return None
    low, high = np.percentile(field.light[_usable(field)], (10, 90))
    return Score(100 * sigma / max(float(high - low), 0.02), None, {"sigma": 100 * sigma})


def _unsharp(examined: Examined) -> Score | None:
    """Pixels, of a picture 512 wide, that the sharpest edges take in the direction where they take most."""
    from procguide.quality._planar_kernels import acuity_histograms

    field = field_of(examined)
    if field is None:
        return None
    counts = acuity_histograms(np.ascontiguousarray(field.light), _usable(field), _REACH)
    if counts[:, 0].sum() < 4000:
        return None
    near, far = _height(counts[:, 0]), _height(counts[:, 1])
    noise = 2.6 * _sigma(field) / field.factor * np.sqrt(2 / 3)
    near = np.sqrt(np.maximum(near**2 - noise**2, 1e-10))
    if far.max() < 0.03:
        return None
    widths = far / near
    worst = int(np.argmax(np.where(far > 0.03, widths, 0)))
    return Score(float(widths[worst]), None, {"way": _FOUR[worst]})


def _height(counts: np.ndarray) -> np.ndarray:
    """The difference that 0.5 % of the pixels exceed, by direction."""
    beyond = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1] / counts.sum(axis=1, keepdims=True)
    return np.asarray([np.interp(-0.005, -row, np.arange(1024)) for row in beyond]) / 1023


CHECKS = (
    Check(
        "noise",
        _XRAYS,
        "% of the contrast",
        lambda examined: each_frame(examined, _noise),
        Limits(8.0, None, Worse.ABOVE, _CALIBRATED),
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
        Limits(4.0, None, Worse.ABOVE, _CALIBRATED),
        "The sharpest edges are blurred {way}: patient, table or C-arm moved while the picture was taken.",
        "Hold still and take it again; a shorter pulse blurs less.",
        "Edges are sharp.",
        "There are no edges in the field that blur could be judged by.",
        live=True,
    ),
)
