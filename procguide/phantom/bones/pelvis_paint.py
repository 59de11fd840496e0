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
from procguide.phantom.bones.roughness import bumps
from procguide.phantom.bones.sacrum import remnant_parts
from procguide.phantom.canvas import Canvas
from procguide.phantom.solids import FAR, Array, Field, carve
from procguide.phantom.tubes import tube_distance

__all__ = ["paint_hips", "paint_remnants", "paint_ribs", "roughened"]

RIB_GAP_MM = 1.6
HIP_GAP_MM = 3.4
BUMPS = ((9.0, 0.30), (4.0, 0.15))
"""Width and standard deviation of the large bones' unevenness, mm; assumed."""


def paint_remnants(canvas: Canvas, anatomy: Anatomy) -> None:
    """What is left of the sacral discs. The sacrum leaves them out of its bone."""
    field = carve(canvas.grid, remnant_parts(anatomy.sacrum), margin=1.0)
    if field is not None:
        canvas.put(field.window, field.distance < 0, Region.ANNULUS_FIBROSUS, "S1")


def roughened(grid: Grid, field: Field, seed: int, stream: int) -> Field:
    """The field with bumps where muscles and ligaments pull; none finer than the lattice shows."""
    rough = np.zeros_like(field.distance)
    for n, (step, height) in enumerate(BUMPS):
        if step > 2 * max(grid.affine.spacing):
            rough += np.float32(height) * bumps(grid, field.window, seed, 10 * stream + n, step)
    return replace(field, distance=field.distance + rough)


def paint_hips(canvas: Canvas, anatomy: Anatomy, spine: Array) -> None:
    """Hip bones and thighs; ``spine`` is the distance to the nearest vertebra or the sacrum, mm."""
    parameters, grid = anatomy.parameters, canvas.grid
    model = IliumModel.under(anatomy.pose.sacrum, parameters.pelvis, parameters.size, parameters.seed)
    for side in Side:
        thighs = _paint_thigh(canvas, model, side)
        hip = carve(grid, [ilium_part(model, side)])
        if hip is not None:
            rough = roughened(grid, hip, parameters.seed, 3)
            d = np.maximum(rough.distance, parameters.pelvis.joint_gap - spine[hip.window])
            if thighs is not None:
                d = np.maximum(d, HIP_GAP_MM * parameters.size - thighs[hip.window])
            canvas.put(hip.window, d < 0, Region.ILIUM, None, side)
            np.minimum(canvas.bone[hip.window], d, out=canvas.bone[hip.window])


def _paint_thigh(canvas: Canvas, model: IliumModel, side: Side) -> Array | None:
    """The thigh bone; returns its distance on the whole lattice, None out of view."""
    thigh = carve(canvas.grid, femur_parts(model, side))
    if thigh is None:
        return None
    canvas.put(thigh.window, thigh.distance < 0, Region.FEMUR, None, side)
    np.minimum(canvas.bone[thigh.window], thigh.distance, out=canvas.bone[thigh.window])
    away = np.full(canvas.grid.shape, FAR, dtype=np.float32)
    away[thigh.window] = thigh.distance
    return away


def paint_ribs(canvas: Canvas, anatomy: Anatomy) -> None:
    """Ribs, drawn back from the bones already there."""
    for level, side, rib in ribs_of(anatomy):
        found = tube_distance(canvas.grid, rib, margin=3.0)
        if found is not None:
            where, distance = found
            d = np.maximum(distance, RIB_GAP_MM - canvas.bone[where])
            canvas.put(where, d < 0, Region.RIB, level, side)
            np.minimum(canvas.bone[where], d, out=canvas.bone[where])
