"""Measurements on a plane: drawn full where they lie in it, faint where they lie before or behind it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_procguide.display.colours import MEASURE
from napari_procguide.display.overlay import NEAR_MM, Dot, Mark, Stroke, Tag
from napari_procguide.display.planes import Plane
from napari_procguide.models.measurements import Measurement, MeasurementsModel

__all__ = ["ruler_marks"]


def ruler_marks(plane: Plane, measurements: MeasurementsModel) -> Iterator[Mark]:
    """All measurements, and the places of one that is not complete."""
    for one in measurements.done:
        yield from _ruler(plane, one)
    for point in measurements.pending:
        right, down, _ = plane.to_plane(point)
        yield Dot((float(right), float(down)), MEASURE, "cross", 5.0)


def _ruler(plane: Plane, one: Measurement) -> Iterator[Mark]:
    flat = plane.to_plane(one.points)
    here = bool(np.abs(flat[:, 2]).max() <= NEAR_MM)
    yield Stroke(flat[:, :2], MEASURE, 1.5, dashed=not here, opacity=1.0 if here else 0.3)
    if here:
        for right, down, _ in flat:
            yield Dot((float(right), float(down)), MEASURE, "cross", 4.0)
        right, down, _ = flat[1]
        yield Tag((float(right), float(down)), one.words, MEASURE)
