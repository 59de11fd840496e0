"""Whether an ultrasound stream still moves."""

from __future__ import annotations

import numpy as np

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse

__all__ = ["CHECKS", "STILL"]

STILL = "still frames"
"""What a live stream leaves in an examined frame's memory: how many frames in a row were the same."""


def _still(examined: Examined) -> Score | None:
    if STILL in examined.memory:
        return Score(float(examined.memory[STILL]))
    cine = examined.cine
    if cine is None or len(cine) < 6:
        return None
    same = [np.array_equal(cine.pixels[n], cine.pixels[n - 1]) for n in range(1, len(cine))]
    longest, run, last = 0, 0, 0
    for n, still in enumerate(same, start=1):
        run = run + 1 if still else 0
        if run > longest:
            longest, last = run, n
    return Score(float(longest), frame=last)


CHECKS = (
    Check(
        "frozen",
        frozenset((Kind.ULTRASOUND,)),
        "frames",
        _still,
        Limits(4.0, 30.0, Worse.ABOVE, "assumed: noise alone changes every live frame"),
        "{value:.0f} frames in a row are the same to the last bit: the picture is frozen.",
        "Unfreeze the machine; a needle must not be moved on a frozen picture.",
        "The picture moves.",
        "One frame does not say whether the picture moves.",
        live=True,
    ),
)
