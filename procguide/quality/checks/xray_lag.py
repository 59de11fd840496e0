"""Lag: how much of the frames before is still in a fluoroscopy frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse

__all__ = ["CHECKS"]

_TRIPLES = 8
"""Triples of successive frames that are looked at, evenly spaced."""


def _lag(examined: Examined) -> Score | None:
    """The share ``a`` of the frame before in each frame, from the noise of successive frames.

    With white noise and a frame that keeps ``a`` of the one before, successive differences are correlated
    by ``-(1 - a) / 2`` (the variance of a difference is ``2 (1 - a)``, its covariance with the next
    ``-(1 - a)^2``); what does not move cancels.
    """
    cine = examined.cine
    if cine is None or len(cine) < 3 or cine.pixels.ndim != 3:
        return None
    starts = np.unique(np.linspace(0, len(cine) - 3, _TRIPLES).astype(int))
    found = [_kept(cine.pixels[n : n + 3]) for n in starts]
    known = [share for share in found if share is not None]
    return Score(100 * float(np.median(known))) if known else None


def _kept(frames: NDArray[np.generic]) -> float | None:
    """From three frames; None where there is no noise to see it by. Moving places are left out."""
    step = max(frames.shape[1] // 512, 1)
    fine = [_detail(frame, step) for frame in frames]
    first, second = fine[1] - fine[0], fine[2] - fine[1]
    size = np.abs(first) + np.abs(second)
    calm = size < 3 * np.median(size) + 1e-6
    first, second = first[calm], second[calm]
    power = float(np.sqrt((first**2).mean() * (second**2).mean()))
    if power <= 0.05 or min((first != 0).mean(), (second != 0).mean()) < 0.2:
        return None
    return float(np.clip(1 + 2 * (first * second).mean() / power, 0, 1))


def _detail(frame: NDArray[np.generic], step: int) -> NDArray[np.float32]:
    """Each ``step``-th row's difference of neighbours two apart: noise, little anatomy."""
    rows = frame[::step].astype(np.float32)
    return np.asarray(rows[:, 2::2] - rows[:, :-2:2], np.float32)


CHECKS = (
    Check(
        "lag",
        frozenset((Kind.FLUOROSCOPY,)),
        "%",
        _lag,
        Limits(55.0, None, Worse.ABOVE, "calibrated: docs/quality_2d.md"),
        "Each frame keeps {value:.0f} % of the one before: what moves leaves a trail and is seen late.",
        "Turn the noise averaging down while the needle or contrast moves.",
        "Each frame keeps {value:.0f} % of the one before.",
        "It needs a run of frames with noise in them.",
        needs=frozenset(("cine",)),
    ),
)
