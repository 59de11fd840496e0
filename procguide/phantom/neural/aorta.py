"""Where the aorta is, for the arteries that leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from procguide.phantom.assemble import Anatomy

__all__ = ["aorta_at"]


def aorta_at(anatomy: Anatomy, z: float) -> tuple[NDArray[np.float64], float]:
    """Centre LPS mm and radius at a height, or at the aorta's nearer end."""
    tube = anatomy.soft.vessels["aorta"]
    n = int(np.argmin(np.abs(tube.points[:, 2] - z)))
    return np.array(tube.points[n]), float(tube.half[n, 0])
