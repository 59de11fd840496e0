"""The junction of superior articular and transverse process, over which a medial branch runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Sacrum
from procguide.errors import InputUnfitError
from procguide.geometry import Vector
from procguide.planning.site import LocalLabels, Site, required
from procguide.planning.zones.ala import groove
from procguide.planning.zones.nouns import TargetZone
from procguide.planning.zones.patch import STEP_MM, SidePatch, label_of

__all__ = ["Junction", "centre", "read_junction", "sample"]

_CLEAR_MM = 1.5
_LEAST_PROCESS_MM = 5.0
_SHARE = 0.6
_ACROSS_MM = 15.0
_BESIDE_MM = 5.0
_FOOT_MM = 2.5
_HOLLOW_WITHIN_MM = 3.0
"""What shows farther off the articular process's face is another hollow (assumed)."""
_HIGH = 0.75
_FACE_MM = 0.5
_LEVEL = 2
_GROOVE_BESIDE_MM = (7.0, 14.0)
_GROOVE_AMONG_MM = ((3.0, 18.0), (-12.0, 12.0))
_ALA_TOP_MM = (-7.0, -1.0)
"""So far below the articular process's middle the ala's top lies: what is read beyond is a large process's
own flank, or an ala that falls away (assumed)."""
_TILTS = (25.0, 35.0, 45.0)
_BEST_TILT = 35.0
_OUT_MM = (0.5, 1.5, 2.5, 3.5, 5.0, 6.5)
_BEST_OUT_MM = 1.5
_OFF_PROCESS_MM = 3.0
"""The ramus keeps to the articular process's base: farther beside that bone no needle ends (assumed)."""
_UPPER_ROWS, _STRAY_MM = 3, 2.0
"""The groove is followed down from its uppermost rows while its floor lies so near to theirs (assumed)."""
_LOW_ROW = 0.6
"""Misfit of the groove's lower end (assumed)."""
_PROCESS_MM = 8.0
_ROOM = ((-12.0, -18.0, -22.0), (24.0, 10.0, 12.0))


def centre(site: Site) -> Vector:
    """The tip of the articular process."""
    side = site.own_side
    process = site.below.superior_articular_processes.get(side)
    return required(process, f"{side} superior articular process", site.lower_name)


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """Bone where the lateral face of the superior articular process meets the transverse process (or ala).

    At the junction and a little lateral, the target is the corner of the transverse process that looks
    back and up, best as far off the articular process's flank as off that corner. Where that flank ends is
    read twice, from above and from behind: the middle of both. At the sacrum it is the groove between
    articular process and ala.
    """
    number = site.number
    found = read_junction(site, labels)
    if isinstance(site.below, Sacrum):
        return _groove_zone(found)
    points, misfit = [], []
    off = number("off_bone_mm")
    best = off + site.procedure.needle.radius_mm
    flank = found.hollow_mm / 2
    off += STEP_MM / 2  # a corner is the last sample within bone: its surface lies about half a sample beyond
    for lateral in np.arange(number("lateral_low_mm"), number("lateral_high_mm") + 0.1, 0.5):
        for tilt in _TILTS:
            corner = found.corner(flank + lateral, tilt)
            if corner is not None:
                outward = np.array([0.0, np.cos(np.radians(tilt)), np.sin(np.radians(tilt))])
                points.append(corner + off * outward)
                misfit.append(abs(lateral - best) / 4 + abs(tilt - _BEST_TILT) / 60)
    return TargetZone(found.patch.to_patient(np.array(points)), np.clip(np.array(misfit), 0, 1))


def _groove_zone(found: Junction) -> TargetZone:
    """From the sacral groove's floor up to 6.5 mm out of it: the ramus lies in it, how deep varies.

    Best where it enters the groove, at its upper end, and only where the floor goes on from there: farther
    down the ramus has turned back under the articular process, and where the ala falls away the deepest
    place lies on its slope.
    """
    floor, outward = found.upper_groove()
    height = np.linspace(_LOW_ROW, 0, len(floor))
    points = np.concatenate([floor + out * outward for out in _OUT_MM])
    misfit = np.concatenate([height + abs(out - _BEST_OUT_MM) / 5 for out in _OUT_MM])
    held = np.array([found.beside_process(point) <= _OFF_PROCESS_MM for point in points], dtype=bool)
    return TargetZone(found.patch.to_patient(points[held]), np.clip(misfit[held], 0, 1))


