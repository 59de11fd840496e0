"""What a construction yields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.geometry import Vector
from procguide.planning.site import LocalLabels, Site

__all__ = ["TargetZone", "ZoneConstruction"]


@dataclass(frozen=True, eq=False)
class TargetZone:
    """``points`` ``(n, 3)`` where the tip may lie, and how far each is from the best place, 0 (best) to 1.

    ``gates`` ``(m, 3)``, where there are any: the shaft has to pass through one of them on its way (a
    pedicle's isthmus, the sacral hiatus), so directions follow from pairs of gate and point.
    ``finer``: makes the same zone with its points closer, to be searched where these leave no needle.
    """

    points: NDArray[np.float64]
    misfit: NDArray[np.float64]
    gates: NDArray[np.float64] | None = None
    finer: Callable[[], TargetZone] | None = None


@dataclass(frozen=True)
class ZoneConstruction:
    """``centre``: about where the target is, before labels are read; ``sample``: the zone on the labels.

    ``centre`` raises where a landmark is missing. ``sample`` gives no points where the labels leave no
    room, and raises where they cannot be read.
    """

    centre: Callable[[Site], Vector]
    sample: Callable[[Site, LocalLabels], TargetZone]
