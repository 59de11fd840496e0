"""Target zones by construction: from landmarks and labels to sampled points, patient LPS mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import BONE, CANAL_CONTENT, VERSE_LABELS, Region, Sacrum, Side, Spine, Vertebra
from procguide.anatomy import SACRUM as SACRUM_NAME
from procguide.errors import InputUnfitError
from procguide.geometry import AnatomicalFrame, Vector
from procguide.imaging import LabelMap
from procguide.planning.catalogue import Procedure
from procguide.planning.dura import interlaminar_line, uncovered
from procguide.planning.foramen import foramen_span, pedicle_of
from procguide.planning.nerves import required

__all__ = ["Anatomy", "TargetZone", "approximate_centre", "target_zone"]

_CLEAR_MM = 1.5
_PROCESS_MM = 8.0


@dataclass(frozen=True)
class Anatomy:
    """The two bones that a procedure is about.

    For an interspace those above and below it; for a nerve the vertebra that it leaves and the bone at
    which it is met.
    """

    upper: Vertebra
    lower: Vertebra | Sacrum
    spine: Spine

    @property
    def lower_name(self) -> str:
        """``"L5"``, or ``"S1"`` for the sacrum."""
        return self.lower.level if isinstance(self.lower, Vertebra) else "S1"


@dataclass(frozen=True, eq=False)
class TargetZone:
    """``points`` ``(n, 3)`` where the tip may lie, and how far each is from the best place, 0 (best) to 1."""

    points: NDArray[np.float64]
    misfit: NDArray[np.float64]


def approximate_centre(procedure: Procedure, anatomy: Anatomy, side: Side | None) -> Vector:
    """About where the target is, before labels are read: what the scene is cropped around."""
    upper, lower = anatomy.upper, anatomy.lower
    if procedure.target.construction == "subpedicular" and side is not None:
        return required(upper.foramina.get(side), f"{side} foramen", upper.level)
    if procedure.target.construction == "articular_transverse_junction" and side is not None:
        process = lower.superior_articular_processes.get(side)
        return required(process, f"{side} superior articular process", anatomy.lower_name)
    below = lower.canal_centre if isinstance(lower, Vertebra) else None
    canal = np.asarray(required(upper.canal_centre, "canal centre", upper.level))
    if below is None:
        below = required(anatomy.spine.canal[-1] if anatomy.spine.canal else None, "canal", "the sacrum")
        disc = np.asarray(upper.inferior_endplate.centre)
        x, y, z = canal + (disc - np.asarray(upper.frame.origin))
        return (float(x), float(y), float(z))
    x, y, z = 0.5 * (canal + np.asarray(below))
    return (float(x), float(y), float(z))


def target_zone(
    procedure: Procedure, anatomy: Anatomy, side: Side | None, levels: LabelMap, regions: LabelMap
) -> TargetZone:
    """Sample the procedure's zone on the scene's labels."""
    if procedure.target.construction == "interlaminar":
        return _interlaminar(procedure, anatomy, side, levels, regions)
    assert side is not None  # noqa: S101 (the procedure requires it; checked where it was asked for)
    if procedure.target.construction == "subpedicular":
        return _subpedicular(procedure, anatomy, side, levels, regions)
    return _junction(procedure, anatomy, side, levels, regions)


def _subpedicular(
    procedure: Procedure, anatomy: Anatomy, side: Side, levels: LabelMap, regions: LabelMap
) -> TargetZone:
    """Safe triangle: under the upper pedicle, from six o'clock laterally, dorsal in the foramen."""
    vertebra, number = anatomy.upper, procedure.number
    pedicle = pedicle_of(vertebra, side)
    x, _, z = vertebra.frame.to_local(pedicle.centre)
    half_width, inferior = pedicle.width_mm / 2, z - pedicle.height_mm / 2
    lateral = np.linspace(number("lateral_low_fraction"), number("lateral_high_fraction"), 4)
    below = np.linspace(number("below_pedicle_low_mm"), number("below_pedicle_high_mm"), 5)
    dorsal = np.linspace(number("dorsal_low_fraction"), number("dorsal_high_fraction"), 5)
    bone = (levels.voxels > 0) | regions.mask(*BONE)
    spans = np.array([foramen_span(vertebra, side, float(mm), bone, levels) for mm in below])
    fraction, depth, back = (axis.ravel() for axis in np.meshgrid(lateral, below, dorsal, indexing="ij"))
    front, rear = (np.interp(depth, below, spans[:, n]) for n in (0, 1))
    y = front + back * (rear - front)
    local = np.stack([x + side.sign * fraction * half_width, y, inferior - depth], axis=1)
    best = np.abs(fraction - lateral[1]) / 0.6 + np.abs(depth - 3.0) / 3 + np.abs(back - dorsal[1])
    return TargetZone(vertebra.frame.to_patient(local), np.clip(best / 2, 0, 1))


