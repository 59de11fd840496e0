"""The truth as named segments, as a DICOM Segmentation tells structures apart."""

from __future__ import annotations

import numpy as np

from procguide.anatomy import VERSE_NAMES, Region
from procguide.imaging import LabelMap
from procguide.phantom.build import Phantom
from procguide.phantom.canvas import instance_words

__all__ = ["true_segments"]

DISC = (Region.DISC, Region.NUCLEUS_PULPOSUS, Region.ANNULUS_FIBROSUS, Region.VACUUM)
ROOT = (Region.NERVE_ROOT, Region.GANGLION)
CANAL = (
    Region.CANAL,
    Region.CEREBROSPINAL_FLUID,
    Region.DURA,
    Region.EPIDURAL_FAT,
    Region.EPIDURAL_VEIN,
    Region.LIGAMENTUM_FLAVUM,
)
WHOLE = (Region.SPINAL_CORD, Region.CAUDA_EQUINA)


def true_segments(phantom: Phantom, *, roots_by_level: bool = True) -> LabelMap:
    """Vertebrae and discs by level, sacrum and coccyx, roots by level and side, cord, cauda, canal.

    A root has its ganglion with it, the canal all that is in it but for cord and nerves. Organs, vessels
    and muscles are left to the NIfTI maps: binary segments are not compressed, which is also why all
    roots of a side can be one segment. Labels run from 1 in no
    order that means anything; the names are the contract: ``"L4"``, ``"L4-L5 disc"``,
    ``"left L4 nerve root"``.
    """
    tissues, instances = phantom.tissues.voxels, phantom.instances.voxels
    pairs = np.bincount(tissues.ravel().astype(np.uint16) * 256 + instances.ravel(), minlength=2**16)
    table = np.zeros(2**16, dtype=np.uint16)
    numbers: dict[str, int] = {}
    for pair in np.flatnonzero(pairs):
        name = _name(phantom, Region(int(pair) // 256), int(pair) % 256, roots_by_level)
        if name:
            table[pair] = numbers.setdefault(name, len(numbers) + 1)
    voxels = table[tissues.astype(np.uint16) * 256 + instances]
    bones = phantom.levels.voxels
    for level in phantom.levels.present():
        label = numbers.setdefault(VERSE_NAMES[level], len(numbers) + 1)
        voxels[(bones == level) & (voxels == 0)] = label
    narrow = voxels.astype(np.uint8) if len(numbers) < 256 else voxels
    names = {number: name for name, number in numbers.items()}
    return LabelMap(narrow, phantom.tissues.affine, names=names, source=phantom.tissues.source)


def _name(phantom: Phantom, region: Region, instance: int, roots_by_level: bool) -> str:
    """What a voxel of this region and instance belongs to; empty for none. Bone goes by ``levels``."""
    words = instance_words(instance)
    if region in DISC:
        return f"{_interspace(phantom, words)}disc"
    if region in ROOT:
        side = words if roots_by_level else words.split(" ")[0]
        return f"{side} {Region.NERVE_ROOT.label}".strip()
    if region in CANAL:
        return Region.CANAL.label
    return region.label if region in WHOLE else ""


def _interspace(phantom: Phantom, upper: str) -> str:
    if upper not in phantom.parameters.levels:
        return f"{upper} " if upper else ""
    return f"{upper}-{phantom.parameters.below(upper) or 'S1'} "
