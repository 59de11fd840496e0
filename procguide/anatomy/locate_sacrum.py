"""The sacrum's S1: endplate, frame, promontory, alae."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy.locate_body import Plane, fit_plane, symmetric_frame
from procguide.anatomy.locate_patch import STEP_MM, Labels, Mask, Patch, largest
from procguide.anatomy.regions import Side
from procguide.anatomy.spine import Endplate, Sacrum, Vertebra
from procguide.geometry import AnatomicalFrame, Vector, unit, vector

__all__ = ["locate_alae", "locate_sacrum", "s1_pedicle"]

_LOW, _HIGH = (-60, -45, -45), (60, 55, 25)
_NOTCH_AHEAD_MM = 8.5
"""How far before the centre of the S1 articular process its front meets the ala (assumed)."""
_LEAST_RISE_MM = 6.0
_ENDPLATE_HALF = np.array([14.0, 9.0])


def locate_sacrum(labels: Labels, lowest: Vertebra) -> Sacrum | None:
    """S1 under the lowest vertebra; None where it is not next to it.

    Articular processes and alae are added when the joints are known.
    """
    plate = lowest.inferior_endplate
    frame = AnatomicalFrame.from_axes(plate.centre, plate.normal, lowest.frame.left)
    for turn in range(4):
        patch = Patch.around(labels, frame, _LOW, _HIGH)
        bone = patch.sample(lambda found: found.sacrum())
        plane = _endplate_plane(patch, bone, first=turn == 0)
        if plane is None:
            return None
        frame = _onto(frame, plane, patch, bone, plate.depth_mm)
        if turn == 1:
            wide = Patch.around(labels, frame, (-62, -35, -30), (62, 50, 12))
            turned = symmetric_frame(
                wide, lambda found: found.sacrum(), lambda found: found.sacrum(), turn_deg=12.0, shift_mm=6.0
            )
            frame = AnatomicalFrame.from_axes(turned.origin, frame.superior, turned.left)
    patch = Patch.around(labels, frame, _LOW, _HIGH)
    bone = patch.sample(lambda found: found.sacrum())
    return _describe(patch, bone, lowest.inferior_endplate)


def _endplate_plane(patch: Patch, bone: Mask, *, first: bool) -> Plane | None:
    """Plane through the first bone met on the way down, below the disc's footprint."""
    half = _ENDPLATE_HALF * (0.8 if first else 1.0)
    low, high = (-25.0, 2.0) if first else (-8.0, 8.0)
    rows = (patch.superior >= low) & (patch.superior <= high)
    top_row = int(np.flatnonzero(rows)[-1])
    window = bone[: top_row + 1][::-1]
    met = np.argmax(window, axis=0)
    height = patch.superior[top_row] - met * STEP_MM + STEP_MM / 2
    footprint = (np.abs(patch.left) <= half[0])[None, :] & (np.abs(patch.posterior) <= half[1])[:, None]
    usable = footprint & window.any(axis=0) & (met > 0) & (height >= low)
    if usable.sum() < 80:
        return None
    j, i = np.nonzero(usable)
    return fit_plane(patch.left[i], patch.posterior[j], height[usable])


def _onto(frame: AnatomicalFrame, plane: Plane, patch: Patch, bone: Mask, depth_mm: float) -> AnatomicalFrame:
    """The frame that stands on the plane, its origin in the middle between promontory and canal."""
    superior = frame.rotation @ np.asarray(unit((-plane[1], -plane[2], 1.0)))
    front, back = _midline_extent(patch, bone, plane)
    middle = (front + back) / 2
    if not 0.6 * depth_mm <= back - front <= 1.5 * depth_mm:
        middle = 0.0
    origin = frame.to_patient((0.0, middle, plane[0] + plane[2] * middle))
    return AnatomicalFrame.from_axes(origin, superior, frame.left)


def _midline_extent(patch: Patch, bone: Mask, plane: Plane) -> tuple[float, float]:
    """Front and back of the S1 body within 5 mm under the plane, near the midline, posterior mm."""
    depth = plane[0] + plane[2] * patch.posterior[None, :] - patch.superior[:, None]
    section = bone[:, :, np.abs(patch.left) <= 6].mean(axis=2) >= 0.5
    profile = (section & (depth >= -1.5) & (depth <= 4)).any(axis=0)
    return _run(patch.posterior, profile)


