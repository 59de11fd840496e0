"""Labelled structures as smooth fields: what the pictures of surfaces and of planes are both drawn from."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt, gaussian_filter

from procguide.anatomy import BROAD, POSTERIOR_ELEMENTS, SACRUM, VERSE_LABELS, VERTEBRA, Region
from procguide.geometry import Affine
from procguide.imaging import Grid, LabelMap
from procguide.imaging.resample import resample, working_grid
from procguide.reporting.palette import PART_COLOURS, REGION_COLOURS, VERTEBRA_TINTS, mixed, rgb

__all__ = ["BONES", "ORGANS", "PART_SHARE", "SPINE", "Group", "Occluders", "Shapes", "shapes_of"]

Colour = tuple[float, float, float]

_MOST_VOXELS = 14_000_000
_RIM = 4
_CUBE = 4  # as the kernels' BLOCK
PART_SHARE = 0.62
_ARCH_SHARE = 0.80
_PRESACRAL = tuple(label for name, label in VERSE_LABELS.items() if name not in (SACRUM, "coccyx"))
_OTHERS = 32  # a region's material is this and its number
_PARITY = 16  # an odd vertebra's material is this and that of the same part of an even one


class Group(IntEnum):
    """Structures that share one field. What touches is in different groups, or no joint would be seen."""

    EVEN_VERTEBRAE = 0
    ODD_VERTEBRAE = 1
    DISCS = 2
    SACRUM = 3
    RIBS_AND_ILIA = 4
    CANAL = 5
    SAC = 6
    CORD = 7
    VESSELS = 8
    ORGANS = 9


SPINE = (Group.EVEN_VERTEBRAE, Group.ODD_VERTEBRAE, Group.DISCS, Group.SACRUM)
BONES = (*SPINE, Group.RIBS_AND_ILIA)
ORGANS = (Group.VESSELS, Group.ORGANS)

_GROUP_OF_REGION = {
    Region.DISC: Group.DISCS,
    Region.SACRUM: Group.SACRUM,
    Region.RIB: Group.RIBS_AND_ILIA,
    Region.ILIUM: Group.RIBS_AND_ILIA,
    Region.CANAL: Group.CANAL,
    Region.THECAL_SAC: Group.SAC,
    Region.SPINAL_CORD: Group.CORD,
    Region.AORTA: Group.VESSELS,
    Region.VENA_CAVA: Group.VESSELS,
    Region.KIDNEY: Group.ORGANS,
    Region.LIVER: Group.ORGANS,
    Region.LUNG: Group.ORGANS,
    Region.BOWEL: Group.ORGANS,
}
_WITHIN = {Group.CANAL: (Group.CANAL, Group.SAC, Group.CORD), Group.SAC: (Group.SAC, Group.CORD)}
"""Groups whose field holds others too: the cord lies in the sac, the sac in the canal."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """Smooth fields of groups on one lattice, with a rim of zeros.

    ``fields`` is ``(group, k, j, i)`` uint8: 255 inside, 0 outside, the surface at 127.5; its first axis
    runs along ``groups``. ``materials`` (k, j, i) says of what kind each labelled voxel is; ``colours``
    (256, 3) is each material's RGB 0 to 1, ``member`` (256,) the place in ``groups`` of each material, or
    255.
    """

    fields: NDArray[np.uint8]
    materials: NDArray[np.uint8]
    colours: NDArray[np.float64]
    member: NDArray[np.uint8]
    groups: tuple[Group, ...]
    affine: Affine

    def only(self, groups: Iterable[Group]) -> Shapes:
        """These groups alone."""
        wanted = set(groups)
        kept = [n for n, group in enumerate(self.groups) if group in wanted]
        place = np.full(256, 255, dtype=np.uint8)
        place[kept] = np.arange(len(kept))
        return Shapes(
            self.fields[kept],
            self.materials,
            self.colours,
            place[self.member],
            tuple(self.groups[n] for n in kept),
            self.affine,
        )

    def materials_of(self, groups: Iterable[Group]) -> NDArray[np.bool_]:
        """Where the voxels of these groups are, ``(k, j, i)``."""
        chosen = np.zeros(256, dtype=bool)
        for group in groups:
            if group in self.groups:
                chosen[self.member == self.groups.index(group)] = True
        return np.asarray(chosen[self.materials])

    @cached_property
    def blocks(self) -> NDArray[np.uint16]:
        """For every cube of 4 voxels a bit a group whose field is felt in it."""
        from procguide.reporting._field_kernels import BLOCK, felt_in_blocks

        bits = np.zeros(tuple(n // BLOCK for n in self.fields.shape[1:]), dtype=np.uint16)
        for n, field in enumerate(self.fields):
            felt_in_blocks(field, n, bits)
        return bits

    @cached_property
    def block_distance(self) -> NDArray[np.uint8]:
        """Cubes to the nearest with any field, in the chessboard's metric."""
        empty = self.blocks == 0
        if empty.all():
            return np.full(empty.shape, 255, dtype=np.uint8)
        distance: NDArray[np.int32] = distance_transform_cdt(empty, "chessboard")
        return np.minimum(distance, 255).astype(np.uint8)

    @cached_property
    def occluders(self) -> Occluders:
        """What keeps light from a surface."""
        from procguide.reporting._field_kernels import halved

        coarse = np.zeros([size // 2 for size in self.fields.shape[1:]], dtype=np.float32)
        halved(self.fields, coarse)
        closely = gaussian_filter(coarse, 0.8, truncate=3.0)
        lattice = Grid(
            (closely.shape[0], closely.shape[1], closely.shape[2]),
            self.affine.shifted((0.5, 0.5, 0.5)) @ Affine(np.diag([2.0, 2.0, 2.0, 1.0])),
        )
        spacing = float(lattice.affine.spacing.mean())
        broadly = gaussian_filter(closely, 5.0 / spacing, truncate=2.5)
        return Occluders(closely, broadly, lattice.affine)


@dataclass(frozen=True, eq=False)
class Occluders:
    """Share of structure round each place, ``closely`` and ``broadly`` blurred, ``(k, j, i)``."""

    closely: NDArray[np.float32]
    broadly: NDArray[np.float32]
    affine: Affine


def shapes_of(
    levels: LabelMap,
    regions: LabelMap,
    groups: Iterable[Group] = tuple(Group),
    *,
    instances: LabelMap | None = None,
    parts: bool = True,
) -> Shapes:
    """The labels' structures in ``groups`` as smooth fields, cropped to where they are.

    ``regions`` is brought to ``levels``' lattice; one finer than needed is thinned first. ``instances``
    on the levels' lattice tells vertebrae apart that have no level. Without ``parts`` a vertebra has one
    colour.
    """
    if instances is not None:
        levels = _with_unnamed(levels, regions, instances)
    levels, regions = _within_limits(levels, regions)
    materials, member_of = _materials(levels, regions)
    wanted = [group for group in groups if (member_of[np.unique(materials)] == group).any()]
    member = np.full(256, 255, dtype=np.uint8)
    for n, group in enumerate(wanted):
        member[member_of == group] = n
    shown = np.zeros(256, dtype=bool)
    shown[member < 255] = True
    for group in wanted:
        shown[np.isin(member_of, _WITHIN.get(group, (group,)))] = True
    materials = np.where(shown[materials], materials, 0).astype(np.uint8)
    materials, affine = _cropped(materials, levels.affine)
    fields = np.zeros((len(wanted), *materials.shape), dtype=np.uint8)
    chosen = [np.isin(member_of, _WITHIN.get(group, (group,))) for group in wanted]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(partial(_smooth, materials), chosen, fields))
    return Shapes(fields, materials, _colours(parts), member, tuple(wanted), affine)


def _with_unnamed(levels: LabelMap, regions: LabelMap, instances: LabelMap) -> LabelMap:
    """Vertebrae without a level get one for their tint alone: every other number in turn."""
    unnamed = (levels.voxels == 0) & (instances.voxels > 0) & resample(regions, levels.grid).mask(*VERTEBRA)
    if not unnamed.any():
        return levels
    stand_in = np.array(_PRESACRAL, dtype=levels.voxels.dtype)[instances.voxels % 2]
    return levels.with_voxels(np.where(unnamed, stand_in, levels.voxels))


def _within_limits(levels: LabelMap, regions: LabelMap) -> tuple[LabelMap, LabelMap]:
    """Both on one lattice of at most 14 million voxels."""
    size = levels.voxels.size
    if size > _MOST_VOXELS:
        spacing = float(levels.spacing.mean() * (size / _MOST_VOXELS) ** (1 / 3))
        levels = resample(levels, working_grid(levels.grid, spacing))
    return levels, resample(regions, levels.grid)


def _materials(levels: LabelMap, regions: LabelMap) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Each voxel's material, and each material's group (255: none)."""
    of_region = np.zeros(256, dtype=np.uint8)
    part = np.full(256, len(VERTEBRA), dtype=np.uint8)  # of a vertebra, nobody says which part
    for region in Region:
        drawn = region if region in _GROUP_OF_REGION else BROAD.get(region, region)
        of_region[region] = _OTHERS + drawn if drawn in _GROUP_OF_REGION else 0
        if region in VERTEBRA:
            part[region] = VERTEBRA.index(region)
    vertebral = np.zeros(256, dtype=np.uint8)
    for n, label in enumerate(_PRESACRAL):
        vertebral[label] = 1 + _PARITY * (n % 2)
    first = vertebral[levels.voxels]
    materials = np.where(first > 0, first + part[regions.voxels], of_region[regions.voxels])
    sacral = np.isin(levels.voxels, (VERSE_LABELS[SACRUM], VERSE_LABELS["coccyx"]))
    materials[sacral] = _OTHERS + Region.SACRUM
    group = np.full(256, 255, dtype=np.uint8)
    group[1 : 1 + _PARITY] = Group.EVEN_VERTEBRAE
    group[1 + _PARITY : _OTHERS] = Group.ODD_VERTEBRAE
    for region, of in _GROUP_OF_REGION.items():
        group[_OTHERS + region] = of
    return materials.astype(np.uint8), group


def _colours(parts: bool) -> NDArray[np.float64]:
    """RGB by material."""
    table = np.full((256, 3), 0.8)
    for parity, tint in enumerate(VERTEBRA_TINTS):
        base = 1 + _PARITY * parity
        table[base : base + _PARITY - 1] = rgb(tint)
        for region in POSTERIOR_ELEMENTS if parts else ():
            colour = PART_COLOURS.get(region)
            place = base + VERTEBRA.index(region)
            table[place] = mixed(colour, tint, PART_SHARE) if colour else np.multiply(rgb(tint), _ARCH_SHARE)
    for region in _GROUP_OF_REGION:
        table[_OTHERS + region] = rgb(REGION_COLOURS[region])
    return table


def _cropped(materials: NDArray[np.uint8], affine: Affine) -> tuple[NDArray[np.uint8], Affine]:
    """The box of what is there, with a rim of zeros and sizes that cubes of 4 fill."""
    start, stop = np.zeros(3, dtype=int), np.ones(3, dtype=int)
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        (present,) = np.nonzero(materials.any(axis=others))
        if len(present):
            start[axis], stop[axis] = present[0], present[-1] + 1
    window = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    size = stop - start + 2 * _RIM
    after = -size % _CUBE + _RIM
    padded = np.pad(materials[window], [(_RIM, int(n)) for n in after])
    return padded, affine.shifted(start - _RIM)


def _smooth(materials: NDArray[np.uint8], chosen: NDArray[np.bool_], field: NDArray[np.uint8]) -> None:
    """Fill ``field`` with the structure of the ``chosen`` materials, within its own box."""
    from procguide.reporting._field_kernels import smoothed

    window = _box(chosen[materials])
    if window is not None:
        smoothed(materials[window], chosen, field[window])


def _box(mask: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """The mask's box and four voxels round it."""
    edges = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        (present,) = np.nonzero(mask.any(axis=others))
        if not len(present):
            return None
        edges.append(slice(max(int(present[0]) - 4, 0), int(present[-1]) + 5))
    return tuple(edges)
