"""A place in a shape, deformed: what every voxel of a patch shows.

Affine and elastic as in SynthSeg (Billot et al., Med Image Anal 2023;86:102789), and by levels as spines
differ: bodies and discs higher or flatter, two grown together, one slipped on the next, missing or extra.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from procguide.anatomy import Region
from procguide.learning.draws import Dice
from procguide.learning.shapes import TrainingShape
from procguide.segmentation.classes import VERTEBRAL, TissueClass

__all__ = ["Place", "ShapeTensors", "place"]

_REAL_SHARE = 6.0
"""A real shape is drawn as often as so many phantoms."""
_AT_SPINE = 0.85
_AT_SACRUM = 0.25
_MIRRORED = 0.5
_RESHAPED = 0.5
_SLIPPED = 0.15
_COLLAPSED = 0.1
_SPLICED = 0.06
_FUSED = 0.06
_DISC_TISSUES = torch.tensor([Region.DISC, Region.NUCLEUS_PULPOSUS, Region.ANNULUS_FIBROSUS, Region.VACUUM])


@dataclass(frozen=True)
class ShapeTensors:
    """A :class:`TrainingShape` as flat tensors, with the places worth looking at.

    ``centres`` are the bodies' centres from the lowest upward, ``(n, 3)`` as index; ``kept`` is the real
    image behind the labels, in its own units.
    """

    spacing_mm: float
    size: tuple[int, int, int]
    tissue: Tensor
    target: Tensor
    vertebra: Tensor
    body_centre: Tensor
    centres: Tensor
    interesting: Tensor
    junction: Tensor
    kept: Tensor | None = None
    share: float = 1.0

    @classmethod
    def of(cls, shape: TrainingShape) -> ShapeTensors:
        """Flatten; find voxels of spine, and of the sacrum's upper part, to centre patches on."""
        spine = np.isin(shape.target, (*VERTEBRAL, TissueClass.DISC, TissueClass.SPINAL_CORD))
        sacrum = np.isin(shape.target, (TissueClass.SACRUM, TissueClass.ILIUM))
        known = shape.body_centre[shape.body_centre.any(axis=1)]
        k, j, i = shape.target.shape
        return cls(
            shape.spacing_mm,
            (k, j, i),
            _flat(shape.tissue),
            _flat(shape.target),
            _flat(shape.vertebra),
            torch.from_numpy(shape.body_centre),
            torch.from_numpy(known[np.argsort(known[:, 0])]),
            _some(spine, 4000),
            _some(sacrum, 2000),
            None if shape.image is None else _flat(shape.image),
            _REAL_SHARE if shape.name.startswith("real") else 1.0,
        )


def _flat(labels: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(labels)).flatten()


