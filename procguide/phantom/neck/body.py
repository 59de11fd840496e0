"""A cervical body: saddle-shaped endplates with uncinates, lips where the disc is worn; depths assumed."""

from __future__ import annotations

import numpy as np

from procguide.anatomy import Region
from procguide.phantom.neck.model import NeckVertebra
from procguide.phantom.solids import Array, Part, radial, smooth_max

__all__ = ["body_part", "dish_mm"]

_UNCINATE_MM = {"C3": 4.2, "C4": 4.4, "C5": 4.4, "C6": 4.2, "C7": 3.6, "T1": 1.4}
"""How far the upper rim rises at the sides."""
_LIP_MM = 2.6
_DISH_MM = 1.3
"""How far the lower endplate is hollow from front to back, and the upper one from side to side."""


def dish_mm(upper: bool) -> float:
    """Depth of the endplate's floor at the middle, under its rim."""
    return _DISH_MM * (0.5 if upper else 1.0)


def body_part(model: NeckVertebra) -> Part:
    """The body with its uncinates and the lips of its worn discs."""
    shape, size = model.shape, model.size
    half = shape.height / 2
    rise = _UNCINATE_MM.get(model.level, 0.0) * size * (1 + 0.3 * model.worn_above)
    lips = (_LIP_MM * model.worn_above * size, _LIP_MM * model.worn_below * size)

    def distance(x: Array, y: Array, z: Array) -> Array:
        t = np.clip(z / half, -1.2, 1.2)
        lip = lips[0] * np.clip(t - 0.2, 0, 1) ** 2 + lips[1] * np.clip(-t - 0.2, 0, 1) ** 2
        waist = 0.6 * size * (1 - np.minimum(t * t, 1))
        a = ((1 + t) * shape.width_upper + (1 - t) * shape.width_lower) / 4 - waist + 0.8 * lip
        b = ((1 + t) * shape.depth_upper + (1 - t) * shape.depth_lower) / 4 - 0.7 * waist
        front = np.where(y < 0, b + lip, b + 0.4 * lip)
        wall = radial(x, y, a, front, 2.7)
        u, v = np.abs(x) / a, y / b
        # The uncinate is a ridge along the side, highest behind its middle.
        ridge = np.clip((u - 0.62) / 0.3, 0, 1)
        ridge = ridge * ridge * (3 - 2 * ridge) * np.clip(1.05 - 0.5 * (v - 0.1) ** 2 * 2, 0, 1)
        top = z - half - rise * ridge + dish_mm(True) * np.clip(1 - u * u - 0.3 * v * v, 0, 1)
        # Below, the front lip hangs down and the sides are bevelled for the next one's uncinates.
        hang = 1.5 * size * np.clip(-v - 0.4, 0, 1) - 2.2 * size * np.clip((u - 0.6) / 0.4, 0, 1) ** 2
        bottom = -z - half - hang + dish_mm(False) * np.clip(1 - v * v - 0.3 * u * u, 0, 1)
        return smooth_max(wall, smooth_max(top.astype(np.float32), bottom.astype(np.float32), 1.0), 1.6)

    widest = max(shape.width_upper, shape.width_lower) / 2 + max(lips) + 2
    deepest = max(shape.depth_upper, shape.depth_lower) / 2 + max(lips) + 2
    return Part(Region.BODY, model.frame, (widest, deepest, half + rise + 3 * size), distance, 0.0)
