"""The pedicle as a corridor into the body: where a needle may cross its isthmus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.geometry import AnatomicalFrame
from procguide.planning.site import Site
from procguide.planning.structures.foramen import pedicle_of

__all__ = ["isthmus_gates"]

_RINGS = (0.0, 0.2, 0.4, 0.6, 0.8)
_SPOKES = 12


def isthmus_gates(site: Site) -> NDArray[np.float64]:
    """Points over the isthmus's ellipse, ``(m, 3)`` LPS mm: rings at shares of its half-axes.

    The ellipse lies across the pedicle's axis, its width in the vertebra's axial plane.
    """
    pedicle = pedicle_of(site.upper, site.own_side)
    backward = -np.asarray(pedicle.axis)
    upward = np.cross(np.asarray(site.upper.frame.left), backward)
    across = AnatomicalFrame.from_axes(pedicle.centre, upward, np.cross(backward, upward))
    angle = np.arange(_SPOKES) * 2 * np.pi / _SPOKES
    ring = np.array([(0.0, 0.0), *((r * np.cos(a), r * np.sin(a)) for r in _RINGS[1:] for a in angle)])
    half = np.array([pedicle.width_mm, pedicle.height_mm]) / 2
    local = np.stack([ring[:, 0] * half[0], np.zeros(len(ring)), ring[:, 1] * half[1]], axis=1)
    return across.to_patient(local)
