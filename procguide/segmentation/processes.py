"""Transverse processes that were taken for ribs."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.segmentation.classes import TissueClass
from procguide.segmentation.instances import Instances

__all__ = ["claim_processes"]

_LONGEST_MM = 45.0
"""A transverse process's tip is shorter, a rib that the field does not cut is longer (assumed)."""
_NEAR_MM = 2.5


def claim_processes(classes: NDArray[np.uint8], instances: Instances, spacing: float) -> Instances:
    """Give short pieces of rib that touch one vertebra to it, as its transverse process.

    A lumbar transverse process ends as bluntly as a rib begins. A piece that the field cuts may be a
    rib's and is left. ``classes`` is changed in place.
    """
    pieces = cc3d.connected_components(classes == TissueClass.RIB, connectivity=26)
    labels = instances.labels.copy()
    reach = max(1, round(_NEAR_MM / spacing))
    for piece, box in enumerate(ndimage.find_objects(pieces), start=1):
        if box is None or _cut_or_long(box, classes.shape, spacing):
            continue
        wide = tuple(slice(max(s.start - reach, 0), s.stop + reach) for s in box)
        own = pieces[wide] == piece
        touched = instances.labels[wide][ndimage.binary_dilation(own, iterations=reach)]
        votes = np.bincount(touched[touched > 0])
        if len(votes) and votes.max() >= 10:
            labels[wide][own] = votes.argmax()
            classes[wide][own] = TissueClass.TRANSVERSE_PROCESS
    return Instances(labels, instances.sharpness, instances.heights_mm)


def _cut_or_long(box: tuple[slice, ...], shape: tuple[int, ...], spacing: float) -> bool:
    extent = max(s.stop - s.start for s in box) * spacing
    cut = any(s.start == 0 or s.stop == n for s, n in zip(box, shape, strict=True))
    return cut or extent > _LONGEST_MM
