"""Hounsfield units of every tissue at 120 kV, and what makes bone look like bone.

Soft tissues after Kalender, Computed Tomography (2011), and Prokop, Spiral and Multislice CT of the Body
(2003), within their ranges. Spongy bone of L1 comes with the subject (Jang et al., Radiology 2019;291:360:
226 HU under 30 years, 2.5 HU less each year); its course from level to level after Hendrickson et al.,
Iowa Orthop J 2018;38:25 (L1 236, L3 227 HU in young women). The shell of the body is thin and porous,
about 0.35 mm (Silva et al., Bone 1994;15:409), thinner at L1 (Palepu et al., Int J Spine Surg
2019;13:361). Where nothing is cited the number is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import BONE, Region
from procguide.phantom.ct.settings import Contrast

__all__ = ["CORTEX", "LEVEL_SHARE", "METAL_FROM", "TISSUE", "Cortex", "Pattern", "Tissue", "tissue_tables"]

METAL_FROM = 2500.0
"""Above this a voxel counts as metal for the rays."""


class Pattern(IntEnum):
    """How a soft tissue departs from its mean; the compiled loop knows the numbers."""

    GRAIN = 0
    FIBRES = 1
    SEPTA = 2
    BOWEL = 3
    LUNG = 4
    VESSEL = 5


@dataclass(frozen=True)
class Tissue:
    """Mean HU, standard deviation of its own texture before the scanner's blur, and the pattern."""

    mean: float
    spread: float = 0.0
    pattern: Pattern = Pattern.GRAIN


@dataclass(frozen=True)
class Cortex:
    """Thickness mm and HU of compact bone, spongy bone against that of the subject's L1, unevenness.

    ``uneven`` is the standard deviation of the thickness, as a share of it, from place to place.
    """

    thickness: float
    hounsfield: float
    spongy: float
    uneven: float = 0.33


_FAT = Tissue(-106.0, 9.0, Pattern.SEPTA)
_MUSCLE = Tissue(57.0, 9.0, Pattern.FIBRES)
_BONE = Tissue(45.0)

TISSUE: dict[Region, Tissue] = dict.fromkeys(BONE, _BONE) | {
    Region.BACKGROUND: Tissue(-1000.0),
    Region.ARCH: _BONE,
    Region.DISC: Tissue(85.0, 8.0),
    Region.CANAL: Tissue(-20.0, 10.0),
    Region.SKIN: Tissue(20.0, 8.0),
    Region.FAT: _FAT,
    Region.MUSCLE: _MUSCLE,
    Region.KIDNEY: Tissue(32.0, 4.0),
    Region.AORTA: Tissue(42.0, 2.0, Pattern.VESSEL),
    Region.SOFT_TISSUE: Tissue(38.0, 12.0),
    Region.NUCLEUS_PULPOSUS: Tissue(72.0, 7.0),
    Region.ANNULUS_FIBROSUS: Tissue(96.0, 9.0),
    Region.EPIDURAL_FAT: Tissue(-92.0, 6.0),
    Region.LIGAMENTUM_FLAVUM: Tissue(62.0, 5.0),
    Region.CEREBROSPINAL_FLUID: Tissue(14.0, 1.0),
    Region.SPINAL_CORD: Tissue(38.0, 2.0),
    Region.CAUDA_EQUINA: Tissue(33.0, 5.0),
    Region.DURA: Tissue(40.0, 2.0),
    Region.NERVE_ROOT: Tissue(32.0, 3.0),
    Region.GANGLION: Tissue(38.0, 3.0),
    Region.MEDIAL_BRANCH: Tissue(25.0),
    Region.ANTERIOR_LONGITUDINAL_LIGAMENT: Tissue(75.0, 4.0),
    Region.POSTERIOR_LONGITUDINAL_LIGAMENT: Tissue(75.0, 4.0),
    Region.INTERSPINOUS_LIGAMENT: Tissue(20.0, 28.0, Pattern.FIBRES),
    Region.FACET_CARTILAGE: Tissue(75.0, 5.0),
    Region.PSOAS: Tissue(60.0, 6.0, Pattern.FIBRES),
    Region.QUADRATUS_LUMBORUM: Tissue(56.0, 8.0, Pattern.FIBRES),
    Region.MULTIFIDUS: Tissue(52.0, 12.0, Pattern.FIBRES),
    Region.ERECTOR_SPINAE: Tissue(55.0, 11.0, Pattern.FIBRES),
    Region.FASCIA: Tissue(50.0, 8.0),
    Region.INTRAMUSCULAR_FAT: Tissue(-85.0, 14.0),
    Region.VENA_CAVA: Tissue(42.0, 2.0),
    Region.ILIAC_ARTERY: Tissue(42.0, 2.0, Pattern.VESSEL),
    Region.ILIAC_VEIN: Tissue(42.0, 2.0),
    Region.SEGMENTAL_ARTERY: Tissue(42.0),
    Region.RADICULOMEDULLARY_ARTERY: Tissue(42.0),
    Region.EPIDURAL_VEIN: Tissue(40.0),
    Region.LIVER: Tissue(60.0, 4.0),
    Region.SPLEEN: Tissue(50.0, 3.0),
    Region.BOWEL: Tissue(28.0, 14.0, Pattern.BOWEL),
    Region.GAS: Tissue(-960.0, 10.0),
    Region.LUNG: Tissue(-860.0, 28.0, Pattern.LUNG),
    Region.PLEURA: Tissue(20.0),
    Region.URETER: Tissue(20.0),
    Region.RENAL_SINUS: Tissue(-70.0, 18.0),
    Region.IMPLANT: Tissue(8000.0),
    Region.CEMENT: Tissue(1700.0, 260.0),
    Region.VACUUM: Tissue(-850.0),
}

