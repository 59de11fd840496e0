"""The sacrum's back lateral to a posterior foramen, over which the lateral branches run."""

from __future__ import annotations

import numpy as np

from procguide.anatomy import SACRUM as SACRUM_NAME
from procguide.anatomy import VERSE_LABELS, Region
from procguide.geometry import Vector, vector
from procguide.planning.sacral import foramen_of, lie_of_the_back
from procguide.planning.site import LocalLabels, Site
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]

_REACH_MM = 14.0


def centre(site: Site) -> Vector:
    """Lateral to the foramen's border."""
    foramen = foramen_of(site)
    lateral = site.own_side.sign * (foramen.radius_mm + 5.0)
    return vector(np.asarray(foramen.centre) + lateral * np.asarray(site.sacrum.frame.left))


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """Places on the bone's back in a strip beside the foramen, along the sacrum.

    From behind the strip, straight forward across the sacrum's back as it lies there, to the first bone.
    """
    foramen, side, number = foramen_of(site), site.own_side, site.number
    left = np.asarray(site.sacrum.frame.left) * side.sign
    along, inward = lie_of_the_back(site, site.level)
    half = number("half_length_mm")
    points, misfit = [], []
    middle = (number("lateral_low_mm") + number("lateral_high_mm")) / 2
    bone = (labels.levels.voxels == VERSE_LABELS[SACRUM_NAME]) | (labels.regions.voxels == Region.SACRUM)
    depth = np.arange(-_REACH_MM, _REACH_MM, 0.4)
    for lateral in np.arange(number("lateral_low_mm"), number("lateral_high_mm") + 0.1, 1.0):
        for up in np.linspace(-half, half, 7):
            foot = np.asarray(foramen.centre) + (foramen.radius_mm + lateral) * left + up * along
            ray = foot + np.outer(depth, inward)
            index = np.round(labels.levels.to_index(ray)).astype(int)
            inside = ((index >= 0) & (index < bone.shape)).all(axis=1)
            k, j, i = np.where(inside[:, None], index, 0).T
            met = inside & bone[k, j, i]
            if met.any():
                points.append(ray[int(np.argmax(met))] - number("off_bone_mm") * inward)
                misfit.append(abs(up) / (2 * half) + abs(lateral - middle) / 8.0)
    return TargetZone(np.array(points).reshape(-1, 3), np.clip(np.array(misfit), 0, 1))
