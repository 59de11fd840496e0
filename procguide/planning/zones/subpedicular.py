"""The safe triangle under the pedicle, where a transforaminal injection goes."""

from __future__ import annotations

import numpy as np

from procguide.geometry import Vector
from procguide.planning.site import LocalLabels, Site, required
from procguide.planning.structures.foramen import foramen_span, pedicle_of
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]

_DORSAL_OF_MIDDLE_MM = 6.0
"""Where no articular process stands behind, the foramen ends this far behind its middle: assumed."""


def centre(site: Site) -> Vector:
    """The foramen's centre."""
    side = site.own_side
    return required(site.upper.foramina.get(side), f"{side} foramen", site.upper.level)


def _foramen_y(site: Site) -> float:
    """The foramen's middle, y in the vertebra's frame."""
    return float(site.upper.frame.to_local(centre(site))[1])


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """Safe triangle: under the upper pedicle, from six o'clock laterally, dorsal in the foramen."""
    vertebra, side, number = site.upper, site.own_side, site.number
    pedicle = pedicle_of(vertebra, side)
    x, _, z = vertebra.frame.to_local(pedicle.centre)
    half_width, inferior = pedicle.width_mm / 2, z - pedicle.height_mm / 2
    lateral = np.linspace(number("lateral_low_fraction"), number("lateral_high_fraction"), 4)
    below = np.linspace(number("below_pedicle_low_mm"), number("below_pedicle_high_mm"), 5)
    dorsal = np.linspace(number("dorsal_low_fraction"), number("dorsal_high_fraction"), 5)
    spans = np.array([foramen_span(vertebra, side, float(mm), labels.bone, labels.levels) for mm in below])
    fraction, depth, back = (axis.ravel() for axis in np.meshgrid(lateral, below, dorsal, indexing="ij"))
    spans[:, 1] = np.minimum(spans[:, 1], _foramen_y(site) + _DORSAL_OF_MIDDLE_MM)
    front, rear = (np.interp(depth, below, spans[:, n]) for n in (0, 1))
    y = front + back * (rear - front)
    local = np.stack([x + side.sign * fraction * half_width, y, inferior - depth], axis=1)
    best = np.abs(fraction - lateral[1]) / 0.6 + np.abs(depth - 3.0) / 3 + np.abs(back - dorsal[1])
    return TargetZone(vertebra.frame.to_patient(local), np.clip(best / 2, 0, 1))
