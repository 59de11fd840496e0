"""The sacrum of a CT and its canal followed down by density, below the windows of the fine network."""

from __future__ import annotations

from dataclasses import replace

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.geometry import Affine
from procguide.imaging import Grid, Volume
from procguide.imaging.resample import resample
from procguide.segmentation.classes import CANAL_PARTS, TissueClass
from procguide.segmentation.inference import Prediction

__all__ = ["complete_sacrum", "with_room_below"]

Mask = NDArray[np.bool_]

_FURTHER_MM = 45.0
"""From S3, where the locator often loses the sacrum, to below the hiatus (assumed)."""
_POOR_MM = 8.0
"""So far above the lower edge of the windows the network's labels are poor (looked at on phantoms)."""
_POOR_CANAL_MM = 15.0
"""The same of the canal's labels above their own end: there they lie too far back."""
_CUT_OFF_MM = 24.0
"""A canal whose labels end farther above the windows' edge ended where the network saw it end (assumed)."""
_BONE_HU, _CANAL_HU = 150.0, 80.0
_GOES_ON = 0.35
"""A canal's section is no less than this share of those above: else it has ended (assumed)."""
_STEP_MM, _CANAL_STEP_MM = 2.4, 1.2
"""How far an outline may move outward from one section to the next below."""
_CRACK_MM = 2.4
"""Half the widest crack of a section's outline that still counts as closed (assumed)."""
_GAP_MM = 10.0
"""So far down a canal is looked for that no section encloses: beside a foramen they are open (assumed)."""
_ASIDE_MM = 30.0
_LEAST_MM2 = 60.0
_SMOOTHING = 0.5
_OPEN_TO = (TissueClass.OTHER, TissueClass.SACRUM, *CANAL_PARTS)


def with_room_below(volume: Volume, answer: Prediction) -> Prediction:
    """``answer`` on a lattice that reaches 45 mm below its lowest sacrum, as far as the image does."""
    spacing = answer.model.spacing_mm
    rows = np.flatnonzero((answer.classes == TissueClass.SACRUM).any(axis=(1, 2)))
    if not len(rows) or answer.covered is None:
        return answer
    bottom = float(answer.grid.affine.origin[2]) - spacing / 2
    there = int((bottom - float(volume.grid.corners[:, 2].min())) / spacing)
    room = min(round(_FURTHER_MM / spacing) - int(rows[0]), there)
    if room <= 0:
        return answer
    below = ((room, 0), (0, 0), (0, 0))
    origin = np.asarray(answer.grid.affine.origin) - (0.0, 0.0, room * spacing)
    shape = (answer.classes.shape[0] + room, *answer.classes.shape[1:])
    return replace(
        answer,
        classes=np.pad(answer.classes, below),
        offset_mm=np.pad(answer.offset_mm, below),
        covered=np.pad(answer.covered, below),
        grid=Grid(shape, Affine.axis_aligned(spacing, origin)),
    )


def complete_sacrum(volume: Volume, answer: Prediction) -> NDArray[np.uint8]:
    """``answer.classes`` (k, j, i) with the sacrum and its canal followed down, section by section.

    The sacrum from 8 mm above the lower edge of the windows, the canal from 15 mm above the end of its labels
    where that is near the edge. ``volume`` is a CT in HU, on any lattice. Bone is what is dense and what that
    encloses, where it goes on from the section above; the canal is what is soft in it and goes on from the
    canal above, so it ends where its roof opens: at the hiatus.
    """
    classes, spacing = answer.classes, answer.model.spacing_mm
    if answer.covered is None or not answer.covered.any():
        return classes
    edge = int(np.flatnonzero(answer.covered.any(axis=(1, 2)))[0])
    seen, end = edge + round(_POOR_MM / spacing), _lowest_canal(classes)
    cut_off = end - edge <= round(_CUT_OFF_MM / spacing)
    top = max(seen, end + round(_POOR_CANAL_MM / spacing)) if cut_off else seen
    known = classes[min(top, len(classes) - 1)] == TissueClass.SACRUM
    if not known.any():
        return classes
    room = round(_ASIDE_MM / spacing)
    box = (slice(0, top + 1), *(_about(known, axis, room) for axis in (0, 1)))
    part = classes[box].copy()
    lattice = Grid(part.shape, answer.grid.affine.shifted([one.start for one in box]))
    density = ndimage.gaussian_filter(resample(volume, lattice, -1000.0).voxels, _SMOOTHING)
    _follow(part, density, seen, spacing)
    completed = classes.copy()
    completed[box] = part
    return completed


