"""The upper end of the thigh bone, as it lies in the hip with the leg turned a little out.

Head radius 23.5 mm, neck-shaft angle 127 degrees, version 12 degrees, a joint space of 4 mm: assumed, near
the means of adult radiographs.
"""

from __future__ import annotations

import numpy as np

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame, vector
from procguide.phantom.bones.pelvis import IliumModel
from procguide.phantom.solids import Array, Part, capsule, elliptic, frame_between

__all__ = ["femur_parts"]

HEAD_RADIUS = 23.5


def femur_parts(model: IliumModel, side: Side) -> list[Part]:
    """Head, neck, both trochanters and the shaft of one side, upright in patient space."""
    size, s = model.size, side.sign
    x, y, z = model.hip
    head = model.frame.to_patient((s * x, y, z))
    base = AnatomicalFrame(vector(head), vector((s, 0, 0)), vector((0, 1, 0)), vector((0, 0, 1)))
    rods = (
        # The leg lies turned outward: the trochanter is behind the head.
        ((0, 0, 0), (40, 3, -27), (13.0, 15.0), (14.0, 19.0), 8.0),
        ((44, 10, -30), (56, 12, -12), (13.0, 14.0), (9.0, 11.0), 8.0),
        ((38, 6, -52), (34, 12, -58), (10.0, 11.0), (7.0, 8.0), 6.0),
        ((46, 5, -34), (46, 2, -150), (17.0, 17.0), (14.0, 14.0), 10.0),
    )
    radius = HEAD_RADIUS * size

    def ball(a: Array, b: Array, c: Array) -> Array:
        return elliptic(a, b, c, (radius, radius, radius))

    parts = [Part(Region.FEMUR, base, (radius, radius, radius), ball, 0.0, side)]
    for start, end, first, last, blend in rods:
        parts.append(_rod(base, size, (np.array(start), np.array(end)), (first, last), blend, side))
    return parts


def _rod(
    base: AnatomicalFrame, size: float, ends: tuple[np.ndarray, np.ndarray],
    half: tuple[tuple[float, float], tuple[float, float]], blend: float, side: Side,
) -> Part:  # fmt: skip
    frame, length = frame_between(base, ends[0] * size, ends[1] * size, (0, 0.2, 1))
    first, last = ((a * size, b * size) for a, b in half)
    widest = max(*first, *last)

    def distance(x: Array, y: Array, z: Array) -> Array:
        return capsule(x, y, z, length, first, last)

    return Part(Region.FEMUR, frame, (length + widest, widest, widest), distance, blend * size, side)
