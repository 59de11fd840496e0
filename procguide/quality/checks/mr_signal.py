"""MR: signal and contrast against noise, and shading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import LEAST_SIDE_MM, planes_of

__all__ = ["CHECKS"]

_WINDOW_MM, _SLOW_MM = 7.0, 2.0
_QUIET_SHARE = 15
"""Percentile of local variation in the body that is taken for noise: edges and texture lie above it."""
_FIELD_MM = 20.0


@dataclass(frozen=True)
class _Signal:
    tissue: float
    contrast: float
    noise: float
    worst: int


def _measure(examined: Examined) -> _Signal | None:
    from scipy import ndimage

    planes = planes_of(examined)
    if planes.least_side_mm < LEAST_SIDE_MM:
        return None
    slow, window = planes.pixels(_SLOW_MM), [max(3, round(n)) for n in planes.pixels(_WINDOW_MM)]
    noises, tissues, contrasts = [], [], []
    for plane, body in zip(planes.values, planes.body, strict=True):
        inside = ndimage.minimum_filter(body, window)
        if inside.sum() < 200:
            noises.append(np.nan)
            continue
        rest = plane - ndimage.gaussian_filter(plane, slow)
        local = np.sqrt(np.maximum(ndimage.uniform_filter(rest**2, window), 0))
        signal = ndimage.gaussian_filter(plane, slow)[inside]
        noises.append(float(np.percentile(local[inside], _QUIET_SHARE)))
        tissues.append(float(np.median(signal)))
        low, high = np.percentile(signal, [10, 90])
        contrasts.append(float(high - low))
    if not tissues:
        return None
    noise = max(float(np.nanmedian(noises)), 1e-6)
    return _Signal(float(np.median(tissues)), float(np.median(contrasts)), noise, int(np.nanargmax(noises)))


def _signal(examined: Examined) -> _Signal | None:
    found: _Signal | None = examined.once("mr signal", _measure)
    return found


def signal_to_noise(examined: Examined) -> Score | None:
    """Median tissue over the variation of its quietest parts."""
    found = _signal(examined)
    if found is None:
        return None
    return Score(found.tissue / found.noise, planes_of(examined).whole(found.worst))


def contrast_to_noise(examined: Examined) -> Score | None:
    """From dark to bright tissue (10th to 90th percentile), over the same noise."""
    found = _signal(examined)
    return None if found is None else Score(found.contrast / found.noise)


def shading(examined: Examined) -> Score | None:
    """How many times brighter the brightest part of the body is than the darkest, over 20 mm."""
    from scipy import ndimage

    planes = planes_of(examined)
    ratios = []
    for plane, body in zip(planes.values, planes.body, strict=True):
        factor = [max(1, round(4.0 / step)) for step in planes.pixel_mm]
        small, inside = plane[:: factor[0], :: factor[1]], body[:: factor[0], :: factor[1]]
        if inside.sum() < 60:
            continue
        wide = [_FIELD_MM / step / n for step, n in zip(planes.pixel_mm, factor, strict=True)]
        weight = inside.astype(np.float32)
        logs = np.log(np.maximum(small, 0.02 * float(np.percentile(small[inside], 95)) + 1e-6)) * weight
        cover = ndimage.gaussian_filter(weight, wide)
        field = ndimage.gaussian_filter(logs, wide) / np.maximum(cover, 1e-3)
        low, high = np.percentile(field[inside], [3, 97])
        ratios.append(float(np.exp(high - low)))
    return Score(float(np.median(ratios))) if ratios else None


_MR = frozenset({Kind.MR})
_CALIBRATED = "calibrated on phantoms: docs/quality.md"

CHECKS = (
    Check(
        "signal to noise",
        _MR,
        "ratio",
        signal_to_noise,
        Limits(6.5, 3.5, Worse.BELOW, _CALIBRATED),
        "The image is noisy: signal is {value:.1f} times the noise.",
        "Ask for more averages, a coarser matrix or a coil nearer to the spine.",
        "Signal is {value:.0f} times the noise.",
        "There is too little tissue in view.",
    ),
    Check(
        "contrast to noise",
        _MR,
        "ratio",
        contrast_to_noise,
        Limits(5.5, 3.0, Worse.BELOW, _CALIBRATED),
        "Tissues differ by only {value:.1f} times the noise.",
        "Roots and fat run together: ask for more averages or another weighting.",
        "Tissues differ by {value:.0f} times the noise.",
        "There is too little tissue in view.",
    ),
    Check(
        "shading",
        _MR,
        "ratio",
        shading,
        Limits(3.9, None, Worse.ABOVE, _CALIBRATED),
        "One part of the body is {value:.0f} times brighter than another: the coil's field shows.",
        "Segmentation may fail where it is dark: ask for the scanner's normalisation.",
        "Shading is moderate ({value:.1f}-fold).",
        "There is too little tissue in view.",
    ),
)
