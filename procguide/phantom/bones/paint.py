"""All bones on one lattice; where two would touch, both draw back by half the gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import SACRUM, VERSE_LABELS, Region, Side
from procguide.phantom.assemble import Anatomy
from procguide.phantom.bones.coccyx import COCCYX, coccyx_parts
from procguide.phantom.bones.facets import FacetPose, joint_space
from procguide.phantom.bones.hardware_paint import without_laminae
from procguide.phantom.bones.pelvis_paint import paint_hips, paint_remnants, paint_ribs, roughened
from procguide.phantom.bones.sacrum import sacrum_parts
from procguide.phantom.bones.vertebra import vertebra_field
from procguide.phantom.canvas import Canvas, instance_of
from procguide.phantom.solids import FAR, Array, Field, carve

__all__ = ["paint_bones", "paint_joint_spaces", "paint_owned"]

BONE_GAP_MM = 1.1


def paint_bones(canvas: Canvas, anatomy: Anatomy, canal: Array) -> None:
    """Spine, ilia and ribs. ``canal`` is the distance to the canal's wall, negative inside: no bone there."""
    paint_joint_spaces(canvas, anatomy.pose.facets)
    paint_remnants(canvas, anatomy)
    spine = _paint_spine(canvas, anatomy, canal)
    paint_hips(canvas, anatomy, spine)
    paint_ribs(canvas, anatomy)


def paint_joint_spaces(canvas: Canvas, joints: Mapping[tuple[str, Side], FacetPose]) -> None:
    """Cartilage of the facet joints, by the level above and the side."""
    for (level, side), joint in joints.items():
        field = carve(canvas.grid, [joint_space(joint)], margin=1.0)
        if field is not None:
            canvas.put(field.window, field.distance < 0, Region.FACET_CARTILAGE, level, side)


def _paint_spine(canvas: Canvas, anatomy: Anatomy, canal: Array) -> Array:
    """Vertebrae and sacrum; returns the distance to the nearest of them, before gaps."""
    owned: list[tuple[str, Field]] = []
    for level in anatomy.parameters.levels:
        field = vertebra_field(canvas.grid, anatomy.vertebrae[level])
        if field is not None:
            if level in anatomy.parameters.hardware.laminectomy:
                field = without_laminae(canvas.grid, anatomy.vertebrae[level], field)
            owned.append((level, field))
    for name, parts in ((SACRUM, sacrum_parts(anatomy.sacrum)), (COCCYX, coccyx_parts(anatomy.sacrum))):
        field = carve(canvas.grid, parts)
        if field is not None:
            field = roughened(canvas.grid, field, anatomy.parameters.seed, VERSE_LABELS[name])
            owned.append((name, field))
    return paint_owned(canvas, owned, canal)


def paint_owned(canvas: Canvas, owned: Sequence[tuple[str, Field]], canal: Array) -> Array:
    """Bones by name, none where ``canal`` is negative; returns the distance to the nearest, before gaps."""
    first, second = np.full((2, *canvas.grid.shape), FAR, dtype=np.float32)
    for _, field in owned:
        a, b = first[field.window], second[field.window]
        np.minimum(b, np.maximum(a, field.distance), out=b)
        np.minimum(a, field.distance, out=a)
    for level, field in owned:
        where = field.window
        d = np.maximum(field.distance, -canal[where])
        mine = field.distance <= first[where]
        d = np.where(mine, np.maximum(d, BONE_GAP_MM / 2 - (second[where] - d) / 2), FAR)
        inside = d < 0
        part = field.part[inside]
        canvas.tissues[where][inside] = _by_part(field, "region")[part]
        canvas.instances[where][inside] = _by_part(field, "side", level)[part]
        canvas.levels[where][inside] = VERSE_LABELS[level]
        np.minimum(canvas.bone[where], d, out=canvas.bone[where])
    return np.asarray(first)


def _by_part(field: Field, what: str, level: str | None = None) -> NDArray[np.uint8]:
    """One number for each part of a bone: its region, or the instance that its side makes of ``level``."""
    if what == "region":
        return np.array([part.region for part in field.parts], dtype=np.uint8)
    return np.array([instance_of(level, part.side) for part in field.parts], dtype=np.uint8)
