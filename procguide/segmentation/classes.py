"""What the networks tell apart, and how it maps to the anatomy's regions."""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType

from procguide.anatomy import BROAD, Region

__all__ = [
    "ARCH_PARTS",
    "CANAL_PARTS",
    "FINE_CLASSES",
    "LOCATOR_CLASSES",
    "NETWORK_CLASS",
    "ORGAN_CLASSES",
    "VERTEBRAL",
    "TissueClass",
    "class_of",
]


class TissueClass(IntEnum):
    """What a voxel is to the networks. Each network tells some of these apart; its card lists which.

    ``ARCH`` stands for all posterior elements and ``CANAL`` for all that lies in the bony canal where a
    network, or a label map to learn from, does not tell their parts apart; beside ``THECAL_SAC`` and
    ``CORD``, ``CANAL`` is what is left of the canal: epidural fat, veins and ligament.
    """

    OTHER = 0
    BODY = 1
    ARCH = 2
    DISC = 3
    SACRUM = 4
    CANAL = 5
    RIB = 6
    ILIUM = 7
    PEDICLE = 8
    LAMINA = 9
    SPINOUS_PROCESS = 10
    TRANSVERSE_PROCESS = 11
    SUPERIOR_ARTICULAR_PROCESS = 12
    INFERIOR_ARTICULAR_PROCESS = 13
    THECAL_SAC = 14
    SPINAL_CORD = 15
    LUNG = 16
    KIDNEY = 17
    AORTA = 18
    VENA_CAVA = 19
    LIVER = 20
    BOWEL = 21

    @property
    def region(self) -> Region:
        """The region this class stands for."""
        return Region.BACKGROUND if self is TissueClass.OTHER else Region[self.name]


LOCATOR_CLASSES = tuple(TissueClass(n) for n in range(8))
"""Told apart over the whole field at 3 mm, on CT and MRI."""
ARCH_PARTS = tuple(TissueClass(n) for n in range(8, 14))
CANAL_PARTS = (TissueClass.CANAL, TissueClass.THECAL_SAC, TissueClass.SPINAL_CORD)
FINE_CLASSES = (
    *(tissue for tissue in LOCATOR_CLASSES if tissue is not TissueClass.ARCH),
    *ARCH_PARTS,
    TissueClass.THECAL_SAC,
    TissueClass.SPINAL_CORD,
)
"""Told apart round the spine, on CT and MRI."""
ORGAN_CLASSES = (TissueClass.OTHER, *(TissueClass(n) for n in range(16, 22)))
"""What needles must avoid, told apart on CT."""
VERTEBRAL = (TissueClass.BODY, TissueClass.ARCH, *ARCH_PARTS)
"""Of a vertebra, whichever network says so."""

NETWORK_CLASS = MappingProxyType(
    {tissue.region: tissue for tissue in TissueClass if tissue is not TissueClass.OTHER}
    | dict.fromkeys((Region.CEREBROSPINAL_FLUID, Region.CAUDA_EQUINA, Region.DURA), TissueClass.THECAL_SAC)
    | dict.fromkeys((Region.RENAL_SINUS,), TissueClass.KIDNEY)
    | dict.fromkeys((Region.GAS,), TissueClass.BOWEL)
    | dict.fromkeys((Region.ILIAC_ARTERY,), TissueClass.AORTA)
    | dict.fromkeys((Region.ILIAC_VEIN,), TissueClass.VENA_CAVA)
)
"""Region to class, for regions that have one of their own."""


def class_of(region: Region) -> TissueClass:
    """The class of a region, or of the broad region it belongs to; else ``OTHER``."""
    broad = BROAD.get(region, region)
    return NETWORK_CLASS.get(region, NETWORK_CLASS.get(broad, TissueClass.OTHER))