def _lowest_canal(classes: NDArray[np.uint8]) -> int:
    """The lowest section that shows both canal and sacrum; without any, the lowest of all."""
    canal, sacrum = (np.isin(classes, kinds).any(axis=(1, 2)) for kinds in (CANAL_PARTS, TissueClass.SACRUM))
    rows = np.flatnonzero(canal & sacrum)
    return int(rows[0]) if len(rows) else 0


def _follow(part: NDArray[np.uint8], density: NDArray[np.float32], seen: int, spacing: float) -> None:
    """Change ``part`` (k, j, i) from its last section down; above section ``seen`` its sacrum stays."""
    whole, canal = _labelled(part[-1]), np.isin(part[-1], CANAL_PARTS)
    usual, outward = int(canal.sum()), round(_STEP_MM / spacing)
    missed: list[int] = []
    for k in range(len(part) - 2, -1, -1):
        section, labelled = part[k], k >= seen
        dense = (density[k] >= _BONE_HU) & np.isin(section, _OPEN_TO)
        near = _labelled(section) if labelled else ndimage.binary_dilation(whole, iterations=outward)
        whole = _most_of(_enclosed(dense, 1) & near, whole)
        if not labelled and whole.sum() * spacing**2 < _LEAST_MM2:
            break
        moved = round(_CANAL_STEP_MM / spacing) * (1 + len(missed))
        near = ndimage.binary_dilation(canal, iterations=moved)
        soft = _enclosed(dense, round(_CRACK_MM / spacing)) & (density[k] < _CANAL_HU)
        followed = _most_of(soft & near, canal)
        if followed.sum() >= max(_GOES_ON * usual, 1):
            for row in missed:
                _label_canal(part[row], canal & (density[row] < _CANAL_HU), density[row] >= _BONE_HU)
            missed.clear()
            canal, usual = followed, round(0.8 * usual + 0.2 * followed.sum())
            _label_canal(section, canal, dense)
        elif len(missed) < round(_GAP_MM / spacing):
            missed.append(k)
        else:
            canal = np.isin(section, CANAL_PARTS) & labelled
            missed.clear()
        if not labelled:
            bone = whole & (dense | (section == TissueClass.OTHER))
            section[bone & ~(canal & (not missed))] = TissueClass.SACRUM


def _label_canal(section: NDArray[np.uint8], canal: Mask, dense: Mask) -> None:
    """Make ``canal`` the only canal of a section; what else was labelled so and is dense is sacrum."""
    section[np.isin(section, CANAL_PARTS) & ~canal & dense] = TissueClass.SACRUM
    section[canal & ~np.isin(section, CANAL_PARTS)] = TissueClass.CANAL


def _enclosed(dense: Mask, crack: int) -> Mask:
    """What is dense in a section, and what that encloses but for cracks of twice so many voxels."""
    room = crack + 1
    closed = ndimage.binary_closing(np.pad(dense, room), iterations=crack)[room:-room, room:-room]
    return np.asarray(ndimage.binary_fill_holes(closed))


def _labelled(section: NDArray[np.uint8]) -> Mask:
    """Sacrum and canal of a section ``(j, i)``, and what they enclose."""
    both = np.isin(section, (TissueClass.SACRUM, *CANAL_PARTS))
    return np.asarray(ndimage.binary_fill_holes(both))


def _most_of(mask: Mask, before: Mask) -> Mask:
    """Of the pieces of ``mask`` ``(j, i)`` that with most in common with ``before``; else nothing."""
    pieces = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=4)
    shared = np.bincount(pieces[before], minlength=1)
    shared[0] = 0
    return np.asarray(pieces == shared.argmax()) if shared.any() else np.zeros_like(mask)


def _about(mask: Mask, axis: int, room: int) -> slice:
    """The extent of ``mask`` ``(j, i)`` along an axis, and ``room`` more at both ends."""
    found = np.flatnonzero(mask.any(axis=1 - axis))
    return slice(max(int(found[0]) - room, 0), int(found[-1]) + room + 1)
