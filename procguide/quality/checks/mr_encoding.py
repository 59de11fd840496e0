"""MR: faults that are made in k-space: motion and ghosts, wrap-around, zero-filling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import LEAST_SIDE_MM, Planes, planes_of

__all__ = ["CHECKS"]

_BAND_PER_MM = (0.04, 0.30)
"""Where lines are compared: above the body's outline, below what a coarse matrix leaves out."""
_SMOOTH_LINES = 9
_TISSUE_ON_BORDER = 0.12
_DROP = 0.45
"""Log10 of power that the edge of what was measured falls by within a few lines, at least. Assumed."""


def _line_scatter(plane: NDArray[np.float32], step: float) -> float:
    """How unevenly neighbouring lines of k-space along axis 0 carry energy; log units."""
    from scipy import ndimage

    taper = np.hanning(plane.shape[0])[:, None] * np.hanning(plane.shape[1])[None]
    power = np.abs(np.fft.fft2((plane - plane.mean()) * taper)) ** 2
    across = np.abs(np.fft.fftfreq(plane.shape[1]))
    energy = np.log(power[:, across < 0.25].mean(axis=1) + 1e-9)
    frequency = np.fft.fftfreq(plane.shape[0], step)
    order = np.argsort(frequency)
    lines = energy[order]
    rest = lines - ndimage.median_filter(lines, _SMOOTH_LINES)
    within = np.abs(frequency[order])
    kept = rest[(within > _BAND_PER_MM[0]) & (within < _BAND_PER_MM[1])]
    return float(1.4826 * np.median(np.abs(kept))) if kept.size > 10 else float("nan")


def motion(examined: Examined) -> Score | None:
    """Unevenness of phase lines over that of readout samples."""
    planes, phase = planes_of(examined), examined.acquisition.phase_axis
    if phase not in ("ROW", "COL") or planes.least_side_mm < LEAST_SIDE_MM:
        return None
    if examined.acquisition.fat_suppressed:  # without fat, still anatomy looks as uneven as motion
        return None
    ratios = []
    for plane in planes.values:
        along = _line_scatter(plane, planes.pixel_mm[0]), _line_scatter(plane.T, planes.pixel_mm[1])
        ratios.append(np.log(along[0] / along[1]) if min(along) > 0 else np.nan)
    if not np.isfinite(ratios).any():
        return None
    signed = np.array(ratios) * (1 if phase == "COL" else -1)
    return Score(float(np.exp(np.nanmean(signed))), planes.whole(int(np.nanargmax(signed))))


def wrap_around(examined: Examined) -> Score | None:
    """How well opposite borders continue each other where tissue reaches them: 1 seamless, 0 not."""
    planes = planes_of(examined)
    scores = [max(_continued(plane), _continued(plane.T)) for plane in planes.values]
    found = np.array(scores)
    if not np.isfinite(found).any():
        return None
    return Score(float(np.median(found)), planes.whole(int(found.argmax())))


def _continued(plane: NDArray[np.float32]) -> float:
    """Of the borders across axis 0: share with tissue, times the difference of neighbours over theirs."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(plane, (0, 1.5))
    first, last = smooth[:2], smooth[-2:]
    dark, bright = np.percentile(plane, [2, 95])
    tissue = np.minimum(first[0], last[1]) > dark + _TISSUE_ON_BORDER * (bright - dark)
    share = float(tissue.mean())
    if share < 0.15:
        return 0.0
    across = np.abs(first[0] - last[1])[tissue].mean()
    within = (np.abs(first[0] - first[1]) + np.abs(last[0] - last[1]))[tissue].mean() / 2
    above, below = first[0][tissue], last[1][tissue]
    spread = float(above.std() * below.std())
    alike = float(np.mean((above - above.mean()) * (below - below.mean()))) / spread if spread > 0 else 0.0
    seamless = min(1.0, within / max(float(across), 1e-6))
    return float(seamless * min(1.0, 2 * share) * max(0.0, alike))


def interpolation(examined: Examined) -> Score | None:
    """The pixel that k-space was measured for, mm: the image's own over the share filled; 0 if it all is."""
    planes = planes_of(examined)
    if planes.least_side_mm < LEAST_SIDE_MM:
        return None
    effective = [step / _filled(planes, axis) for axis, step in enumerate(planes.pixel_mm)]
    worst = int(np.argmax(effective))
    step = planes.pixel_mm[worst]
    factor = effective[worst] / step
    return Score(effective[worst] if factor > _NOTABLE else 0.0, None, {"pixel": step, "factor": factor})


def _filled(planes: Planes, axis: int) -> float:
    """Share of k-space along one in-plane axis that holds signal or noise; 1 where no edge is seen."""
    values = planes.values if axis == 0 else planes.values.swapaxes(1, 2)
    count = values.shape[1]
    taper = np.hanning(count)[:, None]
    power = np.zeros(count)
    for plane in values:
        power += (np.abs(np.fft.fft((plane - plane.mean()) * taper, axis=0)) ** 2).mean(axis=1)
    half = np.log10(power[: count // 2] + power[-1 : -count // 2 - 1 : -1][: count // 2] + 1e-9)
    width = max(3, count // 40)
    places = np.arange(3 * width + count // 16, len(half) - width)
    if not len(places):
        return 1.0
    drops = np.array([half[p - width : p].mean() - half[p + 1 : p + 1 + width].mean() for p in places])
    slopes = np.array([half[p - 3 * width : p - width].mean() - half[p - width : p].mean() for p in places])
    sudden = drops - np.maximum(slopes, 0)
    best = int(sudden.argmax())
    return float(places[best]) / (count / 2) if sudden[best] > _DROP else 1.0


_NOTABLE = 1.2
"""Less of k-space left empty is its rounded corners, or the filter that scanners lay over its edge."""
_MR = frozenset({Kind.MR})
_CALIBRATED = "calibrated on phantoms: docs/quality.md"

CHECKS = (
    Check(
        "motion",
        _MR,
        "ratio",
        motion,
        Limits(1.8, None, Worse.ABOVE, _CALIBRATED),
        "The patient moved: phase lines are {value:.1f} times as uneven as readout samples.",
        "Edges may be doubled and shifted: repeat the series, with the patient at rest.",
        "No motion is seen ({value:.1f}).",
        "The phase axis is not said, fat is suppressed, or the image is too small.",
    ),
    Check(
        "wrap-around",
        _MR,
        "ratio",
        wrap_around,
        Limits(0.6, None, Worse.ABOVE, _CALIBRATED),
        "Tissue at one border goes on at the opposite one ({value:.2f}): the body is folded into the image.",
        "What lies outside is shown inside: ask for a larger field or oversampling along phase.",
        "Opposite borders do not continue each other ({value:.2f}).",
        "No tissue reaches the borders.",
    ),
    Check(
        "interpolation",
        _MR,
        "mm",
        interpolation,
        Limits(1.6, 3.0, Worse.ABOVE, _CALIBRATED),
        "Pixels of {pixel:.2f} mm are interpolated {factor:.1f}-fold: what was measured is {value:.1f} mm.",
        "Detail is not what the matrix promises: ask for a larger acquisition matrix.",
        "Pixels are hardly finer than what was measured (interpolated {factor:.1f}-fold).",
        "The image is too small to be judged.",
    ),
)
