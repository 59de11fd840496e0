"""The sacrum's back, unrolled along the canal: height of bone over each place of the curved midline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from procguide.anatomy.locate_patch import STEP_MM, Mask, Patch
from procguide.geometry import Vector

__all__ = ["BEFORE_MM", "Unrolled", "unroll"]

_UNDER_ENDPLATE_MM = 8.0
_OFF_MIDLINE_MM = 15.0
_LEAST_LINE_MM = 15.0
_ONWARD_MM = 10.0
_SHORT_MM, _ASIDE_MM, _LEAST_MET = 16.0, 4.0, 3
"""How far the canal's centre line may end short of its labels, how far beside it they are looked for, and how
many of the places 1 mm apart there have to be canal (assumed)."""
BEFORE_MM = 14
"""How far up the line is carried on, to the endplate's height and above."""
_HALF_WIDTH_MM = 45.0
_HEIGHT_MM = (-12.0, 30.0)
_STEP_MM = 0.5
_STRAIGHT_MM = 5.0
_OFF_SYMMETRY_MM = 3.0
_LEAN, _LEAST_FOR_LEAN = 0.1, 40
"""Of the sacrum's midline against its S1 frame, mm a mm, at the most (6 degrees), and the mm of canal that
have to be labelled for it to be read (both assumed)."""
_CANAL_MM = 20.0
_HALF_DEPTH_MM = (np.array([0.0, 30.0, 60.0, 90.0]), np.array([9.0, 5.5, 3.2, 2.6]))
"""Half the canal's depth from front to back at the most, by the way down from the endplate: 4.5 to 6 mm of
depth at the hiatus are published, wider above (assumed)."""

_Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Unrolled:
    """The dorsal face over the sacral canal's line, all in the patch's local mm.

    ``line`` ``(n, 3)`` runs from the S1 endplate's height down the canal in 1 mm steps and a little past
    its labelled end; ``labelled`` is the part that labels show. ``back`` ``(n, 3)`` is straight behind each
    place, ``across`` ``(m,)`` mm to the left of it, ``dorsal`` ``(n, m)`` how far behind the line the
    rearmost bone is; NaN where there is none.
    """

    patch: Patch
    line: _Reals
    labelled: _Reals
    back: _Reals
    across: _Reals
    dorsal: _Reals

    def at(self, station: float, across_mm: float) -> _Reals | None:
        """The dorsal face at that place of the line and so far to the left, local mm; None without bone."""
        row, column = round(station), int(np.argmin(np.abs(self.across - across_mm)))
        if not 0 <= row < len(self.line) or np.isnan(self.dorsal[row, column]):
            return None
        return np.asarray(self._place(row, float(self.across[column]), float(self.dorsal[row, column])))

    def _place(self, row: int, across_mm: float, height_mm: float) -> _Reals:
        return np.asarray(self.line[row] + (across_mm, 0.0, 0.0) + height_mm * self.back[row])


def unroll(patch: Patch, bone: Mask, canal: Sequence[Vector]) -> Unrolled | None:
    """The dorsal face along the sacral part of ``canal``; None where too little of it is labelled.

    ``patch`` lies in the sacrum's frame, ``canal`` is LPS mm, cranial to caudal.
    """
    local = patch.frame.to_local(np.array(canal, dtype=np.float64).reshape(-1, 3))
    inside = (local[:, 2] < -_UNDER_ENDPLATE_MM) & (np.abs(local[:, 0]) < _OFF_MIDLINE_MM)
    known = local[inside]
    if len(known) < 4 or np.linalg.norm(known[-1] - known[0]) < _LEAST_LINE_MM:
        return None
    canal_mask = patch.sample(lambda found: found.canal())
    labelled = _dorsal_run(patch, canal_mask, _to_the_end(patch, canal_mask, _even(known)))
    line = np.concatenate([_onward(labelled[::-1], BEFORE_MM)[::-1], labelled, _onward(labelled, _ONWARD_MM)])
    line = ndimage.gaussian_filter1d(line, _STRAIGHT_MM, axis=0, mode="nearest")
    back = _behind(line)
    across = np.arange(-_HALF_WIDTH_MM, _HALF_WIDTH_MM + 0.1, 1.0)
    return Unrolled(patch, line, labelled, back, across, _dorsal(patch, bone, (line, back, across)))


def _to_the_end(patch: Patch, canal: Mask, line: _Reals) -> _Reals:
    """The line carried on as far as the canal is labelled: centres of its sections end short of that."""
    smooth = ndimage.gaussian_filter1d(line, _STRAIGHT_MM, axis=0, mode="nearest")
    onward = line[-1] + _onward(smooth, _SHORT_MM) - smooth[-1]
    across, deep = np.meshgrid([-1.0, 0.0, 1.0], np.arange(-_ASIDE_MM, _ASIDE_MM + 0.1, 1.0))
    beside = np.stack([across.ravel(), deep.ravel(), np.zeros(across.size)], axis=1)
    labelled = _read(patch, canal, onward[:, None] + beside).sum(axis=1) >= _LEAST_MET
    return np.concatenate([line, onward[: int(np.argmin([*labelled, False]))]])


