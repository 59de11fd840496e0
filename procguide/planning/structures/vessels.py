"""Aorta and vena cava, labelled coarsely: fat is no vessel, nor is a strand of label the whole aorta."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import BONE, CANAL_CONTENT, Region
from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.resample import resample
from procguide.planning.nouns import StructureOrigin
from procguide.planning.site import LocalLabels, Site
from procguide.planning.structures.nouns import Solid
from procguide.planning.structures.organs import organ_spread_mm
from procguide.planning.structures.unlabelled import crop_about

__all__ = ["aorta", "vessels_off_fat"]

_RADIUS_MM = 9.0
"""Of an adult's abdominal aorta, about 20 mm wide in textbooks; assumed."""
_THIN_SHARE = 0.75
_LONGEST_GAP_MM = 40.0
_NEAR_MM = 20.0
_GROWN_SPREAD_MM = 2.0
_BIFURCATION = "L4"
"""Where it divides, in textbooks; below it a thin label may be right."""
_NOT_VESSEL = (*BONE, *CANAL_CONTENT, Region.DISC)

_VESSELS = (Region.AORTA, Region.VENA_CAVA)
_FAT_HU = -30.0
"""Half-way from fat (some -100) to blood (some 40)."""
_SMOOTH_MM = 1.0

_Reals = NDArray[np.float64]


def aorta(site: Site, labels: LocalLabels) -> Solid | None:
    """The label, filled out to 9 mm about its middle where it is thinner, and across gaps.

    None where nobody labelled it, or where the label ends above the bifurcation short of the target: then
    it was missed there. Sections that the lattice's edge cuts are left as they are.
    """
    if Region.AORTA not in labels.present:
        return None
    mask = labels.regions.mask(Region.AORTA)
    z = labels.regions.affine.origin[2] + np.arange(len(mask)) * labels.regions.spacing[0]
    own = float(site.upper.frame.origin[2])
    divides = _bifurcation_height(site)
    near = np.abs(z - own) <= _NEAR_MM
    if own > divides and not mask[near].any():
        return None
    added = _filled_out(mask, z > divides, labels.regions.spacing)
    added &= ~mask & ~labels.regions.mask(*_NOT_VESSEL)
    spread = _GROWN_SPREAD_MM if added[near].any() else 0.0
    spread = max(spread, organ_spread_mm(labels, Region.AORTA))
    return Solid(StructureOrigin.SEGMENTED, mask=mask | added, spread_mm=spread)


def vessels_off_fat(image: Volume, regions: LabelMap) -> LabelMap:
    """``regions`` without the aorta and vena cava where a CT shows fat; any other image leaves them.

    A network at 4 mm draws them up to two voxels too wide, and fat parts them from what is beside. The CT is
    smoothed by 1 mm (standard deviation) first, for its noise; assumed, as is -30 HU.
    """
    from scipy.ndimage import gaussian_filter

    vessel = regions.mask(*_VESSELS)
    near = crop_about(image, regions.grid.corners) if image.modality is Modality.CT and vessel.any() else None
    if near is None:
        return regions
    smooth = gaussian_filter(near.voxels.astype(np.float32), _SMOOTH_MM / near.spacing)
    fat = LabelMap((smooth < _FAT_HU).astype(np.uint8), near.affine, names={1: "fat"})
    gone = vessel & (resample(fat, regions.grid).voxels > 0)
    return regions.with_voxels(np.where(gone, 0, regions.voxels).astype(regions.voxels.dtype))


def _bifurcation_height(site: Site) -> float:
    """Height of L4's middle, LPS mm; where it is out of view, below all that is in view above it."""
    if _BIFURCATION in site.spine.levels:
        return float(site.spine.vertebra(_BIFURCATION).frame.origin[2])
    return np.inf if site.upper.level in ("L5", "L6") else -np.inf


def _filled_out(mask: NDArray[np.bool_], above: NDArray[np.bool_], spacing: _Reals) -> NDArray[np.bool_]:
    """Discs about the middle of each thin or missing section of ``mask``, ``(k, j, i)``.

    Only where ``above`` ``(k,)``, and only between labelled sections.
    """
    middles, areas, cut = _sections(mask, spacing)
    added = np.zeros_like(mask)
    known = np.flatnonzero(above & ~np.isnan(middles[:, 0]))
    if not len(known):
        return added
    wanted = _THIN_SHARE * np.pi * _RADIUS_MM**2
    for k in range(int(known[0]), int(known[-1]) + 1):
        below, over = known[known <= k][-1], known[known >= k][0]
        gap_mm = float(over - below) * spacing[0]
        if not above[k] or gap_mm > _LONGEST_GAP_MM or areas[k] >= wanted or cut[below] or cut[over]:
            continue
        share = (k - below) / max(over - below, 1)
        middle = (1 - share) * middles[below] + share * middles[over]
        added[k] = _disc(mask.shape[1:], middle, spacing[1:])
    return added


def _sections(mask: NDArray[np.bool_], spacing: _Reals) -> tuple[_Reals, _Reals, NDArray[np.bool_]]:
    """Of each slice's largest piece: middle ``(k, 2)`` in voxels or NaN, area in mm2, cut by the edge."""
    import cc3d

    count, (rows, columns) = len(mask), mask.shape[1:]
    middles = np.full((count, 2), np.nan)
    areas, cut = np.zeros(count), np.zeros(count, bool)
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        piece = np.argwhere(cc3d.largest_k(np.ascontiguousarray(mask[k]), k=1, connectivity=8) > 0)
        middles[k], areas[k] = piece.mean(axis=0), len(piece) * spacing[1] * spacing[2]
        cut[k] = bool((piece == 0).any() or (piece == (rows - 1, columns - 1)).any())
    return middles, areas, cut


def _disc(shape: tuple[int, ...], middle: _Reals, spacing: _Reals) -> NDArray[np.bool_]:
    """Pixels within the radius of ``middle``."""
    j, i = np.ogrid[: shape[0], : shape[1]]
    off_j, off_i = (j - middle[0]) * spacing[0], (i - middle[1]) * spacing[1]
    return np.asarray(off_j**2 + off_i**2 <= _RADIUS_MM**2)
