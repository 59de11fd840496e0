"""Bone that the image shows and the labels do not hold: beyond a network's window, or missed by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import CANAL_CONTENT, Region
from procguide.imaging import Grid, LabelMap, Modality, Volume
from procguide.imaging.resample import resample

__all__ = ["BRIGHT_HU", "RIND_MM", "crop_about", "dense_as_bone", "density_on", "rind", "unlabelled_bone"]

BRIGHT_HU = 250
_APART_MM = 3.0
_DENSE_HU = 600
_SPECK_MM3 = 60.0
RIND_MM = 4.0
"""How far a label may stand out behind the bone that the image shows (assumed)."""
_OTHERWISE_JUDGED = (
    *CANAL_CONTENT,
    Region.DISC,
    Region.KIDNEY,
    Region.AORTA,
    Region.VENA_CAVA,
    Region.LIVER,
    Region.BOWEL,
)


def unlabelled_bone(image: Volume, bone: NDArray[np.bool_], regions: LabelMap) -> NDArray[np.bool_] | None:
    """What is as bright as bone without lying in labelled ``bone``, ``(k, j, i)``; None on MRI.

    250 HU is enough 3 mm or more from the labels. Nearer, partial volume would close narrow windows, so
    only what is denser than a cortex's blurred edge counts: 600 HU. Metal, calcified vessels and dense
    contrast count too: no needle goes through them either. These numbers and the 60 mm3 are assumed.
    """
    import cc3d

    from procguide.planning._kernels import distance_squared

    if image.modality is not Modality.CT:
        return None
    near = crop_about(image, regions.grid.corners)
    if near is None:
        return None
    graded = (near.voxels >= BRIGHT_HU).astype(np.uint8) + (near.voxels >= _DENSE_HU)
    names = {1: "bright", 2: "dense"}
    grade = resample(LabelMap(graded, near.affine, names=names), regions.grid).voxels
    free = ~bone & ~regions.mask(*_OTHERWISE_JUDGED)
    far = distance_squared(np.ascontiguousarray(bone), regions.spacing) >= _APART_MM**2
    apart = (grade > 0) & far & free
    if apart.any():
        least = max(int(_SPECK_MM3 / float(np.prod(regions.spacing))), 1)
        apart = np.asarray(cc3d.dust(apart, threshold=least, connectivity=6), dtype=bool)
    return np.asarray(apart | ((grade == 2) & ~far & free))


def dense_as_bone(image: Volume, grid: Grid) -> NDArray[np.bool_] | None:
    """What is as bright as bone, labelled or not, ``(k, j, i)`` on ``grid``; None on MRI. 250 HU, assumed."""
    near = crop_about(image, grid.corners) if image.modality is Modality.CT else None
    if near is None:
        return None
    bright = LabelMap((near.voxels >= BRIGHT_HU).astype(np.uint8), near.affine, names={1: "bright"})
    return np.asarray(resample(bright, grid).voxels > 0)


def density_on(image: Volume, grid: Grid) -> NDArray[np.float32] | None:
    """A CT's own density, ``(k, j, i)`` HU on ``grid``; None on MRI."""
    near = crop_about(image, grid.corners) if image.modality is Modality.CT else None
    return None if near is None else resample(near, grid).voxels.astype(np.float32)


def rind(bone: NDArray[np.bool_], dense: NDArray[np.bool_], spacing_mm: float) -> NDArray[np.bool_]:
    """What of ``bone`` lies behind its hindmost dense voxel, ``(k, j, i)``: labels stand out so far.

    Only where that is no thicker than :data:`RIND_MM`; ``spacing_mm`` is along j.
    """
    size = bone.shape[1]

    def last(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
        return np.where(mask.any(axis=1), size - 1 - np.argmax(mask[:, ::-1], axis=1), -1)

    hard = last(bone & dense)
    thin = (hard >= 0) & ((last(bone) - hard) * spacing_mm <= RIND_MM)
    row = np.arange(size)[None, :, None]
    return np.asarray(bone & thin[:, None] & (row > hard[:, None]))


def crop_about(image: Volume, corners: NDArray[np.float64]) -> Volume | None:
    """The part of ``image`` about a box of ``corners`` ``(8, 3)``, LPS mm; None where they do not meet."""
    index = image.to_index(corners)
    low = np.maximum(np.floor(index.min(axis=0)) - 1, 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0)) + 2, image.shape).astype(int)
    if (high - low < 2).any():
        return None
    (a, b, c), (d, e, f) = low.tolist(), high.tolist()
    return image.crop((a, b, c), (d, e, f))
