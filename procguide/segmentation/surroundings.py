"""What lies round the spine: organs that needles must avoid, and bone where the fine network did not look."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import cc3d
import numpy as np
from numpy.typing import NDArray

from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.resample import resample
from procguide.segmentation.classes import TissueClass
from procguide.segmentation.inference import Prediction, predict
from procguide.segmentation.network import NetworkSpec

__all__ = ["FROM_LOCATOR", "around", "find_organs", "organs_from"]

ORGANS = "organs"

_LEAST_ML = MappingProxyType(
    {
        TissueClass.LUNG: 30.0,
        TissueClass.KIDNEY: 15.0,
        TissueClass.AORTA: 3.0,
        TissueClass.VENA_CAVA: 3.0,
        TissueClass.LIVER: 60.0,
        TissueClass.BOWEL: 3.0,
    }
)
"""Pieces of an organ that are smaller are dropped (assumed; a field may cut an organ)."""
FROM_LOCATOR = (TissueClass.RIB, TissueClass.ILIUM, TissueClass.SACRUM)


def find_organs(
    volume: Volume,
    model: str = ORGANS,
    device: str = "cpu",
    progress: Callable[[float], None] | None = None,
) -> tuple[LabelMap, NetworkSpec]:
    """Organs of a CT on the network's own lattice over the whole field, and which network said so."""
    answer = predict(volume, model, device=device, progress=progress)
    return organs_from(answer, volume), answer.model


def organs_from(answer: Prediction, volume: Volume) -> LabelMap:
    """:class:`Region` numbers of what is large enough; ``names`` are all that was looked for."""
    millilitres = float(np.prod(answer.grid.affine.spacing)) / 1000.0
    regions = np.zeros(answer.classes.shape, dtype=np.uint8)
    for organ, least in _LEAST_ML.items():
        pieces = cc3d.connected_components(answer.classes == organ, connectivity=6)
        sizes = np.bincount(pieces.ravel()) * millilitres
        sizes[0] = 0.0
        regions[(sizes >= least)[pieces]] = organ.region
    names = {int(organ.region): organ.region.label for organ in _LEAST_ML}
    return LabelMap(regions, answer.grid.affine, Modality.OTHER, volume.source, names)


def around(fine: Prediction, coarse: Prediction) -> NDArray[np.uint8]:
    """``fine.classes`` with the locator's ribs, ilium and sacrum where the fine network says nothing.

    The sacrum is larger than a fine window, and beyond its windows the fine network did not look.
    """
    beyond = np.isin(coarse.classes, FROM_LOCATOR)
    bone = np.where(beyond, coarse.classes, 0).astype(np.uint8)
    seen = resample(LabelMap(bone, coarse.grid.affine, Modality.OTHER), fine.grid).voxels
    sacrum = (seen == TissueClass.SACRUM) & (fine.classes == TissueClass.OTHER)
    taken = sacrum if fine.covered is None else sacrum | ~fine.covered
    return np.where(taken, seen, fine.classes).astype(np.uint8)
