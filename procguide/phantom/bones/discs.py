"""Intervertebral discs between the endplates: nucleus, annulus, bulge and gas.

The nucleus fills about 40 % of the section and lies behind the middle (Bogduk, Clinical and
Radiological Anatomy of the Lumbar Spine). Gas clefts belong to badly worn discs; their shape is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from procguide.anatomy import VERSE_LABELS, Region
from procguide.geometry import AnatomicalFrame
from procguide.phantom.assemble import Anatomy
from procguide.phantom.bones.roughness import bumps
from procguide.phantom.canvas import Canvas
from procguide.phantom.population.parameters import LevelWear
from procguide.phantom.solids import Array, local_coordinates, radial, window

__all__ = ["Disc", "disc_under", "paint_discs"]

NUCLEUS = (0.66, 0.62)
VACUUM_FROM = 0.7
"""Share of wear above which a disc holds gas."""


@dataclass(frozen=True)
class Disc:
    """The disc under ``level``.

    ``frame`` lies midway between the endplates. ``half`` are half the width and depth of the rims that it
    joins, mm; ``shear`` is how far the upper rim lies behind the lower one, mm of y per mm of z.
    """

    level: str
    frame: AnatomicalFrame
    half: tuple[float, float]
    height: float
    slope: float
    shear: float
    wear: LevelWear
    seed: int
    reach: float

    def outline(self, x: Array, y: Array) -> Array:
        """Outside the annulus, mm; the bulge is widest behind."""
        a, b = self.half
        behind = np.clip(y / b, 0, 1)
        hollow = 2.0 * np.maximum(1 - (x / (0.55 * a)) ** 2, 0) * behind
        spread = 0.25 * self.wear.bulge
        bulge = (self.wear.bulge - spread) * np.clip(1.25 - np.abs(x) / (0.75 * a), 0, 1) * behind**2
        return radial(x, y + hollow - bulge, a + spread, b + spread, 2.4)

    def half_height(self, x: Array, y: Array) -> Array:
        """Half the height to paint, mm: into the dished endplates, over which bone is painted."""
        r2 = np.clip((x / self.half[0]) ** 2 + (y / self.half[1]) ** 2, 0, 1)
        return np.asarray(self.height - y * self.slope + 0.3 + self.reach * (1 - r2 * r2), dtype=np.float32)


def paint_discs(canvas: Canvas, anatomy: Anatomy) -> None:
    """Every disc, by the level of the vertebra above it."""
    for level in anatomy.parameters.levels:
        _paint(canvas, disc_under(anatomy, level))


def _paint(canvas: Canvas, disc: Disc) -> None:
    a, b = (half + disc.wear.bulge + 2 for half in disc.half)
    tall = disc.height + abs(disc.slope) * b + disc.reach + 2
    corners = disc.frame.to_patient(
        np.array(np.meshgrid(*[(-1, 1)] * 3, indexing="ij")).reshape(3, 8).T
        * (a, b + abs(disc.shear) * tall, tall)
    )
    where = window(canvas.grid, corners.min(axis=0), corners.max(axis=0))
    if where is None:
        return
    x, y, z = local_coordinates(canvas.grid, where, disc.frame)
    y = y - np.float32(disc.shear) * z
    whole = (disc.outline(x, y) < 0) & (np.abs(z) < disc.half_height(x, y))
    if not whole.any():
        return
    canvas.put(where, whole, Region.ANNULUS_FIBROSUS, disc.level)
    label = VERSE_LABELS[disc.level]
    uneven = bumps(canvas.grid, where, disc.seed, 100 + label, 6.0)
    centre = y - np.float32(0.07 * disc.half[1])
    inner = np.hypot(x / (NUCLEUS[0] * disc.half[0]), centre / (NUCLEUS[1] * disc.half[1]))
    worn = disc.wear.disc
    canvas.put(
        where,
        whole & (inner + (0.04 + 0.10 * worn) * uneven < 1 - 0.15 * worn),
        Region.NUCLEUS_PULPOSUS,
        disc.level,
    )
    if worn > VACUUM_FROM:
        _paint_gas(canvas, disc, where, (x, y, z), (uneven, whole))


def _paint_gas(
    canvas: Canvas,
    disc: Disc,
    where: tuple[slice, slice, slice],
    place: tuple[Array, Array, Array],
    about: tuple[Array, np.ndarray],
) -> None:
    """Clefts of gas: a thin, ragged, mostly horizontal sheet."""
    x, y, z = place
    uneven, whole = about
    share = (disc.wear.disc - VACUUM_FROM) / (1 - VACUUM_FROM)
    spread = np.hypot(x / (0.85 * disc.half[0]), (y + 0.1 * disc.half[1]) / (0.8 * disc.half[1]))
    thick = (0.4 + 0.9 * share) * np.clip(1.15 - spread, 0, 1) + 0.7 * uneven - 0.9 * (1 - share)
    sheet = np.abs(z - 0.25 * disc.height * np.sin(0.15 * x + disc.seed)) < np.minimum(thick, 1.5)
    canvas.put(where, whole & sheet & (spread < 1), Region.VACUUM, disc.level)


def disc_under(anatomy: Anatomy, level: str) -> Disc:
    """The disc between this vertebra and the next, or the sacrum."""
    frame, shape = anatomy.pose.frames[level], anatomy.pose.shapes[level]
    parameters = anatomy.parameters
    bottom = np.asarray(frame.to_patient((0, 0, -shape.body_height / 2)))
    lower, node = parameters.below(level), parameters.worn(level).schmorl_lower
    if lower is not None:
        below, low_shape = anatomy.pose.frames[lower], anatomy.pose.shapes[lower]
        top = np.asarray(below.to_patient((0, 0, low_shape.body_height / 2)))
        width, depth = low_shape.width_upper, low_shape.depth_upper
        worn = parameters.worn(lower)
        node = max(node, worn.schmorl_upper, 0.5 * worn.biconcave * low_shape.body_height, 5.0 * worn.wedge)
    else:
        below, top = anatomy.sacrum.frame, np.asarray(anatomy.sacrum.frame.origin)
        width, depth = shape.width_lower, shape.depth_lower
    node = max(node, 0.5 * parameters.worn(level).biconcave * shape.body_height)
    up = np.asarray(frame.superior) + np.asarray(below.superior)
    middle = AnatomicalFrame.from_axes((bottom + top) / 2, up, frame.left)
    apart = middle.rotation.T @ (bottom - top)
    tall = max(float(apart[2]), 1.0)
    return Disc(
        level,
        middle,
        ((width + shape.width_lower) / 4 + 0.2, (depth + shape.depth_lower) / 4 + 0.2),
        shape.disc_height / 2,
        float(np.tan(np.radians(shape.disc_wedge_deg / 2))),
        float(np.clip(apart[1] / tall, -1.2, 1.2)),
        parameters.worn(level),
        parameters.seed,
        2.8 * parameters.size + node,
    )
