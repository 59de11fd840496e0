"""MR: edges doubled by a patient who shifted for good while the image was measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.gibbs.native import sampling_of
from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import LEAST_SIDE_MM, Planes, planes_of

__all__ = ["CHECKS"]

_BAND_PER_MM = (0.1, 0.3)
"""Phase lines that are compared: measured apart in time from the middle ones, and still above the noise."""
_APART_MM = (2.5, 12.0)
"""Displacements that are looked for: fewer are within the blur, more is as far as bones' own two walls."""
_SMOOTH = 3.0
_BOUND = 4.0
"""Log power further from its surroundings than this is cut: lines that hold nothing say nothing."""
_MOST = 8
_LEAST_PLACES = 500


def jolt(examined: Examined) -> Score | None:
    """How far one displacement stands out among the echoes of fine detail, in standard deviations.

    Lines of k-space measured before and after a shift add up, in a magnitude image, to two copies at a
    displacement: the log of their power has ripples, and its transform (the power cepstrum: Bogert, Healy
    and Tukey 1963) a peak at the displacement. No anatomy repeats itself so exactly. Of each slice the
    highest peak counts, with phase along either axis; of the slices, the middle one.
    """
    planes = planes_of(examined)
    if planes.least_side_mm < LEAST_SIDE_MM or _measured_to(planes) < _BAND_PER_MM[1]:
        return None
    chosen = np.unique(np.linspace(0, len(planes.values) - 1, _MOST).round().astype(int))
    peaks = [max(found) for n in chosen if (found := _peaks(planes, int(n)))]
    if not peaks:
        return None
    middle = sorted(peaks)[len(peaks) // 2]
    worst = int(chosen[int(np.argmax([peak for peak, _ in peaks]))])
    return Score(middle[0], planes.whole(worst), {"apart": middle[1]})


def _measured_to(planes: Planes) -> float:
    """The highest frequency that was measured along both axes, 1/mm: what is empty beyond has no echoes."""
    known = [sampling_of(planes.values, axis) for axis in (1, 2)]
    counts = zip(known, planes.values.shape[1:], planes.pixel_mm, strict=True)
    return min(float(0.5 * one.count / (shown * step)) for one, shown, step in counts)


def _peaks(planes: Planes, n: int) -> list[tuple[float, float]]:
    """The highest peak of one plane's cepstrum and its displacement in mm, phase along each axis."""
    plane, steps = planes.values[n], planes.pixel_mm
    frequency = [np.abs(np.fft.fftfreq(count, step)) for count, step in zip(plane.shape, steps, strict=True)]
    lag = [np.fft.fftfreq(count) * count * step for count, step in zip(plane.shape, steps, strict=True)]
    apart = np.hypot(lag[0][:, None], lag[1][None])
    near: NDArray[np.bool_] = (apart > _APART_MM[0]) & (apart < _APART_MM[1])
    taper = np.outer(*(np.hanning(count) for count in plane.shape))
    power = np.abs(np.fft.fft2((plane - plane.mean()) * taper)) ** 2
    found = []
    for phase in (0, 1):
        lines = (frequency[phase] > _BAND_PER_MM[0]) & (frequency[phase] < _BAND_PER_MM[1])
        samples = (frequency[1 - phase] > 0.02) & (frequency[1 - phase] < 0.35)
        held = np.outer(lines, samples) if phase == 0 else np.outer(samples, lines)
        if held.sum() < _LEAST_PLACES:
            continue
        echoes = np.fft.ifft2(_ripples(power, held)).real
        spread = float(echoes[apart > _APART_MM[1]].std())
        if spread > 0:
            place = int(np.where(near, echoes, -np.inf).argmax())
            found.append((float(echoes.flat[place]) / spread, float(apart.flat[place])))
    return found


def _ripples(power: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Log power where it is held, less its own smooth course; 0 elsewhere."""
    from scipy import ndimage

    level = np.where(held, np.log(power + 1e-9), 0.0)
    cover = ndimage.gaussian_filter(held.astype(np.float64), _SMOOTH, mode="wrap")
    course = ndimage.gaussian_filter(level, _SMOOTH, mode="wrap") / np.maximum(cover, 1e-6)
    return np.asarray(np.where(held, np.clip(level - course, -_BOUND, _BOUND), 0.0))


CHECKS = (
    Check(
        "sudden motion",
        frozenset({Kind.MR}),
        "deviations",
        jolt,
        Limits(3.6, None, Worse.ABOVE, "calibrated on phantoms: docs/quality.md"),
        "The patient shifted while being scanned: fine detail is doubled {apart:.0f} mm apart ({value:.1f}).",
        "Edges are doubled, and which copy is true is not known: repeat the series.",
        "Fine detail is not doubled ({value:.1f}).",
        "The image is too small, or its pixels too large, for doubled detail to be seen.",
    ),
)
