"""Landmarks between two bones: facet joints with their articular processes, and foramina."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from procguide.anatomy.locate_patch import SACRUM_LABEL, STEP_MM, Labels, Mask, Patch, keep_large, largest
from procguide.anatomy.regions import Side
from procguide.geometry import AnatomicalFrame, Vector, vector

__all__ = ["Joint", "free_articular_process", "locate_foramen", "locate_joints"]

_WIDEST_GAP_MM = 6.0
_PROCESS_MM = 7.0
_FORAMEN_HALF_MM = 4.0
_OPEN_SIDE_MM = 8.0


@dataclass(frozen=True)
class Joint:
    """A facet joint with the process of the bone above (inferior) and below (superior), LPS mm."""

    centre: Vector
    inferior_process: Vector
    superior_process: Vector


def locate_joints(
    labels: Labels, upper_label: int, lower_label: int, upper: AnatomicalFrame, lower_top: ArrayLike
) -> dict[Side, Joint]:
    """Where the arch above comes next to the bone below, on either side of the midline behind the canal.

    ``upper`` is the frame of the bone above, ``lower_top`` the centre of the upper endplate below.
    """
    middle = (np.asarray(upper.origin) + np.asarray(lower_top)) / 2
    frame = AnatomicalFrame.from_axes(middle, upper.superior, upper.left)
    patch = Patch.around(labels, frame, (-40, 8, -40), (40, 70, 30))
    above = keep_large(patch.sample(lambda found: found.arch(upper_label)))
    if lower_label == SACRUM_LABEL:
        below = keep_large(patch.sample(lambda found: found.sacrum()))
    else:
        below = keep_large(patch.sample(lambda found: found.arch(lower_label)))
    if not above.any() or not below.any():
        return {}
    to_above = ndimage.distance_transform_edt(~above)
    to_below = ndimage.distance_transform_edt(~below)
    joints = {}
    for side in Side:
        columns = patch.left * side.sign
        zone = np.broadcast_to((columns >= 5) & (columns <= 36), above.shape)
        joint = _joint(patch, (above & zone, below & zone), (to_above, to_below), zone)
        if joint is not None:
            joints[side] = joint
    return joints


def _joint(
    patch: Patch, bones: tuple[Mask, Mask], distances: tuple[NDArray[np.float64], ...], zone: Mask
) -> Joint | None:
    """One side's joint: the sheet about equally near to both bones, and the bone next to it."""
    above, below = bones
    to_above, to_below = distances
    if above.sum() < 100 or below.sum() < 100:
        return None
    gap = float(np.percentile(to_below[above], 1))
    if gap > _WIDEST_GAP_MM:
        return None
    reach = max(gap / 2 + 1.5, 2.0)
    sheet = largest((to_above <= reach) & (to_below <= reach) & zone, corners=True)
    if sheet.sum() < 20:
        return None
    height = patch.superior[np.nonzero(sheet)[0]]
    low, high = np.percentile(height, [10, 90])
    rows = ((patch.superior >= low) & (patch.superior <= high))[:, None, None]
    from_sheet = ndimage.distance_transform_edt(~sheet)
    processes = []
    for bone in (above, below):
        near = patch.points(bone & rows & (from_sheet <= _PROCESS_MM))
        if len(near) < 50:
            return None
        processes.append(vector(patch.to_patient(near.mean(axis=0))))
    centre = vector(patch.to_patient(patch.points(sheet).mean(axis=0)))
    return Joint(centre, processes[0], processes[1])


def free_articular_process(
    labels: Labels, label: int, frame: AnatomicalFrame, wall_mm: float, *, superior: bool
) -> dict[Side, Vector]:
    """Articular processes without a neighbour to meet: the highest or lowest end of the arch, each side."""
    patch = Patch.around(labels, frame, (-40, wall_mm + 4, -50), (40, wall_mm + 45, 40))
    arch = keep_large(patch.sample(lambda found: found.arch(label)))
    found = {}
    for side in Side:
        columns = patch.left * side.sign
        points = patch.points(largest(arch & ((columns >= 6) & (columns <= 30))))
        if len(points) < 200:
            continue
        height = points[:, 2] if superior else -points[:, 2]
        end = points[height >= height.max() - 12]
        found[side] = vector(patch.to_patient(end.mean(axis=0)))
    return found


