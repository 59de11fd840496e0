"""Hip bones, thighs, ribs and what lies inside the sacrum on the canvas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from procguide.anatomy import Region, Side
from procguide.imaging import Grid
from procguide.phantom.assemble import Anatomy
from procguide.phantom.bones.femur import femur_parts
from procguide.phantom.bones.pelvis import IliumModel, ilium_part
from procguide.phantom.bones.ribs import ribs_of
from procguide.phantom.bones.roughness import unevenness
from procguide.phantom.bones.sacrum import remnant_parts
from procguide.phantom.canvas import Canvas
from procguide.phantom.solids import Array, Field, Window, carve
from procguide.phantom.tubes import tube_distance

__all__ = ["paint_hips", "paint_remnants", "paint_ribs", "roughened"]

RIB_GAP_MM = 1.6
HIP_GAP_MM = 3.4


def paint_remnants(canvas: Canvas, anatomy: Anatomy) -> None:
    """What is left of the sacral discs. The sacrum leaves them out of its bone."""
    field = carve(canvas.grid, remnant_parts(anatomy.sacrum), margin=1.0)
    if field is not None:
        canvas.put(field.window, field.distance < 0, Region.ANNULUS_FIBROSUS, "S1")


def roughened(grid: Grid, field: Field, seed: int, stream: int) -> Field:
    """The field with bumps where muscles and ligaments pull; none finer than the lattice shows."""
    return replace(field, distance=field.distance + unevenness(grid, field.window, seed, stream))


def paint_hips(canvas: Canvas, anatomy: Anatomy, spine: Array) -> None:
    """Hip bones and thighs; ``spine`` is the distance to the nearest vertebra or the sacrum, mm."""
    parameters, grid = anatomy.parameters, canvas.grid
    model = IliumModel.under(anatomy.pose.sacrum, parameters.pelvis, parameters.size, parameters.seed)
    for side in Side:
        thigh = _paint_thigh(canvas, model, side)
        hip = carve(grid, [ilium_part(model, side)])
        if hip is not None:
            d = np.maximum(hip.distance, parameters.pelvis.joint_gap - spine[hip.window])
            if thigh is not None:
                _keep_off(d, hip.window, thigh, HIP_GAP_MM * parameters.size)
            canvas.put(hip.window, d < 0, Region.ILIUM, None, side)
            np.minimum(canvas.bone[hip.window], d, out=canvas.bone[hip.window])


def _paint_thigh(canvas: Canvas, model: IliumModel, side: Side) -> Field | None:
    """The thigh bone, None out of view."""
    thigh = carve(canvas.grid, femur_parts(model, side))
    if thigh is not None:
        canvas.put(thigh.window, thigh.distance < 0, Region.FEMUR, None, side)
        np.minimum(canvas.bone[thigh.window], thigh.distance, out=canvas.bone[thigh.window])
    return thigh


def _keep_off(distance: Array, where: Window, other: Field, gap: float) -> None:
    """Cut from a field on ``where`` what lies within ``gap`` mm of another bone."""
    both = [(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(where, other.window, strict=True)]
    if all(start < stop for start, stop in both):
        own = tuple(slice(p - a.start, q - a.start) for (p, q), a in zip(both, where, strict=True))
        its = tuple(slice(p - b.start, q - b.start) for (p, q), b in zip(both, other.window, strict=True))
        np.maximum(distance[own], np.float32(gap) - other.distance[its], out=distance[own])


def paint_ribs(canvas: Canvas, anatomy: Anatomy) -> None:
    """Ribs, drawn back from the bones already there."""
    for level, side, rib in ribs_of(anatomy):
        found = tube_distance(canvas.grid, rib, margin=3.0)
        if found is not None:
            where, distance = found
            d = np.maximum(distance, RIB_GAP_MM - canvas.bone[where])
            canvas.put(where, d < 0, Region.RIB, level, side)
            np.minimum(canvas.bone[where], d, out=canvas.bone[where])
