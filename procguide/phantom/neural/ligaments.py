"""Ligaments outside the canal, and the fat in the foramina.

Interspinous and supraspinous ligaments fill the midline between the spinous processes; the anterior
longitudinal ligament covers the front of bodies and discs. Thicknesses after anatomy atlases, assumed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import BONE, Region, Side
from procguide.geometry import AnatomicalFrame, vector
from procguide.phantom.assemble import Anatomy
from procguide.phantom.bones.sacrum import to_straight
from procguide.phantom.bones.sacrum_shape import BACK, CANAL_DEPTH
from procguide.phantom.bones.vertebra import arch_points, spinous_offset
from procguide.phantom.canvas import Canvas
from procguide.phantom.solids import local_coordinates, radial, window

__all__ = ["paint_anterior_ligament", "paint_foraminal_fat", "paint_interspinous"]

INTERSPINOUS_HALF_MM = 1.9
SUPRASPINOUS_MM = (3.2, 2.4)
"""Half-width and half-thickness."""
ANTERIOR_MM = 1.7
ANTERIOR_HALF_WIDTH = 12.0
SOFT = np.array(
    [Region.FAT, Region.MUSCLE, Region.SOFT_TISSUE, Region.PSOAS, Region.MULTIFIDUS, Region.ERECTOR_SPINAE,
     Region.INTRAMUSCULAR_FAT, Region.FASCIA, Region.QUADRATUS_LUMBORUM], np.uint8)  # fmt: skip
_DISC = np.array([Region.DISC, Region.NUCLEUS_PULPOSUS, Region.ANNULUS_FIBROSUS, Region.VACUUM], np.uint8)
_FRONT = np.array([*BONE, *_DISC], np.uint8)


def paint_foraminal_fat(canvas: Canvas, anatomy: Anatomy) -> None:
    """Fat round the nerve from the canal's side to just outside the foramen; bone is painted over it."""
    for level in anatomy.parameters.levels:
        model = anatomy.vertebrae[level]
        shape, size = model.shape, model.size
        for side in Side:
            arch = arch_points(model, side)
            wall = (shape.depth_upper + shape.depth_lower) / 4
            top = float(arch.isthmus[2]) - shape.pedicle_height / 2
            height = shape.body_height + shape.disc_height - shape.pedicle_height + 2.0
            middle = (abs(float(arch.isthmus[0])) + 1.0, wall + 5.5 * size, top - height / 2 + 1.0)
            centre = model.frame.to_patient((side.sign * middle[0], *middle[1:]))
            half = np.array([arch.pedicle_width / 2 + 7.0 * size, 8.5 * size, height / 2])
            _fill_soft(canvas, model.frame, centre, half)


def _fill_soft(
    canvas: Canvas, axes: AnatomicalFrame, centre: NDArray[np.float64], half: NDArray[np.float64]
) -> None:
    reach = float(np.linalg.norm(half))
    where = window(canvas.grid, centre - reach, centre + reach)
    if where is None:
        return
    frame = AnatomicalFrame(vector(centre), axes.left, axes.posterior, axes.superior)
    x, y, z = local_coordinates(canvas.grid, where, frame)
    across = radial(y, z, half[1], half[2], 2.6)
    inside = across < -1.2 * half[1] * np.clip(np.abs(x) / half[0] - 0.55, 0, 1) ** 1.5
    canvas.put(where, inside & np.isin(canvas.tissues[where], SOFT), Region.FAT)


def paint_interspinous(canvas: Canvas, anatomy: Anatomy) -> None:
    """Between each spinous process and the next, and a band over their tips down to the last but one."""
    levels = anatomy.parameters.levels
    tips = [_spinous(anatomy, level) for level in levels]
    for n, level in enumerate(levels[:-1]):
        corners = np.array([tips[n][0], tips[n][1], tips[n + 1][1], tips[n + 1][0]])
        _band(canvas, anatomy, level, corners, supraspinous=n < len(levels) - 2)
    crest = np.array([_crest(anatomy, 28.0, 8.0), _crest(anatomy, 17.0, 1.0)])
    _band(canvas, anatomy, levels[-1], np.vstack([tips[-1], crest]), supraspinous=False)


def _crest(anatomy: Anatomy, along: float, rise: float) -> NDArray[np.float64]:
    """A place on the sacrum's median crest: mm along the sacrum and behind the canal's roof, LPS mm."""
    model = anatomy.sacrum
    s = along * model.stretch
    h = float(model.at(BACK, s) + model.at(CANAL_DEPTH, s)) + rise * model.size
    return np.asarray(model.frame.to_patient((0.0, *to_straight(model, s, h))))


