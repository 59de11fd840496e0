"""The phantom: one subject on a lattice, with its truth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from procguide.anatomy import BROAD, VERSE_NAMES, Region, Spine
from procguide.anatomy.locate_sacral import with_sacral_landmarks
from procguide.errors import UsageError
from procguide.imaging import Grid, LabelMap
from procguide.phantom.assemble import Anatomy, assemble
from procguide.phantom.canvas import Canvas, instance_words
from procguide.phantom.deformation import Deformation
from procguide.phantom.paint import default_grid, paint
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.solids import Array
from procguide.phantom.truth.courses import courses
from procguide.phantom.truth.moved import moved_courses, moved_spine, moved_zones
from procguide.phantom.truth.nouns import Course, TrueZone
from procguide.phantom.truth.spine import true_spine
from procguide.phantom.truth.zones import sacroiliac_zones, true_zones

__all__ = ["Phantom", "broad_regions", "build"]


@dataclass(frozen=True)
class Phantom:
    """Label maps on one SPL lattice, and the geometry that they were painted from.

    ``tissues`` is the finest truth (:class:`Region`), ``levels`` the VerSe integers of vertebrae, sacrum
    and coccyx, ``instances`` level and side of everything that has one (:func:`instance_of`).
    Outside the body all are 0. ``bone_distance`` is mm to the nearest bone surface, negative inside,
    1000 where it is not known. The S1 endplate's centre is the origin of patient space. ``posture`` is
    ``"supine"``, or ``"prone"`` with the ``deformation`` that made it so.
    """

    parameters: PhantomParameters
    tissues: LabelMap
    levels: LabelMap
    instances: LabelMap
    bone_distance: Array
    anatomy: Anatomy
    posture: str = "supine"
    deformation: Deformation | None = None

    @cached_property
    def regions(self) -> LabelMap:
        """``tissues`` in the broad regions that networks and the planner work with."""
        return broad_regions(self.tissues)

    @cached_property
    def spine(self) -> Spine:
        """True landmarks of the whole subject, also of what the lattice leaves out.

        Of the sacrum's canal, foramina and joints those that its true labels show.
        """
        spine = true_spine(self.anatomy)
        if self.deformation is not None:
            spine = moved_spine(spine, self.deformation)
        return with_sacral_landmarks(self.levels, self.regions, spine)

    @cached_property
    def courses(self) -> tuple[Course, ...]:
        """Centrelines of nerves and vessels, also of what the lattice leaves out."""
        found = courses(self.anatomy)
        return found if self.deformation is None else moved_courses(found, self.deformation)

    @cached_property
    def zones(self) -> tuple[TrueZone, ...]:
        """Where needles belong, by procedure, level and side; of sacroiliac joints only those in view."""
        built = true_zones(self.anatomy, true_spine(self.anatomy))
        if self.deformation is not None:
            built = moved_zones(built, self.deformation)
        return (*built, *sacroiliac_zones(self.tissues))


def build(
    parameters: PhantomParameters,
    spacing_mm: float = 1.0,
    *,
    box: tuple[ArrayLike, ArrayLike] | None = None,
    grid: Grid | None = None,
) -> Phantom:
    """The subject lying supine at ``spacing_mm``, isotropic, from the top vertebra to the coccyx.

    ``box`` (low and high corner, LPS mm) narrows the field; ``grid`` names the lattice outright (it has to
    be axis-aligned, SPL) and overrides both.
    """
    if not spacing_mm > 0:
        raise UsageError(f"spacing must be positive, got {spacing_mm} mm")
    if grid is not None and grid.affine.orientation != "SPL":
        raise UsageError(f"the phantom is built on an SPL lattice, got {grid.affine.orientation}")
    anatomy = assemble(parameters)
    return phantom_of(parameters, anatomy, paint(anatomy, grid or default_grid(anatomy, spacing_mm, box)))


def phantom_of(
    parameters: PhantomParameters, anatomy: Anatomy, canvas: Canvas, posture: str = "supine"
) -> Phantom:
    """A painted canvas as label maps with their vocabularies."""
    return Phantom(
        parameters,
        *label_maps(canvas),
        canvas.bone,
        anatomy,
        posture,
    )


def label_maps(canvas: Canvas) -> tuple[LabelMap, LabelMap, LabelMap]:
    """Tissues, levels and instances of a painted canvas, with the words for their numbers."""
    affine = canvas.grid.affine
    numbers = [int(n) for n in np.flatnonzero(np.bincount(canvas.instances.ravel())) if n]
    return (
        LabelMap(canvas.tissues, affine, names={int(r): r.label for r in Region if r}, source="phantom"),
        LabelMap(canvas.levels, affine, names=dict(VERSE_NAMES), source="phantom"),
        LabelMap(canvas.instances, affine, names={n: instance_words(n) for n in numbers}, source="phantom"),
    )


def broad_regions(tissues: LabelMap) -> LabelMap:
    """Every fine region as the broad one it is part of."""
    table = np.arange(256, dtype=np.uint8)
    for fine, broad in BROAD.items():
        table[fine] = broad
    names = {int(r): r.label for r in Region if r and r not in BROAD}
    return LabelMap(table[tissues.voxels], tissues.affine, names=names, source=tissues.source)
