"""The dorsal opening of a facet joint, from its inferior recess upward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.errors import InputUnfitError
from procguide.geometry import Vector
from procguide.planning.site import LocalLabels, Site, required
from procguide.planning.zones.cleft import parted
from procguide.planning.zones.nouns import TargetZone
from procguide.planning.zones.patch import STEP_MM, SidePatch, label_of

__all__ = ["centre", "sample"]

_ROOM = ((-16.0, -16.0, -20.0), (16.0, 20.0, 20.0))
_LEAST_SHEET = 40
_RECESS = 0.75
"""How poor the recess is against the joint's own line: taken where the line is out of reach. Assumed."""
_DORSAL = 2 / 3
_RIM_MM, _MOST_MOUTH_MM = 5.0, 3.0
"""Bone within so much of the joint's plane, about an articular process's thickness, makes its mouth; how far
out of the joint that may lie (assumed)."""
_MOST_MOVED_MM = 7.0
"""About the thickness of an articular process; assumed."""
_SPECK_MM3 = 500.0
"""Much less than an articular process: so small a piece apart from the rest is a wrong label. Assumed."""
_BACK_AND_OUT = np.array([0.6, 0.8, 0.0])
"""About half-way from a sagittal joint to a coronal one: (lateral, posterior, superior)."""
_ENDS = (12, 88)
"""Hundredths of the sheet's points below the joint's lower and upper end: beyond, only the processes' tips
come near the other bone."""


def centre(site: Site) -> Vector:
    """The joint's centre."""
    side = site.own_side
    return required(site.upper.facet_joints.get(side), f"{side} facet joint", site.level)


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """The mouth of the sheet that is about as near to the one bone as to the other.

    Section by section from the joint's lower end upward, and on below it by the recess. The bones are parted
    in the cleft that a CT shows, unless that leads too far from where the labels part them: then one bone
    grew round the joint into the other.
    """
    side, number = site.own_side, site.number
    patch = SidePatch.around(labels, site.upper.frame, side, centre(site), *_ROOM)
    above, below = _two_bones(patch, label_of(site.upper), label_of(site.below))
    local = _opening(site, patch, above, below)
    if labels.density is not None:
        seen = _opening(site, patch, *_parted(patch, above, below))
        if not len(local) or (len(seen) and _moved_mm(local, seen) <= _MOST_MOVED_MM):
            local = seen
    if not len(local):
        raise InputUnfitError(
            f"the {side} facet joint of {site.level} cannot be made out in the labels. Check them there."
        )
    recess = np.arange(number("recess_below_mm"), 0.5, -1.0)
    misfit = np.concatenate([np.full(len(recess), _RECESS), 0.5 * np.abs(np.linspace(-1, 1, len(local)))])
    local = np.concatenate([local[0] - np.outer(recess, (0.0, 0.0, 1.0)), local])
    return TargetZone(patch.to_patient(local), misfit)


