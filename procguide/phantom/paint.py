"""The subject on a lattice: slabs painted side by side, each layer over what it hides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike

from procguide.anatomy import Region
from procguide.geometry import Affine
from procguide.imaging import Grid
from procguide.phantom.assemble import Anatomy
from procguide.phantom.bones.discs import paint_discs
from procguide.phantom.bones.paint import paint_bones
from procguide.phantom.bones.sacrum import to_straight
from procguide.phantom.canvas import Canvas
from procguide.phantom.soft.torso import paint_torso
from procguide.phantom.solids import FAR, Array
from procguide.phantom.tubes import tube_distance

__all__ = ["default_grid", "paint"]

SLAB_SLICES = 48
THREADS = 2


def default_grid(anatomy: Anatomy, spacing_mm: float, box: tuple[ArrayLike, ArrayLike] | None = None) -> Grid:
    """T8's top to the coccyx's tip, the whole body round it with some air; or the given LPS mm box."""
    torso, parameters = anatomy.torso, anatomy.parameters
    highest = parameters.levels[0]
    shape = anatomy.pose.shapes[highest]
    top = float(anatomy.pose.frames[highest].origin[2]) + shape.body_height / 2 + 8.0
    end = to_straight(anatomy.sacrum, parameters.pelvis.sacrum_length * parameters.size, 0.0)
    tip = anatomy.sacrum.frame.to_patient((0, *end))
    inside = (torso.z > tip[2]) & (torso.z < top)
    half = float(torso.half_width[inside].max()) + 12
    low = np.array([-half, float(torso.front[inside].min()) - 12, float(tip[2]) - 8])
    high = np.array([half, float(torso.back[inside].max()) + 12, top])
    if box is not None:
        low, high = np.maximum(low, np.asarray(box[0], float)), np.minimum(high, np.asarray(box[1], float))
    k, j, i = (max(1, int(n)) for n in np.ceil((high - low) / spacing_mm)[::-1])
    return Grid((k, j, i), Affine.axis_aligned(spacing_mm, low + spacing_mm / 2))


def paint(anatomy: Anatomy, grid: Grid) -> Canvas:
    """The whole subject. What a voxel holds depends on its place alone, not on the slab it was painted in."""
    canvas = Canvas.blank(grid)
    starts = range(0, grid.shape[0], SLAB_SLICES)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda start: _paint_slab(canvas.slab(start, start + SLAB_SLICES), anatomy), starts))
    return canvas


def _paint_slab(canvas: Canvas, anatomy: Anatomy) -> None:
    paint_torso(canvas, anatomy)
    paint_discs(canvas, anatomy)
    canal = _paint_canal(canvas, anatomy)
    paint_bones(canvas, anatomy, canal)


def _paint_canal(canvas: Canvas, anatomy: Anatomy) -> Array:
    """Distance to the canal's wall, negative inside."""
    canal = np.full(canvas.grid.shape, FAR, dtype=np.float32)
    found = tube_distance(canvas.grid, anatomy.canal)
    if found is not None:
        canal[found[0]] = found[1]
        canvas.put(found[0], found[1] < 0, Region.CANAL)
    return canal
