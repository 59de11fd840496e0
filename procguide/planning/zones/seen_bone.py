"""Targets on bone, kept to where the image shows bone: labels may stand out into soft tissue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from procguide.errors import InputUnfitError
from procguide.imaging import Modality, Volume
from procguide.planning.names import Construction
from procguide.planning.site import Site
from procguide.planning.structures.unlabelled import BRIGHT_HU, RIND_MM, crop_about
from procguide.planning.zones.nouns import TargetZone

__all__ = ["RESTING_ON_BONE", "where_bone_shows"]

RESTING_ON_BONE = (
    Construction.ARTICULAR_TRANSVERSE_JUNCTION,
    Construction.ARTICULAR_NECK,
    Construction.ARTICULAR_PILLAR,
)
"""Zones on a bone's surface, made from its labels alone."""
_LEAST_SHARE = 0.5
"""Where less than this share of a zone lies on bone that the image shows, none is believed (assumed)."""


def where_bone_shows(zone: TargetZone, site: Site, image: Volume) -> TargetZone:
    """Of a zone on bone the points within 4 mm of 250 HU or more; all of it on MRI, which does not show bone.

    :class:`InputUnfitError` where that is less than half of them: a network took soft tissue for the process.
    """
    if image.modality is not Modality.CT or not len(zone.points):
        return zone
    shown = _near_bone(zone.points, image)
    if shown.mean() < _LEAST_SHARE:
        where = " ".join(filter(None, (site.level, site.side)))
        raise InputUnfitError(
            f"the image shows no bone where the labels have that on which the needle would rest at {where}. "
            "Mend the labels there, or give the target."
        )
    return replace(zone, points=zone.points[shown], misfit=zone.misfit[shown])


def _near_bone(points: NDArray[np.float64], image: Volume) -> NDArray[np.bool_]:
    """Which ``points`` ``(n, 3)``, LPS mm, have a voxel as dense as bone within :data:`RIND_MM`."""
    from scipy.spatial import cKDTree

    low, high = points.min(axis=0) - RIND_MM, points.max(axis=0) + RIND_MM
    near = crop_about(image, np.stack(np.meshgrid(*zip(low, high, strict=True)), axis=-1).reshape(-1, 3))
    dense = np.argwhere(near.voxels >= BRIGHT_HU) if near is not None else ()
    if near is None or not len(dense):
        return np.zeros(len(points), dtype=bool)
    distance, _ = cKDTree(near.to_patient(dense)).query(points)
    return np.asarray(distance <= RIND_MM)
