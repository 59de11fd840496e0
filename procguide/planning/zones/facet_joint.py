"""The dorsal opening of a facet joint, from its inferior recess upward."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.errors import InputUnfitError
from procguide.geometry import Vector
from procguide.planning.site import LocalLabels, Site, required
from procguide.planning.zones.nouns import TargetZone
from procguide.planning.zones.patch import STEP_MM, SidePatch, label_of

__all__ = ["centre", "sample"]

_ROOM = ((-16.0, -16.0, -20.0), (16.0, 20.0, 20.0))
_LEAST_SHEET = 40


def centre(site: Site) -> Vector:
    """The joint's centre."""
    side = site.own_side
    return required(site.upper.facet_joints.get(side), f"{side} facet joint", site.level)


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """The dorsal edge of the sheet that is about as near to the one bone as to the other.

    Section by section from the joint's lower end upward, and on below it by the recess.
    """
    side, number = site.own_side, site.number
    patch = SidePatch.around(labels, site.upper.frame, side, centre(site), *_ROOM)
    sheet = _joint_sheet(patch.bone(label_of(site.upper)), patch.bone(label_of(site.below)))
    if sheet.sum() < _LEAST_SHEET:
        raise InputUnfitError(
            f"the {side} facet joint of {site.level} cannot be made out in the labels. Check them there."
        )
    points = patch.local(np.argwhere(sheet))
    low, high = np.percentile(points[:, 2], [3, 97])
    line = []
    for height in np.arange(low, low + number("line_high_fraction") * (high - low) + 0.1, 1.0):
        near = points[np.abs(points[:, 2] - height) <= 1.0]
        if len(near):
            edge = near[near[:, 1] >= near[:, 1].max() - 1.0].mean(axis=0)
            line.append((edge[0], edge[1], height))
    edge = np.array(line)
    recess = edge[0] - np.outer(np.arange(1.0, number("recess_below_mm") + 0.1), (0.0, 0.0, 1.0))
    edge = np.concatenate([recess, edge])
    local = edge + np.array([0.0, number("off_joint_mm") + 0.5, 0.0])
    along = np.linspace(-1, 1, len(local))
    return TargetZone(patch.to_patient(local), 0.5 * np.abs(along))


def _joint_sheet(above: NDArray[np.bool_], below: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Samples about equally near to both bones, where these come close: the joint's space, one piece."""
    import cc3d
    from scipy.ndimage import distance_transform_edt

    if not above.any() or not below.any():
        return np.zeros_like(above)
    to_above = distance_transform_edt(~above, sampling=STEP_MM)
    to_below = distance_transform_edt(~below, sampling=STEP_MM)
    gap = float(np.percentile(to_below[above], 0.5))
    reach = max(gap / 2 + 1.0, 1.5)
    sheet: NDArray[np.bool_] = np.asarray((to_above <= reach) & (to_below <= reach))
    if not sheet.any():
        return sheet
    return np.asarray(cc3d.largest_k(np.ascontiguousarray(sheet), k=1, connectivity=26) > 0)
