"""The phantom: one subject on a lattice, with its truth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from numpy.typing import ArrayLike

from procguide.anatomy import Spine
from procguide.errors import UsageError
from procguide.imaging import Grid, LabelMap
from procguide.phantom.paint import Anatomy, assemble, default_grid, paint
from procguide.phantom.parameters import PhantomParameters
from procguide.phantom.solids import Array
from procguide.phantom.truth import true_spine

__all__ = ["Phantom", "build"]


@dataclass(frozen=True)
class Phantom:
    """``levels`` (VerSe integers: vertebrae T11-L5 and sacrum) and ``regions`` share one SPL lattice.

    Outside the body both are 0, as is the air of the lung bases in ``regions``. ``bone_distance`` is mm
    to the nearest bone surface, negative inside, 1000 where it is not known. The S1 endplate's centre is
    the origin of patient space.
    """

    parameters: PhantomParameters
    levels: LabelMap
    regions: LabelMap
    bone_distance: Array
    anatomy: Anatomy

    @cached_property
    def spine(self) -> Spine:
        """True landmarks of the whole subject, also of what the lattice leaves out."""
        return true_spine(self.anatomy)


def build(
    parameters: PhantomParameters,
    spacing_mm: float = 1.0,
    *,
    box: tuple[ArrayLike, ArrayLike] | None = None,
    grid: Grid | None = None,
) -> Phantom:
    """The subject at ``spacing_mm``, isotropic, from T11's top to the sacrum's tip with the whole body.

    ``box`` (low and high corner, LPS mm) narrows the field; ``grid`` names the lattice outright (it has to
    be axis-aligned, SPL) and overrides both.
    """
    if not spacing_mm > 0:
        raise UsageError(f"spacing must be positive, got {spacing_mm} mm")
    if grid is not None and grid.affine.orientation != "SPL":
        raise UsageError(f"the phantom is built on an SPL lattice, got {grid.affine.orientation}")
    anatomy = assemble(parameters)
    labels = paint(anatomy, grid or default_grid(anatomy, spacing_mm, box))
    return Phantom(parameters, labels.levels, labels.regions, labels.bone, anatomy)
