"""The sacrum's back lateral to a posterior foramen, over which the lateral branches run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import SACRUM as SACRUM_NAME
from procguide.anatomy import VERSE_LABELS, Region
from procguide.errors import InputUnfitError
from procguide.geometry import Vector, vector
from procguide.planning.sacral import foramen_of, lie_of_the_back
from procguide.planning.site import LocalLabels, Site
from procguide.planning.structures.unlabelled import RIND_MM
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]

_REACH_MM = 10.0
_BESIDE_MM = 3.0
_STEEP_MM = 6.0
_LEVEL_MM = 1.5
"""How far the bone may rise above or lie below the strip's median (assumed)."""


def centre(site: Site) -> Vector:
    """Lateral to the foramen's border."""
    foramen = foramen_of(site)
    lateral = site.own_side.sign * (foramen.radius_mm + 5.0)
    return vector(np.asarray(foramen.centre) + lateral * np.asarray(site.sacrum.frame.left))


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """Places on the bone's back in a strip beside the foramen, along the sacrum.

    From behind the strip, straight forward across the sacrum's back as it lies there, to the first bone.
    Where the bone ends just beside, no place is taken: at the edge of labels that are cut off there is none.
    Nor on knobs and in pits of the strip, nor (with a CT) where what is as dense as bone lies more than 4 mm
    under the label's surface.
    """
    foramen, number = foramen_of(site), site.number
    left = np.asarray(site.sacrum.frame.left) * site.own_side.sign
    along, inward = lie_of_the_back(site, site.level)
    low, high, half = number("lateral_low_mm"), number("lateral_high_mm"), number("half_length_mm")
    bone = (labels.levels.voxels == VERSE_LABELS[SACRUM_NAME]) | (labels.regions.voxels == Region.SACRUM)
    seen = bone if labels.dense is None else bone & labels.dense
    unseen = 0
    found: list[tuple[NDArray[np.float64], float, float]] = []
    for lateral in np.linspace(low, high, 3):
        for up in np.linspace(-half, half, 5):
            foot = np.asarray(foramen.centre) + (foramen.radius_mm + lateral) * left + up * along
            here, beside = (_depth(labels, bone, foot + off * left, inward) for off in (0.0, _BESIDE_MM))
            if here is not None and beside is not None and abs(beside - here) <= _STEEP_MM:
                hard = _depth(labels, seen, foot, inward)
                if hard is None or hard - here > RIND_MM:
                    unseen += 1
                    continue
                misfit = abs(up) / (2 * half) + abs(lateral - (low + high) / 2) / 8.0
                found.append((foot + (here - number("off_bone_mm")) * inward, here, misfit))
    if not found and unseen:
        raise InputUnfitError(
            f"the image shows no bone where the labels have the sacrum's back beside the {site.own_side} "
            f"posterior foramen of {site.level}. Mend the labels there, or give the target."
        )
    if not found:
        return TargetZone(np.empty((0, 3)), np.empty(0))
    depth = np.array([one[1] for one in found])
    level = np.abs(depth - np.median(depth)) <= _LEVEL_MM
    points, misfits = np.array([one[0] for one in found]), np.array([one[2] for one in found])
    return TargetZone(points[level], np.clip(misfits[level], 0, 1))


def _depth(
    labels: LocalLabels, bone: NDArray[np.bool_], foot: NDArray[np.float64], inward: NDArray[np.float64]
) -> float | None:
    """How far beyond ``foot`` (before it: negative) the first bone lies; None where there is none near."""
    depth = np.arange(-_REACH_MM, _REACH_MM, 0.4)
    index = np.round(labels.levels.to_index(foot + np.outer(depth, inward))).astype(int)
    inside = np.asarray(((index >= 0) & (index < bone.shape)).all(axis=1))
    k, j, i = np.where(inside[:, None], index, 0).T
    met = inside & bone[k, j, i]
    return float(depth[int(np.argmax(met))]) if met.any() else None
