"""What each tissue is to a proton: density, share of fat, T1 and T2 of its water, at 1.5 and 3 T.

Sources, by their short names in the table:

* Stanisz: Stanisz et al., Magn Reson Med 2005;54:507 (liver, muscle, kidney, cartilage, nerve, cord, blood).
* Bazelaire: de Bazelaire et al., Radiology 2004;230:652 (abdominal organs in vivo).
* Gold: Gold et al., AJR Am J Roentgenol 2004;183:343 (muscle, fat, marrow).
* Drake: Drake-Perez et al., AJNR Am J Neuroradiol 2018;39:788 (CSF, discs, cord by synthetic MRI, 1.5 T).
* Mulkern: Mulkern et al., J Magn Reson Imaging 1994;4:585 (marrow in echo trains: water 71, lipid 113 ms).
* Ruschke: Ruschke et al., NMR Biomed 2021;34:e4439 (marrow water T2 by STEAM, median 21 ms at 3 T).

Proton densities are against cerebrospinal fluid, and assumed except for discs (Drake). "Assumed" are
values for which no measurement was found. Within an echo train fat stays brighter than its T2 says, as
J-coupling is undone (Mulkern); the table has the train's value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from procguide.anatomy import BONE, Region

__all__ = ["DISC_WEAR", "FAT_LIPID", "TISSUES", "Tissue", "disc_tissue", "marrow_fat_fraction"]


@dataclass(frozen=True)
class Tissue:
    """A mixture of water and fat.

    ``density`` is that of all visible protons, against cerebrospinal fluid; ``fat`` their share in lipid;
    ``t1`` and ``t2`` those of the water part, ms, at 1.5 and at 3 T. ``stays`` is the share of signal that
    flow leaves in a spin echo.
    """

    density: float
    fat: float
    t1: tuple[float, float]
    t2: tuple[float, float]
    stays: float = 1.0


FAT_LIPID = Tissue(1.0, 1.0, (288.0, 371.0), (113.0, 100.0))
"""Lipid itself: T1 Gold, T2 Mulkern at 1.5 T, assumed at 3 T."""

_NOTHING = Tissue(0.0, 0.0, (1000.0, 1000.0), (10.0, 10.0))
_FAT = Tissue(0.95, 0.93, (900.0, 1100.0), (40.0, 38.0))  # water part assumed
_MUSCLE = Tissue(0.80, 0.03, (1008.0, 1412.0), (40.0, 38.0))  # T1 Stanisz, T2 between Stanisz and Gold
_CSF = Tissue(1.0, 0.0, (4273.0, 4273.0), (1578.0, 1500.0))  # Drake
_NERVE = Tissue(0.72, 0.05, (815.0, 1083.0), (77.0, 78.0))  # Stanisz, optic nerve
_BLOOD = Tissue(0.85, 0.0, (1441.0, 1932.0), (290.0, 275.0))  # Stanisz
_LIGAMENT = Tissue(0.30, 0.0, (700.0, 800.0), (12.0, 11.0))  # assumed
_MARROW = Tissue(0.74, 0.40, (1000.0, 1150.0), (42.0, 36.0))  # T1 assumed; T2 between Mulkern and Ruschke
_SOFT = Tissue(0.80, 0.05, (900.0, 1150.0), (55.0, 50.0))  # assumed

TISSUES: dict[Region, Tissue] = {
    **dict.fromkeys(Region, _NOTHING),
    **dict.fromkeys(BONE, _MARROW),
    Region.SKIN: Tissue(0.65, 0.10, (900.0, 1000.0), (28.0, 26.0)),  # assumed
    Region.FAT: _FAT,
    Region.EPIDURAL_FAT: replace(_FAT, density=0.93),
    Region.INTRAMUSCULAR_FAT: replace(_FAT, density=0.90, fat=0.75),
    Region.RENAL_SINUS: replace(_FAT, density=0.90, fat=0.75),
    **dict.fromkeys(
        (Region.MUSCLE, Region.PSOAS, Region.QUADRATUS_LUMBORUM, Region.MULTIFIDUS, Region.ERECTOR_SPINAE),
        _MUSCLE,
    ),
    Region.FASCIA: replace(_LIGAMENT, density=0.25),
    Region.SOFT_TISSUE: _SOFT,
    Region.BOWEL: _SOFT,
    Region.KIDNEY: Tissue(0.85, 0.0, (966.0, 1142.0), (87.0, 76.0)),  # Bazelaire, cortex
    Region.LIVER: Tissue(0.78, 0.03, (586.0, 809.0), (46.0, 34.0)),  # Bazelaire
    Region.SPLEEN: Tissue(0.82, 0.0, (1057.0, 1328.0), (79.0, 61.0)),  # Bazelaire
    Region.URETER: Tissue(0.85, 0.05, (1500.0, 1700.0), (120.0, 110.0)),  # assumed: wall and urine
    Region.PLEURA: Tissue(0.60, 0.20, (900.0, 1100.0), (45.0, 40.0)),  # assumed
    Region.LUNG: Tissue(0.10, 0.0, (1200.0, 1300.0), (25.0, 18.0)),  # assumed
    # Vessels: what flow leaves is assumed, least in arteries.
    Region.AORTA: replace(_BLOOD, stays=0.05),
    Region.ILIAC_ARTERY: replace(_BLOOD, stays=0.06),
    Region.VENA_CAVA: replace(_BLOOD, stays=0.14),
    Region.ILIAC_VEIN: replace(_BLOOD, stays=0.20),
    Region.SEGMENTAL_ARTERY: replace(_BLOOD, stays=0.15),
    Region.RADICULOMEDULLARY_ARTERY: replace(_BLOOD, stays=0.30),
    Region.EPIDURAL_VEIN: replace(_BLOOD, stays=0.55),
    # The canal and its nerves.
    Region.CANAL: Tissue(0.95, 0.10, (2500.0, 2700.0), (450.0, 430.0)),  # broad: sac, roots and fat
    Region.CEREBROSPINAL_FLUID: _CSF,
    Region.SPINAL_CORD: Tissue(0.74, 0.02, (745.0, 993.0), (74.0, 78.0)),  # Stanisz
    Region.CAUDA_EQUINA: replace(_NERVE, density=0.78),
    Region.NERVE_ROOT: _NERVE,
    Region.MEDIAL_BRANCH: replace(_NERVE, fat=0.2),
    Region.GANGLION: replace(_NERVE, density=0.80, t2=(95.0, 92.0)),  # T2 assumed
    # Painted a voxel thick, it is a third of a millimetre: as bright as with its neighbours' share (assumed).
    Region.DURA: replace(_LIGAMENT, density=0.60, t2=(45.0, 42.0)),
    Region.LIGAMENTUM_FLAVUM: Tissue(0.50, 0.05, (700.0, 850.0), (24.0, 22.0)),  # assumed
    Region.ANTERIOR_LONGITUDINAL_LIGAMENT: _LIGAMENT,
    Region.POSTERIOR_LONGITUDINAL_LIGAMENT: _LIGAMENT,
    Region.INTERSPINOUS_LIGAMENT: Tissue(0.65, 0.35, (800.0, 950.0), (28.0, 26.0)),  # assumed, streaky
    Region.FACET_CARTILAGE: Tissue(0.75, 0.0, (1038.0, 1156.0), (52.0, 50.0)),  # Stanisz, with some fluid
    Region.COCCYX: replace(_MARROW, density=0.68),
}
"""Every region; air, gas, cement and metal have no signal."""

# Wear 0 to 1 in five steps (Pfirrmann I to V): density, T1 at 1.5 T, T2 of the nucleus, T2 of the annulus.
# T2 by grade: a survey of 479 discs (poster, European Society of Radiology, portal.myesr.org: 210, 129, 84
# and 51 ms; annulus 58, 52, 47, 38 ms), II and IV after Marinelli et al., AJNR 2010;31:1278 (108
# and 53 ms); density and T1 Drake. Grade V and the annulus (T2 halved: its outer fibres are
# dark) are assumed.
DISC_WEAR = (
    (0.86, 1300.0, 190.0, 32.0),
    (0.80, 1165.0, 118.0, 29.0),
    (0.68, 900.0, 80.0, 26.0),
    (0.58, 700.0, 50.0, 22.0),
    (0.46, 555.0, 36.0, 18.0),
)
_AT_3T = 1.12  # T1 of discs at 3 T against 1.5 T: assumed


def disc_tissue(wear: float, wetness: float) -> Tissue:
    """From annulus (0) to nucleus (1) of a disc with that wear, 0 healthy to 1 collapsed."""
    steps = np.linspace(0, 1, len(DISC_WEAR))
    density, t1, inner, outer = (float(np.interp(wear, steps, column)) for column in np.array(DISC_WEAR).T)
    density *= 0.75 + 0.25 * wetness
    t1 *= 0.8 + 0.2 * wetness
    t2 = float(np.exp(np.interp(wetness, (0, 1), np.log((outer, inner)))))
    return Tissue(density, 0.0, (t1, t1 * _AT_3T), (t2, 0.92 * t2))


def marrow_fat_fraction(age: float, sex: str) -> float:
    """Mean fat fraction of L1 to L4's marrow.

    Twenties and thirties: 32.0 and 35.3 % in men, 27.2 and 27.3 % in women (Baum et al., Front Endocrinol
    2018;9:141). In women it rises sharply between 55 and 65 and is about 10 points above men's after 60, in
    men it rises steadily (Griffith et al., J Magn Reson Imaging 2012;36:225); the figures after 40 that
    follow from that are assumed.
    """
    if sex == "female":
        return float(np.interp(age, (25, 35, 45, 55, 65, 80), (0.27, 0.275, 0.33, 0.41, 0.53, 0.60)))
    return float(np.interp(age, (25, 35, 45, 55, 65, 80), (0.32, 0.35, 0.38, 0.41, 0.44, 0.50)))
