"""The anterior third of a vertebral body, reached through a pedicle: where cement goes."""

from __future__ import annotations

import numpy as np

from procguide.geometry import Vector, vector
from procguide.planning.site import LocalLabels, Site
from procguide.planning.structures.foramen import pedicle_of
from procguide.planning.zones.body import BodyBox, well_inside
from procguide.planning.zones.corridor import isthmus_gates
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]


def centre(site: Site) -> Vector:
    """The anterior third's middle, a little to the pedicle's side."""
    number, side = site.number, site.own_side
    pedicle_of(site.upper, side)
    across = (number("across_low_mm") + number("across_high_mm")) / 2
    forward = (number("from_back_low_fraction") + number("from_back_high_fraction")) / 2
    return vector(BodyBox.of(site.upper).at(side.sign * across, forward, 0.5))


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """From the midline to the pedicle's side, at mid-height, where bone holds the tip all round."""
    number, side = site.number, site.own_side
    across = np.linspace(number("across_low_mm"), number("across_high_mm"), 5)
    forward = np.linspace(number("from_back_low_fraction"), number("from_back_high_fraction"), 5)
    height = 0.5 + number("height_half_fraction") * np.linspace(-1.0, 1.0, 5)
    x, y, z = (axis.ravel() for axis in np.meshgrid(across, forward, height, indexing="ij"))
    points = BodyBox.of(site.upper).at(side.sign * x, y, z)
    span_x, span_y = (max(float(np.ptp(axis)), 1e-6) for axis in (across, forward))
    misfit = 0.5 * (x - across[0]) / span_x + 0.3 * np.abs(y - forward.mean()) / span_y + np.abs(z - 0.5) * 2
    held = well_inside(labels, site.upper, points, number("inside_mm"))
    return TargetZone(points[held], np.clip(misfit[held], 0, 1), isthmus_gates(site))
