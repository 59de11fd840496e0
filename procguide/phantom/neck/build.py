"""The neck's phantom: one subject on a lattice, with its truth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from numpy.typing import ArrayLike

from procguide.anatomy import Spine
from procguide.errors import UsageError
from procguide.imaging import LabelMap
from procguide.phantom.build import broad_regions, label_maps
from procguide.phantom.neck.assemble import NeckAnatomy, assemble_neck
from procguide.phantom.neck.paint import default_neck_grid, paint_neck
from procguide.phantom.neck.parameters import NeckParameters
from procguide.phantom.neck.truth import neck_spine, neck_zones
from procguide.phantom.solids import Array
from procguide.phantom.truth.nouns import TrueZone

__all__ = ["NeckPhantom", "build_neck"]


@dataclass(frozen=True)
class NeckPhantom:
    """Label maps on one SPL lattice, as those of :class:`procguide.phantom.Phantom`.

    C7's body is the origin of patient space. The subject lies supine, the neck neither flexed nor turned.
    """

    parameters: NeckParameters
    tissues: LabelMap
    levels: LabelMap
    instances: LabelMap
    bone_distance: Array
    anatomy: NeckAnatomy

    @cached_property
    def regions(self) -> LabelMap:
        """``tissues`` in the broad regions that networks and the planner work with."""
        return broad_regions(self.tissues)

    @cached_property
    def spine(self) -> Spine:
        """True landmarks, also of what the lattice leaves out."""
        return neck_spine(self.anatomy)

    @cached_property
    def zones(self) -> tuple[TrueZone, ...]:
        """Where needles belong, by procedure, level and side."""
        return neck_zones(self.anatomy)


def build_neck(
    parameters: NeckParameters, spacing_mm: float = 1.0, *, box: tuple[ArrayLike, ArrayLike] | None = None
) -> NeckPhantom:
    """The neck at ``spacing_mm``, isotropic, from the middle of C2 to under T3.

    ``box`` (low and high corner, LPS mm) narrows the field.
    """
    if not spacing_mm > 0:
        raise UsageError(f"spacing must be positive, got {spacing_mm} mm")
    anatomy = assemble_neck(parameters)
    canvas = paint_neck(anatomy, default_neck_grid(anatomy, spacing_mm, box))
    return NeckPhantom(parameters, *label_maps(canvas), canvas.bone, anatomy)
