"""Intensities for labels: CT-like, MRI by the signal equation, or any contrast at all.

CT-like images are in HU; the others in a scale of their own that :func:`on_scale` brings to the networks'.
"""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional

from procguide.anatomy import BONE, BROAD, Region
from procguide.learning.ambiguity import Unsure
from procguide.learning.deformation import Place
from procguide.learning.draws import Dice
from procguide.learning.shapes import ExtraTissue
from procguide.phantom.mri.tissue import FAT_LIPID, TISSUES
from procguide.segmentation.classes import VERTEBRAL, TissueClass

__all__ = ["any_contrast", "computed_tomography", "magnetic_resonance", "real_image"]

# Mean HU is drawn within these bounds (usual clinical ranges without and with contrast medium).
_HOUNSFIELD = MappingProxyType(
    {
        Region.BACKGROUND: (-1000, -980),
        Region.DISC: (40, 130),
        Region.CANAL: (-5, 70),
        Region.SKIN: (-60, 60),
        Region.FAT: (-130, -70),
        Region.MUSCLE: (20, 90),
        Region.KIDNEY: (20, 250),
        Region.AORTA: (30, 350),
        Region.SOFT_TISSUE: (-100, 70),
        Region.LIGAMENTUM_FLAVUM: (20, 130),
        Region.VENA_CAVA: (20, 250),
        Region.ILIAC_VEIN: (20, 250),
        Region.SEGMENTAL_ARTERY: (20, 250),
        Region.LIVER: (20, 170),
        Region.SPLEEN: (30, 180),
        Region.BOWEL: (-50, 250),
        Region.GAS: (-1000, -700),
        Region.LUNG: (-950, -650),
        Region.PLEURA: (-60, 60),
        Region.URETER: (0, 300),
        Region.RENAL_SINUS: (-110, 0),
        Region.IMPLANT: (1500, 3000),
        Region.CEMENT: (700, 2000),
        Region.VACUUM: (-500, -100),
        ExtraTissue.LUNG: (-900, -650),
        ExtraTissue.ORGAN: (20, 140),
        ExtraTissue.BOWEL: (-50, 80),
        ExtraTissue.VESSEL: (30, 350),
        ExtraTissue.CLUSTER_1: (-900, -80),
        ExtraTissue.CLUSTER_2: (-120, 60),
        ExtraTissue.CLUSTER_3: (-100, 60),
        ExtraTissue.CLUSTER_4: (-100, 100),
        ExtraTissue.CLUSTER_5: (-120, 120),
    }
)
# On CT these differ little from the tissue they belong to or are made of: HU at most, up or down.
_ALIKE = MappingProxyType(
    {
        Region.EPIDURAL_FAT: Region.FAT,
        Region.INTRAMUSCULAR_FAT: Region.FAT,
        Region.NUCLEUS_PULPOSUS: Region.DISC,
        Region.ANNULUS_FIBROSUS: Region.DISC,
        Region.CEREBROSPINAL_FLUID: Region.CANAL,
        Region.SPINAL_CORD: Region.CANAL,
        Region.CAUDA_EQUINA: Region.CANAL,
        Region.DURA: Region.CANAL,
        Region.PSOAS: Region.MUSCLE,
        Region.QUADRATUS_LUMBORUM: Region.MUSCLE,
        Region.MULTIFIDUS: Region.MUSCLE,
        Region.ERECTOR_SPINAE: Region.MUSCLE,
        Region.FASCIA: Region.MUSCLE,
        Region.ILIAC_ARTERY: Region.AORTA,
    }
)
_ALIKE_HU = 12.0
_MUSCLES = torch.tensor([Region.MUSCLE, *(fine for fine, broad in BROAD.items() if broad == Region.MUSCLE)])
_VAGUE = torch.tensor(
    [
        Region.SOFT_TISSUE,
        Region.BOWEL,
        ExtraTissue.BOWEL,
        *range(ExtraTissue.CLUSTER_1, ExtraTissue.CLUSTER_5 + 1),
    ]
)
_BONY = torch.tensor(
    [*VERTEBRAL, TissueClass.SACRUM, TissueClass.RIB, TissueClass.ILIUM, Unsure.PEDICLE_OR_LAMINA]
)
_TRABECULAR = (40.0, 330.0)
_CORTICAL_EXCESS = (100.0, 650.0)
_N_TISSUES = 80