def _run(coordinate: NDArray[np.float64], profile: NDArray[np.bool_]) -> tuple[float, float]:
    """Ends of the unbroken run of ``profile`` round coordinate 0."""
    zero = int(np.argmin(np.abs(coordinate)))
    if not profile[zero]:
        return 0.0, 0.0
    gaps = np.flatnonzero(~profile)
    before, after = gaps[gaps < zero], gaps[gaps > zero]
    low = int(before[-1]) + 1 if len(before) else 0
    high = int(after[0]) - 1 if len(after) else len(profile) - 1
    return float(coordinate[low] - STEP_MM / 2), float(coordinate[high] + STEP_MM / 2)


def _describe(patch: Patch, bone: Mask, above: Endplate) -> Sacrum:
    flat: Plane = (0.0, 0.0, 0.0)
    front, back = _midline_extent(patch, bone, flat)
    # The ala falls away beside the endplate: deeper rows would count it in.
    rows = (patch.superior >= -1.5) & (patch.superior <= 2.5)
    columns = np.any(bone[rows][:, np.abs(patch.posterior) <= 6], axis=0).mean(axis=0) >= 0.5
    right, left = _run(patch.left, columns)
    width = left - right if 0.6 <= (left - right) / above.width_mm <= 1.3 else above.width_mm
    depth = back - front if 0.6 <= (back - front) / above.depth_mm <= 1.5 else above.depth_mm
    return Sacrum(
        frame=patch.frame,
        endplate=Endplate(patch.frame.origin, patch.frame.superior, width, depth),
        promontory=vector(patch.to_patient((0.0, -depth / 2, 0.0))),
    )


def s1_pedicle(sacrum: Sacrum, off_midline_mm: float, side: Side) -> Vector:
    """Where the S1 pedicle joins: beside and behind the endplate, as far off the midline as given."""
    local = (side.sign * off_midline_mm, sacrum.endplate.depth_mm / 2 + 3.0, -10.0)
    return vector(sacrum.frame.to_patient(local))


def locate_alae(labels: Labels, sacrum: Sacrum, processes: Mapping[Side, Vector]) -> Sacrum:
    """The sacrum with its articular processes and, beside each, the notch where it meets the ala."""
    patch = Patch.around(labels, sacrum.frame, (-50, -5, -35), (50, 50, 35))
    bone = largest(ndimage.binary_closing(patch.sample(lambda found: found.sacrum())))
    alae = {}
    for side, process in processes.items():
        notch = _notch(patch, bone, side, sacrum.frame.to_local(process))
        if notch is not None:
            alae[side] = notch
    return replace(sacrum, superior_articular_processes=dict(processes), alae=alae)


def _notch(patch: Patch, bone: Mask, side: Side, process: NDArray[np.float64]) -> Vector | None:
    """Foot of the slope from the process's front down to the ala; None where the labels show no process.

    The ala's height is that of the bone's roof 8 to 14 mm lateral of the process's centre.
    """
    x, y, z = process
    below = bone & (patch.superior <= z + 12)[:, None, None]
    row_of_top = below.shape[0] - 1 - np.argmax(below[::-1], axis=0)
    top = np.where(below.any(axis=0), patch.superior[row_of_top] + STEP_MM / 2, np.nan)
    off = patch.left * side.sign - abs(x)
    rows = np.flatnonzero(np.abs(patch.posterior - (y - _NOTCH_AHEAD_MM)) <= 1.0)
    beside, across = (off >= 8) & (off <= 14), (off >= 0) & (off <= 10)
    summit = top[np.abs(patch.posterior - y) <= 2][:, np.abs(off) <= 3]
    if not len(rows) or np.isnan(top[rows][:, beside]).all() or np.isnan(summit).all():
        return None
    level = float(np.nanmedian(top[rows][:, beside]))
    if np.nanmax(summit) - level < _LEAST_RISE_MM:
        return None
    columns = np.flatnonzero(across)
    columns = columns[np.argsort(off[columns])]
    roof = top[rows][:, columns].mean(axis=0)
    low = np.flatnonzero(roof <= level + 1.0)
    if not len(low):
        return None
    place = low[0]
    local = (patch.left[columns[place]], patch.posterior[rows].mean(), roof[place])
    return vector(patch.to_patient(local))
