"""What fills the canal of a neck: cord, fluid, the fat behind the sac under each lamina, flavum.

The sac comes nearest to the laminae at their upper edges; the fat is deepest under their lower edges and
reaches its published depth there. Cord after Frostell et al., Front Neurol 2016;7:238 (from memory).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.phantom.canvas import Canvas
from procguide.phantom.neck.assemble import NeckAnatomy
from procguide.phantom.neck.parameters import NECK_LEVELS
from procguide.phantom.neural.content import DURA_MM, DURA_SPACING_MM, Places, places_along
from procguide.phantom.solids import FAR, Array, radial

__all__ = ["paint_neck_canal"]

_CORD_HALF = {"C2": (5.9, 4.2), "C3": (6.2, 4.0), "C4": (6.5, 3.9), "C5": (6.6, 3.8), "C6": (6.3, 3.7),
              "C7": (5.7, 3.5), "T1": (5.2, 3.3), "T2": (4.8, 3.2), "T3": (4.6, 3.2)}  # fmt: skip
_FLAVUM_MM = {
    "C2": 2.0,
    "C3": 2.2,
    "C4": 2.3,
    "C5": 2.5,
    "C6": 2.8,
    "C7": 3.2,
    "T1": 3.4,
    "T2": 3.4,
    "T3": 3.4,
}
_SLOPE = 0.55
"""Fall of the flavum's front per mm from the midline; assumed."""
_BEFORE_SAC_MM = 1.0
_BESIDE_SAC_MM = 2.2
_Curve = NDArray[np.float64]


def paint_neck_canal(canvas: Canvas, anatomy: NeckAnatomy) -> Array:
    """Fill the canal; returns the distance to its wall, negative inside."""
    wall = np.full(canvas.grid.shape, FAR, dtype=np.float32)
    line = anatomy.canal_line
    places = places_along(canvas, line)
    if places is None:
        return wall
    tube, x, y = line.tube, places.x, places.y
    half_x, half_y = (places.of(tube.half[:, n]) for n in range(2))
    straight = x / (1 - np.float32(tube.taper) * np.clip(y / half_y, -1.2, 1.2))
    d = radial(straight, y, half_x, half_y, tube.power)
    wall[places.where][places.near] = d
    ax = np.abs(x)
    behind = y - (half_y + places.of(_recess(anatomy)) - np.float32(_SLOPE) * ax)
    thick = places.of(_by_level(anatomy, lambda level: _FLAVUM_MM[level] * anatomy.parameters.size))
    out = np.full(len(x), 255, dtype=np.uint8)
    out[(d < 4.0) & (y < -0.3 * half_y) & (ax < 0.9 * half_x)] = Region.EPIDURAL_FAT
    out[(behind < thick) & (behind > -2) & (y > 0.3 * half_y) & (ax < 0.9 * half_x)] = (
        Region.LIGAMENTUM_FLAVUM
    )
    out[(d < 0) | ((behind < 0) & (y > 0.3 * half_y) & (ax < 0.7 * half_x))] = Region.EPIDURAL_FAT
    _sac(out, places, anatomy, float(canvas.grid.affine.spacing.max()))
    chosen = (out != 255) & ~np.isin(
        canvas.tissues[places.where][places.near], (Region.ANNULUS_FIBROSUS, Region.NUCLEUS_PULPOSUS)
    )
    index = tuple(axis[chosen] for axis in np.nonzero(places.near))
    canvas.tissues[places.where][index] = out[chosen]
    return wall


def _sac(out: NDArray[np.uint8], places: Places, anatomy: NeckAnatomy, spacing: float) -> None:
    """Dura, fluid and cord."""
    half = anatomy.canal_line.tube.half
    gap, size = anatomy.parameters.sac_gap, anatomy.parameters.size
    middle, half_y = (_BEFORE_SAC_MM - gap) / 2, half[:, 1] - (_BEFORE_SAC_MM + gap) / 2
    half_x = np.minimum(half[:, 0] - _BESIDE_SAC_MM, 9.5 * size)
    y = places.y - np.float32(middle)
    d = radial(places.x, y, places.of(half_x), places.of(half_y), 2.2)
    out[d < 0] = Region.CEREBROSPINAL_FLUID
    if spacing <= DURA_SPACING_MM:
        out[np.abs(d) < DURA_MM] = Region.DURA
    wide = _by_level(anatomy, lambda level: _CORD_HALF[level][0] * size)
    deep = _by_level(anatomy, lambda level: _CORD_HALF[level][1] * size)
    deep = np.minimum(deep, 0.75 * half_y)
    cord = radial(places.x, y + np.float32(0.3), places.of(wide), places.of(deep))
    out[cord < 0] = Region.SPINAL_CORD


def _by_level(anatomy: NeckAnatomy, value: Callable[[str], float]) -> _Curve:
    """A profile along the canal through one value a level."""
    stations = [anatomy.pose.stations[level] for level in NECK_LEVELS]
    return np.interp(np.arange(anatomy.canal_line.count), stations, [value(level) for level in NECK_LEVELS])


def _recess(anatomy: NeckAnatomy) -> _Curve:
    """How far behind the canal's wall the flavum's front lies: rises under a lamina, falls to the next."""
    line, gap = anatomy.canal_line, anatomy.parameters.sac_gap
    stations, depths = [0.0], [0.0]
    for level in NECK_LEVELS:
        bone = anatomy.vertebrae[level]
        top = bone.lamina_top
        edge = bone.frame.to_patient(top - np.array([0, 0, bone.shape.lamina_height]))
        stations += [line.station(bone.frame.to_patient(top)), line.station(edge)]
        depths += [0.0, max(bone.shape.epidural - gap, 0.3)]
    return np.interp(np.arange(line.count), stations, depths)
