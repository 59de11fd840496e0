"""Intervertebral discs between the endplates."""

from __future__ import annotations

import numpy as np

from procguide.anatomy import Region
from procguide.geometry import AnatomicalFrame
from procguide.phantom.assemble import Anatomy
from procguide.phantom.canvas import Canvas
from procguide.phantom.solids import Array, Part, carve, radial

__all__ = ["paint_discs"]


def paint_discs(canvas: Canvas, anatomy: Anatomy) -> None:
    """Every disc, by the level of the vertebra above it."""
    for level in anatomy.parameters.levels:
        field = carve(canvas.grid, [_disc_under(anatomy, level)])
        if field is not None:
            canvas.put(field.window, field.distance < 0, Region.DISC, level)


def _disc_under(anatomy: Anatomy, level: str) -> Part:
    frame, shape = anatomy.pose.frames[level], anatomy.pose.shapes[level]
    bottom = np.asarray(frame.to_patient((0, 0, -shape.body_height / 2)))
    lower = anatomy.parameters.below(level)
    if lower is not None:
        below, low_shape = anatomy.pose.frames[lower], anatomy.pose.shapes[lower]
        top = np.asarray(below.to_patient((0, 0, low_shape.body_height / 2)))
        width, depth = low_shape.width_upper, low_shape.depth_upper
    else:
        below, top = anatomy.sacrum.frame, np.asarray(anatomy.sacrum.frame.origin)
        width, depth = shape.width_lower, shape.depth_lower
    up = np.asarray(frame.superior) + np.asarray(below.superior)
    middle = AnatomicalFrame.from_axes((bottom + top) / 2, up, frame.left)
    a, b = (width + shape.width_lower) / 4 + 0.6, (depth + shape.depth_lower) / 4 + 0.6
    slope = float(np.tan(np.radians(shape.disc_wedge_deg / 2)))
    return _disc(middle, (a, b), shape.disc_height / 2, slope)


def _disc(frame: AnatomicalFrame, half: tuple[float, float], height: float, slope: float) -> Part:
    a, b = half

    def distance(x: Array, y: Array, z: Array) -> Array:
        behind = y > 0
        hollow = 2.0 * np.maximum(1 - (x / (0.55 * a)) ** 2, 0) * np.clip(y / b, 0, 1)
        rim = radial(x, np.where(behind, y + hollow, y), a, b, 2.4)
        r2 = np.clip((x / a) ** 2 + (y / b) ** 2, 0, 1)
        limit = height - y * slope + 0.4 + 2.6 * (1 - r2 * r2)
        return np.asarray(np.maximum(rim, np.abs(z) - limit), dtype=np.float32)

    return Part(Region.DISC, frame, (a + 2, b + 2, height + 6), distance, 0.0)
