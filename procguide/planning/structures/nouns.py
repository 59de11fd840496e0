"""A structure before its distances are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.planning.nouns import StructureOrigin, Tube
from procguide.planning.site import LocalLabels, Site

__all__ = ["Solid", "StructureBuilder"]


@dataclass(frozen=True, eq=False)
class Solid:
    """Voxels on the local labels' lattice ``(k, j, i)``, or tubes in patient LPS mm.

    ``spread_mm``: standard deviation of where its surface really lies about this one.
    """

    origin: StructureOrigin
    mask: NDArray[np.bool_] | None = None
    tubes: tuple[Tube, ...] = ()
    spread_mm: float = 0.0


StructureBuilder = Callable[[Site, LocalLabels], Solid | None]
"""Finds or models a structure near the target; None where nobody supplied it: *not judged*.

An empty mask means: labelled somewhere, but not near. Raises where a landmark that the model needs is
missing.
"""
