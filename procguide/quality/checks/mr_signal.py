"""MR: signal and contrast against noise, and shading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import LEAST_SIDE_MM, Planes, planes_of

__all__ = ["CHECKS"]

_WINDOW_MM, _SLOW_MM = 7.0, 2.0
_QUIET_SHARE = 15
"""Percentile of local variation in the body that is taken for noise: edges and texture lie above it."""
_COARSE_MM, _UNDER_SKIN_MM, _MOST = 4.0, 15.0, 6
_DARKEST = 0.003
"""Share of the brightest below which a logarithm says nothing. Assumed."""
_LEAST_SLOPE = 0.004
"""Of the log image, 1/mm: slopes that differ by less are alike. Assumed."""
_ROUNDS, _LEAST_PLACES = 25, 80


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
    """How many times brighter the coil makes one part of the body than another (3rd to 97th percentile).

    The field is the exponential of a quadratic whose slope follows the log image's own wherever that is
    smooth: tissues differ in steps, which a robust fit passes over. The 15 mm under the skin, where a
    surface coil is always brightest and no target lies, are left out.
    """
    planes = planes_of(examined)
    if planes.least_side_mm < LEAST_SIDE_MM:
        return None
    high = float(np.percentile(planes.values[:, ::4, ::4], 98))
    chosen = np.unique(np.linspace(0, len(planes.values) - 1, _MOST).round().astype(int))
    ratios = [found for n in chosen if (found := _field_range(planes, int(n), high)) is not None]
    return Score(float(np.median(ratios))) if ratios else None


def _field_range(planes: Planes, n: int, high: float) -> float | None:
    """The ratio in one plane; ``high`` is the series' 98th percentile."""
    from scipy import ndimage

    factor = [max(1, round(_COARSE_MM / step)) for step in planes.pixel_mm]
    steps = [size * step for size, step in zip(factor, planes.pixel_mm, strict=True)]
    coarse = ndimage.uniform_filter(planes.values[n], factor)[:: factor[0], :: factor[1]]
    deep = _deep(coarse, steps, high)
    smooth = ndimage.gaussian_filter(coarse, 0.5)
    inner = ndimage.binary_erosion(deep, iterations=2, border_value=1)
    fitted = inner & (smooth > 2 * _DARKEST * high)
    if fitted.sum() < _LEAST_PLACES:
        return None
    slopes = np.gradient(np.log(np.maximum(smooth, _DARKEST * high + 1e-6)), *steps)
    y, x = np.meshgrid(*(np.linspace(-1, 1, count) for count in coarse.shape), indexing="ij")
    half = [step * (count - 1) / 2 for step, count in zip(steps, coarse.shape, strict=True)]
    zero, one = np.zeros_like(y), np.ones_like(y)
    down = np.stack([one, zero, 2 * y, x, zero], axis=-1)[fitted] / half[0]
    across = np.stack([zero, one, zero, y, 2 * x], axis=-1)[fitted] / half[1]
    seen = np.concatenate([slopes[0][fitted], slopes[1][fitted]])
    field = np.stack([y, x, y * y, x * y, x * x], axis=-1) @ _robust_fit(np.concatenate([down, across]), seen)
    low, top = np.percentile(field[deep], [3, 97])
    return float(np.exp(top - low))


def _deep(coarse: NDArray[np.float32], steps: list[float], high: float) -> NDArray[np.bool_]:
    """Where the patient is, dark parts included, and 15 mm or more from the air."""
    from scipy import ndimage

    air = float(np.percentile(coarse, 3))
    limit = max(0.02 * high, 1.6 * air if air < 0.06 * high else 0.0)
    opened = ndimage.binary_opening(np.pad(coarse > limit, 2, mode="edge"))[2:-2, 2:-2]
    labels, count = ndimage.label(opened)
    if not count:
        return np.zeros(coarse.shape, np.bool_)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    body = ndimage.binary_fill_holes(labels == sizes.argmax())
    if body.all():
        return np.asarray(body)
    depth = ndimage.distance_transform_edt(np.pad(body, 1, mode="edge"), steps)[1:-1, 1:-1]
    return np.asarray(body & (depth > _UNDER_SKIN_MM))


def _robust_fit(rows: NDArray[np.float64], slopes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients by least squares, weighted again and again as Cauchy's distribution weighs outliers."""
    weight: NDArray[Any] = np.ones_like(slopes)
    found: NDArray[np.float64] = np.zeros(rows.shape[1])
    ridge = 1e-7 * len(slopes) * np.eye(rows.shape[1])
    for _ in range(_ROUNDS):
        weighed = rows * weight[:, None]
        found = np.asarray(np.linalg.solve(weighed.T @ rows + ridge, weighed.T @ slopes))
        rest = slopes - rows @ found
        scale = max(_LEAST_SLOPE, 0.5 * float(np.median(np.abs(rest))))
        weight = 1 / (1 + (rest / scale) ** 2)
    return found


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
        Limits(4.0, None, Worse.ABOVE, _CALIBRATED),
        "The coil makes one part of the body {value:.1f} times brighter than another.",
        "Segmentation may fail where it is dark: ask for the scanner's normalisation.",
        "Shading is moderate ({value:.1f}-fold).",
        "There is too little tissue in view, or the image is too small.",
    ),
)