def _junction(
    procedure: Procedure, anatomy: Anatomy, side: Side, levels: LabelMap, regions: LabelMap
) -> TargetZone:
    """Bone where the lateral face of the superior articular process meets the transverse process (or ala).

    In the bone's own frame, section by section from medial to lateral: the section's top behind the
    pedicle falls from the tip of the articular process to the transverse process; the foot of that slope is
    the junction. There and a little lateral, the target is the corner of the transverse process that
    looks back and up. That corner is read a little farther lateral, clear of the articular process's flank,
    and near the section's top, clear of the inferior articular process.
    """
    bone, number = anatomy.lower, procedure.number
    process = required(
        bone.superior_articular_processes.get(side), f"{side} superior articular process", anatomy.lower_name
    )
    label = VERSE_LABELS[SACRUM_NAME if isinstance(bone, Sacrum) else bone.level]
    solid, origin = _sample_local(levels, regions, label, bone.frame, process, side)
    top = _section_tops(solid)
    step, back, up = 0.5, 0.5, 0.5
    centre = round(float(side.sign * bone.frame.to_local(process)[0] - origin[0]) / step)
    face = _lateral_face(top, centre)
    if face is None:
        raise InputUnfitError(
            f"the junction of the {side} articular and transverse process of {anatomy.lower_name} "
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
    levels: LabelMap, regions: LabelMap, label: int, frame: AnatomicalFrame, process: Vector, side: Side
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """The bone behind its body, sampled at 0.5 mm in its own frame as ``(lateral, posterior, superior)``.

    Lateral counts away from the midline on both sides. Returned with the first sample's coordinates.
    """
    x, y, z = frame.to_local(process)
    origin = np.array([side.sign * x - 12.0, y - 18.0, z - 22.0])
    axes = [start + 0.5 * np.arange(n) for start, n in zip(origin, (73, 57, 69), strict=True)]
    local = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) * (side.sign, 1, 1)
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


def _interlaminar(
    procedure: Procedure, anatomy: Anatomy, side: Side | None, levels: LabelMap, regions: LabelMap
) -> TargetZone:
    """Just past the ventral interlaminar line where no lamina covers the canal, midline or paramedian."""
    number = procedure.number
    canal = regions.mask(*CANAL_CONTENT)
    grid = levels.affine
    spacing = grid.spacing
    centre = levels.to_index(approximate_centre(procedure, anatomy, side))
    half = round(16 / spacing[0])
    rows = range(max(int(centre[0]) - half, 0), min(int(centre[0]) + half + 1, levels.shape[0]))
    if side is None:
        offsets = np.linspace(-number("midline_half_width_mm"), number("midline_half_width_mm"), 5)
        best_offset = 0.0
    else:
        offsets = side.sign * np.linspace(number("paramedian_low_mm"), number("paramedian_high_mm"), 3)
        best_offset = float(offsets[1])
    frame = anatomy.upper.frame
    bone = levels.voxels > 0
    window = uncovered(canal, bone, float(spacing[1]))
    line = interlaminar_line(canal, bone, float(spacing[1]))
    found: list[tuple[int, float, int, float]] = []
    for k in rows:
        middle = _midline_x(anatomy, grid.origin[2] + k * spacing[0], frame)
        for offset in offsets:
            i = round(float(middle + offset - grid.origin[0]) / float(spacing[2]))
            if 0 <= i < levels.shape[2] and window[k, i] and np.isfinite(line[k, i]):
                found.append((k, float(line[k, i]), i, abs(offset - best_offset)))
    if not found:
        return TargetZone(np.empty((0, 3)), np.empty(0))
    found = _nearest_window(found, float(centre[0]))
    index = np.array([row[:3] for row in found], dtype=np.float64)
    border = grid.apply(index)
    window_middle = (border[:, 2].min() + border[:, 2].max()) / 2
    half_window = max(border[:, 2].max() - window_middle, 1.0)
    points, misfit = [], []
    for past in np.linspace(number("past_line_low_mm"), number("past_line_high_mm"), 2):
        points.append(border - (0.0, past, 0.0))
        off_middle = np.abs(border[:, 2] - window_middle) / half_window
        misfit.append(0.5 * off_middle + 0.25 * np.array([row[3] for row in found]))
    return TargetZone(np.concatenate(points), np.clip(np.concatenate(misfit), 0, 1))


def _nearest_window(
    found: list[tuple[int, float, int, float]], centre: float
) -> list[tuple[int, float, int, float]]:
    """Of the runs of slices with samples (gaps up to two), the one whose middle is nearest to ``centre``."""
    slices = np.unique([row[0] for row in found])
    runs = np.split(slices, np.flatnonzero(np.diff(slices) > 2) + 1)
    run = min((run for run in runs), key=lambda run: abs(run.mean() - centre))
    return [row for row in found if run[0] <= row[0] <= run[-1]]


def _midline_x(anatomy: Anatomy, z: float, frame: AnatomicalFrame) -> float:
    """The x of the canal's centre line at height z."""
    line = np.array(anatomy.spine.canal)
    if len(line) < 2:
        return float(frame.origin[0])
    order = np.argsort(line[:, 2])
    return float(np.interp(z, line[order, 2], line[order, 0]))