def _opening(
    site: Site, patch: SidePatch, above: NDArray[np.bool_], below: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The mouth between two bones of the labels' lattice, see :func:`_dorsal_line`; empty without a joint."""
    upper, lower = patch.solid(above), patch.solid(below)
    sheet = _joint_sheet(patch, upper, lower)
    if len(sheet.points) < _LEAST_SHEET:
        return np.empty((0, 3))
    fraction, off_mm = site.number("line_high_fraction"), site.number("off_joint_mm")
    return _dorsal_line(patch, upper | lower, sheet, fraction, off_mm)


def _moved_mm(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """How far the middle of a line moved."""
    return float(np.linalg.norm(before.mean(axis=0) - after.mean(axis=0)))


def _two_bones(patch: SidePatch, upper: int, lower: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The bone above and that below without specks, the superior articular process whole.

    Where a network numbers some of it like the bone that it meets, it goes with most of itself. Not so the
    inferior ones: that above meets that below at its tip, and both may be one piece.
    """
    import cc3d

    levels, regions = patch.labels.levels.voxels, patch.labels.regions.voxels
    below = np.asarray(levels == lower)
    either = below | (levels == upper)
    parts = (Region.SUPERIOR_ARTICULAR_PROCESS, Region.SACRUM)
    pieces, count = cc3d.connected_components(
        np.ascontiguousarray(either & np.isin(regions, parts)), return_N=True
    )
    share = np.bincount(pieces.ravel(), below.ravel(), count + 1)
    mostly = share > np.bincount(pieces.ravel(), minlength=count + 1) / 2
    below = np.where(pieces > 0, mostly[pieces], below)
    voxel_mm3 = float(np.prod(patch.labels.levels.spacing))
    upper_bone, lower_bone = (
        cc3d.dust(np.ascontiguousarray(bone), threshold=round(_SPECK_MM3 / voxel_mm3), connectivity=6) > 0
        for bone in (either & ~below, below)
    )
    return upper_bone, lower_bone


def _parted(
    patch: SidePatch, upper: NDArray[np.bool_], lower: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Both bones on the labels' lattice parted in the cleft that the CT shows."""
    labels = patch.labels
    assert labels.density is not None  # noqa: S101 (asked by the caller)
    near = patch.window
    free = labels.levels.voxels[near] == 0
    upper, lower = upper.copy(), lower.copy()
    upper[near], lower[near] = parted(
        upper[near], lower[near], free, labels.density[near], labels.levels.spacing
    )
    return upper, lower


def _dorsal_line(
    patch: SidePatch, solid: NDArray[np.bool_], sheet: JointSheet, fraction: float, off_mm: float
) -> NDArray[np.float64]:
    """Points ``off_mm`` outside the joint's mouth, from its lower end upward, ``(n, 3)`` mm.

    Outward is along the joint's plane as its dorsal third runs: joints are curved.
    """
    points = sheet.points
    low, high = np.percentile(points[:, 2], _ENDS)
    first = sheet.backward(np.ones(len(points), bool))
    reach = points @ first
    outward = sheet.backward(reach >= np.quantile(reach, _DORSAL))
    reach = points @ outward
    line = []
    for height in np.arange(low, low + fraction * (high - low) + 0.1, 1.0):
        near = np.abs(points[:, 2] - height) <= 1.0
        if near.any():
            edge = points[near & (reach >= reach[near].max() - 1.0)].mean(axis=0)
            edge[2] = height
            line.append(edge + (_mouth(patch, solid, edge, outward) + off_mm) * outward)
    return np.array(line)


def _mouth(
    patch: SidePatch, solid: NDArray[np.bool_], edge: NDArray[np.float64], outward: NDArray[np.float64]
) -> float:
    """How far out of the sheet's ``edge`` a straight line lies that touches both processes from behind, mm.

    In the edge's section. That is where a joint opens whatever its rims have grown to: the sheet ends before
    them where they are round.
    """
    at = min(round(float(patch.index(edge)[2])), solid.shape[2] - 1)
    index = np.argwhere(solid[:, :, at])
    bone = patch.local(np.column_stack([index, np.full(len(index), at)]))[:, :2] - edge[:2]
    beside = bone @ (-outward[1], outward[0])
    reach = bone @ outward[:2]
    rims = []
    for side in (beside < 0, beside >= 0):
        near = side & (np.abs(beside) <= _RIM_MM)
        if not near.any():
            return 0.5
        rims.append((beside[near], reach[near]))
    (left, left_reach), (right, right_reach) = rims
    share = -left[:, None] / np.maximum(right[None] - left[:, None], STEP_MM / 2)
    crossing = left_reach[:, None] + share * (right_reach[None] - left_reach[:, None])
    return float(np.clip(crossing.max(), 0.0, _MOST_MOUTH_MM))


@dataclass(frozen=True, eq=False)
class JointSheet:
    """The joint's space: ``points`` and the way ``across`` it from the upper bone to the lower one.

    Both ``(n, 3)``: lateral, posterior, superior; mm and unit vectors.
    """

    points: NDArray[np.float64]
    across: NDArray[np.float64]

    def backward(self, part: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The way the joint runs in the section, backward: square to ``across`` in that part of it.

        Joints run backward and outward, from sagittal in the upper to nearly coronal in the lower spine: of
        a coronal one, backward is the outer end.
        """
        lateral, posterior = self.across[part, :2].sum(axis=0)
        along = np.array([-posterior, lateral, 0.0])
        along *= 1.0 if float(along @ _BACK_AND_OUT) > 0 else -1.0
        return np.asarray(along / max(float(np.linalg.norm(along)), 1e-6))


def _joint_sheet(patch: SidePatch, above: NDArray[np.bool_], below: NDArray[np.bool_]) -> JointSheet:
    """Samples about equally near to both bones, where these come close: the joint's space, one piece."""
    import cc3d
    from scipy.ndimage import distance_transform_edt

    if not above.any() or not below.any():
        return JointSheet(np.empty((0, 3)), np.empty((0, 3)))
    to_above = distance_transform_edt(~above, sampling=STEP_MM)
    to_below = distance_transform_edt(~below, sampling=STEP_MM)
    gap = float(np.percentile(to_below[above], 0.5))
    reach = max(gap / 2 + 1.0, 1.5)
    sheet: NDArray[np.bool_] = np.asarray((to_above <= reach) & (to_below <= reach))
    if sheet.any():
        sheet = np.asarray(cc3d.largest_k(np.ascontiguousarray(sheet), k=1, connectivity=26) > 0)
    across = np.stack([axis[sheet] for axis in np.gradient(to_above - to_below)], axis=-1)
    return JointSheet(patch.local(np.argwhere(sheet)), across)