def _spinous(anatomy: Anatomy, level: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Root and tip of the spinous process's axis, LPS mm."""
    model = anatomy.vertebrae[level]
    shape = model.shape
    start = arch_points(model, Side.LEFT).lamina_medial + spinous_offset(shape)
    slope = np.radians(shape.spinous_slope_deg)
    end = start + shape.spinous_length * np.array([0, np.cos(slope), -np.sin(slope)])
    return model.frame.to_patient(start), model.frame.to_patient(end)


def _band(
    canvas: Canvas, anatomy: Anatomy, level: str, corners: NDArray[np.float64], *, supraspinous: bool
) -> None:
    where = window(canvas.grid, corners.min(axis=0) - 5.0, corners.max(axis=0) + 5.0)
    if where is None:
        return
    middle = corners.mean(axis=0)
    up = (corners[0] + corners[1] - corners[2] - corners[3]) / 2
    back = (corners[1] + corners[2] - corners[0] - corners[3]) / 2
    across = np.cross(back, up)
    frame = AnatomicalFrame.from_axes(middle, up, across)
    x, y, z = local_coordinates(canvas.grid, where, frame)
    flat = frame.to_local(corners)[:, 1:].astype(np.float32)
    inside = np.ones(x.shape, dtype=bool)
    for a, b in zip(flat, np.roll(flat, -1, axis=0), strict=True):
        inside &= (y - a[0]) * (b[1] - a[1]) - (z - a[1]) * (b[0] - a[0]) > 0
    soft = np.isin(canvas.tissues[where], SOFT)
    ligament = inside & (np.abs(x) < INTERSPINOUS_HALF_MM * anatomy.parameters.size)
    if supraspinous:
        (ay, az), (by, bz) = flat[1], flat[2]
        t = np.clip(((y - ay) * (by - ay) + (z - az) * (bz - az)) / ((by - ay) ** 2 + (bz - az) ** 2), 0, 1)
        off = np.hypot(y - ay - t * (by - ay), z - az - t * (bz - az))
        ligament |= (off < SUPRASPINOUS_MM[1]) & (np.abs(x) < SUPRASPINOUS_MM[0])
    canvas.put(where, ligament & soft, Region.INTERSPINOUS_LIGAMENT, level)


def paint_anterior_ligament(canvas: Canvas, anatomy: Anatomy) -> None:
    """A strip in front of bodies and discs; it follows what was painted, osteophytes too."""
    line = anatomy.canal.points
    low, high = line.min(axis=0), line.max(axis=0)
    where = window(canvas.grid, low - np.array([18.0, 62.0, 0.0]), high + np.array([18.0, 0.0, 0.0]))
    if where is None:
        return
    spacing, origin = canvas.grid.affine.spacing, canvas.grid.affine.origin
    order = np.argsort(line[:, 2])
    z = origin[2] + spacing[0] * np.arange(where[0].start, where[0].stop)
    x = origin[0] + spacing[2] * np.arange(where[2].start, where[2].stop)
    middle = np.interp(z, line[order, 2], line[order, 0])
    tissues = canvas.tissues[where]
    wall = np.isin(tissues, _FRONT)
    y = (origin[1] + spacing[1] * np.arange(where[1].start, where[1].stop)).astype(np.float32)
    first = np.where(wall.any(axis=1), y[np.argmax(wall, axis=1)], np.float32(1e4))
    back = np.interp(z, line[order, 2], line[order, 1])
    aside = np.abs(x[None, :] - middle[:, None])
    reach = back[:, None] - 16.0 * anatomy.parameters.size
    first = np.where((aside < ANTERIOR_HALF_WIDTH) & (first < reach) & (z[:, None] > -30.0), first, 1e4)
    thick = ANTERIOR_MM * np.sqrt(np.clip(1 - (aside / ANTERIOR_HALF_WIDTH) ** 2, 0, 1)) + 0.3
    ahead = first.astype(np.float32)[:, None, :] - y[None, :, None]
    strip: NDArray[np.bool_] = (ahead > 0) & (ahead <= thick[:, None, :])
    canvas.put(where, strip & np.isin(tissues, SOFT), Region.ANTERIOR_LONGITUDINAL_LIGAMENT)
