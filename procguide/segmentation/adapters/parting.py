"""Body from arch, and the canal, where a model labels whole vertebrae.

The canal is what the vertebrae's rings enclose; its front is the back of the bodies. What lies before it
is the body, what lies behind or beside it the arch (F. Hofmann and others part TotalSegmentator's
vertebrae by the cord in the same way for VertebralBodiesCT-Labels).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["canal_of_rings", "in_front_of"]

_MIN_HOLE_MM2 = 60.0
"""A vertebral canal of 60 mm2 would be severely stenosed; smaller holes are gaps between labels."""
_MAX_HOLE_MM2 = 1200.0
_CLOSE_MM = 3.0
_LINE_MM, _OFF_LINE_MM = 30.0, 10.0
_SMOOTH_MM = 6.0


def canal_of_rings(bone: NDArray[np.bool_], spacing_mm: float) -> NDArray[np.bool_]:
    """What the rings of ``bone`` (vertebrae and sacrum; k, j, i) enclose, drawn on from ring to ring.

    Axes run to superior, posterior and left. Between two rings the canal of the nearest one is moved
    along the line of their centres. All False where no ring is closed.
    """
    canal = np.zeros_like(bone)
    reach = max(1, round(_CLOSE_MM / 2 / spacing_mm))
    closing = ndimage.iterate_structure(ndimage.generate_binary_structure(2, 1), reach)
    holes: dict[int, NDArray[np.bool_]] = {}
    for k in np.flatnonzero(bone.any(axis=(1, 2))).tolist():
        hole = _hole(bone[k], closing, spacing_mm)
        if hole is not None:
            holes[k] = hole
    holes = _in_line(holes, spacing_mm)
    if not holes:
        return canal
    known = np.array(sorted(holes))
    centres = _centres(holes)
    for k in np.flatnonzero(bone.any(axis=(1, 2))).tolist():
        nearest = int(np.abs(known - k).argmin())
        shift = np.round(_on_line(k, known, centres, spacing_mm) - centres[nearest]).astype(int)
        canal[k] = ndimage.shift(holes[int(known[nearest])], shift, order=0)
    return canal & ~bone


def _hole(bone: NDArray[np.bool_], closing: NDArray[np.bool_], spacing_mm: float) -> NDArray[np.bool_] | None:
    """The rearmost hole of a canal's size in one axial slice: a hole farther in front is a disc's."""
    closed = ndimage.binary_closing(np.pad(bone, 4), closing)[4:-4, 4:-4] | bone
    holes, count = ndimage.label(ndimage.binary_fill_holes(closed) & ~closed)
    areas = np.bincount(holes.ravel(), minlength=count + 1) * spacing_mm**2
    fitting = [n for n in range(1, count + 1) if _MIN_HOLE_MM2 <= areas[n] <= _MAX_HOLE_MM2]
    if not fitting:
        return None
    rear = max(fitting, key=lambda n: float(np.nonzero(holes == n)[0].mean()))
    return np.asarray(ndimage.binary_dilation(holes == rear, closing, mask=~bone))


def _in_line(holes: dict[int, NDArray[np.bool_]], spacing_mm: float) -> dict[int, NDArray[np.bool_]]:
    """Without holes that lie off the line of those above and below them."""
    if len(holes) < 3:
        return holes
    slices = sorted(holes)
    centres = _centres(holes) * spacing_mm
    kept = {}
    for n, k in enumerate(slices):
        near = np.abs(np.array(slices) - k) * spacing_mm <= _LINE_MM
        if np.abs(centres[n] - np.median(centres[near], axis=0)).max() <= _OFF_LINE_MM:
            kept[k] = holes[k]
    return kept


def _on_line(
    k: int, known: NDArray[np.integer], centres: NDArray[np.float64], spacing_mm: float
) -> NDArray[np.float64]:
    """Centre (j, i) of the canal at slice ``k``; past the last ring along the line of those near it."""
    if not known[0] <= k <= known[-1]:
        end = known[0] if k < known[0] else known[-1]
        near = np.abs(known - end) * spacing_mm <= _LINE_MM
        if near.sum() > 2:
            return np.asarray(
                [np.polyval(np.polyfit(known[near], centres[near, axis], 1), k) for axis in (0, 1)]
            )
    return np.asarray([np.interp(k, known, centres[:, axis]) for axis in (0, 1)])


def _centres(holes: dict[int, NDArray[np.bool_]]) -> NDArray[np.float64]:
    return np.array([np.argwhere(holes[k]).mean(axis=0) for k in sorted(holes)])


def in_front_of(canal: NDArray[np.bool_], spacing_mm: float) -> NDArray[np.bool_] | None:
    """Where, ``(k, j, i)``, a voxel lies before the canal's front; None without a canal.

    The front is the canal's foremost row in each axial slice, smoothed along the spine and carried on
    where the canal ends.
    """
    slices = np.flatnonzero(canal.any(axis=(1, 2)))
    if len(slices) < 2:
        return None
    rows = np.array([np.percentile(np.nonzero(canal[k])[0], 2) for k in slices])
    front = np.interp(np.arange(canal.shape[0]), slices, rows)
    front = ndimage.gaussian_filter1d(front, _SMOOTH_MM / spacing_mm, mode="nearest")
    before = np.arange(canal.shape[1])[None, :, None] < front[:, None, None]
    return np.asarray(np.broadcast_to(before, canal.shape))
