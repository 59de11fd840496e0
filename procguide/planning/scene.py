"""All that a needle can meet, on one lattice: distance fields, modelled tubes, the skin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import BONE, Region, Side, Vertebra
from procguide.errors import InputUnfitError
from procguide.geometry import Vector
from procguide.imaging import Grid, LabelMap
from procguide.imaging.resample import resample, working_grid
from procguide.planning.nerves import FORAMEN_SPREAD_MM, NERVE_SPREAD_MM, exiting_root, foramen_zone
from procguide.planning.nouns import StructureOrigin, Tube
from procguide.planning.skin import Body

__all__ = ["Scene", "Structure", "assemble_scene", "thecal_sac", "uncovered"]

_SPACING_MM = 1.0


@dataclass(frozen=True, eq=False)
class Structure:
    """One thing that a needle keeps away from.

    Either voxels, ``mask`` and ``field`` (mm to the nearest voxel centre less half a voxel; both
    ``(k, j, i)`` on the scene's grid), or ``tubes``. Empty of both means labelled but far away.
    """

    name: str
    origin: StructureOrigin
    mask: NDArray[np.bool_] | None = None
    field: NDArray[np.float32] | None = None
    tubes: tuple[Tube, ...] = ()
    spread_mm: float = 0.0


@dataclass(frozen=True, eq=False)
class Scene:
    """What one plan is judged in. ``grid`` is axis-aligned (superior, posterior, left).

    ``absent`` names the structures that nobody supplied: they are *not judged*.
    """

    grid: Grid
    structures: Mapping[str, Structure]
    body: Body
    levels: LabelMap
    regions: LabelMap
    absent: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def to_lattice(self, points: ArrayLike) -> NDArray[np.float64]:
        """LPS mm to mm along the lattice's k, j, i from its first voxel's centre, ``(..., 3)``."""
        return self.grid.affine.inverse.apply(points) * self.grid.affine.spacing


def assemble_scene(
    *,
    wanted: Iterable[str],
    levels: LabelMap,
    regions: LabelMap,
    body: Body,
    midline: Sequence[Vector],
    box: tuple[NDArray[np.float64], NDArray[np.float64]],
    roots: Iterable[tuple[Vertebra, Side]] = (),
) -> Scene:
    """The scene within ``box`` (low, high corner, LPS mm) with the ``wanted`` structures.

    ``roots`` are the vertebrae and sides whose exiting root and foramen are modelled; ``midline`` the
    canal's centre line.
    """
    grid = _scene_grid(levels.grid, box)
    near_levels, near_regions = resample(levels, grid), resample(regions, grid)
    bone = (near_levels.voxels > 0) | near_regions.mask(*BONE)
    masks: dict[str, NDArray[np.bool_]] = {}
    tubes: dict[str, tuple[Tube, ...]] = {}
    absent = []
    for name in wanted:
        if name == "bone":
            masks[name] = bone
        elif name == "dura":
            masks[name] = _dura(near_regions, bone, np.array(midline, dtype=np.float64))
        elif name == "nerve_root":
            tubes[name] = tuple(exiting_root(vertebra, side) for vertebra, side in roots)
        elif name == "foramen":
            tubes[name] = tuple(foramen_zone(vertebra, side) for vertebra, side in roots)
        elif (regions.voxels == Region[name.upper()]).any():
            masks[name] = near_regions.mask(Region[name.upper()])
        else:
            absent.append(name)
    structures = _with_fields(masks, grid) | {
        name: Structure(
            name,
            StructureOrigin.MODELLED,
            tubes=parts,
            spread_mm=NERVE_SPREAD_MM if name == "nerve_root" else FORAMEN_SPREAD_MM,
        )
        for name, parts in tubes.items()
    }
    return Scene(grid, structures, body, near_levels, near_regions, tuple(absent))


def _scene_grid(grid: Grid, box: tuple[NDArray[np.float64], NDArray[np.float64]]) -> Grid:
    """The labels' own lattice cropped to ``box`` where it fits; else a 1 mm one."""
    spacing = grid.affine.spacing
    fits = grid.affine.is_axis_aligned and grid.affine.orientation == "SPL"
    if not (fits and spacing.min() > 0.7 and spacing.max() < 1.6):
        return working_grid(grid, _SPACING_MM, box)
    low = np.floor(grid.affine.inverse.apply(box[0]))
    high = np.ceil(grid.affine.inverse.apply(box[1])) + 1
    low, high = np.maximum(low, 0), np.minimum(high, grid.shape)
    if ((high - low) < 2).any():
        raise InputUnfitError("the target lies outside the labelled region. Check the labels and the target.")
    k, j, i = (int(n) for n in high - low)
    return Grid((k, j, i), grid.affine.shifted(low))


def _with_fields(masks: Mapping[str, NDArray[np.bool_]], grid: Grid) -> dict[str, Structure]:
    """Distance fields, two at a time."""
    from procguide.planning._kernels import distance_squared

    spacing = grid.affine.spacing

    def build(item: tuple[str, NDArray[np.bool_]]) -> Structure:
        name, mask = item
        origin = StructureOrigin.MODELLED if name == "dura" else StructureOrigin.SEGMENTED
        spread = 1.0 if name == "dura" else 0.0
        if not mask.any():
            return Structure(name, origin, spread_mm=spread)
        distance = np.sqrt(distance_squared(np.ascontiguousarray(mask), spacing))
        distance -= np.float32(spacing.min() / 2)
        return Structure(name, origin, mask, distance, spread_mm=spread)

    with ThreadPoolExecutor(2) as pool:
        return {structure.name: structure for structure in pool.map(build, masks.items())}


_DEPTH_WINDOW_MM = 5.0  # epidural 4-6 mm deep between the laminae (PROCEDURES.md)
_DEPTH_LAMINA_MM = 2.0  # assumed
_DEPTH_LATERAL_MM = 1.0  # assumed
_FAT_HALF_WIDTH_MM = 8.0  # assumed
_WINDOW_EDGE_MM = 4.0  # assumed: from the lamina's edge to the full depth
_COVER_MM = 6.0


def uncovered(canal: NDArray[np.bool_], bone: NDArray[np.bool_], spacing_mm: float) -> NDArray[np.bool_]:
    """Columns ``(k, i)`` where no bone lies within 6 mm straight behind the canal: between laminae."""
    size_j = canal.shape[1]
    border = size_j - 1 - np.argmax(canal[:, ::-1], axis=1)
    reach = int(np.ceil(_COVER_MM / spacing_mm))
    behind = np.minimum(border[:, None] + np.arange(1, reach + 1)[None, :, None], size_j - 1)
    covered = np.take_along_axis(bone, behind, axis=1).any(axis=1)
    return np.asarray(canal.any(axis=1) & ~covered)


def thecal_sac(
    canal: NDArray[np.bool_],
    bone: NDArray[np.bool_],
    off_midline: NDArray[np.float64],
    spacing: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """The dura as the bony canal less an epidural space behind it: modelled, for CT does not show it.

    A canal voxel belongs to the sac if the voxel one epidural depth behind it is canal too. The depth is
    5 mm in the midline between the laminae, 2 mm under them, and tapers to 1 mm 8 mm off the midline.
    ``off_midline`` is ``(k, i)`` mm.
    """
    from scipy.ndimage import distance_transform_edt

    near_midline = off_midline < 3.0
    open_slices = (uncovered(canal, bone, float(spacing[1])) & near_midline).sum(
        axis=1
    ) * 2 > near_midline.sum(axis=1)
    inside = distance_transform_edt(np.pad(open_slices, 1))[1:-1] * spacing[0]
    at_midline = _DEPTH_LAMINA_MM + (_DEPTH_WINDOW_MM - _DEPTH_LAMINA_MM) * np.clip(
        inside / _WINDOW_EDGE_MM, 0, 1
    )
    taper = np.clip(1 - off_midline / _FAT_HALF_WIDTH_MM, 0, 1)
    depth = _DEPTH_LATERAL_MM + (at_midline[:, None] - _DEPTH_LATERAL_MM) * taper
    size_j = canal.shape[1]
    behind = np.arange(size_j)[None, :, None] + np.round(depth / spacing[1]).astype(int)[:, None, :]
    shifted = np.take_along_axis(canal, np.minimum(behind, size_j - 1), axis=1)
    return np.asarray(canal & shifted & (behind < size_j))


def _dura(regions: LabelMap, bone: NDArray[np.bool_], midline: NDArray[np.float64]) -> NDArray[np.bool_]:
    canal = regions.mask(Region.CANAL)
    if not canal.any():
        raise InputUnfitError("no spinal canal is labelled near the target, so the dura cannot be placed.")
    k_mm, _, i_mm = regions.spacing
    z = regions.affine.origin[2] + np.arange(regions.shape[0]) * k_mm
    x = regions.affine.origin[0] + np.arange(regions.shape[2]) * i_mm
    order = np.argsort(midline[:, 2])
    middle = np.interp(z, midline[order, 2], midline[order, 0])
    return thecal_sac(canal, bone, np.abs(x[None, :] - middle[:, None]), regions.spacing)
