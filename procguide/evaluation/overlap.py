"""How well one structure fits its reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from procguide.evaluation.mask import Mask, joined_boxes
from procguide.evaluation.surface import gaps, surface_of

__all__ = ["TOLERANCES_MM", "Overlap", "compare"]

TOLERANCES_MM = (1.0, 2.0)


@dataclass(frozen=True)
class Overlap:
    """``dice`` is twice the common volume over the sum of both.

    ``hd95_mm`` is the larger of the two directed distances that 95 % of a surface's area does not
    exceed; None where one of both is empty. ``surface_dice`` maps a tolerance in mm to the share of both
    surfaces' area that lies within it of the other.
    """

    dice: float
    hd95_mm: float | None
    surface_dice: Mapping[float, float]
    volume_ml: float
    reference_ml: float


def compare(prediction: Mask, reference: Mask) -> Overlap:
    """Measure ``prediction`` against ``reference``, both on one lattice; one of them may be empty."""
    ours, theirs = prediction.count, reference.count
    if not ours + theirs:
        raise ValueError("both masks are empty; there is nothing to compare")
    volumes = prediction.volume_mm3 / 1000.0, reference.volume_mm3 / 1000.0
    if not ours or not theirs:
        return Overlap(0.0, None, dict.fromkeys(TOLERANCES_MM, 0.0), *volumes)
    start, stop = joined_boxes(prediction, reference)
    common = int(np.count_nonzero(prediction.within(start, stop) & reference.within(start, stop)))
    one, other = surface_of(prediction), surface_of(reference)
    there, back = gaps(one, other), gaps(other, one)
    area = there.area + back.area
    return Overlap(
        dice=2.0 * common / (ours + theirs),
        hd95_mm=max(there.percentile(0.95), back.percentile(0.95)),
        surface_dice={mm: (there.area_within(mm) + back.area_within(mm)) / area for mm in TOLERANCES_MM},
        volume_ml=volumes[0],
        reference_ml=volumes[1],
    )
