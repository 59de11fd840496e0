"""The sacrum below S1: its canal down to the hiatus and the sacroiliac joints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy.locate_foramina import locate_foramina
from procguide.anatomy.locate_patch import STEP_MM, Labels, Mask, Patch, keep_large
from procguide.anatomy.locate_unrolled import BEFORE_MM, Unrolled, unroll
from procguide.anatomy.regions import Region, Side
from procguide.anatomy.spine import SacralForamen, Sacrum, Spine
from procguide.geometry import Vector, vector
from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.resample import resample

__all__ = ["foramina_on_ct", "locate_sacral", "with_sacral_landmarks"]

_LOW, _HIGH = (-70, -45, -135), (70, 75, 15)
_OPEN_MM = 4
_PAST_ROOF_MM = 8
"""So far at most does the labelled canal go on past the last bone behind it (assumed)."""
_LEAST_CANAL_MM = 50
"""From the S1 endplate down to the hiatus at the least, along the canal (assumed)."""
_NEAR_MM = (2.5, 3.5)
"""How near both bones are to the joint's places: the wider where the narrower finds no joint (assumed)."""
_BESIDE_BODY_MM = 20.0
_LEAST_SAMPLES = 60
_LEAST_JOINT_MM = 15.0
_BELOW_MM, _PARTED_MM = (12.0, 16.0), 8.5
"""So far under a joint's lower end sacrum and ilium are at least so far apart: 9 to 16 mm on phantoms."""
_THICK_MM = 2.5
"""Standard deviation from side to side; 1.3 to 2.0 on phantoms."""
_SECTION_MM, _LEAST_SECTION = 2.0, 4
_HARD_HU = (200, 150)
"""From these up it is the sacrum's back, below them what fills a foramen; tried in this order (assumed)."""


def with_sacral_landmarks(levels: LabelMap, regions: LabelMap, spine: Spine) -> Spine:
    """The spine with what :func:`locate_sacral` finds on two label maps of one lattice."""
    if spine.sacrum is None:
        return spine
    return replace(spine, sacrum=locate_sacral(Labels(levels, regions), spine.sacrum, spine.canal))


def locate_sacral(labels: Labels, sacrum: Sacrum, canal: Sequence[Vector]) -> Sacrum:
    """The sacrum with its canal, hiatus, foramina and joints; what cannot be found is absent.

    ``canal`` is the whole canal's centre line, cranial to caudal.
    """
    patch = Patch.around(labels, sacrum.frame, _LOW, _HIGH)
    bone = patch.sample(lambda found: found.sacrum())
    lines = _joint_lines(patch, bone)
    sacrum = replace(sacrum, canal=(), hiatus=None, posterior_foramina={}, joint_lines=lines)
    unrolled = unroll(patch, bone, canal)
    if unrolled is None:
        return sacrum
    return replace(
        sacrum,
        canal=tuple(vector(point) for point in patch.to_patient(unrolled.labelled)),
        hiatus=_hiatus(unrolled),
        posterior_foramina=locate_foramina(unrolled),
    )


def foramina_on_ct(
    levels: LabelMap, regions: LabelMap, spine: Spine, image: Volume
) -> Mapping[Side, Mapping[str, SacralForamen]] | None:
    """The posterior foramina as a CT shows them; None where it shows no three alike on both sides.

    Networks label the sacrum's back as one face over its holes, so what is labelled but not hard is hole.
    """
    sacrum = spine.sacrum
    if sacrum is None or image.modality is not Modality.CT:
        return None
    patch = Patch.around(Labels(levels, regions), sacrum.frame, _LOW, _HIGH)
    bone = patch.sample(lambda found: found.sacrum())
    density = resample(image, patch.grid, fill=-1000.0).voxels
    for hard in _HARD_HU:
        unrolled = unroll(patch, np.asarray(bone & (density >= hard)), spine.canal)
        found = locate_foramina(unrolled) if unrolled is not None else {}
        if found and all(one.seen for row in found.values() for one in row.values()):
            return found
    return None


