"""All that a needle can meet, on one lattice: distance fields, modelled tubes, the skin."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import SACRUM, VERSE_LABELS, Region
from procguide.errors import InputUnfitError
from procguide.imaging import Grid
from procguide.imaging.resample import resample, working_grid
from procguide.planning.names import Construction, StructureName
from procguide.planning.nouns import StructureOrigin, Tube
from procguide.planning.site import LocalLabels, Site, Subject
from procguide.planning.skin import Body
from procguide.planning.structures import BUILDERS, Solid
from procguide.planning.structures.aerated import aerated_lung
from procguide.planning.structures.unlabelled import dense_as_bone, density_on, rind, unlabelled_bone
from procguide.planning.structures.vessels import vessels_off_fat

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
    labels: LocalLabels
    absent: tuple[str, ...] = ()

    def to_lattice(self, points: ArrayLike) -> NDArray[np.float64]:
        """LPS mm to mm along the lattice's k, j, i from its first voxel's centre, ``(..., 3)``."""
        return self.grid.affine.inverse.apply(points) * self.grid.affine.spacing


def assemble_scene(
    site: Site, subject: Subject, body: Body, box: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> Scene:
    """The scene within ``box`` (low, high corner, LPS mm) with the structures that the procedure names."""
    grid = _scene_grid(subject.levels.grid, box)
    present = frozenset(int(label) for label in subject.regions.present())
    levels, regions = resample(subject.levels, grid), resample(subject.regions, grid)
    if subject.image is not None and subject.coarse_organs:
        regions = vessels_off_fat(subject.image, regions)
    labels = LocalLabels(levels, regions, present, coarse_organs=subject.coarse_organs)
    if subject.image is not None:
        unlabelled = unlabelled_bone(subject.image, labels.bone, labels.regions)
        labels = replace(labels, unlabelled=unlabelled)
        if any(rule.name is StructureName.LUNG for rule in site.procedure.structures):
            labels = replace(labels, aerated=aerated_lung(subject.image, body, grid))
        if site.procedure.target.construction is Construction.SACRAL_LATERAL_BRANCHES:
            labels = _on_the_image(labels, dense_as_bone(subject.image, grid))
        if site.procedure.target.construction is Construction.FACET_JOINT_LINE:
            labels = replace(labels, density=density_on(subject.image, grid))
    solids: dict[str, Solid] = {}
    absent = []
    for rule in site.procedure.structures:
        builder = BUILDERS.get(rule.name)
        solid = builder(site, labels) if builder else None
        if solid is None:
            absent.append(str(rule.name))
        else:
            solids[rule.name] = solid
    return Scene(grid, _with_fields(solids, grid), body, labels, tuple(absent))


def _on_the_image(labels: LocalLabels, dense: NDArray[np.bool_] | None) -> LocalLabels:
    """The sacrum's labels with their back where the image shows it; as they are without a CT."""
    if dense is None:
        return labels
    levels, regions = labels.levels, labels.regions
    sacrum = (levels.voxels == VERSE_LABELS[SACRUM]) | (regions.voxels == Region.SACRUM)
    gone = rind(sacrum, dense, float(levels.spacing[1]))
    levels, regions = (
        one.with_voxels(np.where(gone, 0, one.voxels).astype(one.voxels.dtype)) for one in (levels, regions)
    )
    return replace(labels, levels=levels, regions=regions, dense=dense)


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


def _with_fields(solids: Mapping[str, Solid], grid: Grid) -> dict[str, Structure]:
    """Distance fields, two at a time."""
    from procguide.planning._kernels import distance_squared

    spacing = grid.affine.spacing

    def build(item: tuple[str, Solid]) -> Structure:
        name, solid = item
        structure = Structure(name, solid.origin, tubes=solid.tubes, spread_mm=solid.spread_mm)
        if solid.mask is None or not solid.mask.any():
            return structure
        distance = np.sqrt(distance_squared(np.ascontiguousarray(solid.mask), spacing))
        distance[solid.mask] = -spacing.min() / 2
        return replace(structure, mask=solid.mask, field=distance)

    with ThreadPoolExecutor(2) as pool:
        return {structure.name: structure for structure in pool.map(build, solids.items())}