def _dorsal_run(patch: Patch, canal: Mask, line: _Reals) -> _Reals:
    """The line as far before the canal's back wall as half its usual depth, near the midline.

    Labels of the canal leak forward into bodies and sideways into foramina; behind, the arches hold them.
    """
    smooth = ndimage.gaussian_filter1d(line, _STRAIGHT_MM, axis=0, mode="nearest")
    middle = _leaning_midline(smooth[:, 0])
    smooth[:, 0] = np.clip(smooth[:, 0], middle - _OFF_SYMMETRY_MM, middle + _OFF_SYMMETRY_MM)
    back = _behind(smooth)
    depth = np.arange(_CANAL_MM, -_CANAL_MM, -_STEP_MM)
    met = _read(patch, canal, smooth[:, None] + depth[None, :, None] * back[:, None])
    rear = np.where(met.any(axis=1), depth[np.argmax(met, axis=1)], np.nan)
    front = np.where(met.any(axis=1), depth[met.shape[1] - 1 - np.argmax(met[:, ::-1], axis=1)], np.nan)
    station = -smooth[0, 2] + np.arange(len(smooth))
    half = np.minimum((rear - front) / 2, np.interp(station, *_HALF_DEPTH_MM))
    off = np.where(np.isnan(rear), 0.0, rear - half)
    return np.asarray(smooth + off[:, None] * back)


def _leaning_midline(across: _Reals) -> _Reals:
    """The straight course that ``across`` ``(n,)``, mm left in 1 mm steps down, mostly keeps to.

    The frame is S1's: a degree that it leans to a side is 1.5 mm at the hiatus. Slope and offset are medians
    (Theil and Sen), which a leak on one side does not move; a short piece tells no slope.
    """
    if len(across) < _LEAST_FOR_LEAN:
        return np.zeros(len(across))
    row = np.arange(len(across))
    first, second = np.triu_indices(len(across), k=len(across) // 4 + 1)
    slope = np.median((across[second] - across[first]) / (second - first))
    slope = np.clip(slope, -_LEAN, _LEAN)
    offset = np.clip(np.median(across - slope * row), -_OFF_SYMMETRY_MM, _OFF_SYMMETRY_MM)
    return np.asarray(offset + slope * row)


def _behind(line: _Reals) -> _Reals:
    """Unit vectors straight behind each place of a line, ``(n, 3)``."""
    caudal = np.gradient(line, axis=0)
    back = np.stack([np.zeros(len(line)), -caudal[:, 2], caudal[:, 1]], axis=1)
    return np.asarray(back / np.maximum(np.linalg.norm(back, axis=1, keepdims=True), 1e-6))


def _even(line: _Reals) -> _Reals:
    """The line in 1 mm steps."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.arange(0.0, lengths[-1] + 1e-6, 1.0)
    return np.column_stack([np.interp(at, lengths, line[:, axis]) for axis in range(3)])


def _onward(line: _Reals, length_mm: float) -> _Reals:
    """On past its end, as its last centimetre runs."""
    way = line[-1] - line[-min(10, len(line))]
    way /= max(float(np.linalg.norm(way)), 1e-6)
    return np.asarray(line[-1] + np.outer(np.arange(1.0, length_mm + 0.1), way))


def _dorsal(patch: Patch, bone: Mask, sheet: tuple[_Reals, _Reals, _Reals]) -> _Reals:
    """How far behind the line the rearmost bone is, ``(n, m)``."""
    line, back, across = sheet
    height = np.arange(_HEIGHT_MM[1], _HEIGHT_MM[0], -_STEP_MM)
    foot = line[:, None] + across[None, :, None] * np.array([1.0, 0.0, 0.0])
    points = foot[:, :, None] + back[:, None, None] * height[None, None, :, None]
    met = _read(patch, bone, points)
    return np.where(met.any(axis=2), height[np.argmax(met, axis=2)], np.nan)


def _read(patch: Patch, mask: Mask, local: ArrayLike) -> Mask:
    """The mask at local points (left, posterior, superior); False outside the patch."""
    index = np.round((np.asarray(local) - patch.low) / STEP_MM).astype(int)[..., ::-1]
    inside: Mask = np.asarray(((index >= 0) & (index < mask.shape)).all(axis=-1))
    k, j, i = np.moveaxis(np.where(inside[..., None], index, 0), -1, 0)
    return np.asarray(inside & mask[k, j, i])
