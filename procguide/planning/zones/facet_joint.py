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
    local = _dorsal_line(
        patch.local(np.argwhere(sheet)), number("line_high_fraction"), number("off_joint_mm")
    )
    recess = np.arange(number("recess_below_mm"), 0.5, -1.0)
    local = np.concatenate([local[0] - np.outer(recess, (0.0, 0.0, 1.0)), local])
    return TargetZone(patch.to_patient(local), 0.5 * np.abs(np.linspace(-1, 1, len(local))))


def _dorsal_line(sheet: NDArray[np.float64], fraction: float, off_mm: float) -> NDArray[np.float64]:
    """Points ``off_mm`` outside the joint's dorsal edge, from its lower end upward, ``(n, 3)`` mm.

    ``sheet`` ``(m, 3)`` are points in the joint's space (lateral, posterior, superior). Outward is along
    the joint's plane as its dorsal half runs in the section.
    """
    low, high = np.percentile(sheet[:, 2], [3, 97])
    outward = _outward(sheet[sheet[:, 1] >= np.median(sheet[:, 1])])
    reach = sheet @ outward
    line = []
    for height in np.arange(low, low + fraction * (high - low) + 0.1, 1.0):
        near = np.abs(sheet[:, 2] - height) <= 1.0
        if near.any():
            edge = sheet[near & (reach >= reach[near].max() - 1.0)].mean(axis=0)
            line.append((edge[0], edge[1], height))
    return np.array(line) + (0.5 + off_mm) * outward


def _outward(sheet: NDArray[np.float64]) -> NDArray[np.float64]:
    """The way the sheet runs in the section, backward: unit (lateral, posterior, 0)."""
    across = sheet[:, :2] - sheet[:, :2].mean(axis=0)
    along = np.linalg.svd(across, full_matrices=False)[2][0]
    along = along if along[1] > 0 else -along
    return np.array([along[0], along[1], 0.0])


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
