"""Sacrum and ilium told apart along their joint, where a CT shows its cleft."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import SACRUM, VERSE_LABELS, Region
from procguide.imaging import Grid, LabelMap, Volume
from procguide.imaging.resample import resample
from procguide.segmentation.windows import extent_of

__all__ = ["parted_at_the_joint"]

_NEAR_MM = 4.0
"""Where both labels are so near, the image says whose bone it is: a step of the locator, and one more mm."""
_MARGIN_MM = 8.0
_SOFT_HU, _LEAST_HU, _MOST_HU = 60.0, -100.0, 900.0
_SMOOTHING = 0.4
_SACRUM, _ILIUM, _NEITHER = 1, 2, 3

Mask = NDArray[np.bool_]


def parted_at_the_joint(levels: LabelMap, regions: LabelMap, volume: Volume) -> tuple[LabelMap, LabelMap]:
    """``levels`` and ``regions`` (one lattice) with each labelled voxel near both bones given to its own.

    A watershed of the density of ``volume``, a CT in HU: from each bone where the other is 4 mm off or more
    it floods the densest first, so the two meet in the cleft. No bone is added or taken.
    """
    box = _shared_box(regions)
    if box is None:
        return levels, regions
    part = regions.voxels[box]
    sacrum, ilium = (np.asarray(part == bone) for bone in (Region.SACRUM, Region.ILIUM))
    off = (ndimage.distance_transform_edt(~bone, sampling=regions.spacing) for bone in (sacrum, ilium))
    band = np.logical_and(*(one <= _NEAR_MM for one in off))
    lattice = Grid(part.shape, regions.affine.shifted([one.start for one in box]))
    density = ndimage.gaussian_filter(resample(volume, lattice, -1000.0).voxels, _SMOOTHING)
    sources = np.where(~band & (density < _SOFT_HU) & (part == Region.BACKGROUND), _NEITHER, 0)
    sources[sacrum & ~band], sources[ilium & ~band] = _SACRUM, _ILIUM
    own = _flooded(density, sources, band, np.isin(part, (Region.BACKGROUND, Region.SACRUM, Region.ILIUM)))
    new_levels, new_regions = levels.voxels.copy(), regions.voxels.copy()
    for mine, level, region in (
        (_SACRUM, VERSE_LABELS[SACRUM], Region.SACRUM),
        (_ILIUM, 0, Region.ILIUM),
    ):
        changed = band & (sacrum | ilium) & (own == mine)
        new_levels[box][changed], new_regions[box][changed] = level, region
    return levels.with_voxels(new_levels), regions.with_voxels(new_regions)


def _shared_box(regions: LabelMap) -> tuple[slice, slice, slice] | None:
    """The box that the extents of both bones share, with some room; None without both bones."""
    extents = [extent_of(np.asarray(regions.voxels == bone)) for bone in (Region.SACRUM, Region.ILIUM)]
    if extents[0] is None or extents[1] is None:
        return None
    room = round(_MARGIN_MM / float(regions.spacing[0]))
    k, j, i = (
        slice(max(0, one[0] - room, other[0] - room), max(0, min(one[1], other[1]) + room))
        for one, other in zip(*extents, strict=True)
    )
    return (k, j, i) if all(one.start < one.stop for one in (k, j, i)) else None


def _flooded(
    density: NDArray[np.float32], sources: NDArray[np.intp], band: Mask, open_to: Mask
) -> NDArray[np.intp]:
    """Which source reaches each voxel of ``band`` first, the densest way ``(k, j, i)``."""
    from skimage.segmentation import watershed

    where = ndimage.binary_dilation(band, iterations=2) & open_to
    height = -np.clip(density, _LEAST_HU, _MOST_HU)
    return np.asarray(watershed(height, np.where(where, sources, 0), mask=where))