def _hiatus(unrolled: Unrolled) -> Vector | None:
    """Where the canal opens under the skin; None where the labels do not follow it so far down.

    The last place with bone behind the midline before four millimetres without, or more where more bone than
    that follows: the roof has cracks. Else the last with such bone near the labelled canal's end: labels of a
    few millimetres close the opening and its ligament with bone.
    """
    lowest = BEFORE_MM + len(unrolled.labelled) - 1
    endplate = int(np.argmin(np.abs(unrolled.line[:, 2])))
    middle = np.abs(unrolled.across) <= 1.0
    roofed = (unrolled.dorsal[:, middle] > 0.5).sum(axis=1) >= 2
    for row in range(endplate + _LEAST_CANAL_MM, lowest + 1):
        gap = _run(~roofed[row + 1 :])
        if roofed[row] and gap >= _OPEN_MM and _run(roofed[row + 1 + gap : lowest + 1]) <= gap:
            return vector(unrolled.patch.to_patient(unrolled.line[row]))
    near = np.flatnonzero(roofed[lowest - _PAST_ROOF_MM : lowest + 1])
    if lowest - endplate < _LEAST_CANAL_MM or not len(near):
        return None
    row = lowest - _PAST_ROOF_MM + int(near[-1])
    return vector(unrolled.patch.to_patient(unrolled.line[row]))


def _run(flags: Mask) -> int:
    """How many of ``flags`` ``(n,)`` are set in a row, from the first on."""
    return int(np.argmin([*flags, False]))


def _joint_lines(patch: Patch, bone: Mask) -> dict[Side, tuple[Vector, ...]]:
    """The dorsal edge of each sacroiliac joint, caudal to cranial, where sacrum and ilium come close."""
    ilium = patch.sample(lambda found: found.regions.voxels == Region.ILIUM)
    lines = {}
    for side in Side:
        lateral = np.flatnonzero(patch.left * side.sign > _BESIDE_BODY_MM)
        window = (slice(None), slice(None), slice(int(lateral[0]), int(lateral[-1]) + 1))
        for reach in _NEAR_MM:
            near = _grown(ilium[window], reach) & _grown(bone[window], reach)
            if near.sum() < _LEAST_SAMPLES:
                continue
            found = np.argwhere(keep_large(near)) + np.array([0, 0, int(lateral[0])])
            points = patch.to_patient(patch.local(found))
            line = _dorsal_edge(points)
            if _unlike_a_joint(points) or not _part_below(patch, bone, ilium, points):
                break
            if len(line) >= 3 and line[-1][2] - line[0][2] >= _LEAST_JOINT_MM:
                lines[side] = line
                break
    return lines


def _unlike_a_joint(points: NDArray[np.float64]) -> bool:
    """A joint is a thin upright sheet: labels cut off or mixed up meet in a wide crowd instead."""
    lean = np.polyfit(points[:, 2], points[:, 0], 1)
    return bool(np.std(points[:, 0] - np.polyval(lean, points[:, 2])) > _THICK_MM)


def _part_below(patch: Patch, bone: Mask, ilium: Mask, joint: NDArray[np.float64]) -> bool:
    """Under a joint's lower end the bones part; where labels stay close, the joint goes on beyond them.

    ``joint`` ``(n, 3)`` LPS mm. What lies under the image's lower edge is not asked.
    """
    from scipy.spatial import cKDTree

    high = float(joint[:, 2].min()) - _BELOW_MM[0]
    low = high + _BELOW_MM[0] - _BELOW_MM[1]
    side = np.sign(np.median(joint[:, 0]) - patch.frame.origin[0])
    bands = []
    for mask in (bone, ilium):
        points = patch.to_patient(patch.points(mask))
        own = side * (points[:, 0] - patch.frame.origin[0]) > 0
        bands.append(points[own & (points[:, 2] >= low) & (points[:, 2] <= high)])
    if low < float(patch.labels.levels.to_patient(np.zeros((1, 3)))[0, 2]):
        return True
    if not all(len(band) for band in bands):
        return False
    return bool(cKDTree(bands[0]).query(bands[1])[0].min() >= _PARTED_MM)


def _grown(mask: Mask, reach_mm: float) -> Mask:
    size = int(reach_mm / STEP_MM)
    ball = (np.mgrid[(slice(-size, size + 1),) * 3] ** 2).sum(axis=0) * STEP_MM**2 <= reach_mm**2
    return np.asarray(ndimage.binary_dilation(mask, ball))


def _dorsal_edge(points: NDArray[np.float64]) -> tuple[Vector, ...]:
    """The rearmost tenth of each axial section of a joint, its mean; by height."""
    heights = np.floor((points[:, 2] - points[:, 2].min()) / _SECTION_MM).astype(int)
    line = []
    for section in range(int(heights.max()) + 1):
        own = points[heights == section]
        if len(own) >= _LEAST_SECTION:
            rear = own[own[:, 1] >= np.quantile(own[:, 1], 0.9)]
            line.append(vector(rear.mean(axis=0)))
    return tuple(line)
