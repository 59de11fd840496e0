"""Edges of bone where a CT shows them: networks label it up to a millimetre or two too thick."""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import BONE, POSTERIOR_ELEMENTS, Region
from procguide.imaging import LabelMap, Volume
from procguide.imaging.resample import resample
from procguide.segmentation.windows import extent_of

__all__ = ["EdgeShift", "edges_on_ct"]

Mask = NDArray[np.bool_]

_ARCH = (*POSTERIOR_ELEMENTS, Region.RIB)
_PELVIS = (Region.SACRUM, Region.ILIUM)
_ARCH_MM, _PELVIS_MM = 1.2, 3.6
"""How much may be taken off: a step of the network that saw each; the pelvis is mostly a locator's."""
_LEAST_HU, _MOST_HU, _SOFT_HU = -100.0, 1000.0, 150.0
"""Air counts as fat, metal and enamel as dense cortex, contrast beside bone as soft tissue (assumed)."""
_USUAL_SOFT_HU = 40.0
_LEAST_STEP_HU, _LEAST_BONE_HU = 50.0, 80.0
"""Where there is no dense bone near, what is no more than this is none (assumed)."""
_NEAR_MM, _AROUND_MM = 2.4, 3.6
_SHELL_HU = 180.0
"""What cortex encloses in an axial section is bone's inside, however fat (assumed)."""
_APART_MM, _SHORT_MM, _SPECK_MM3 = 2.0, 8.0, 60.0
"""Labels that end in marrow are short of such a piece of cortex, at the least and most (assumed)."""
_OWN = 100
_HELD_BY = 5
"""Of 26 neighbours; a flat face has nine: grains of noise on it are no bone."""
_NEIGHBOURS = ndimage.generate_binary_structure(3, 1)


@dataclass(frozen=True, eq=False)
class EdgeShift:
    """What the image changes of labels: ``taken`` off ``(k, j, i)``, ``added`` like a neighbour.

    ``added`` and ``like`` are flat indices ``(n,)``.
    """

    taken: Mask
    added: NDArray[np.intp]
    like: NDArray[np.intp]

    def on(self, labels: LabelMap) -> LabelMap:
        """The same change to any labels of that lattice."""
        voxels = np.where(self.taken, 0, labels.voxels)
        voxels.reshape(-1)[self.added] = labels.voxels.reshape(-1)[self.like]
        return labels.with_voxels(np.asarray(voxels, dtype=labels.voxels.dtype))


def edges_on_ct(levels: LabelMap, regions: LabelMap, volume: Volume) -> EdgeShift | None:
    """Move the surface of arches, ribs, sacrum and ilium to where density falls to half; None without bone.

    ``levels`` (VerSe integers) and ``regions`` share a lattice, ``volume`` is a CT in HU. Half is between the
    densest bone and the mean soft tissue within some millimetres, so it holds for sclerotic and for
    osteoporotic bone, thin slices and thick. Bodies stay: endplates and cancellous bone are too like a
    disc. Off comes only what is soft from the outside in, by a voxel of the network that saw it, and
    never a whole plate; on comes one voxel, where it touches one bone alone, so that joints stay open.
    """
    bone = np.asarray((levels.voxels > 0) | regions.mask(*BONE))
    extent = extent_of(bone)
    if extent is None:
        return None
    spacing = float(regions.spacing[0])
    room = round(2 * _AROUND_MM / spacing)
    box = tuple(slice(max(0, start - room), stop + room) for start, stop in extent)
    density = resample(volume, levels.grid, _LEAST_HU).voxels[box].astype(np.float32)
    hard = density >= _half_density(density, bone[box], spacing)
    part = regions.voxels[box]
    taken = np.zeros_like(bone)
    marrow = _enclosed(density) | (np.isin(part, _PELVIS) & _short(density, part, bone[box], spacing))
    taken[box] = _soft_outside(bone[box] & ~hard & ~marrow, bone[box], part, spacing)
    own = np.where(
        levels.voxels > 0, levels.voxels, np.where(bone, _OWN + regions.voxels.astype(np.int16), 0)
    )
    free = np.zeros_like(bone)
    free[box] = hard & (part == Region.BACKGROUND)
    added, like = _beside_one_bone(free, np.where(taken, 0, own).astype(np.int16), regions)
    return EdgeShift(taken, added, like)


