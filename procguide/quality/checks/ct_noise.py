"""CT: noise in homogeneous tissue, the kernel's sharpness, and detail that is blurred away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import Planes, planes_of

__all__ = ["CHECKS"]

_SOFT_HU = 160.0
"""Fat to contrast-filled organs: tissue in which bone plays no part."""
_DETAIL_MM = 0.85
"""Standard deviation of the smoothing that leaves detail of 2 mm (full width at half height)."""
_WINDOW_MM = 9.0
_QUIET_SHARE = 25
"""Percentile of local noise: windows over edges of organs lie above it."""
_PATCH = 32
_LEAST_PATCHES = 8


@dataclass(frozen=True)
class _Noise:
    detail_hu: float
    pixel_hu: float
    frequency: float
    worst: int


def _local_sd(residual: NDArray[np.float32], window: tuple[int, int]) -> NDArray[np.float32]:
    from scipy import ndimage

    mean = ndimage.uniform_filter(residual, window)
    return np.asarray(np.sqrt(np.maximum(ndimage.uniform_filter(residual**2, window) - mean**2, 0)))


def _homogeneous(planes: Planes, n: int) -> NDArray[np.bool_]:
    """Centres of windows that hold soft tissue only."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(planes.values[n], planes.pixels(2.5))
    soft = planes.body[n] & (np.abs(smooth) < _SOFT_HU)
    window = [max(3, round(size)) for size in planes.pixels(_WINDOW_MM)]
    return np.asarray(ndimage.minimum_filter(soft, window))


def _noise(examined: Examined) -> _Noise | None:
    from scipy import ndimage

    planes = planes_of(examined)
    detail, pixel, frequency = [], [], []
    window = tuple(max(3, round(size)) for size in planes.pixels(_WINDOW_MM))
    for n, plane in enumerate(planes.values):
        valid = _homogeneous(planes, n)
        if valid.sum() < 200:
            detail.append(np.nan)
            continue
        slow = ndimage.gaussian_filter(plane, planes.pixels(4.0))
        fine = ndimage.gaussian_filter(plane, planes.pixels(_DETAIL_MM)) - slow
        local = _local_sd(fine, (window[0], window[1]))
        detail.append(float(np.percentile(local[valid], _QUIET_SHARE)))
        rough = _local_sd(plane - slow, (window[0], window[1]))
        pixel.append(float(np.percentile(rough[valid], _QUIET_SHARE)))
        limit = float(np.percentile(rough[valid], 60))
        found = _frequency(plane - slow, planes, valid & (rough < limit))
        if np.isfinite(found):
            frequency.append(found)
    if not np.isfinite(detail).any():
        return None
    return _Noise(
        float(np.nanmedian(detail)),
        float(np.median(pixel)),
        float(np.median(frequency)) if frequency else np.nan,
        int(np.nanargmax(detail)),
    )


def _frequency(residual: NDArray[np.float32], planes: Planes, valid: NDArray[np.bool_]) -> float:
    """Mean frequency of the noise power spectrum, 1/mm, from patches centred on quiet tissue.

    The mean of the spectrum over frequency is how AAPM Task Group 233 (2019) sums up noise texture.
    """
    half = _PATCH // 2
    centres = np.argwhere(valid[half:-half, half:-half])[:: max(1, _PATCH**2 // 4)][:40]
    if len(centres) < _LEAST_PATCHES:
        return float("nan")
    patches = np.stack([residual[j : j + _PATCH, i : i + _PATCH] for j, i in centres])
    taper = np.outer(np.hanning(_PATCH), np.hanning(_PATCH))
    power = (np.abs(np.fft.fft2((patches - patches.mean((1, 2), keepdims=True)) * taper)) ** 2).mean(0)
    along = [np.fft.fftfreq(_PATCH, step) for step in planes.pixel_mm]
    radius = np.hypot(along[0][:, None], along[1][None])
    kept = radius > 0.1
    return float((power * radius)[kept].sum() / power[kept].sum())


def _found(examined: Examined) -> _Noise | None:
    noise: _Noise | None = examined.once("ct noise", _noise)
    return noise


def noise(examined: Examined) -> Score | None:
    """Standard deviation in HU of soft tissue, in detail of 2 mm, so that kernels can be compared."""
    found = _found(examined)
    if found is None:
        return None
    kernel = examined.acquisition.kernel or "unnamed"
    where = planes_of(examined).whole(found.worst)
    return Score(found.detail_hu, where, {"pixel": found.pixel_hu, "kernel": kernel})


def texture(examined: Examined) -> Score | None:
    """Mean frequency of the noise, 1/mm: high with kernels for bone and lung."""
    found = _found(examined)
    if found is None or not np.isfinite(found.frequency):
        return None
    kernel = examined.acquisition.kernel or "unnamed"
    return Score(found.frequency, None, {"pixel": found.pixel_hu, "kernel": kernel})


def edge_width(examined: Examined) -> Score | None:
    """Full width at half height of the blur at the skin, mm: the sharpest third of its edges."""
    from scipy import ndimage

    planes = planes_of(examined)
    widths = []
    for n, plane in enumerate(planes.values):
        rim = planes.body[n] ^ ndimage.binary_erosion(planes.body[n], iterations=2, border_value=1)
        rim = ndimage.binary_dilation(rim, iterations=2)
        slope = np.hypot(*np.gradient(plane, *planes.pixel_mm))
        steepest = ndimage.maximum_filter(slope, 5) == slope
        edge = rim & steepest & (slope > 50)
        if edge.sum() < 50:
            continue
        widths.append(2.3548 * 900.0 / (np.sqrt(2 * np.pi) * float(np.percentile(slope[edge], 67))))
    return Score(float(np.median(widths))) if widths else None


_CT = frozenset({Kind.CT})
_CALIBRATED = "calibrated on phantoms: docs/quality.md"

CHECKS = (
    Check(
        "noise",
        _CT,
        "HU",
        noise,
        Limits(17.5, 40.0, Worse.ABOVE, _CALIBRATED),
        "Noise in soft tissue is {value:.0f} HU in 2 mm detail ({pixel:.0f} HU a pixel, kernel {kernel}).",
        "Nerves, vessels and discs run together: use thicker slices, a smoother kernel or more dose.",
        "Noise in soft tissue is {value:.0f} HU in 2 mm detail ({pixel:.0f} HU a pixel).",
        "There is no homogeneous soft tissue to measure it in.",
    ),
    Check(
        "sharp kernel",
        _CT,
        "1/mm",
        texture,
        Limits(0.34, None, Worse.ABOVE, _CALIBRATED),
        "The kernel ({kernel}) is one for bone or lung: its noise is fine-grained ({value:.2f}/mm).",
        "Bone is shown well, soft tissue is not: plan on a standard kernel where there is one.",
        "The noise's grain is that of a standard kernel ({value:.2f}/mm).",
        "There is too little homogeneous soft tissue to see the noise's grain.",
    ),
    Check(
        "blur",
        _CT,
        "mm",
        edge_width,
        Limits(2.5, 5.0, Worse.ABOVE, _CALIBRATED),
        "Edges are {value:.1f} mm wide: facets, laminae and foramina run together.",
        "Ask for a sharper kernel and a smaller field of view, 1 mm pixels or less.",
        "Edges are {value:.1f} mm wide.",
        "The skin is not in view.",
    ),
)
