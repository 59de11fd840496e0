"""The middle of a cervical articular pillar's side, over which the medial branch runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import VERSE_LABELS, Region, Side, Vertebra
from procguide.errors import InputUnfitError
from procguide.geometry import Vector, vector
from procguide.planning.site import LocalLabels, Site
from procguide.planning.zones.body import require_whole
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "pillar_points", "sample"]

_LATERAL_MM = (13.0, 32.0)
"""Medial of it is lamina, which hangs lower."""
_STANDS_OUT_MM = 2.5
_BEHIND_WALL_MM = (-2.0, 20.0)
_LEAST_VOXELS_MM3 = 300.0


def centre(site: Site) -> Vector:
    """Beside the canal, where pillars are; the labels say where exactly."""
    vertebra = site.upper
    wall = (vertebra.superior_endplate.depth_mm + vertebra.inferior_endplate.depth_mm) / 4
    return vector(vertebra.frame.to_patient((site.own_side.sign * 20.0, wall + 6.0, 0.0)))


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """Bone of the pillar's lateral face round its centroid as a true lateral view shows it."""
    vertebra, side, number = site.upper, site.own_side, site.number
    require_whole(vertebra)
    local = pillar_points(vertebra, side, labels)
    # As a lateral view shows it: each millimetre counts once, however thick the bone is there.
    middle = np.unique(np.round(local[:, 1:]), axis=0).mean(axis=0)
    low, high = np.quantile(local[:, 2], (0.05, 0.95))
    middle[1] += number("above_centroid_fraction") * (high - low)
    reach, off = number("reach_mm"), number("off_bone_mm")
    faces: list[tuple[float, float, float]] = []
    for back in np.arange(-reach, reach + 0.1, 1.0):
        for up in np.arange(-reach, reach + 0.1, 1.0):
            column = local[np.abs(local[:, 1:] - (middle + np.array([back, up]))).max(axis=1) <= 0.8]
            if len(column):
                faces.append((float(column[:, 0].max()), back, up))
    face = np.array(faces).reshape(-1, 3)
    # What stands out from the face is a transverse process's root or an osteophyte.
    face = face[face[:, 0] <= np.median(face[:, 0]) + _STANDS_OUT_MM] if len(face) else face
    points = np.column_stack([side.sign * (face[:, 0] + off), middle + face[:, 1:]])
    misfit = np.hypot(face[:, 1], face[:, 2]) / (2 * reach)
    return TargetZone(vertebra.frame.to_patient(points), np.clip(misfit, 0, 1))


def pillar_points(vertebra: Vertebra, side: Side, labels: LocalLabels) -> NDArray[np.float64]:
    """Bone of the pillar, ``(n, 3)``: lateral (positive on the own side), posterior, superior; mm.

    What of the vertebra lies behind its body, beside the canal and behind the transverse foramen; without
    its transverse process where labels tell that apart.
    """
    levels = labels.levels
    other = labels.regions.mask(Region.BODY, Region.TRANSVERSE_PROCESS)
    own = (levels.voxels == VERSE_LABELS[vertebra.level]) & ~other
    points = vertebra.frame.to_local(levels.to_patient(np.argwhere(own))) * (side.sign, 1.0, 1.0)
    wall = (vertebra.superior_endplate.depth_mm + vertebra.inferior_endplate.depth_mm) / 4
    behind = points[:, 1] - wall
    lateral = (points[:, 0] >= _LATERAL_MM[0]) & (points[:, 0] <= _LATERAL_MM[1])
    pillar = points[lateral & (behind >= _BEHIND_WALL_MM[0]) & (behind <= _BEHIND_WALL_MM[1])]
    if len(pillar) * float(np.prod(levels.spacing)) < _LEAST_VOXELS_MM3:
        raise InputUnfitError(
            f"the {side} articular pillar of {vertebra.level} is not in the labels, or cut off by the image. "
            f"Load images that show {vertebra.level} whole, or mend its labels."
        )
    return np.asarray(pillar)
