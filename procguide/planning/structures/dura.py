"""The dural sac: CT hardly shows it, so it is modelled from the laminae in front of which it lies.

Where a label map's canal ends behind differs: some count the ligamentum flavum and the fat in front of it
as canal, networks trained on others do not. Between two laminae these are 4 to 7 mm. So nothing here is
measured from that border but from bone: the sac comes nearest to the laminae at their upper edges and
stays about as far in front of the line through these edges in between.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import CANAL_CONTENT, VERSE_NAMES, Region, Side, Spine
from procguide.errors import InputUnfitError
from procguide.imaging import Grid, LabelMap

__all__ = [
    "BESIDE_PEDICLE_MM",
    "DURA_SPREAD_MM",
    "SEEN_SAC",
    "beside_pedicles",
    "dura_spread_mm",
    "interlaminar_line",
    "model_dura",
    "rounded",
    "thecal_sac",
    "uncovered",
]

_GAP_MM = MappingProxyType({"L1": 0.8, "L2": 0.8, "L3": 0.9, "L4": 1.6, "L5": 2.1, "sacrum": 2.1})
"""From the line through the laminae's upper edges forward to the sac (benchmarks/nerve_model.py)."""
DURA_SPREAD_MM = MappingProxyType({"L1": 1.0, "L2": 1.0, "L3": 1.0, "L4": 1.5, "L5": 1.5})
"""Standard deviation of the sac's true back about the modelled one, our networks' errors included, by the
level above the interspace (benchmarks/nerve_model.py)."""

_REACH_MM = 18.0
"""Half a segment's height: there is always an upper edge within it."""
_STRAIGHT_MM = 10.0
BESIDE_PEDICLE_MM = 1.5
"""From the pedicle to the sac medial of it: the mean at all lumbar levels (Ebraheim et al., Spine
1997;22:2338, 15 cadavers)."""
_CORNER_MM = 5.0
"""Radius of the sac's corners: assumed."""
_COVER_MM = 6.0
_FAR_MM = 99.0
SEEN_SAC = (
    Region.THECAL_SAC,
    Region.DURA,
    Region.CEREBROSPINAL_FLUID,
    Region.SPINAL_CORD,
    Region.CAUDA_EQUINA,
)
"""What is the sac, or in it, wherever it is labelled."""

_Reals = NDArray[np.float64]


def dura_spread_mm(level: str) -> float:
    """The spread at that level; above L1 that of L1, below L5 that of L5."""
    return DURA_SPREAD_MM.get(level, DURA_SPREAD_MM["L5" if level.startswith("L") else "L1"])


def beside_pedicles(spine: Spine, grid: Grid, medial_mm: float = 0.0) -> NDArray[np.bool_]:
    """What lies lateral of the pedicles' medial borders, ``(k, 1, i)`` of ``grid`` (axes as the scene's).

    These borders may be moved inward by ``medial_mm``.

    Labels of the canal run on into the foramina, with the fat there; the sac lies between the pedicles (on
    phantoms by 0.5 mm or more). From one vertebra to the next the border is a straight line; beyond the last
    pedicle it is that pedicle's.
    """
    origin, spacing = grid.affine.origin, grid.affine.spacing
    z = origin[2] + np.arange(grid.shape[0]) * spacing[0]
    x = origin[0] + np.arange(grid.shape[2]) * spacing[2]
    beyond = np.zeros((len(z), 1, len(x)), dtype=bool)
    for side in Side:
        borders = np.array(
            [
                np.asarray(pedicle.centre)
                - side.sign * (pedicle.width_mm / 2 + medial_mm) * np.asarray(one.frame.left)
                for one in spine.vertebrae
                if (pedicle := one.pedicles.get(side)) is not None
            ]
        ).reshape(-1, 3)
        if len(borders):
            order = np.argsort(borders[:, 2])
            border = np.interp(z, borders[order, 2], borders[order, 0])
            beyond |= ((x[None, None] - border[:, None, None]) * side.sign) > 0
    return beyond


def uncovered(canal: NDArray[np.bool_], bone: NDArray[np.bool_], spacing_mm: float) -> NDArray[np.bool_]:
    """Columns ``(k, i)`` where no bone lies within 6 mm straight behind the canal: between laminae."""
    size_j = canal.shape[1]
    reach = int(np.ceil(_COVER_MM / spacing_mm))
    behind = np.minimum(_border(canal)[:, None] + np.arange(1, reach + 1)[None, :, None], size_j - 1)
    covered = np.take_along_axis(bone, behind, axis=1).any(axis=1)
    return np.asarray(canal.any(axis=1) & ~covered)


