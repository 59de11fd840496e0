"""Implants, cement and scars on the canvas: the last layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from procguide.anatomy import VERSE_LABELS, Region
from procguide.imaging import Grid
from procguide.phantom.assemble import Anatomy
from procguide.phantom.bones.hardware import (
    CEMENT_MARGIN_MM,
    Cement,
    laminectomy_part,
    scar_part,
    screw_parts,
)
from procguide.phantom.bones.vertebra import VertebraModel
from procguide.phantom.canvas import Canvas, instance_of
from procguide.phantom.noise import SmoothNoise
from procguide.phantom.solids import Array, Field, Window, carve, local_coordinates, window
from procguide.phantom.tubes import tube_distance

__all__ = ["paint_hardware", "without_laminae"]

SCAR_STREAM = 61
_SCARRED = np.zeros(256, dtype=bool)
_SCARRED[
    [Region.LIGAMENTUM_FLAVUM, Region.INTERSPINOUS_LIGAMENT, Region.MULTIFIDUS, Region.ERECTOR_SPINAE,
     Region.MUSCLE, Region.FAT, Region.INTRAMUSCULAR_FAT, Region.FASCIA]
] = True  # fmt: skip


def without_laminae(grid: Grid, model: VertebraModel, field: Field) -> Field:
    """A vertebra after laminectomy."""
    part = laminectomy_part(model)
    taken = part.distance(*local_coordinates(grid, field.window, part.frame))
    return replace(field, distance=np.maximum(field.distance, -taken))


def paint_hardware(canvas: Canvas, anatomy: Anatomy) -> None:
    """Over everything else: scars first, then cement, then metal."""
    hardware = anatomy.parameters.hardware
    for level in hardware.laminectomy:
        if level in anatomy.vertebrae:
            _paint_scar(canvas, anatomy, level)
    implants = anatomy.implants
    for cement in implants.cement:
        _paint_cement(canvas, cement)
    for screw in implants.screws:
        field = carve(canvas.grid, screw_parts(screw), margin=1.0)
        if field is not None:
            inside = field.distance < 0
            canvas.put(field.window, inside, Region.IMPLANT, screw.level, screw.side)
            canvas.levels[field.window][inside] = 0
    for rod in implants.rods:
        found = tube_distance(canvas.grid, rod, margin=1.0)
        if found is not None:
            canvas.put(found[0], found[1] < 0, Region.IMPLANT)
            canvas.levels[found[0]][found[1] < 0] = 0


def _paint_scar(canvas: Canvas, anatomy: Anatomy, level: str) -> None:
    """Scar with a ragged border and islands of fat; flavum and interspinous ligament are gone wholly."""
    field = carve(canvas.grid, [scar_part(anatomy.vertebrae[level])], margin=1.0)
    if field is None:
        return
    here = canvas.tissues[field.window]
    bed = (field.distance < 0) & _SCARRED[here]
    ragged, islands = (
        _noise_on(canvas.grid, field.window, anatomy.parameters.seed, stream, step)
        for stream, step in ((SCAR_STREAM, 6.0), (SCAR_STREAM + 1, 3.5))
    )
    gone = (here == Region.LIGAMENTUM_FLAVUM) | (here == Region.INTERSPINOUS_LIGAMENT)
    scar = bed & (gone | (field.distance + 3.0 + 3.0 * ragged < 0))
    canvas.put(field.window, scar, Region.SOFT_TISSUE, level)
    canvas.put(field.window, scar & (islands > 0.9) & (field.distance < -1.0), Region.FAT)


def _noise_on(grid: Grid, where: Window, seed: int, stream: int, step: float) -> Array:
    """Smooth noise of unit variance on a window, ``(k, j, i)``."""
    noise = SmoothNoise(seed, stream, grid, step)
    k, j, i = where
    return np.stack([noise.slice(row)[j, i] for row in range(k.start, k.stop)])


def _paint_cement(canvas: Canvas, cement: Cement) -> None:
    reach = 4.0 * max(cement.half)
    origin = np.asarray(cement.frame.origin)
    where = window(canvas.grid, origin - reach, origin + reach)
    if where is None:
        return
    label = VERSE_LABELS[cement.level]
    room = (canvas.tissues[where] == Region.BODY) & (canvas.levels[where] == label)
    room &= canvas.bone[where] < -CEMENT_MARGIN_MM
    filled = room & (cement.field(*local_coordinates(canvas.grid, where, cement.frame)) <= cement.threshold)
    canvas.tissues[where][filled] = Region.CEMENT
    canvas.instances[where][filled] = instance_of(cement.level)
