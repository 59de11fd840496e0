"""Where the field of an X-ray picture is, and whether enough is left of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.checks.xray_exposure import field_of
from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planar import each_frame, to_box

__all__ = ["CHECKS"]

_CALIBRATED = "calibrated: docs/quality_2d.md"


def _size(examined: Examined) -> Score | None:
    field = field_of(examined)
    if field is None:
        return None
    return Score(100 * float(field.field.mean()), to_box(field.field, field.factor))


def _centre(examined: Examined) -> Score | None:
    """Distance of the field's centre from the picture's, % of half the picture's diagonal."""
    field = field_of(examined)
    if field is None:
        return None
    shape = np.array(field.field.shape)
    away = (_middle(field.field) - (shape - 1) / 2) / (shape / 2)
    words = (("lower" if away[0] > 0 else "upper"), ("right" if away[1] > 0 else "left"))
    chosen = [
        word for word, share in zip(words, np.abs(away), strict=True) if share > 0.4 * np.abs(away).max()
    ]
    share = 100 * float(np.hypot(*away) / np.sqrt(2))
    return Score(share, to_box(field.field, field.factor), {"side": " ".join(chosen)})


def _middle(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean (j, i)."""
    sums = [mask.sum(axis=1), mask.sum(axis=0)]
    return np.array([float(counts @ np.arange(len(counts))) / counts.sum() for counts in sums])


CHECKS = (
    Check(
        "field size",
        frozenset((Kind.FLUOROSCOPY,)),
        "%",
        lambda examined: each_frame(examined, _size, Worse.BELOW),
        Limits(12.0, None, Worse.BELOW, _CALIBRATED),
        "The shutters leave {value:.0f} % of the picture: the level cannot be counted in so small a field.",
        "Open the shutters until the neighbouring vertebrae are seen, then close them on the target.",
        "The field is {value:.0f} % of the picture.",
        live=True,
    ),
    Check(
        "field off centre",
        frozenset((Kind.FLUOROSCOPY,)),
        "%",
        lambda examined: each_frame(examined, _centre),
        Limits(25.0, None, Worse.ABOVE, _CALIBRATED),
        "The field lies in the {side} part of the picture, {value:.0f} % of the way out.",
        "Move the C-arm so that the target is in the middle: parallax distorts the picture's rim.",
        "The field lies in the middle.",
        live=True,
    ),
)