def _border(canal: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The hindmost voxel of each column ``(k, i)``."""
    return np.asarray(canal.shape[1] - 1 - np.argmax(canal[:, ::-1], axis=1))


def _laminae(canal: NDArray[np.bool_], bone: NDArray[np.bool_], spacing_mm: float) -> _Reals:
    """Front of the bone behind the canal ``(k, i)``, voxels from the first one's centre; NaN in windows."""
    hidden = np.arange(canal.shape[1])[None, :, None] <= _border(canal)[:, None]
    front = np.argmax(bone & ~hidden, axis=1) - 0.5
    covered = canal.any(axis=1) & ~uncovered(canal, bone, spacing_mm)
    return np.where(covered, front, np.nan)


def interlaminar_line(canal: NDArray[np.bool_], bone: NDArray[np.bool_], spacing_mm: float) -> _Reals:
    """The ventral interlaminar line: between the laminae's fronts above and below each window, ``(k, i)``.

    In voxels from the first one's centre; NaN where there is no lamina both above and below.
    """
    line = _laminae(canal, bone, spacing_mm)
    height = np.arange(len(line))
    for column in line.T:
        known = np.flatnonzero(~np.isnan(column))
        if len(known):
            column[:] = np.interp(height, known, column[known], left=np.nan, right=np.nan)
    return line


def thecal_sac(
    canal: NDArray[np.bool_],
    bone: NDArray[np.bool_],
    middle_mm: _Reals,
    gap_mm: _Reals,
    spacing: _Reals,
) -> NDArray[np.bool_]:
    """The canal in front of the line through the laminae's upper edges, less a gap.

    ``middle_mm`` ``(k,)`` is where the canal's centre line runs, along j from the first voxel's centre:
    heights are compared about it, so that lordosis does not count. Where no lamina is near, the canal's
    own border stands in. ``gap_mm`` ``(k,)`` is the epidural depth at the upper edges.
    """
    from scipy.ndimage import gaussian_filter1d, median_filter, minimum_filter1d

    straight = gaussian_filter1d(middle_mm, _STRAIGHT_MM / spacing[0], mode="nearest")[:, None]
    behind = _laminae(canal, bone, float(spacing[1])) * spacing[1] - straight
    filled = median_filter(np.where(np.isnan(behind), _FAR_MM, behind), size=3)
    edges = minimum_filter1d(filled, 2 * round(_REACH_MM / spacing[0]) + 1, axis=0)
    back = straight + edges - gap_mm[:, None]
    at = np.arange(canal.shape[1])[None, :, None] * spacing[1]
    return np.asarray(canal & (at <= back[:, None, :]))


def model_dura(
    levels: LabelMap, regions: LabelMap, bone: NDArray[np.bool_], midline: _Reals
) -> NDArray[np.bool_]:
    """The modelled sac on the labels' grid, and what of it is labelled; ``midline`` ``(n, 3)`` LPS mm."""
    canal = regions.mask(*CANAL_CONTENT)
    if not canal.any():
        raise InputUnfitError("no spinal canal is labelled near the target, so the dura cannot be placed.")
    z = regions.affine.origin[2] + np.arange(regions.shape[0]) * regions.spacing[0]
    order = np.argsort(midline[:, 2])
    middle = np.interp(z, midline[order, 2], midline[order, 1]) - regions.affine.origin[1]
    return thecal_sac(canal, bone, middle, _gaps(levels), regions.spacing) | regions.mask(*SEEN_SAC)


def rounded(sac: NDArray[np.bool_], spacing: _Reals) -> NDArray[np.bool_]:
    """The sac ``(k, j, i)`` without the corners of the canal that it was drawn from, plane by plane.

    It is full of fluid, and the corners in front of the facets and behind the disc hold fat, veins and the
    roots that leave lower down. A plane too narrow for it stays as it is.
    """
    from scipy.ndimage import distance_transform_edt

    result = sac.copy()
    rows, columns = (np.flatnonzero(sac.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    if not len(rows):
        return result
    about = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    for k in np.flatnonzero(sac.any(axis=(1, 2))):
        plane = np.pad(sac[k][about], 1)
        core = distance_transform_edt(plane, sampling=spacing[1:]) >= _CORNER_MM
        if core.any():
            near = distance_transform_edt(~core, sampling=spacing[1:]) < _CORNER_MM
            result[k][about] &= near[1:-1, 1:-1]
    return result


def _gaps(levels: LabelMap) -> _Reals:
    """The epidural depth at each slice ``(k,)``: between the middles of the vertebrae in view."""
    heights, gaps = [], []
    for label in levels.present():
        name = VERSE_NAMES.get(label, "")
        heights.append(float(np.median(np.nonzero(levels.voxels == label)[0])))
        gaps.append(_GAP_MM.get(name, _GAP_MM["L5" if name == "L6" else "L1"]))
    order = np.argsort(heights)
    height = np.arange(levels.shape[0])
    if not heights:
        return np.full(len(height), _GAP_MM["L1"])
    return np.asarray(np.interp(height, np.array(heights)[order], np.array(gaps)[order]))
