"""Ribs of a CT completed by their own density, where the networks left gaps."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.imaging import Volume
from procguide.imaging.resample import resample
from procguide.segmentation.classes import TissueClass
from procguide.segmentation.inference import Prediction
from procguide.segmentation.windows import extent_of

__all__ = ["complete_ribs"]

_BONE_HU = 150.0
_GAP_MM = 15.0
_SEEN_SHARE = 0.3
"""Assumed. Bone that is thinner than a slice shows little more than this density; longer gaps stay. A vessel
with contrast, or the ilium, into which a stray voxel grows, was seen by the networks far less."""


def complete_ribs(volume: Volume, answer: Prediction) -> NDArray[np.uint8]:
    """``answer.classes`` (k, j, i) with ribs grown along dense voxels of no other class, by 15 mm at most.

    ``volume`` is a CT in HU, on any lattice. A rib is a thin bone that 3 mm networks see in pieces; whether a
    vertebra bears one is told by whole ribs. A piece grows only where the networks saw three tenths of what
    it becomes.
    """
    steps = round(_GAP_MM / answer.model.spacing_mm)
    extent = extent_of(answer.classes == TissueClass.RIB)
    if extent is None:
        return answer.classes
    box = tuple(slice(max(0, start - steps), stop + steps) for start, stop in extent)
    part = answer.classes[box]
    seen = part == TissueClass.RIB
    dense = resample(volume, answer.grid, -1000.0).voxels[box] >= _BONE_HU
    free = seen | (dense & (part == TissueClass.OTHER))
    grown = ndimage.binary_dilation(seen, iterations=steps, mask=free)
    pieces = cc3d.connected_components(grown, connectivity=6)
    share = np.bincount(pieces[seen], minlength=int(pieces.max()) + 1) / np.bincount(pieces.ravel())
    share[0] = 0.0
    classes = answer.classes.copy()
    classes[box][(share >= _SEEN_SHARE)[pieces]] = TissueClass.RIB
    return classes
