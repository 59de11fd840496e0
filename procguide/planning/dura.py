"""The dural sac: CT does not show it, so it is modelled from the bony canal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import CANAL_CONTENT, SACRUM, VERSE_LABELS, Region
from procguide.errors import InputUnfitError
from procguide.imaging import LabelMap

__all__ = ["model_dura", "thecal_sac", "uncovered"]

_DEPTH_WINDOW_MM = 5.0  # epidural 4-6 mm deep between the laminae (PROCEDURES.md)
_DEPTH_LAMINA_MM = 2.0  # assumed
_DEPTH_LATERAL_MM = 1.0  # assumed
_FAT_HALF_WIDTH_MM = 10.0  # assumed
_DEPTH_SACRUM_MM = 4.0  # assumed: much fat behind the sac there
_WINDOW_EDGE_MM = 3.0  # assumed: from the lamina's edge to the full depth
_COVER_MM = 6.0


def uncovered(canal: NDArray[np.bool_], bone: NDArray[np.bool_], spacing_mm: float) -> NDArray[np.bool_]:
    """Columns ``(k, i)`` where no bone lies within 6 mm straight behind the canal: between laminae."""
    size_j = canal.shape[1]
    border = size_j - 1 - np.argmax(canal[:, ::-1], axis=1)
    reach = int(np.ceil(_COVER_MM / spacing_mm))
    behind = np.minimum(border[:, None] + np.arange(1, reach + 1)[None, :, None], size_j - 1)
    covered = np.take_along_axis(bone, behind, axis=1).any(axis=1)
    return np.asarray(canal.any(axis=1) & ~covered)


def thecal_sac(
    canal: NDArray[np.bool_],
    bone: NDArray[np.bool_],
    sacrum: NDArray[np.bool_],
    off_midline: NDArray[np.float64],
    spacing: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """The dura as the bony canal less an epidural space behind it: modelled, for CT does not show it.

    A canal voxel belongs to the sac if the voxel one epidural depth behind it is canal too. The depth is
    5 mm in the midline between the laminae, 2 mm under them, 4 mm under the sacrum, and tapers to 1 mm
    10 mm off the midline.
    ``off_midline`` is ``(k, i)`` mm.
    """
    from scipy.ndimage import distance_transform_edt

    near_midline = off_midline < 3.0
    columns = near_midline.sum(axis=1)
    open_slices = (uncovered(canal, bone, float(spacing[1])) & near_midline).sum(axis=1) * 2 > columns
    behind_sacrum = canal.any(axis=1) & ~uncovered(canal, sacrum, float(spacing[1])) & near_midline
    closed = np.where(behind_sacrum.sum(axis=1) * 2 > columns, _DEPTH_SACRUM_MM, _DEPTH_LAMINA_MM)
    inside = distance_transform_edt(np.pad(open_slices, 1))[1:-1] * spacing[0]
    at_midline = closed + (_DEPTH_WINDOW_MM - closed) * np.clip(inside / _WINDOW_EDGE_MM, 0, 1)
    taper = np.clip(1 - off_midline / _FAT_HALF_WIDTH_MM, 0, 1)
    depth = _DEPTH_LATERAL_MM + (at_midline[:, None] - _DEPTH_LATERAL_MM) * taper
    size_j = canal.shape[1]
    behind = np.arange(size_j)[None, :, None] + np.round(depth / spacing[1]).astype(int)[:, None, :]
    shifted = np.take_along_axis(canal, np.minimum(behind, size_j - 1), axis=1)
    return np.asarray(canal & shifted & (behind < size_j))


def model_dura(
    levels: LabelMap, regions: LabelMap, bone: NDArray[np.bool_], midline: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """The modelled sac on the labels' grid; ``midline`` is the canal's centre line, ``(n, 3)`` LPS mm."""
    canal = regions.mask(*CANAL_CONTENT)
    if not canal.any():
        raise InputUnfitError("no spinal canal is labelled near the target, so the dura cannot be placed.")
    k_mm, _, i_mm = regions.spacing
    z = regions.affine.origin[2] + np.arange(regions.shape[0]) * k_mm
    x = regions.affine.origin[0] + np.arange(regions.shape[2]) * i_mm
    order = np.argsort(midline[:, 2])
    middle = np.interp(z, midline[order, 2], midline[order, 0])
    sacrum = levels.mask(VERSE_LABELS[SACRUM]) | regions.mask(Region.SACRUM)
    return thecal_sac(canal, bone, sacrum, np.abs(x[None, :] - middle[:, None]), regions.spacing)
