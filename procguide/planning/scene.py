"""All that a needle can meet, on one lattice: distance fields, modelled tubes, the skin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import BONE, CANAL_CONTENT, Region, Side, Vertebra
from procguide.errors import InputUnfitError
from procguide.geometry import Vector
from procguide.imaging import Grid, LabelMap
from procguide.imaging.resample import resample, working_grid
from procguide.planning.dura import dura_spread_mm, model_dura
from procguide.planning.foramen import foramen_depth
from procguide.planning.nerves import FORAMEN_SPREAD_MM, exiting_root, foramen_zone, nerve_spread_mm
from procguide.planning.nouns import StructureOrigin, Tube
from procguide.planning.skin import Body

__all__ = ["Scene", "Structure", "assemble_scene"]

_SPACING_MM = 1.0


@dataclass(frozen=True, eq=False)
class Structure:
    """One thing that a needle keeps away from.

    Either voxels, ``mask`` and ``field`` (mm from each voxel's centre to the mask's nearest cell, minus
    half a voxel inside; both ``(k, j, i)`` on the scene's grid), or ``tubes``. Empty of both means
    labelled but far away.
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

    The grid ends where the labels end, often short of the skin. Outside it nothing is known: a needle
    is held there against what lies inside, never at more than its distance.
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
    level: str,
    roots: Sequence[tuple[Vertebra, Side]] = (),
) -> Scene:
    """The scene within ``box`` (low, high corner, LPS mm) with the ``wanted`` structures.

    ``roots`` are the vertebrae and sides whose exiting root and foramen are modelled; ``midline`` the
    canal's centre line. How well the dura is known depends on the (upper) ``level``.
    """
    grid = _scene_grid(levels.grid, box)
    near_levels, near_regions = resample(levels, grid), _one_canal(resample(regions, grid))
    bone = (near_levels.voxels > 0) | near_regions.mask(*BONE)
    masks: dict[str, NDArray[np.bool_]] = {}
    tubes: dict[str, tuple[Tube, ...]] = {}
    absent = []
    for name in wanted:
        if name == "bone":
            masks[name] = bone
        elif name == "dura":
            masks[name] = model_dura(near_levels, near_regions, bone, np.array(midline, dtype=np.float64))
        elif name == "nerve_root":
            tubes[name] = tuple(
                exiting_root(vertebra, side, foramen_depth(vertebra, side, bone, near_levels))
                for vertebra, side in roots
            )
        elif name == "foramen":
            tubes[name] = tuple(foramen_zone(vertebra, side) for vertebra, side in roots)
        elif (regions.voxels == Region[name.upper()]).any():
            masks[name] = near_regions.mask(Region[name.upper()])
        else:
            absent.append(name)
    spreads = {"dura": dura_spread_mm(level), "foramen": FORAMEN_SPREAD_MM}
    spreads["nerve_root"] = max((nerve_spread_mm(vertebra.level) for vertebra, _ in roots), default=0.0)
    structures = _with_fields(masks, grid, spreads) | {
        name: Structure(name, StructureOrigin.MODELLED, tubes=parts, spread_mm=spreads[name])
        for name, parts in tubes.items()
    }
    return Scene(grid, structures, body, near_levels, near_regions, tuple(absent))


def _one_canal(regions: LabelMap) -> LabelMap:
    """Without islands of canal: networks leave a few in muscle, and each would pass for dura."""
    import cc3d

    canal = regions.mask(*CANAL_CONTENT)
    if not canal.any():
        return regions
    largest = cc3d.largest_k(np.ascontiguousarray(canal), k=1, connectivity=6) > 0
    return regions.with_voxels(np.where(canal & ~largest, 0, regions.voxels).astype(regions.voxels.dtype))


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


def _with_fields(
    masks: Mapping[str, NDArray[np.bool_]], grid: Grid, spreads: Mapping[str, float]
) -> dict[str, Structure]:
    """Distance fields, two at a time; what has a spread is modelled."""
    from procguide.planning._kernels import distance_squared

    spacing = grid.affine.spacing

    def build(item: tuple[str, NDArray[np.bool_]]) -> Structure:
        name, mask = item
        origin = StructureOrigin.MODELLED if name in spreads else StructureOrigin.SEGMENTED
        spread = spreads.get(name, 0.0)
        if not mask.any():
            return Structure(name, origin, spread_mm=spread)
        distance = np.sqrt(distance_squared(np.ascontiguousarray(mask), spacing))
        distance[mask] = -spacing.min() / 2
        return Structure(name, origin, mask, distance, spread_mm=spread)

    with ThreadPoolExecutor(2) as pool:
        return {structure.name: structure for structure in pool.map(build, masks.items())}
