"""One vertebra as solids, and as a field with the unevenness that real bone has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from procguide.anatomy import Region, Side
from procguide.imaging import Grid
from procguide.phantom.bones.arch import inferior_process, lamina, pedicle, superior_process
from procguide.phantom.bones.body import body_parts, dish_depth
from procguide.phantom.bones.facets import articular_process
from procguide.phantom.bones.model import ArchPoints, VertebraModel, arch_points, vertebra_model
from procguide.phantom.bones.processes import spinous, spinous_offset, spinous_tip, transverse
from procguide.phantom.bones.roughness import bumps
from procguide.phantom.solids import Field, Part, carve

__all__ = [
    "ArchPoints",
    "VertebraModel",
    "arch_points",
    "articular_process",
    "dish_depth",
    "spinous_offset",
    "spinous_tip",
    "vertebra_field",
    "vertebra_model",
    "vertebra_parts",
]

COARSE_BUMPS = (5.0, 0.32)
FINE_BUMPS = (2.2, 0.16)
"""Width and standard deviation of the surface's unevenness, mm; assumed."""


def vertebra_parts(model: VertebraModel) -> list[Part]:
    """All solids of one vertebra, the body first."""
    parts = body_parts(model)
    for side in Side:
        points = arch_points(model, side)
        half = [pedicle(model, side, points), lamina(model, points), *transverse(model, points)]
        half += superior_process(model, points, side, model.above[side])
        half += inferior_process(model, points, side, model.below[side])
        parts += [replace(part, side=side) for part in half]
    parts.append(spinous(model, arch_points(model, Side.LEFT).lamina_medial))
    return parts


def vertebra_field(grid: Grid, model: VertebraModel) -> Field | None:
    """The vertebra on the lattice, its surface uneven; None where it lies outside."""
    field = carve(grid, vertebra_parts(model))
    if field is None:
        return None
    rough = np.zeros_like(field.distance)
    for stream, (step, height) in enumerate((COARSE_BUMPS, FINE_BUMPS)):
        # Bumps finer than the lattice would only alias.
        if step > 2 * max(grid.affine.spacing):
            rough += np.float32(height) * bumps(grid, field.window, model.seed, stream, step)
    # Bodies, and above all their endplates, are smoother than what muscles pull on.
    smoother = np.array([0.45 if part.region == Region.BODY else 1.0 for part in field.parts], np.float32)
    return replace(field, distance=field.distance + rough * smoother[field.part])
