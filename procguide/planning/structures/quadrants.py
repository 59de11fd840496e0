"""A foramen's quadrants, as a lateral view shows them: where in the opening a needle's tip lies."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from procguide.anatomy import Sacrum, Side, Vertebra
from procguide.geometry import AnatomicalFrame
from procguide.planning.site import required

__all__ = ["Quadrant", "foramen_frame", "quadrant_at"]


class Quadrant(StrEnum):
    """Quarter of an intervertebral foramen about its middle, by the axes of the disc in front of it."""

    ANTEROSUPERIOR = "anterosuperior"
    POSTEROSUPERIOR = "posterosuperior"
    ANTEROINFERIOR = "anteroinferior"
    POSTEROINFERIOR = "posteroinferior"


def foramen_frame(upper: Vertebra, below: Vertebra | Sacrum, side: Side) -> AnatomicalFrame:
    """Axes (left, posterior, superior) with the foramen's middle as origin, LPS mm.

    The middle is half-way between the bones above and below, and there between body or disc and articular
    process. Superior is the mean of both endplates' normals, so the long axis of the foramen and the beam
    of a true lateral view of that disc; not the table's.
    """
    middle = required(upper.foramina.get(side), f"{side} foramen", upper.level)
    plate = below.superior_endplate if isinstance(below, Vertebra) else below.endplate
    upward = np.asarray(upper.inferior_endplate.normal) + np.asarray(plate.normal)
    return AnatomicalFrame.from_axes(middle, upward, upper.frame.left)


def quadrant_at(frame: AnatomicalFrame, point: ArrayLike) -> Quadrant:
    """The quadrant of a point ``(3,)`` LPS mm by a foramen's own axes, even of one that lies beyond it."""
    _, posterior, superior = frame.to_local(point)
    if superior > 0:
        return Quadrant.POSTEROSUPERIOR if posterior > 0 else Quadrant.ANTEROSUPERIOR
    return Quadrant.POSTEROINFERIOR if posterior > 0 else Quadrant.ANTEROINFERIOR
