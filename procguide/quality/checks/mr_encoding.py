"""MR: faults that are made in k-space: motion and ghosts, wrap-around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import LEAST_SIDE_MM, planes_of

__all__ = ["CHECKS"]

_BAND_PER_MM = (0.04, 0.30)
"""Where lines are compared: above the body's outline, below what a coarse matrix leaves out."""
_SMOOTH_LINES = 9
_TISSUE_ON_BORDER = 0.12


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
)
