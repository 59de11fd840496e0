"""What a needle through a pedicle keeps away from: the bone's own walls, and every other bone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import CANAL_CONTENT, VERSE_LABELS
from procguide.planning.nouns import StructureOrigin
from procguide.planning.site import LocalLabels, Site
from procguide.planning.structures.foramen import pedicle_of
from procguide.planning.structures.nouns import Solid

__all__ = ["other_bone", "pedicle_wall"]

_BEFORE_WALL_MM = 4.0
_BEHIND_ISTHMUS_MM = 2.0
_BESIDE_MM = 16.0
_CANAL_MM = 30.0


def other_bone(site: Site, labels: LocalLabels) -> Solid:
    """All bone but the vertebra that the needle enters."""
    own = labels.levels.voxels == VERSE_LABELS[site.upper.level]
    return Solid(StructureOrigin.SEGMENTED, mask=labels.hard & ~own)


def pedicle_wall(site: Site, labels: LocalLabels) -> Solid:
    """What is not this vertebra beside its pedicle, and the canal.

    From 4 mm before the body's back wall to 2 mm behind the isthmus a needle has bone all round it; farther
    back it has come in through the arch, whose outer side is muscle. Holes in the labels count as bone.
    """
    from scipy.ndimage import binary_fill_holes

    vertebra, frame = site.upper, site.upper.frame
    x, y, z = frame.to_local(pedicle_of(vertebra, site.own_side).centre)
    wall = (vertebra.superior_endplate.depth_mm + vertebra.inferior_endplate.depth_mm) / 4
    mask = np.zeros(labels.levels.shape, dtype=bool)
    window, local = _window(labels, frame.to_patient((x, y, z)))
    own = binary_fill_holes(labels.levels.voxels[window] == VERSE_LABELS[vertebra.level])
    sideways, behind, above = np.moveaxis(frame.to_local(local), -1, 0)
    beside = (np.abs(sideways - x) <= _BESIDE_MM) & (np.abs(above - z) <= _BESIDE_MM)
    beside &= (behind >= wall - _BEFORE_WALL_MM) & (behind <= y + _BEHIND_ISTHMUS_MM)
    canal = labels.regions.mask(*CANAL_CONTENT)[window]
    mask[window] = (beside & ~own) | canal
    return Solid(StructureOrigin.SEGMENTED, mask=mask)


def _window(
    labels: LocalLabels, middle: NDArray[np.float64]
) -> tuple[tuple[slice, ...], NDArray[np.float64]]:
    """The lattice about a point, and its voxels' centres ``(k, j, i, 3)`` LPS mm."""
    grid = labels.levels
    reach = np.ceil(_CANAL_MM / grid.spacing).astype(int)
    at = np.round(grid.to_index(middle)).astype(int)
    low = np.clip(at - reach, 0, np.array(grid.shape))
    high = np.clip(at + reach + 1, 0, np.array(grid.shape))
    window = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    index = np.stack(
        np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), -1
    )
    return window, grid.to_patient(index)