CORTEX: dict[Region, Cortex] = {
    Region.BODY: Cortex(0.45, 1050.0, 1.0),
    Region.PEDICLE: Cortex(1.2, 1300.0, 1.25),
    Region.LAMINA: Cortex(1.3, 1350.0, 1.3),
    Region.SPINOUS_PROCESS: Cortex(0.8, 1200.0, 1.0),
    Region.TRANSVERSE_PROCESS: Cortex(0.9, 1250.0, 0.9),
    Region.SUPERIOR_ARTICULAR_PROCESS: Cortex(1.3, 1350.0, 2.2),
    Region.INFERIOR_ARTICULAR_PROCESS: Cortex(1.3, 1350.0, 2.2),
    Region.ARCH: Cortex(1.2, 1300.0, 1.2),
    Region.SACRUM: Cortex(0.55, 1100.0, 0.72, 0.5),
    Region.COCCYX: Cortex(0.5, 1000.0, 0.7, 0.4),
    Region.ILIUM: Cortex(1.1, 1250.0, 0.8, 0.45),
    Region.FEMUR: Cortex(1.6, 1400.0, 1.1),
    Region.RIB: Cortex(0.8, 1250.0, 0.8),
}

LEVEL_SHARE = {
    "T8": 1.09, "T9": 1.08, "T10": 1.06, "T11": 1.03, "T12": 1.01, "T13": 1.0, "L1": 1.0, "L2": 0.975,
    "L3": 0.96, "L4": 0.97, "L5": 1.0, "L6": 1.0,
}  # fmt: skip
"""Spongy bone of a level against L1's; L1 to L3 as cited, the others assumed."""

# Blood, kidney, liver, spleen and muscle after an injection (typical of 1.5 ml/kg; assumed).
_ENHANCED = {
    Contrast.NONE: {},
    Contrast.ARTERIAL: {
        Region.AORTA: 320.0, Region.ILIAC_ARTERY: 320.0, Region.SEGMENTAL_ARTERY: 250.0,
        Region.RADICULOMEDULLARY_ARTERY: 180.0, Region.VENA_CAVA: 60.0, Region.KIDNEY: 130.0,
        Region.SPLEEN: 120.0, Region.LIVER: 72.0,
    },
    Contrast.PORTAL: {
        Region.AORTA: 150.0, Region.ILIAC_ARTERY: 150.0, Region.SEGMENTAL_ARTERY: 140.0,
        Region.RADICULOMEDULLARY_ARTERY: 120.0, Region.VENA_CAVA: 140.0, Region.ILIAC_VEIN: 110.0,
        Region.EPIDURAL_VEIN: 120.0, Region.KIDNEY: 180.0, Region.SPLEEN: 120.0, Region.LIVER: 112.0,
    },
}  # fmt: skip


def tissue_tables(contrast: Contrast) -> NDArray[np.float32]:
    """``(3, 256)``: mean, spread and pattern of every :class:`Region`; an unknown one is as soft tissue."""
    table = np.empty((3, 256), dtype=np.float32)
    table[:] = np.array([40.0, 0.0, Pattern.GRAIN])[:, None]
    for region, tissue in TISSUE.items():
        mean = _ENHANCED[contrast].get(region, tissue.mean)
        table[:, region] = mean, tissue.spread, tissue.pattern
    return table
