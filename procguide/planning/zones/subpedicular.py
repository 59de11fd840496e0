"""The safe triangle under the pedicle, where a transforaminal injection goes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from procguide.geometry import Vector
from procguide.planning.site import LocalLabels, Site, required
from procguide.planning.structures.foramen import foramen_span, pedicle_of
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]

Floats = NDArray[np.float64]
_DORSAL_OF_MIDDLE_MM = 6.5
"""Where no bone stands behind, the foramen ends this far behind its middle: assumed."""


def centre(site: Site) -> Vector:
    """The foramen's centre."""
    side = site.own_side
    return required(site.upper.foramina.get(side), f"{side} foramen", site.upper.level)


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """Safe triangle: under the upper pedicle, from six o'clock laterally, dorsal in the foramen.

    Where that leaves no needle, its points lie closer, and lateral of the foramen as far back as there is no
    bone: in a narrow foramen the root fills the rest.
    """
    return replace(
        _sampled(site, labels, 5, open_behind=False),
        finer=partial(_sampled, site, labels, 9, open_behind=True),
    )


def _sampled(site: Site, labels: LocalLabels, steps: int, *, open_behind: bool) -> TargetZone:
    """The triangle's points, so many steps a direction."""
    vertebra, side, number = site.upper, site.own_side, site.number
    pedicle = pedicle_of(vertebra, side)
    x, _, z = vertebra.frame.to_local(pedicle.centre)
    half_width, inferior = pedicle.width_mm / 2, z - pedicle.height_mm / 2
    lateral_low, lateral_high = number("lateral_low_fraction"), number("lateral_high_fraction")
    lateral = np.linspace(lateral_low, lateral_high, steps)
    below = np.linspace(number("below_pedicle_low_mm"), number("below_pedicle_high_mm"), steps)
    dorsal = np.linspace(0.0, 1.0, steps)
    fraction, depth, back = (axis.ravel() for axis in np.meshgrid(lateral, below, dorsal, indexing="ij"))
    bounds = _dorsal_half(site, labels, lateral * half_width, below, open_behind=open_behind)
    front, rear = bounds.repeat(len(dorsal), axis=0).T
    y = front + back * (rear - front)
    local = np.stack([x + side.sign * fraction * half_width, y, inferior - depth], axis=1)
    beside = lateral_low + (lateral_high - lateral_low) / 4
    best = np.abs(fraction - beside) / 0.6 + np.abs(depth - 3.0) / 3 + np.abs(back - 0.5)
    return TargetZone(vertebra.frame.to_patient(local), np.clip(best / 3, 0, 1))


def _dorsal_half(
    site: Site, labels: LocalLabels, out_mm: Floats, below_mm: Floats, *, open_behind: bool
) -> Floats:
    """First and last y in the vertebra's frame, ``(out * below, 2)``: at each place behind its own middle.

    Never in front of the foramen's landmark: beside the body nothing bounds the foramen in front. Nor, unless
    it is ``open_behind``, farther back than at six o'clock of the same height: lateral of the lamina and the
    articular process nothing bounds it behind, and the lateral view shows their front.
    """
    middle = float(site.upper.frame.to_local(centre(site))[1])
    spans = np.array([[_span(site, labels, out, below) for below in below_mm] for out in (0.0, *out_mm)])
    front, rear = spans[1:, :, 0].ravel(), spans[1:, :, 1]
    rear = (rear if open_behind else np.minimum(rear, spans[0, :, 1])).ravel()
    deep = np.minimum(rear, middle + _DORSAL_OF_MIDDLE_MM) - front
    low, high = (front + site.number(f"dorsal_{end}_fraction") * deep for end in ("low", "high"))
    first = np.maximum(low, middle)
    return np.stack([first, np.maximum(high, first)], axis=1)


def _span(site: Site, labels: LocalLabels, out_mm: float, below_mm: float) -> tuple[float, float]:
    """The foramen's borders in front and behind at one place, y in the vertebra's frame."""
    return foramen_span(site.upper, site.own_side, below_mm, labels.bone, labels.levels, out_mm)
