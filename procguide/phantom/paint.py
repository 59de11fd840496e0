"""The subject on a lattice: slabs painted side by side, each layer over what it hides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike

from procguide.imaging import Grid
from procguide.phantom.assemble import Anatomy
from procguide.phantom.bones.coccyx import coccyx_tip
from procguide.phantom.bones.discs import paint_discs
from procguide.phantom.bones.hardware_paint import paint_hardware
from procguide.phantom.bones.paint import paint_bones
from procguide.phantom.canvas import Canvas, grid_between
from procguide.phantom.neural.paint import paint_canal, paint_nerves
from procguide.phantom.soft.torso import paint_torso

__all__ = ["default_grid", "paint"]

SLAB_SLICES = 48
THREADS = 2


def default_grid(anatomy: Anatomy, spacing_mm: float, box: tuple[ArrayLike, ArrayLike] | None = None) -> Grid:
    """T8's top to the coccyx's tip, the whole body round it with some air; or the given LPS mm box."""
    torso, parameters = anatomy.torso, anatomy.parameters
    highest = parameters.levels[0]
    shape = anatomy.pose.shapes[highest]
    top = float(anatomy.pose.frames[highest].origin[2]) + shape.body_height / 2 + 8.0
    tip = coccyx_tip(anatomy.sacrum)
    inside = (torso.z > tip[2]) & (torso.z < top)
    half = float(torso.half_width[inside].max()) + 12
    low = np.array([-half, float(torso.front[inside].min()) - 12, float(tip[2]) - 8])
    high = np.array([half, float(torso.back[inside].max()) + 12, top])
    return grid_between(low, high, spacing_mm, box)


def paint(anatomy: Anatomy, grid: Grid) -> Canvas:
    """The whole subject. What a voxel holds depends on its place alone, not on the slab it was painted in."""
    canvas = Canvas.blank(grid)
    _ = anatomy.nerves  # laid once, before the threads ask for them
    starts = range(0, grid.shape[0], SLAB_SLICES)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda start: _paint_slab(canvas.slab(start, start + SLAB_SLICES), anatomy), starts))
    return canvas


def _paint_slab(canvas: Canvas, anatomy: Anatomy) -> None:
    paint_torso(canvas, anatomy)
    paint_discs(canvas, anatomy)
    canal = paint_canal(canvas, anatomy)
    paint_bones(canvas, anatomy, canal)
    paint_nerves(canvas, anatomy)
    paint_hardware(canvas, anatomy)
