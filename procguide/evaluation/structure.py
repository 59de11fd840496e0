"""The structures that are judged: sets of the tissues that label maps may tell apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from procguide.anatomy import Region
from procguide.segmentation.classes import ARCH_PARTS, ORGAN_CLASSES, TissueClass, class_of

__all__ = ["ORGANS", "STRUCTURES", "Structure", "tissues_of"]

Tissues = frozenset[TissueClass]


ORGANS: Tissues = frozenset(ORGAN_CLASSES) - {TissueClass.OTHER}


@dataclass(frozen=True)
class Structure:
    """A name, and the tissues that together are it.

    ``needs``: a reference that shows some of the structure, but nothing of one of these, labels only a
    part of it (bodies are no vertebrae) and cannot judge it.
    """

    name: str
    tissues: Tissues
    needs: tuple[Tissues, ...] = ()


def tissues_of(regions: Iterable[Region]) -> Tissues:
    """What regions consist of; the arch, where it stands for all posterior elements, of all its parts."""
    tissues = {class_of(region) for region in regions} - {TissueClass.OTHER}
    return frozenset(
        (tissues - {TissueClass.ARCH}) | (set(ARCH_PARTS) if TissueClass.ARCH in tissues else set())
    )


def _one(tissue: TissueClass) -> Structure:
    return Structure(tissue.region.label, frozenset({tissue}))


_BODY, _ARCH = frozenset({TissueClass.BODY}), frozenset(ARCH_PARTS)
_CANAL, _SAC = frozenset({TissueClass.CANAL}), frozenset({TissueClass.THECAL_SAC})
_CONTENT = _SAC | {TissueClass.SPINAL_CORD}

STRUCTURES = (
    Structure("vertebrae", _BODY | _ARCH, (_BODY, _ARCH)),
    _one(TissueClass.BODY),
    Structure("posterior elements", _ARCH),
    Structure("pedicle and lamina", frozenset({TissueClass.PEDICLE, TissueClass.LAMINA})),
    *map(_one, ARCH_PARTS),
    _one(TissueClass.DISC),
    _one(TissueClass.SACRUM),
    Structure("canal and content", _CONTENT | _CANAL, (_SAC | _CANAL,)),
    Structure("thecal sac and content", _CONTENT, (_SAC,)),
    _one(TissueClass.SPINAL_CORD),
    *map(_one, (TissueClass.RIB, TissueClass.ILIUM)),
    *map(_one, (tissue for tissue in TissueClass if tissue in ORGANS)),
)
"""Every structure that a row may be about. Parts stand beside the wholes that they belong to."""