def computed_tomography(place: Place, dice: Dice, spacing_mm: float) -> Tensor:
    """HU ``(n, n, n)``."""
    table = _hounsfield(dice)
    image = table[place.tissue] + 35.0 * dice.uniform(0, 1) * dice.normal(256)[place.vertebra]
    bone, shell = _shell(place.target)
    excess = dice.uniform(*_CORTICAL_EXCESS) * min(1.0, 1.5 / spacing_mm)
    image = image + shell * excess
    image = _unlabelled(image, place.tissue, dice, ct=True)
    n = image.shape[-1]
    grain = dice.field(9, n)[0] * dice.uniform(0, 25) + dice.field(min(n, 24), n)[0] * dice.uniform(0, 30)
    return image + grain * (place.tissue > 0) * (1 + 1.5 * bone * dice.uniform(0, 1))


def _hounsfield(dice: Dice) -> Tensor:
    table = torch.zeros(_N_TISSUES)
    for label in range(_N_TISSUES):
        table[label] = dice.uniform(*_HOUNSFIELD.get(label, (0, 60)))  # type: ignore[call-overload]
    for fine, like in _ALIKE.items():
        table[fine] = table[like] + dice.uniform(-_ALIKE_HU, _ALIKE_HU)
    trabecular = dice.uniform(*_TRABECULAR)
    for region in (*BONE, ExtraTissue.STERNUM):
        table[region] = trabecular + dice.uniform(-40, 40)
    for region in (Region.SACRUM, Region.ILIUM):  # alae and iliac wings hold more fat than bodies
        table[region] = max(-40.0, float(table[region]) + dice.uniform(-180, 40))
    denser = dice.uniform(0, 200)
    for region in BONE:  # a posterior arch is denser than a body, as it is mostly cortex
        if region not in (Region.BODY, Region.SACRUM, Region.ILIUM):
            table[region] += denser + dice.uniform(-40, 40)
    return table


_KNOWN = [TISSUES[Region(n) if n in list(Region) else Region.SOFT_TISSUE] for n in range(_N_TISSUES)]
_DENSITY, _FAT, _STAYS = (
    torch.tensor([getattr(tissue, name) for tissue in _KNOWN]) for name in ("density", "fat", "stays")
)
_T1, _T2 = (torch.tensor([getattr(tissue, name)[0] for tissue in _KNOWN]) for name in ("t1", "t2"))


def magnetic_resonance(place: Place, dice: Dice, spacing_mm: float) -> Tensor:
    """Signal ``(n, n, n)`` of a spin echo: T1, T2, intermediate, STIR, or Dixon water or fat.

    Tissue parameters are the phantom's (``phantom.mri.tissue``), scattered by a sixth, and in every third
    sample much more.
    """
    signal = _signals(dice)
    spread = 0.15 if dice.chance(0.65) else 0.4
    table = signal * torch.exp(dice.normal(_N_TISSUES) * spread)
    bones = [*BONE]
    table[bones] = table[Region.BODY] * torch.exp(dice.normal(len(bones)) * 0.1)
    if dice.chance(0.5):  # roots fill the sac, or the cord is hardly told from fluid
        table[Region.CAUDA_EQUINA] = table[Region.CEREBROSPINAL_FLUID] * dice.uniform(0.5, 1.0)
    image = table[place.tissue]
    n = image.shape[-1]
    image = image * torch.exp(0.12 * dice.normal(256))[place.vertebra]
    disc = (place.tissue == Region.NUCLEUS_PULPOSUS) | (place.tissue == Region.DISC)
    wear = torch.exp(0.5 * dice.course(max(3, int(n * spacing_mm / 30)), n))[:, None, None]
    image = torch.where(disc, image * wear, image)
    bone, shell = _shell(place.target)
    image = image * (1 - shell * dice.uniform(0.2, 0.9) * min(1.0, 1.2 / spacing_mm))
    image = _unlabelled(image, place.tissue, dice, ct=False)
    if dice.chance(0.25):  # marrow that is patchy: Modic changes, haemangioma, metastasis
        image = image * (1 + bone * (dice.field(9, n)[0] * dice.uniform(0, 0.4)))
    return image * torch.exp(dice.field(24, n)[0] * dice.uniform(0, 0.12))


