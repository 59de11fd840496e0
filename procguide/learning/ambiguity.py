"""What a label to learn from allows, for labels that say less than a network tells apart.

A label map may know the arch but not its parts, the canal but not the sac, or nothing but the cord. Such a
voxel teaches that one of several classes is right: the loss takes their probabilities together
(marginal loss, Shi et al., Med Image Anal 2021;70:101979).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from procguide.segmentation.classes import ARCH_PARTS, CANAL_PARTS, TissueClass

__all__ = ["N_CODES", "Unsure", "allowed"]

N_CODES = 40


class Unsure(IntEnum):
    """Codes beside :class:`TissueClass` in what a shape teaches."""

    IN_CANAL = 30
    PEDICLE_OR_LAMINA = 31
    NOT_CANAL = 32
    ANYTHING = 33


_MEANING: Mapping[int, tuple[TissueClass, ...]] = MappingProxyType(
    {
        Unsure.IN_CANAL: CANAL_PARTS,
        Unsure.PEDICLE_OR_LAMINA: (TissueClass.PEDICLE, TissueClass.LAMINA),
        Unsure.NOT_CANAL: tuple(tissue for tissue in TissueClass if tissue not in CANAL_PARTS),
        Unsure.ANYTHING: tuple(TissueClass),
        TissueClass.ARCH: (TissueClass.ARCH, *ARCH_PARTS),
    }
)


def allowed(classes: tuple[TissueClass, ...]) -> NDArray[np.bool_]:
    """``(N_CODES, n)``: which of a network's ``n`` channels each code allows; at least one for each.

    A class that the network lacks is its whole (a pedicle is arch, a cord is canal), or else ``OTHER``.
    """
    table = np.zeros((N_CODES, len(classes)), dtype=np.bool_)
    for code in range(N_CODES):
        known = (TissueClass(code),) if code in list(TissueClass) else ()
        told = [_whole(tissue, classes) for tissue in _MEANING.get(code, known)]
        table[code, sorted({classes.index(tissue) for tissue in told if tissue is not None}) or [0]] = True
    return table


def _whole(own: TissueClass, classes: tuple[TissueClass, ...]) -> TissueClass | None:
    """The class that stands for ``own`` in a network that tells ``classes`` apart, if one does."""
    if own in classes:
        return own
    for parts, whole in ((ARCH_PARTS, TissueClass.ARCH), (CANAL_PARTS, TissueClass.CANAL)):
        if own in parts and whole in classes:
            return whole
    return None