def locate_foramen(
    labels: Labels, labels_of_bones: tuple[int, int], upper: AnatomicalFrame, pedicles: tuple[Vector, Vector]
) -> Vector | None:
    """Centre of the opening between two pedicles, in sagittal sections through both.

    Half-way between the bone above and below on the line between the pedicles; there half-way from body
    or disc in front to the articular processes behind. ``pedicles`` are the centre of the pedicle above
    and of that below (for the sacrum: where it would be).
    """
    above, below = (np.asarray(point) for point in pedicles)
    span = float(np.linalg.norm(above - below))
    if not 15 <= span <= 60:
        return None
    frame = AnatomicalFrame.from_axes((above + below) / 2, above - below, upper.left)
    half = span / 2
    patch = Patch.around(labels, frame, (-3, -20, -half), (3, 28, half))
    upper_label, lower_label = labels_of_bones
    bone = patch.sample(lambda found: found.bone(upper_label) | found.bone(lower_label))
    solid = (bone | patch.sample(lambda found: found.disc())).mean(axis=2) >= 0.5
    return _opening(patch, solid, bone.mean(axis=2) >= 0.5)


def _opening(patch: Patch, solid: Mask, bone: Mask) -> Vector | None:
    """Middle of the free space round the line between the pedicles; ``solid`` is bone or disc."""
    y, z = patch.posterior, patch.superior
    # A hypertrophic process may stand on the line itself: then the widest gap just beside it counts.
    gaps = {
        at: _longest_gap(bone[:, np.abs(y - at) <= 2.0].mean(axis=1) >= 0.5) for at in (0.0, -3.0, 3.0, -6.0)
    }
    sizes = {at: gap[1] - gap[0] - abs(at) for at, gap in gaps.items() if gap is not None}
    if not sizes:
        return None
    at = max(sizes, key=lambda offset: sizes[offset])
    low, high = gaps[at] or (0, 0)
    height = (z[low] + z[high]) / 2
    centres = []
    for k in np.flatnonzero(np.abs(z - height) <= _FORAMEN_HALF_MM):
        run = _free_run(solid[k], bone[k], y - at)
        if run is not None:
            centres.append(at + (run[0] + run[1]) / 2)
    if len(centres) < 2:
        return None
    return vector(patch.to_patient((0.0, float(np.median(centres)), height)))


def _longest_gap(column: NDArray[np.bool_]) -> tuple[int, int] | None:
    """First and last index of the longest run without bone; None below 5 mm."""
    pieces, count = ndimage.label(~column)
    if count == 0:
        return None
    sizes = np.bincount(pieces)
    sizes[0] = 0
    index = np.flatnonzero(pieces == int(sizes.argmax()))
    return (int(index[0]), int(index[-1])) if len(index) * STEP_MM >= 5 else None


def _free_run(
    solid: NDArray[np.bool_], bone: NDArray[np.bool_], y: NDArray[np.float64]
) -> tuple[float, float] | None:
    """Front and back of a row's free space next to y = 0; an open side ends where foramina usually do."""
    start = int(np.argmin(np.abs(y)))
    free = np.flatnonzero(~solid)
    if not len(free):
        return None
    start = int(free[np.argmin(np.abs(free - start))])
    if abs(y[start]) > 8:
        return None
    before = np.flatnonzero(solid[:start])
    after = np.flatnonzero(bone[start:])
    front = float(y[before[-1]]) + STEP_MM / 2 if len(before) else -_OPEN_SIDE_MM
    back = float(y[start + after[0]]) - STEP_MM / 2 if len(after) else _OPEN_SIDE_MM
    return max(front, -_OPEN_SIDE_MM), min(back, _OPEN_SIDE_MM)