@dataclass(frozen=True, eq=False)
class Junction:
    """The bone behind its body (lateral, posterior, superior) and ``face``, its section at the junction."""

    patch: SidePatch
    solid: NDArray[np.bool_]
    face: int
    process_at: NDArray[np.float64]

    @property
    def has_transverse_process(self) -> bool:
        """Whether bone goes on laterally from the junction."""
        beyond = self.solid[self.face + round(_CLEAR_MM / STEP_MM) :][: round(_LEAST_PROCESS_MM / STEP_MM)]
        return len(beyond) > 0 and float(beyond.any(axis=(1, 2)).mean()) >= _SHARE

    def corner(self, lateral_mm: float, tilt_deg: float) -> NDArray[np.float64] | None:
        """The transverse process's edge toward ``tilt_deg`` above straight back, (lateral, ...) mm.

        That is its farthest point that way in the section ``lateral_mm`` beside the articular process.
        Read a little farther lateral, clear of the articular process's flank, and near the section's top,
        clear of the inferior articular process.
        """
        at = min(self.face + round((lateral_mm + _CLEAR_MM) / STEP_MM), self.solid.shape[0] - 1)
        found = _corner(_upper_part(self.solid[at]), tilt_deg)
        if found is None:
            return None
        return self.patch.local((self.face + lateral_mm / STEP_MM, *found))

    @property
    def hollow_mm(self) -> float:
        """How far lateral of ``face`` the hollow is deepest between articular and transverse process.

        As it shows from behind and above, whence the branch's corner is looked at; 0 where it shows none
        within 3 mm: what is read farther off is another hollow.
        """
        found = [_hollow(_reach(self.solid, tilt), round(self.process_at[0])) for tilt in _TILTS]
        seen = [at for at in found if at is not None]
        beside = (float(np.median(seen)) - self.face) * STEP_MM if seen else 0.0
        return beside if abs(beside) <= _HOLLOW_WITHIN_MM else 0.0

    def beside_process(self, local: NDArray[np.float64]) -> float:
        """How far lateral of the nearest bone medial of it a place (lateral, posterior, superior) lies, mm.

        Infinite where no bone is medial of it.
        """
        i, j, k = np.round(self.patch.index(local)).astype(int)
        inside = i >= 0 and 0 <= j < self.solid.shape[1] and 0 <= k < self.solid.shape[2]
        bone = np.flatnonzero(self.solid[: i + 1, j, k]) if inside else np.empty(0)
        return float((i - bone[-1] - 0.5) * STEP_MM) if len(bone) else np.inf

    def groove(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The sacral groove's floor 2 to 6 mm under the ala's top, from below upward, and the way out of it.

        ``(n, 3)`` mm and ``(n, 3)`` unit vectors.
        """
        at = np.round(self.process_at).astype(int)
        low, high = (at[0] + round(mm / STEP_MM) for mm in _GROOVE_BESIDE_MM)
        tops = _section_tops(self.solid[low:high])
        if np.isnan(tops).all():
            return np.empty((0, 3)), np.empty((0, 3))
        top = int(np.clip(np.nanmin(tops), *(at[2] + round(mm / STEP_MM) for mm in _ALA_TOP_MM)))
        beside, behind = (
            (at[n] + round(a / STEP_MM), at[n] + round(b / STEP_MM))
            for n, (a, b) in enumerate(_GROOVE_AMONG_MM)
        )
        rows = range(max(top - 12, 0), max(top - 3, 0))
        floor, outward = groove(self.solid, self.patch.levels > 0, (beside, behind), rows)
        return self.patch.local(floor), outward

    def upper_groove(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Its uppermost rows, where the ramus enters it, down to where the floor strays from theirs.

        There the ala falls away, and the deepest place lies on its slope.
        """
        floor, outward = self.groove()
        if not len(floor):
            return floor, outward
        off = floor[:, :2] - np.median(floor[-_UPPER_ROWS:, :2], axis=0)
        near = np.linalg.norm(off, axis=1) <= _STRAY_MM
        return floor[near], outward[near]


def read_junction(site: Site, labels: LocalLabels) -> Junction:
    """Find the junction in the labels, or say that they do not show it.

    In the bone's own frame, section by section from medial to lateral: the section's top behind the
    pedicle falls from the tip of the articular process to the transverse process; the foot of that slope is
    the junction.
    """
    bone, side, process = site.below, site.own_side, centre(site)
    patch = SidePatch.around(labels, bone.frame, side, process, *_ROOM)
    sacral = isinstance(bone, Sacrum)
    # A groove is narrow: read between voxels it would fill up.
    solid = patch.levels == label_of(bone) if sacral else patch.arch(label_of(bone))
    face = _lateral_face(_section_tops(solid), round(-_ROOM[0][0] / STEP_MM))
    found = None if face is None else Junction(patch, solid, face, patch.index(patch.from_patient(process)))
    if found is None or (not len(found.groove()[0]) if sacral else not found.has_transverse_process):
        lateral = "ala" if sacral else "transverse process"
        raise InputUnfitError(
            f"the junction of the {side} articular process and {lateral} of {site.lower_name} cannot be made "
            f"out: the labels show no {lateral} beside it. Check the labels there, or give the target."
        )
    return found


def _section_tops(solid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Highest sample with bone in each lateral section, ``(n,)``; NaN where there is none."""
    occupied: NDArray[np.bool_] = np.asarray(solid.any(axis=1))
    highest = solid.shape[2] - 1 - np.argmax(occupied[:, ::-1], axis=1)
    return np.where(occupied.any(axis=1), highest, np.nan)


def _lateral_face(top: NDArray[np.float64], centre: int) -> int | None:
    """Section at the foot of the articular process's lateral face, where its slope meets the lateral process.

    The knee is, of the contour from the process's summit to 15 mm lateral of it, the section that lies
    deepest below the straight line between both ends; the foot the first that has come down to within 2.5 mm
    of the highest quarter of what follows the knee. ``centre`` is the process's own section.
    """
    start = max(centre - 4, 0)
    near = np.where(np.isnan(top), -np.inf, top)
    summit = near[start : centre + 9]
    if not np.isfinite(summit).any():
        return None
    peak = start + int(np.flatnonzero(summit >= summit.max() - _LEVEL)[-1])
    contour = near[peak : peak + round(_ACROSS_MM / STEP_MM) + 1]
    cut = np.flatnonzero(~np.isfinite(contour))
    contour = contour[: cut[0]] if len(cut) else contour
    if len(contour) < round(_LEAST_PROCESS_MM / STEP_MM):
        return None
    knee = int(np.argmax(np.linspace(contour[0], contour[-1], len(contour)) - contour))
    ground = float(np.quantile(contour[knee : knee + round(_BESIDE_MM / STEP_MM)], _HIGH))
    return peak + int(np.argmax(contour <= ground + _FOOT_MM / STEP_MM))


def _reach(solid: NDArray[np.bool_], tilt_deg: float) -> NDArray[np.float64]:
    """How far each lateral section reaches ``tilt_deg`` above straight back, samples; -inf where empty."""
    _, posterior, superior = solid.shape
    way = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    reach = way[0] * np.arange(posterior)[:, None] + way[1] * np.arange(superior)
    return np.asarray(np.where(solid, reach, -np.inf).max(axis=(1, 2)))


def _hollow(reach: NDArray[np.float64], centre: int) -> int | None:
    """The section deepest below the straight line from the articular process's summit to 15 mm beside it."""
    start = max(centre - 4, 0)
    peak = start + int(np.argmax(reach[start : centre + 9]))
    contour = reach[peak : peak + round(_ACROSS_MM / STEP_MM) + 1]
    cut = np.flatnonzero(~np.isfinite(contour))
    contour = contour[: cut[0]] if len(cut) else contour
    if len(contour) < round(_LEAST_PROCESS_MM / STEP_MM):
        return None
    return peak + int(np.argmax(np.linspace(contour[0], contour[-1], len(contour)) - contour))


def _upper_part(section: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The uppermost 8 mm of a section ``(posterior, superior)``: about a transverse process's height."""
    heights = np.flatnonzero(section.any(axis=0))
    if not len(heights):
        return section
    upper = section.copy()
    upper[:, : max(int(heights[-1]) - round(_PROCESS_MM / STEP_MM), 0)] = False
    return upper


def _corner(section: NDArray[np.bool_], tilt_deg: float) -> tuple[float, float] | None:
    """Where the section reaches farthest ``tilt_deg`` above straight back: sample (posterior, superior).

    The middle of what lies within 0.5 mm of that: a face that looks that way has no one farthest sample.
    """
    index = np.argwhere(section)
    if not len(index):
        return None
    way = np.array([np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))])
    reach = index @ way
    far = index[reach >= reach.max() - _FACE_MM / STEP_MM].mean(axis=0)
    y, z = far + (reach.max() - far @ way) * way
    return float(y), float(z)
