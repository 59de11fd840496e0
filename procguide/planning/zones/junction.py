"""The junction of superior articular and transverse process, over which a medial branch runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import SACRUM as SACRUM_NAME
from procguide.anatomy import VERSE_LABELS, Region, Sacrum, Side
from procguide.errors import InputUnfitError
from procguide.geometry import AnatomicalFrame, Vector
from procguide.planning.site import LocalLabels, Site, required
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]

_CLEAR_MM = 1.5
_PROCESS_MM = 8.0


def centre(site: Site) -> Vector:
    """The tip of the articular process."""
    side = site.own_side
    process = site.below.superior_articular_processes.get(side)
    return required(process, f"{side} superior articular process", site.lower_name)


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """Bone where the lateral face of the superior articular process meets the transverse process (or ala).

    In the bone's own frame, section by section from medial to lateral: the section's top behind the
    pedicle falls from the tip of the articular process to the transverse process; the foot of that slope is
    the junction. There and a little lateral, the target is the corner of the transverse process that
    looks back and up. That corner is read a little farther lateral, clear of the articular process's flank,
    and near the section's top, clear of the inferior articular process.
    """
    bone, side, number = site.below, site.own_side, site.number
    process = required(
        bone.superior_articular_processes.get(side), f"{side} superior articular process", site.lower_name
    )
    label = VERSE_LABELS[SACRUM_NAME if isinstance(bone, Sacrum) else bone.level]
    solid, origin = _sample_local(labels, label, bone.frame, process, side)
    top = _section_tops(solid)
    step, back, up = 0.5, 0.5, 0.5
    centre = round(float(side.sign * bone.frame.to_local(process)[0] - origin[0]) / step)
    face = _lateral_face(top, centre)
    if face is None:
        raise InputUnfitError(
            f"the junction of the {side} articular and transverse process of {site.lower_name} "
            "cannot be made out in the labels. Check them there."
        )
    points, misfit = [], []
    off = number("off_bone_mm")
    for lateral in np.arange(number("lateral_low_mm"), number("lateral_high_mm") + 0.1, 0.5):
        section = _upper_part(solid[min(face + round((lateral + _CLEAR_MM) / step), solid.shape[0] - 1)])
        for tilt in (10.0, 25.0, 40.0):
            corner = _corner(section, tilt)
            if corner is not None:
                outward = np.array([0.0, np.cos(np.radians(tilt)), np.sin(np.radians(tilt))])
                local = origin + (face * step + lateral, corner[0] * back, corner[1] * up) + off * outward
                points.append(local * (side.sign, 1, 1))
                misfit.append(lateral / 6 + abs(tilt - 25) / 60)
    return TargetZone(bone.frame.to_patient(np.array(points)), np.clip(np.array(misfit), 0, 1))


def _sample_local(
    labels: LocalLabels, label: int, frame: AnatomicalFrame, process: Vector, side: Side
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """The bone behind its body, sampled at 0.5 mm in its own frame as ``(lateral, posterior, superior)``.

    Lateral counts away from the midline on both sides. Returned with the first sample's coordinates.
    """
    x, y, z = frame.to_local(process)
    origin = np.array([side.sign * x - 12.0, y - 18.0, z - 22.0])
    axes = [start + 0.5 * np.arange(n) for start, n in zip(origin, (73, 57, 69), strict=True)]
    local = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) * (side.sign, 1, 1)
    levels, regions = labels.levels, labels.regions
    index = np.round(levels.to_index(frame.to_patient(local))).astype(int)
    inside: NDArray[np.bool_] = np.asarray(((index >= 0) & (index < levels.shape)).all(axis=-1))
    k, j, i = np.moveaxis(np.where(inside[..., None], index, 0), -1, 0)
    solid = inside & (regions.voxels[k, j, i] != Region.BODY) & (levels.voxels[k, j, i] == label)
    return np.asarray(solid, dtype=bool), origin


def _section_tops(solid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Highest sample with bone in each lateral section, ``(n,)``; NaN where there is none."""
    occupied: NDArray[np.bool_] = np.asarray(solid.any(axis=1))
    highest = solid.shape[2] - 1 - np.argmax(occupied[:, ::-1], axis=1)
    return np.where(occupied.any(axis=1), highest, np.nan)


def _lateral_face(top: NDArray[np.float64], centre: int) -> int | None:
    """Section at the foot of the articular process's lateral face: half-way down, then on while it is steep.

    Steep is more than 1.5 mm down in the next 2 mm laterally; ``centre`` is the process's own section.
    """
    start = max(centre - 4, 0)
    near = np.where(np.isnan(top), -np.inf, top)
    peak = start + int(np.argmax(near[start : centre + 9]))
    lateral = top[peak + 8 : peak + 48]
    lateral = lateral[~np.isnan(lateral)]
    if not len(lateral) or not np.isfinite(near[peak]):
        return None
    middle = (top[peak] + lateral.min()) / 2
    fallen = np.flatnonzero(top[peak:] <= middle)
    if not len(fallen):
        return None
    foot = peak + int(fallen[0])
    while foot + 4 < len(top) and near[foot] - near[foot + 4] > 3 and np.isfinite(near[foot + 4]):
        foot += 1
    return _valley_floor(near, foot)


def _valley_floor(near: NDArray[np.float64], foot: int) -> int:
    """Where the bone rises again laterally, as the ala does, the groove's floor within 4 mm of ``foot``."""
    beyond = near[foot + 8 : foot + 32]
    if not len(beyond) or beyond.max() < near[foot]:
        return foot
    return foot + int(np.argmin(near[foot : foot + 9]))


def _upper_part(section: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The uppermost 8 mm of a section ``(posterior, superior)``: about a transverse process's height."""
    heights = np.flatnonzero(section.any(axis=0))
    if not len(heights):
        return section
    upper = section.copy()
    upper[:, : max(int(heights[-1]) - round(_PROCESS_MM / 0.5), 0)] = False
    return upper


def _corner(section: NDArray[np.bool_], tilt_deg: float) -> tuple[int, int] | None:
    """The sample (posterior, superior) that lies farthest along ``tilt_deg`` above straight back."""
    index = np.argwhere(section)
    if not len(index):
        return None
    reach = index @ (np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg)))
    y, z = index[int(np.argmax(reach))]
    return int(y), int(z)
