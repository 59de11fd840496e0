"""The middle of a vertebral body, where the basivertebral nerve branches, reached through a pedicle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import CANAL_CONTENT
from procguide.geometry import Vector, vector
from procguide.planning.site import LocalLabels, Site
from procguide.planning.structures.foramen import pedicle_of
from procguide.planning.zones.body import BodyBox, label_at, well_inside
from procguide.planning.zones.corridor import isthmus_gates
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]

_LEAST_SHARE = 0.02
_BEHIND_MM = 8.0


def centre(site: Site) -> Vector:
    """The midline at the front of the allowed depth."""
    pedicle_of(site.upper, site.own_side)
    return vector(BodyBox.of(site.upper).at(0.0, site.number("from_back_high_fraction"), 0.5))


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """Points about the midline at mid-height, best on it; the lesion's edge keeps off the canal."""
    number, side, box = site.number, site.own_side, BodyBox.of(site.upper)
    reach = number("midline_half_width_mm")
    across = np.linspace(-reach, reach, 5)
    forward = _depths(site, labels, box)
    height = 0.5 + number("height_half_fraction") * np.array([-1.0, 0.0, 1.0])
    x, y, z = (axis.ravel() for axis in np.meshgrid(across, forward, height, indexing="ij"))
    points = box.at(side.sign * x, y, z)
    span = max(float(np.ptp(forward)), 1e-6)
    misfit = 0.5 * np.abs(x) / reach + 0.4 * np.abs(y - forward.mean()) / span + np.abs(z - 0.5) * 2
    held = well_inside(labels, site.upper, points, number("inside_mm"))
    return TargetZone(points[held], np.clip(misfit[held], 0, 1), isthmus_gates(site))


def _depths(site: Site, labels: LocalLabels, box: BodyBox) -> NDArray[np.float64]:
    """Shares of the body's depth from its back wall, ``(5,)``.

    A lesion about the tip keeps off the canal; in a shallow body this comes before the share's upper end.
    """
    number, depth = site.number, 2 * box.half_depth_mm
    free_mm = number("lesion_radius_mm") + number("off_canal_mm") + _bulge(labels, box)
    low = max(number("from_back_low_fraction"), free_mm / depth)
    return np.linspace(low, max(number("from_back_high_fraction"), low + _LEAST_SHARE), 5)


def _bulge(labels: LocalLabels, box: BodyBox) -> float:
    """How far the canal reaches forward of the box's back wall behind the middle of the body, mm.

    A body's back is hollow, and its endplates, which the box is made of, reach farther back. The median
    counts: vessels leave the body there through a hole that is no canal.
    """
    across, forward, height = np.meshgrid(
        np.arange(-_BEHIND_MM, _BEHIND_MM + 0.1, 1.0),
        np.arange(0.0, _BEHIND_MM + 0.1, 0.25) / (2 * box.half_depth_mm),
        np.linspace(0.3, 0.7, 7),
        indexing="ij",
    )
    _, region = label_at(labels, box.at(across, forward, height))
    reach = np.where(np.isin(region, CANAL_CONTENT), forward, 0.0).max(axis=1)
    return float(np.median(reach)) * 2 * box.half_depth_mm
