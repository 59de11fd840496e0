"""What a voxel is: the closed vocabulary of anatomical regions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType

__all__ = ["BONE", "BROAD", "CANAL_CONTENT", "POSTERIOR_ELEMENTS", "VERTEBRA", "Region", "Side"]


class Side(StrEnum):
    """The patient's own left or right."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def sign(self) -> int:
        """+1 toward +x of patient LPS (left), -1 for right."""
        return 1 if self is Side.LEFT else -1


class Region(IntEnum):
    """Labels of ``regions.nii.gz`` and of the phantom's truth. Numbers are a contract: append, never move.

    The first twenty are broad; the rest are finer and each belongs to a broad one (:data:`BROAD`) or
    stands alone. ``ARCH`` stands for all posterior elements where they are not told apart; label maps
    hold either it or the seven finer regions.
    """

    BACKGROUND = 0
    BODY = 1
    PEDICLE = 2
    LAMINA = 3
    SPINOUS_PROCESS = 4
    TRANSVERSE_PROCESS = 5
    SUPERIOR_ARTICULAR_PROCESS = 6
    INFERIOR_ARTICULAR_PROCESS = 7
    ARCH = 8
    DISC = 9
    SACRUM = 10
    CANAL = 11
    RIB = 12
    ILIUM = 13
    SKIN = 14
    FAT = 15
    MUSCLE = 16
    KIDNEY = 17
    AORTA = 18
    SOFT_TISSUE = 19
    NUCLEUS_PULPOSUS = 20
    ANNULUS_FIBROSUS = 21
    EPIDURAL_FAT = 22
    LIGAMENTUM_FLAVUM = 23
    CEREBROSPINAL_FLUID = 24
    SPINAL_CORD = 25
    CAUDA_EQUINA = 26
    DURA = 27
    NERVE_ROOT = 28
    GANGLION = 29
    MEDIAL_BRANCH = 30
    ANTERIOR_LONGITUDINAL_LIGAMENT = 31
    POSTERIOR_LONGITUDINAL_LIGAMENT = 32
    INTERSPINOUS_LIGAMENT = 33
    FACET_CARTILAGE = 34
    PSOAS = 35
    QUADRATUS_LUMBORUM = 36
    MULTIFIDUS = 37
    ERECTOR_SPINAE = 38
    FASCIA = 39
    INTRAMUSCULAR_FAT = 40
    VENA_CAVA = 41
    ILIAC_ARTERY = 42
    ILIAC_VEIN = 43
    SEGMENTAL_ARTERY = 44
    RADICULOMEDULLARY_ARTERY = 45
    EPIDURAL_VEIN = 46
    LIVER = 47
    SPLEEN = 48
    BOWEL = 49
    GAS = 50
    LUNG = 51
    PLEURA = 52
    URETER = 53
    RENAL_SINUS = 54
    COCCYX = 55
    FEMUR = 56
    IMPLANT = 57
    CEMENT = 58
    VACUUM = 59
    THECAL_SAC = 60
    CAROTID_ARTERY = 61
    VERTEBRAL_ARTERY = 62
    OESOPHAGUS = 63
    TRACHEA = 64
    JUGULAR_VEIN = 65
    THYROID = 66

    @property
    def label(self) -> str:
        """The name in lower-case words."""
        return self.name.lower().replace("_", " ")


POSTERIOR_ELEMENTS = (
    Region.PEDICLE,
    Region.LAMINA,
    Region.SPINOUS_PROCESS,
    Region.TRANSVERSE_PROCESS,
    Region.SUPERIOR_ARTICULAR_PROCESS,
    Region.INFERIOR_ARTICULAR_PROCESS,
    Region.ARCH,
)
VERTEBRA = (Region.BODY, *POSTERIOR_ELEMENTS)
BONE = (*VERTEBRA, Region.SACRUM, Region.RIB, Region.ILIUM, Region.COCCYX, Region.FEMUR)

BROAD: Mapping[Region, Region] = MappingProxyType(
    dict.fromkeys((Region.NUCLEUS_PULPOSUS, Region.ANNULUS_FIBROSUS, Region.VACUUM), Region.DISC)
    | dict.fromkeys(
        (
            Region.EPIDURAL_FAT,
            Region.LIGAMENTUM_FLAVUM,
            Region.CEREBROSPINAL_FLUID,
            Region.SPINAL_CORD,
            Region.CAUDA_EQUINA,
            Region.DURA,
            Region.EPIDURAL_VEIN,
            Region.POSTERIOR_LONGITUDINAL_LIGAMENT,
            Region.THECAL_SAC,
        ),
        Region.CANAL,
    )
    | dict.fromkeys(
        (
            Region.PSOAS,
            Region.QUADRATUS_LUMBORUM,
            Region.MULTIFIDUS,
            Region.ERECTOR_SPINAE,
            Region.FASCIA,
            Region.INTRAMUSCULAR_FAT,
        ),
        Region.MUSCLE,
    )
    | dict.fromkeys((Region.ILIAC_ARTERY,), Region.AORTA)
    | dict.fromkeys((Region.LUNG,), Region.BACKGROUND)
    | dict.fromkeys((Region.COCCYX,), Region.SACRUM)
    | dict.fromkeys((Region.CEMENT,), Region.BODY)
    | dict.fromkeys(
        (
            Region.NERVE_ROOT,
            Region.GANGLION,
            Region.MEDIAL_BRANCH,
            Region.ANTERIOR_LONGITUDINAL_LIGAMENT,
            Region.INTERSPINOUS_LIGAMENT,
            Region.FACET_CARTILAGE,
            Region.VENA_CAVA,
            Region.ILIAC_VEIN,
            Region.SEGMENTAL_ARTERY,
            Region.RADICULOMEDULLARY_ARTERY,
            Region.LIVER,
            Region.SPLEEN,
            Region.BOWEL,
            Region.GAS,
            Region.PLEURA,
            Region.URETER,
            Region.RENAL_SINUS,
            Region.CAROTID_ARTERY,
            Region.VERTEBRAL_ARTERY,
            Region.OESOPHAGUS,
            Region.TRACHEA,
            Region.JUGULAR_VEIN,
            Region.THYROID,
        ),
        Region.SOFT_TISSUE,
    )
)
"""The broad region that each finer one is part of; networks and the planner work with the broad ones."""

CANAL_CONTENT = (Region.CANAL, *(fine for fine, broad in BROAD.items() if broad is Region.CANAL))
"""The bony canal and all that lies in it: where networks tell the sac or the cord apart, still canal."""
