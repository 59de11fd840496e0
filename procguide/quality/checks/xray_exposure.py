"""Whether an X-ray picture got the right light: burnt out, black, dark, or without contrast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planar import XrayField, each_frame, to_box, xray_field

__all__ = ["CHECKS", "field_of"]

_XRAYS = frozenset((Kind.FLUOROSCOPY, Kind.RADIOGRAPH))
_FULL = 0.985
_EMPTY = 0.015
_CALIBRATED = "calibrated: docs/quality_2d.md"


def field_of(examined: Examined) -> XrayField | None:
    """The examined frame's light, worked out once; None where its field is too small to judge."""

    def work(given: Examined) -> XrayField | None:
        assert given.frame is not None  # noqa: S101
        found = xray_field(given.frame, given.kind)
        return found if found.inner.sum() > 400 else None

    found: XrayField | None = examined.once("x-ray field", work)
    return found


def _sample(field: XrayField) -> NDArray[np.float32]:
    """The light of every fourth block of the field."""
    return field.light[::2, ::2][field.inner[::2, ::2]]


def _burnt_out(examined: Examined) -> Score | None:
    field = field_of(examined)
    if field is None:
        return None
    full = (field.light >= _FULL) & field.inner
    return Score(100 * float(full.sum() / field.inner.sum()), to_box(full, field.factor))


def _black(examined: Examined) -> Score | None:
    field = field_of(examined)
    if field is None:
        return None
    empty = (field.light <= _EMPTY) & field.inner
    return Score(100 * float(empty.sum() / field.inner.sum()), to_box(empty, field.factor))


def _dark(examined: Examined) -> Score | None:
    field = field_of(examined)
    return None if field is None else Score(100 * float(np.median(_sample(field))))


def _contrast(examined: Examined) -> Score | None:
    field = field_of(examined)
    if field is None:
        return None
    low, high = np.percentile(_sample(field), (5, 95))
    return Score(100 * float(high - low))


CHECKS = (
    Check(
        "burnt out",
        _XRAYS,
        "%",
        lambda examined: each_frame(examined, _burnt_out),
        Limits(8.0, 40.0, Worse.ABOVE, _CALIBRATED),
        "{value:.0f} % of the field is full of direct radiation: nothing can be seen there.",
        "Collimate to the body or use the wedge filter; lower the dose if the body itself is burnt out.",
        "{value:.0f} % of the field is burnt out.",
        live=True,
    ),
    Check(
        "under-penetrated",
        _XRAYS,
        "%",
        lambda examined: each_frame(examined, _black),
        Limits(5.0, 40.0, Worse.ABOVE, _CALIBRATED),
        "{value:.0f} % of the field lets no radiation through that the picture could show.",
        "Raise the tube voltage (kV), or turn so that less bone lies in the beam.",
        "{value:.0f} % of the field is black.",
        live=True,
    ),
    Check(
        "dark",
        _XRAYS,
        "%",
        lambda examined: each_frame(examined, _dark, Worse.BELOW),
        Limits(20.0, 7.0, Worse.BELOW, _CALIBRATED),
        "Half of the field has less than {value:.0f} % of full light: the picture is under-exposed.",
        "Raise the dose, or move the part into the middle, where the exposure is measured.",
        "The field's middle brightness is {value:.0f} %.",
        live=True,
    ),
    Check(
        "contrast",
        _XRAYS,
        "%",
        lambda examined: each_frame(examined, _contrast, Worse.BELOW),
        Limits(25.0, 8.0, Worse.BELOW, _CALIBRATED),
        "Light and dark parts of the field differ by {value:.0f} % only: the picture is flat.",
        "Lower the tube voltage (kV), collimate against scatter, use the grid, or set the display's window.",
        "The field spans {value:.0f} % of the display's range.",
        live=True,
    ),
)