def _signals(dice: Dice) -> Tensor:
    """Signal of every tissue for one draw of a sequence; times in ms."""
    t1 = _T1 * torch.exp(0.15 * dice.normal(_N_TISSUES))
    t2 = _T2 * torch.exp(0.15 * dice.normal(_N_TISSUES))
    fat = (_FAT * torch.exp(0.2 * dice.normal(_N_TISSUES))).clamp(0, 1)
    kind = dice.among((0.3, 0.35, 0.08, 0.12, 0.1, 0.05))
    repetition, echo = (
        (dice.uniform(400, 800), dice.uniform(8, 18)),
        (dice.uniform(2200, 5500), dice.uniform(75, 130)),
        (dice.uniform(1800, 3500), dice.uniform(20, 45)),
        (dice.uniform(2800, 6000), dice.uniform(30, 80)),
        (dice.uniform(400, 4500), dice.uniform(10, 100)),
        (dice.uniform(400, 4500), dice.uniform(10, 100)),
    )[kind]
    inversion = dice.uniform(140, 220) if kind == 3 else None
    water = _DENSITY * (1 - fat) * _STAYS ** dice.uniform(0, 1) * _echo(t1, t2, repetition, echo, inversion)
    lipid_t1, lipid_t2 = torch.tensor(FAT_LIPID.t1[0]), torch.tensor(FAT_LIPID.t2[0])
    lipid = _DENSITY * fat * _echo(lipid_t1, lipid_t2, repetition, echo, inversion)
    signal = water * (kind != 5) + lipid * (kind != 4)
    return signal / signal.max().clamp(min=1e-6) * 1000.0


def _echo(t1: Tensor, t2: Tensor, repetition: float, echo: float, inversion: float | None) -> Tensor:
    """A spin echo's signal, after an inversion if one is given (the usual signal equations)."""
    recovered = 1 - torch.exp(-repetition / t1)
    if inversion is not None:
        recovered = (1 - 2 * torch.exp(-inversion / t1) + torch.exp(-repetition / t1)).abs()
    return recovered * torch.exp(-echo / t2)


def any_contrast(place: Place, dice: Dice, spacing_mm: float) -> Tensor:
    """Every tissue of its own grey, as no scanner shows it."""
    del spacing_mm
    table = dice.rand(_N_TISSUES) * 1000.0
    table[0] = 0.0 if dice.chance(0.7) else float(table[0])
    image = table[place.tissue] * torch.exp(0.1 * dice.normal(256))[place.vertebra]
    _, shell = _shell(place.target)
    image = image + shell * dice.uniform(-400, 400)
    image = _unlabelled(image, place.tissue, dice, ct=False)
    n = image.shape[-1]
    return image + dice.field(min(n, 24), n)[0] * dice.uniform(0, 60)


def real_image(kept: Tensor, inside: Tensor, dice: Dice) -> Tensor:
    """The image that the shape's labels came with, its contrast bent a little."""
    image = torch.where(inside, kept, kept.amin())
    span = (image.amax() - image.amin()).clamp(min=1e-6)
    grey = ((image - image.amin()) / span) ** dice.uniform(0.6, 1.6)
    return (1 - grey if dice.chance(0.15) else grey) * 1000.0


def _shell(target: Tensor) -> tuple[Tensor, Tensor]:
    """Bone as 0 and 1, and its outermost voxel."""
    bone = torch.isin(target, _BONY).float()
    core = -functional.max_pool3d(-bone[None, None], 3, stride=1, padding=1)[0, 0]
    return bone, bone - core


def _unlabelled(image: Tensor, tissue: Tensor, dice: Dice, *, ct: bool) -> Tensor:
    """Fat, gas and contrast medium in blobs where the labels only say soft tissue; marbled muscle."""
    n = tissue.shape[-1]
    vague = torch.isin(tissue, _VAGUE)
    blobs = dice.field(dice.pick(8) + 5, n)[0]
    swing = 150.0 if ct else 0.5 * float(image.max())
    image = image + (vague & (blobs > dice.uniform(-0.6, 0.6))) * dice.uniform(-swing, swing)
    other = dice.field(dice.pick(10) + 6, n)[0]
    if dice.chance(0.6):
        gas = dice.uniform(-950, -300) if ct else 0.0
        image = torch.where(vague & (other > dice.uniform(1.0, 1.8)), gas, image)
    if dice.chance(0.4):
        bright = dice.uniform(50, 400) if ct else dice.uniform(0.3, 1.0) * float(image.max())
        image = torch.where(vague & (other < -dice.uniform(0.9, 1.8)), bright, image)
    marbled = torch.isin(tissue, _MUSCLES) & (dice.field(14, n)[0] > dice.uniform(0.4, 2.5))
    fat = dice.uniform(-110, -40) if ct else image[tissue == Region.FAT].mean().nan_to_num(500.0)
    return torch.where(marbled, 0.4 * image + 0.6 * fat, image)
