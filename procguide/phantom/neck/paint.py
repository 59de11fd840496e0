"""A neck on a lattice: each layer over what it hides."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import BONE, Region, Side
from procguide.imaging import Grid
from procguide.phantom.bones.paint import paint_joint_spaces, paint_owned
from procguide.phantom.canvas import Canvas, grid_between
from procguide.phantom.neck.assemble import NeckAnatomy
from procguide.phantom.neck.content import paint_neck_canal
from procguide.phantom.neck.parameters import NECK_LEVELS
from procguide.phantom.neck.ribs import rib_tubes
from procguide.phantom.neck.soft import SoftTube, soft_parts, soft_tubes
from procguide.phantom.neck.vertebra import vertebra_field
from procguide.phantom.neural.nerves import rods
from procguide.phantom.noise import SmoothNoise
from procguide.phantom.solids import Array, Window, carve, local_coordinates, radial, window
from procguide.phantom.tubes import splat, tube_distance

__all__ = ["default_neck_grid", "paint_neck"]

SKIN_MM = 2.0
_MARBLING_MM, _MARBLED = 7.0, 1.9
_LATERAL_FROM_MM, _LATERAL_SLOPE = 30.0, 0.8
"""Beside the spine muscle reaches farther forward, the more so the farther out; assumed."""
_ARTERY_FROM_BONE_MM = 0.9
_SAC = (Region.CEREBROSPINAL_FLUID, Region.SPINAL_CORD, Region.DURA)
_VESSELS = (Region.CAROTID_ARTERY, Region.JUGULAR_VEIN, Region.VERTEBRAL_ARTERY)
_DISC = (Region.ANNULUS_FIBROSUS, Region.NUCLEUS_PULPOSUS)
_NEVER = (Region.BACKGROUND, Region.SKIN, Region.LUNG, Region.TRACHEA, *_SAC, *_VESSELS, *_DISC, *BONE)


def default_neck_grid(
    anatomy: NeckAnatomy, spacing_mm: float, box: tuple[ArrayLike, ArrayLike] | None = None
) -> Grid:
    """Middle of C2 to under T3, the whole body with some air; or the given LPS mm box of that."""
    outline, frames = anatomy.outline, anatomy.pose.frames
    bottom = frames["T3"].origin[2] - anatomy.pose.shapes["T3"].height / 2 - 12.0
    top = frames["C2"].origin[2]
    inside = (outline.z > bottom) & (outline.z < top)
    x, half = outline.centre[inside, 0], outline.half_width[inside]
    low = np.array([float((x - half).min()) - 10, float(outline.front[inside].min()) - 10, bottom])
    high = np.array([float((x + half).max()) + 10, float(outline.back[inside].max()) + 10, top])
    return grid_between(low, high, spacing_mm, box)


def paint_neck(anatomy: NeckAnatomy, grid: Grid) -> Canvas:
    """The whole subject."""
    canvas = Canvas.blank(grid)
    _paint_flesh(canvas, anatomy)
    _paint_soft(canvas, anatomy)
    _paint_ribs(canvas, anatomy)
    _paint_discs(canvas, anatomy)
    wall = paint_neck_canal(canvas, anatomy)
    paint_joint_spaces(canvas, anatomy.pose.joints)
    _paint_arteries(canvas, anatomy, wall)
    owned = []
    for level in NECK_LEVELS:
        field = vertebra_field(grid, anatomy.vertebrae[level])
        if field is not None:
            owned.append((level, field))
    paint_owned(canvas, owned, wall)
    _paint_nerves(canvas, anatomy)
    return canvas


def _paint_flesh(canvas: Canvas, anatomy: NeckAnatomy) -> None:
    """Skin, fat under it, muscle behind and in the shoulders, fat between the organs of the neck."""
    grid, outline = canvas.grid, anatomy.outline
    origin, step = grid.affine.origin, grid.affine.spacing
    x = (origin[0] + step[2] * np.arange(grid.shape[2]))[None, :]
    y = (origin[1] + step[1] * np.arange(grid.shape[1]))[:, None]
    noise = SmoothNoise(anatomy.parameters.seed, 71, grid, _MARBLING_MM)
    columns = (outline.centre[:, 0], outline.centre[:, 1], outline.half_width, outline.front, outline.back,
               outline.behind_muscle, outline.power)  # fmt: skip
    for k in range(grid.shape[0]):
        z = origin[2] + step[0] * k
        cx, cy, wide, front, back, behind, power = (float(np.interp(z, outline.z, c)) for c in columns)
        u, v = np.abs(x - cx) / wide, (y - cy) / np.where(y > cy, back - cy, cy - front)
        r = np.maximum((u**power + np.abs(v) ** power) ** (1 / power), 1e-3)
        deep = np.hypot(x - cx, y - cy) * (1 / r - 1)
        muscle = y > behind - _LATERAL_SLOPE * np.maximum(np.abs(x - cx) - _LATERAL_FROM_MM, 0)
        muscle = muscle & (noise.slice(k) < _MARBLED) & ~((np.abs(x - cx) < 1.0) & (y > cy))
        tissues = np.where(muscle, Region.MUSCLE, Region.FAT)
        tissues = np.where(deep < anatomy.parameters.fat, Region.FAT, tissues)
        tissues = np.where(deep < SKIN_MM, Region.SKIN, tissues)
        canvas.tissues[k] = np.where(r < 1, tissues, 0)


def _paint_soft(canvas: Canvas, anatomy: NeckAnatomy) -> None:
    """Muscles, lungs and thyroid, then airway, gullet and vessels; nothing outside the skin."""
    tubes = soft_tubes(anatomy.parameters, anatomy.vertebrae)
    muscles = [one for one in tubes if one.region == Region.MUSCLE]
    _paint_tubes(canvas, muscles)
    for part in soft_parts(anatomy.parameters, anatomy.vertebrae):
        field = carve(canvas.grid, [part], margin=1.0)
        if field is not None:
            _put(canvas, field.window, field.distance < 0, part.region, part.side)
    _paint_tubes(canvas, [one for one in tubes if one.region != Region.MUSCLE])


def _paint_tubes(canvas: Canvas, tubes: Sequence[SoftTube]) -> None:
    for one in tubes:
        found = tube_distance(canvas.grid, one.tube, margin=1.0)
        if found is not None:
            _put(canvas, found[0], found[1] < 0, one.region, one.side)


def _put(
    canvas: Canvas, where: Window, mask: NDArray[np.bool_], region: Region, side: Side | None
) -> None:  # fmt: skip
    kept = canvas.tissues[where]
    canvas.put(where, mask & (kept != 0) & (kept != Region.SKIN), region, None, side)


def _paint_ribs(canvas: Canvas, anatomy: NeckAnatomy) -> None:
    for level, side, tube in rib_tubes(anatomy.vertebrae):
        found = tube_distance(canvas.grid, tube, margin=1.0)
        if found is not None:
            canvas.put(found[0], (found[1] < 0) & (canvas.tissues[found[0]] != 0), Region.RIB, level, side)


def _paint_discs(canvas: Canvas, anatomy: NeckAnatomy) -> None:
    """Between the bodies; uncinates and lips are painted over them."""
    frames, shapes = anatomy.pose.frames, anatomy.pose.shapes
    for upper, lower in pairwise(NECK_LEVELS):
        above, below = shapes[upper], shapes[lower]
        half = (
            (above.width_lower + below.width_upper) / 4 - 0.5,
            (above.depth_lower + below.depth_upper) / 4,
        )
        reach = max(half) + above.disc + 6.0
        middle = (np.asarray(frames[upper].origin) + np.asarray(frames[lower].origin)) / 2
        where = window(canvas.grid, middle - reach, middle + reach)
        if where is None:
            continue
        x, y, z = local_coordinates(canvas.grid, where, frames[upper])
        _, low_y, low_z = local_coordinates(canvas.grid, where, frames[lower])
        between = (z < -above.height / 2 + 2.5) & (low_z > below.height / 2 - 2.0)
        outline = radial(x, np.asarray((y + low_y) / 2, np.float32), *half, 2.5)
        canvas.put(where, between & (outline < 0), Region.ANNULUS_FIBROSUS, upper)
        worn = anatomy.parameters.wear[upper]
        inner = radial(
            x, np.asarray((y + low_y) / 2 - 1.0, np.float32), *(np.array(half) * (0.6 - 0.2 * worn))
        )
        canvas.put(where, between & (inner < 0), Region.NUCLEUS_PULPOSUS, upper)


def _paint_arteries(canvas: Canvas, anatomy: NeckAnatomy, wall: Array) -> None:
    """Vertebral arteries; bone keeps off them as off the canal."""
    for side, tube in anatomy.arteries.items():
        found = tube_distance(canvas.grid, tube, margin=3.0)
        if found is not None:
            where, distance = found
            _put(canvas, where, distance < 0, Region.VERTEBRAL_ARTERY, side)
            np.minimum(wall[where], distance - np.float32(_ARTERY_FROM_BONE_MM), out=wall[where])


def _paint_nerves(canvas: Canvas, anatomy: NeckAnatomy) -> None:
    segments, numbers = rods(anatomy.nerves)
    allowed = np.ones((len(numbers), 256), dtype=bool)
    allowed[:, list(_NEVER)] = False
    splat(canvas.grid, segments, numbers, canvas.tissues, canvas.instances, allowed)