def _some(mask: NDArray[np.bool_], most: int) -> Tensor:
    places = np.argwhere(mask)
    return torch.from_numpy(places[:: max(1, len(places) // most)])


@dataclass(frozen=True)
class Place:
    """What a patch shows, ``(n, n, n)`` each: labels of a shape, its own image if kept, and the heights.

    ``offset_mm`` is the height of the own body's centre above a vertebra's voxel, NaN elsewhere.
    """

    tissue: Tensor
    target: Tensor
    vertebra: Tensor
    offset_mm: Tensor
    inside: Tensor
    kept: Tensor | None


def place(shape: ShapeTensors, dice: Dice, patch: int, spacing_mm: float) -> Place:
    """Choose a place in the shape, deform it, and look the labels up."""
    index, up, inside = _lattice(shape, dice, patch, spacing_mm)
    take = index[..., 0] * (shape.size[1] * shape.size[2]) + index[..., 1] * shape.size[2] + index[..., 2]
    tissue, target, vertebra = (
        torch.where(inside, flat[take].long(), 0) for flat in (shape.tissue, shape.target, shape.vertebra)
    )
    tissue, target, vertebra = _fused(shape, dice, index[..., 0], tissue, target, vertebra)
    offset = ((shape.body_centre[vertebra] - index) @ up) * shape.spacing_mm
    offset = torch.where(vertebra > 0, offset, torch.nan)
    kept = None if shape.kept is None else shape.kept[take].float()
    return Place(tissue, target, vertebra, offset, inside, kept)


def _fused(
    shape: ShapeTensors, dice: Dice, height: Tensor, tissue: Tensor, target: Tensor, vertebra: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Two bodies grown together: bone in a disc's place, each half of the nearer vertebra."""
    if len(shape.centres) < 2 or not dice.chance(_FUSED):
        return tissue, target, vertebra
    lower, upper = shape.centres[(n := dice.pick(len(shape.centres) - 1)) : n + 2, 0]
    bridge = torch.isin(tissue, _DISC_TISSUES) & (height > lower) & (height < upper)
    names = [int((shape.body_centre[:, 0] == k).nonzero()[0]) for k in (lower, upper)]
    half = torch.where(height < (lower + upper) / 2, names[0], names[1])
    return (
        torch.where(bridge, Region.BODY, tissue),
        torch.where(bridge, TissueClass.BODY, target),
        torch.where(bridge, half, vertebra),
    )


def _lattice(shape: ShapeTensors, dice: Dice, patch: int, spacing_mm: float) -> tuple[Tensor, Tensor, Tensor]:
    """Source index for every output voxel; the output's k as a row over source axes; what is inside."""
    centre = _centre(shape, dice, patch * spacing_mm / shape.spacing_mm)
    scale = torch.exp(torch.tensor(dice.uniform(-0.2, 0.2)) + dice.normal(3) * 0.07)
    matrix = _rotation(dice.normal(3) * 0.13) @ torch.diag(scale)
    if dice.chance(_MIRRORED):
        matrix = matrix @ torch.diag(torch.tensor([1.0, 1.0, -1.0]))
    axis = (torch.arange(patch) - (patch - 1) / 2) * spacing_mm
    lattice = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)
    warp = dice.field(5, patch, 3) * dice.uniform(0, 5) + dice.field(11, patch, 3) * dice.uniform(0, 1.6)
    lattice = lattice + warp.permute(1, 2, 3, 0) + _by_height(dice, patch, spacing_mm)[:, None, None]
    source = lattice @ matrix.T / shape.spacing_mm + centre
    index = _spliced(source, shape, dice).round().long()
    upper = torch.tensor(shape.size) - 1
    inside = ((index >= 0) & (index <= upper)).all(dim=-1)
    return torch.minimum(index.clamp(min=0), upper), torch.linalg.inv(matrix)[0], inside


def _centre(shape: ShapeTensors, dice: Dice, width: float) -> Tensor:
    """The patch's middle as source index: on the spine as a rule, on the sacrum's upper part at times."""
    places = shape.junction if len(shape.junction) and dice.chance(_AT_SACRUM) else shape.interesting
    if len(places) and dice.chance(_AT_SPINE):
        centre = places[dice.pick(len(places))].float()
    else:
        centre = torch.tensor([dice.uniform(0, n - 1) for n in shape.size])
    return centre + torch.tensor([dice.uniform(-0.2, 0.2) * width for _ in range(3)])


def _rotation(angles: Tensor) -> Tensor:
    skew = torch.zeros(3, 3)
    skew[0, 1], skew[0, 2], skew[1, 2] = angles
    rotation: Tensor = torch.linalg.matrix_exp(skew - skew.T)
    return rotation


def _by_height(dice: Dice, patch: int, spacing_mm: float) -> Tensor:
    """Shift ``(patch, 3)`` mm that depends on the height alone: levels higher, flatter or slipped."""
    shift = torch.zeros(patch, 3)
    height = torch.arange(patch) * spacing_mm
    if dice.chance(_RESHAPED):
        cells = max(3, int(patch * spacing_mm / 22.0))
        shift[:, 0] = dice.course(cells, patch) * dice.uniform(0, 2.5)
    if dice.chance(_COLLAPSED):
        at = dice.uniform(0.2, 0.8) * patch * spacing_mm
        shift[:, 0] += dice.uniform(3, 9) * torch.tanh((height - at) / 10.0)
    if dice.chance(_SLIPPED):
        step = torch.sigmoid((height - dice.uniform(0.2, 0.8) * patch * spacing_mm) / 1.5)
        shift[:, 1] += step * dice.uniform(-8, 8)
        shift[:, 2] += step * dice.uniform(-4, 4)
    return shift


def _spliced(source: Tensor, shape: ShapeTensors, dice: Dice) -> Tensor:
    """A vertebra left out or shown twice: above a disc, another stretch of the same spine goes on."""
    if len(shape.centres) < 4 or not dice.chance(_SPLICED):
        return source
    n = 1 + dice.pick(len(shape.centres) - 2)
    below, here, above = shape.centres[n - 1 : n + 2]
    step = above - here if dice.chance(0.5) else below - here
    over = source[..., :1] > float((below + here)[0]) / 2
    moved: Tensor = source + over * step
    return moved
