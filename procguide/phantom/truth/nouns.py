"""What else is known exactly of a phantom: courses of nerves and vessels, and the zones needles aim at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.geometry import Vector

__all__ = ["Course", "TrueZone"]


@dataclass(frozen=True, eq=False)
class Course:
    """The centreline of a nerve or vessel.

    ``name`` as ``"L4 root"``, ``"aorta"``; ``points`` ``(n, 3)`` LPS mm from proximal to distal, at most
    1 mm apart; ``radius`` ``(n,)`` mm.
    """

    name: str
    region: Region
    points: NDArray[np.float64]
    radius: NDArray[np.float64]
    level: str | None = None
    side: Side | None = None


@dataclass(frozen=True, eq=False)
class TrueZone:
    """Where a procedure's needle tip belongs.

    ``procedure`` is the catalogue's id; ``centre`` the ideal tip, LPS mm; ``points`` ``(n, 3)`` LPS mm
    sample the zone's volume or surface. ``level`` is the vertebra, or the upper one of an interspace.
    """

    procedure: str
    centre: Vector
    points: NDArray[np.float64]
    level: str | None = None
    side: Side | None = None
