"""Images from labels: deform a shape, give every tissue an intensity, then scan it badly.

After SynthSeg (Billot et al., Med Image Anal 2023): shape, appearance and acquisition are drawn anew
for every sample, wider than any scanner, so that a network trained on them alone meets nothing new in
a clinic. Seven of eight samples are CT-like (tissue HU within clinical ranges), the rest have
random contrast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from procguide.anatomy import BONE, BROAD, Region
from procguide.learning.shapes import ExtraTissue, TrainingShape
from procguide.segmentation import TissueClass
from procguide.segmentation.network import OFFSET_SCALE_MM

__all__ = ["ShapeTensors", "synthesise"]

# Mean HU is drawn within these bounds (usual clinical ranges without and with contrast medium).
_HOUNSFIELD: dict[int, tuple[float, float]] = {
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
}
# On CT these differ little from the tissue they belong to or are made of: HU at most, up or down.
_ALIKE = {
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
_ALIKE_HU = 12.0
_MUSCLES = torch.tensor([Region.MUSCLE, *(fine for fine, broad in BROAD.items() if broad == Region.MUSCLE)])
_TRABECULAR = (40.0, 330.0)
_CORTICAL_EXCESS = (100.0, 650.0)
_N_TISSUES = 80
_REAL_SHARE = 8.0
"""A real shape is drawn as often as so many phantoms."""


@dataclass(frozen=True)
class ShapeTensors:
    """A :class:`TrainingShape` as flat tensors, with the places worth looking at."""

    spacing_mm: float
    size: tuple[int, int, int]
    tissue: Tensor
    target: Tensor
    vertebra: Tensor
    body_centre: Tensor
    interesting: Tensor
    junction: Tensor
    hounsfield: Tensor | None = None
    share: float = 1.0

    @classmethod
    def of(cls, shape: TrainingShape) -> ShapeTensors:
        """Flatten; find voxels of spine, and of the sacrum's upper part, to centre patches on."""
        target = torch.from_numpy(np.ascontiguousarray(shape.target))
        spine = (target > 0) & (target < TissueClass.RIB)
        sacrum = (target == TissueClass.SACRUM) | (target == TissueClass.ILIUM)
        k, j, i = shape.target.shape
        return cls(
            shape.spacing_mm,
            (k, j, i),
            torch.from_numpy(np.ascontiguousarray(shape.tissue)).flatten(),
            target.flatten(),
            torch.from_numpy(np.ascontiguousarray(shape.vertebra)).flatten(),
            torch.from_numpy(shape.body_centre),
            spine.nonzero()[:: max(1, int(spine.sum()) // 4000)],
            sacrum.nonzero()[:: max(1, int(sacrum.sum()) // 2000)],
            None if shape.hounsfield is None else torch.from_numpy(shape.hounsfield).flatten(),
            _REAL_SHARE if shape.name.startswith("real") else 1.0,
        )


class Dice:
    """Random draws from one seeded generator."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def chance(self, probability: float) -> bool:
        return self.uniform(0, 1) < probability

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator)

    def pick(self, n: int) -> int:
        return int(torch.randint(n, (), generator=self.generator))

    def field(self, cells: int, size: int, channels: int = 1) -> Tensor:
        """Smooth unit-variance noise ``(channels, size, size, size)``."""
        coarse = self.normal(1, channels, cells, cells, cells)
        return functional.interpolate(coarse, size=(size,) * 3, mode="trilinear", align_corners=True)[0]


def synthesise(
    shape: ShapeTensors, *, patch: int, spacing_mm: float, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """One sample: image ``(1, n, n, n)`` as :func:`normalise` gives it, classes ``(n, n, n)``, offsets.

    The offset is in units of 30 mm and NaN where there is no vertebra.
    """
    dice = Dice(seed)
    index, up, inside = _deformed_lattice(shape, dice, patch, spacing_mm)
    take = index[..., 0] * (shape.size[1] * shape.size[2]) + index[..., 1] * shape.size[2] + index[..., 2]
    tissue = torch.where(inside, shape.tissue[take].long(), 0)
    target = torch.where(inside, shape.target[take].long(), 0)
    vertebra = torch.where(inside, shape.vertebra[take].long(), 0)
    offset = ((shape.body_centre[vertebra] - index) @ up) * shape.spacing_mm / OFFSET_SCALE_MM
    offset = torch.where(vertebra > 0, offset, torch.nan)
    if shape.hounsfield is not None and dice.chance(0.5):
        image = torch.where(inside, shape.hounsfield[take].float(), -1000.0)
    else:
        image = _appearance(tissue, target, dice, spacing_mm)
    return _acquisition(image, dice, spacing_mm)[None], target, offset


def _deformed_lattice(
    shape: ShapeTensors, dice: Dice, patch: int, spacing_mm: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Source index for every output voxel; the output's k as a row over source axes; what is inside."""
    places = shape.junction if len(shape.junction) and dice.chance(0.3) else shape.interesting
    if dice.chance(0.85):
        centre = places[dice.pick(len(places))].float()
    else:
        centre = torch.tensor([dice.uniform(0, n - 1) for n in shape.size])
    jitter = 0.2 * patch * spacing_mm / shape.spacing_mm
    centre = centre + torch.tensor([dice.uniform(-jitter, jitter) for _ in range(3)])
    angles = dice.normal(3) * 0.13
    scale = torch.exp(torch.tensor(dice.uniform(-0.2, 0.2)) + dice.normal(3) * 0.07)
    matrix = _rotation(angles) @ torch.diag(scale)
    if dice.chance(0.5):
        matrix = matrix @ torch.diag(torch.tensor([1.0, 1.0, -1.0]))
    axis = (torch.arange(patch) - (patch - 1) / 2) * spacing_mm
    lattice = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)
    warp = dice.field(5, patch, 3) * dice.uniform(0, 5) + dice.field(11, patch, 3) * dice.uniform(0, 1.6)
    source = (lattice + warp.permute(1, 2, 3, 0)) @ matrix.T / shape.spacing_mm + centre
    index = source.round().long()
    upper = torch.tensor(shape.size) - 1
    inside = ((index >= 0) & (index <= upper)).all(dim=-1)
    return torch.minimum(index.clamp(min=0), upper), torch.linalg.inv(matrix)[0], inside


def _rotation(angles: Tensor) -> Tensor:
    skew = torch.zeros(3, 3)
    skew[0, 1], skew[0, 2], skew[1, 2] = angles
    rotation: Tensor = torch.linalg.matrix_exp(skew - skew.T)
    return rotation


def _appearance(tissue: Tensor, target: Tensor, dice: Dice, spacing_mm: float) -> Tensor:
    """Intensity in HU, or in a scale like HU for random contrast."""
    n = tissue.shape[-1]
    table = torch.zeros(_N_TISSUES)
    for label in range(_N_TISSUES):
        table[label] = dice.uniform(*_HOUNSFIELD.get(label, (0, 60)))
    for fine, like in _ALIKE.items():
        table[fine] = table[like] + dice.uniform(-_ALIKE_HU, _ALIKE_HU)
    trabecular = dice.uniform(*_TRABECULAR)
    for region in (*BONE, ExtraTissue.STERNUM):
        table[region] = trabecular + dice.uniform(-40, 40)
    for region in (Region.SACRUM, Region.ILIUM):  # alae and iliac wings hold more fat than bodies
        table[region] = max(-40.0, float(table[region]) + dice.uniform(-180, 40))
    for region in BONE:  # a posterior arch is denser than a body, as it is mostly cortex
        if region not in (Region.BODY, Region.SACRUM, Region.ILIUM):
            table[region] += dice.uniform(0, 200)
    ct_like = dice.chance(0.88)
    if not ct_like:
        table = torch.rand(_N_TISSUES, generator=dice.generator) * 700 - 150
        table[0] = -150
    image = table[tissue]
    bone = (target == TissueClass.BODY) | (target == TissueClass.ARCH) | (target == TissueClass.SACRUM)
    bone = (bone | (target == TissueClass.RIB) | (target == TissueClass.ILIUM)).float()[None, None]
    core = -functional.max_pool3d(-bone, 3, stride=1, padding=1)
    shell = (bone - core)[0, 0]
    excess = dice.uniform(*_CORTICAL_EXCESS) * min(1.0, 1.5 / spacing_mm)
    if ct_like or dice.chance(0.5):
        image = image + shell * (excess if ct_like else dice.uniform(-300, 200))
    image = image + _unlabelled(tissue, dice, ct_like)
    grain = dice.field(9, n) * dice.uniform(0, 25) + dice.field(min(n, 24), n) * dice.uniform(0, 30)
    return image + grain[0] * (tissue > 0) * (1 + 1.5 * bone[0, 0] * dice.uniform(0, 1))


def _unlabelled(tissue: Tensor, dice: Dice, ct_like: bool) -> Tensor:
    """Fat, gas and contrast medium in blobs where the labels only say soft tissue."""
    n = tissue.shape[-1]
    vague = (tissue == Region.SOFT_TISSUE) | (tissue == Region.BOWEL) | (tissue == ExtraTissue.BOWEL)
    blobs = dice.field(dice.pick(8) + 5, n)[0]
    level = dice.uniform(-0.6, 0.6)
    added = torch.where(vague & (blobs > level), dice.uniform(-150, 150), 0.0)
    other = dice.field(dice.pick(10) + 6, n)[0]
    if ct_like and dice.chance(0.6):
        added = torch.where(vague & (other > dice.uniform(1.0, 1.8)), dice.uniform(-950, -300), added)
    if ct_like and dice.chance(0.4):
        added = torch.where(vague & (other < -dice.uniform(0.9, 1.8)), dice.uniform(50, 400), added)
    marbled = torch.isin(tissue, _MUSCLES) & (dice.field(14, n)[0] > dice.uniform(0.4, 2.5))
    return torch.where(marbled, dice.uniform(-150, -50), added)


def _acquisition(image: Tensor, dice: Dice, spacing_mm: float) -> Tensor:
    """Blur, thick slices, noise, bias, truncation; then the networks' intensity scale."""
    n = image.shape[-1]
    image = _blur(image, dice.uniform(0.3, 1.3) / spacing_mm)
    if dice.chance(0.55):
        axis = 0 if dice.chance(0.75) else dice.pick(2) + 1
        image = _thick_slices(image, axis, dice.uniform(1.0, 6.0) / spacing_mm)
    white = dice.normal(n, n, n)
    correlated = _blur(white, dice.uniform(0.3, 0.9))
    correlated = correlated / correlated.std()
    sd = dice.uniform(0, 1) ** 2 * 110 * min(1.0, (2.0 / spacing_mm))
    image = image + correlated * sd
    if dice.chance(0.3):
        image = image * (1 + 0.1 * dice.field(4, n)[0])
    if dice.chance(0.1):
        image = _truncate(image, dice)
    image = (image * dice.uniform(0.9, 1.1) + dice.uniform(-30, 30)).clamp(-250, 1000)
    return (image - 150) / 300


def _blur(image: Tensor, sigma: float) -> Tensor:
    if sigma < 0.25:
        return image
    radius = max(1, int(2.5 * sigma + 0.5))
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, -1)
    for _ in range(3):
        n = image.shape
        flat = functional.pad(image.reshape(-1, 1, n[-1]), (radius, radius), mode="replicate")
        image = functional.conv1d(flat, kernel).reshape(n).permute(2, 0, 1)
    return image


def _thick_slices(image: Tensor, axis: int, step: float) -> Tensor:
    """Average over ``step`` voxels along an axis and interpolate back."""
    if step < 1.2:
        return image
    moved = image.movedim(axis, -1)
    n = moved.shape[-1]
    flat = moved.reshape(1, -1, n)
    down = functional.interpolate(_box(flat, step), size=max(4, round(n / step)), mode="linear")
    up = functional.interpolate(down, size=n, mode="linear")
    return up.reshape(moved.shape).movedim(-1, axis)


def _box(flat: Tensor, width: float) -> Tensor:
    odd = max(1, 2 * round((width - 1) / 2) + 1)
    return functional.avg_pool1d(flat, odd, stride=1, padding=odd // 2, count_include_pad=False)


def _truncate(image: Tensor, dice: Dice) -> Tensor:
    """End of the scanned field: a face of the patch turns to air."""
    axis, depth = dice.pick(3), int(dice.uniform(0.05, 0.4) * image.shape[0])
    moved = image.movedim(axis, 0).clone()
    if dice.chance(0.5):
        moved[:depth] = -1000
    else:
        moved[-depth:] = -1000
    return moved.movedim(0, axis)