def _half_density(density: NDArray[np.float32], bone: Mask, spacing: float) -> NDArray[np.float32]:
    """Half-way from the soft tissue about a voxel to the densest bone near it, HU ``(k, j, i)``."""
    wide = ndimage.binary_dilation(bone, _NEIGHBOURS)
    near, around = (2 * round(mm / spacing) + 1 for mm in (_NEAR_MM, _AROUND_MM))
    densest = ndimage.maximum_filter(np.where(wide, np.minimum(density, _MOST_HU), _LEAST_HU), size=near)
    soft = np.where(wide, 0, np.clip(density, _LEAST_HU, _SOFT_HU))
    share = ndimage.uniform_filter((~wide).astype(np.float32), around)
    mean = ndimage.uniform_filter(soft, around) / np.maximum(share, 1e-3)
    around_it = np.where(share > 0.02, mean, _USUAL_SOFT_HU)
    half = np.maximum((around_it + densest) / 2, around_it + _LEAST_STEP_HU)
    return np.asarray(np.maximum(half, _LEAST_BONE_HU), dtype=np.float32)


def _enclosed(density: NDArray[np.float32]) -> Mask:
    """What lies within closed rings of cortex on axial sections ``(k, j, i)``: there, soft is marrow."""
    shell = density >= _SHELL_HU
    inside = np.empty_like(shell)
    for k, section in enumerate(shell):
        inside[k] = ndimage.binary_fill_holes(ndimage.binary_closing(section)) & ~section
    return inside


def _short(density: NDArray[np.float32], regions: NDArray[np.integer], bone: Mask, spacing: float) -> Mask:
    """Near cortex that no label holds, some millimetres outside the labels: these end in marrow there."""
    apart = ndimage.distance_transform_edt(~bone, sampling=spacing) >= _APART_MM
    shell = apart & (density >= _SHELL_HU) & (regions == Region.BACKGROUND)
    shell = cc3d.dust(shell, threshold=max(round(_SPECK_MM3 / spacing**3), 1), connectivity=6) > 0
    if not shell.any():
        return np.zeros_like(bone)
    return np.asarray(ndimage.distance_transform_edt(~shell, sampling=spacing) <= _SHORT_MM)


def _soft_outside(soft: Mask, bone: Mask, regions: NDArray[np.integer], spacing: float) -> Mask:
    """What of ``bone`` is ``soft`` and open to no bone, ``(k, j, i)``, so deep as its kind may lose."""
    taken = np.zeros_like(bone)
    arch, pelvis = np.isin(regions, _ARCH), np.isin(regions, _PELVIS)
    limits = round(_ARCH_MM / spacing), round(_PELVIS_MM / spacing)
    for step in range(max(limits)):
        may = (arch & (step < limits[0])) | (pelvis & (step < limits[1]))
        left = bone & ~taken
        open_to = left & soft & may & ndimage.binary_dilation(~left, _NEIGHBOURS)
        stays = ndimage.binary_dilation(left & ~open_to, np.ones((3, 3, 3), dtype=bool))
        taken |= open_to & stays
    return taken


def _beside_one_bone(
    free: Mask, own: NDArray[np.int16], regions: LabelMap
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Free voxels that touch one bone alone, and the neighbour whose label they take, as flat indices.

    ``own`` ``(k, j, i)`` numbers the bones.
    """
    candidates = np.flatnonzero(free & ndimage.binary_dilation(own > 0, _NEIGHBOURS))
    inner = np.array(np.unravel_index(candidates, own.shape)).T
    within = ((inner > 0) & (inner < np.array(own.shape) - 1)).all(axis=1)
    candidates = candidates[within]
    strides = np.array([own.shape[1] * own.shape[2], own.shape[2], 1])
    steps = np.array(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij")).reshape(3, -1).T
    flat, kind = own.reshape(-1), regions.voxels.reshape(-1)
    about = flat[candidates[:, None] + steps @ strides]
    least = np.where(about > 0, about, np.iinfo(np.int16).max).min(axis=1)
    held = (about > 0).sum(axis=1) >= _HELD_BY
    candidates = candidates[held & (about.max(axis=1) == least)]
    like = np.full(candidates.shape, -1, dtype=np.intp)
    for step in steps[np.abs(steps).sum(axis=1) == 1] @ strides:
        near = candidates + step
        fits = (like < 0) & (flat[near] > 0) & np.isin(kind[near], (*_ARCH, *_PELVIS))
        like[fits] = near[fits]
    return candidates[like >= 0], like[like >= 0]
