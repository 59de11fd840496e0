"""Muscles as lofts: psoas, quadratus, crura, the column behind the spine and what lies on the pelvis.

Cross-sections were drawn after CTs of adults; their area is scaled by the parameters' ``muscle``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.lofts import Loft, ellipse, loft
from procguide.phantom.soft.spine_line import SpineLine
from procguide.phantom.solids import Array

__all__ = ["Column", "column_back", "column_of", "muscles_of"]

# Psoas: place along the spine, beyond the body's edge, behind its posterior wall, half-sizes, mm.
PSOAS = ((5.5, 3.0, -9.0, 3.0, 6.0), (5.0, 4.0, -10.0, 5.5, 11.0), (4.0, 9.0, -10.0, 10.5, 15.5),
         (3.0, 14.0, -11.0, 15.5, 19.5), (2.0, 18.5, -16.0, 18.5, 22.5),
             (1.0, 23.0, -27.0, 18.5, 23.0))  # fmt: skip
# In the pelvis: height z, x, y, half-sizes, mm at size 1.
ILIOPSOAS = ((0.0, 53.0, -28.0, 18.0, 22.0), (-30.0, 65.0, -50.0, 19.0, 21.0),
    (-60.0, 78.0, -72.0, 19.0, 18.0),
             (-95.0, 86.0, -84.0, 19.0, 17.0), (-150.0, 86.0, -86.0, 17.0, 15.0))  # fmt: skip
# Quadratus: place, from the midline, behind the wall, half-sizes.
QUADRATUS = ((5.7, 38.0, 10.0, 9.0, 3.5), (4.5, 46.0, 10.0, 14.0, 5.5), (3.5, 54.0, 9.0, 17.0, 7.0),
             (2.5, 61.0, 8.0, 18.0, 8.5), (1.6, 67.0, 5.0, 17.0, 9.0),
             (1.0, 72.0, 0.0, 12.0, 7.0))  # fmt: skip

# The column behind the processes: (from the midline mm, share of its depth) at some places.
_COLUMN = {
    10.0: ((0, -.6), (14, -.6), (26, -.35), (36, -.05), (42, .2), (44, .45), (38, .75), (28, .95),
        (18, 1.05), (9, 1.05), (3, 1.0), (0, 1.0)),
    7.0: ((0, -.5), (14, -.5), (27, -.3), (40, -.05), (50, .15), (54, .42), (47, .75), (36, .95),
        (22, 1.06), (10, 1.05), (3, .95), (0, .92)),
    5.0: ((0, -.5), (18, -.4), (34, -.2), (50, -.05), (62, .12), (68, .4), (61, .75), (46, .98),
        (29, 1.08), (13, 1.02), (4, .9), (0, .86)),
    3.0: ((0, -.5), (22, -.35), (44, -.2), (59, -.08), (70, .1), (75, .36), (69, .72), (52, .98),
        (32, 1.08), (14, 1.0), (4, .86), (0, .82)),
    2.0: ((0, -.5), (22, -.35), (44, -.2), (60, -.1), (70, .08), (74, .34), (69, .7), (53, .98),
        (33, 1.08), (14, 1.0), (4, .84), (0, .8)),
    1.0: ((0, -.5), (22, -.4), (42, -.35), (56, -.25), (66, -.02), (68, .3), (62, .68), (50, .96),
        (33, 1.06), (15, 1.0), (4, .82), (0, .78)),
    0.0: ((0, -.5), (20, -.4), (34, -.35), (44, -.25), (51, .0), (53, .34), (49, .7), (41, .95),
        (28, 1.05), (14, 1.0), (4, .84), (0, .8)),
    -1.5: ((0, -.5), (14, -.4), (22, -.35), (29, -.25), (34, .0), (36, .34), (33, .7), (27, .95),
        (19, 1.0), (10, .98), (3, .86), (0, .82)),
    -3.2: ((0, -.5), (8, -.4), (12, -.35), (16, -.25), (18, .0), (19, .34), (17, .7), (14, .95),
        (10, 1.0), (5, .98), (2, .9), (0, .86)),
}  # fmt: skip
# Place; depth behind the processes; cleft of multifidus in front and behind; longissimus to iliocostalis.
_CLEFTS = ((-3.2, 9.0, 30, 30, 60, 60), (-1.5, 21.0, 32, 34, 60, 60), (0.0, 36.0, 36, 38, 58, 52),
    (1.0, 42.0, 34, 33, 56, 47),
           (2.0, 42.0, 28, 23, 54, 43), (3.0, 41.0, 24, 16, 52, 41), (4.0, 39.0, 21, 12, 47, 38),
           (5.0, 36.0, 19, 10, 43, 34),
           (7.0, 27.0, 15, 9, 33, 27), (10.0, 23.0, 12, 8, 27, 24))  # fmt: skip


@dataclass(frozen=True)
class Column:
    """Multifidus and erector spinae of one side: their common outline and the clefts within it.

    ``clefts`` ``(n, 8)`` go with the outline's heights: x and y of the midline at the posterior body
    wall, process depth, column depth, and four distances from the midline: multifidus' edge in front and
    behind, longissimus' edge in front and behind. ``turns`` is the axial rotation, radians.
    """

    outline: Loft
    clefts: Array
    turns: Array
    places: Array


def _spine_points(
    spine: SpineLine, z: float, u: NDArray[np.float64], v: NDArray[np.float64], s: int
) -> NDArray[np.float64]:
    turn = spine.at("turn", z)
    x = spine.at("x", z) + s * u * np.cos(turn) - v * np.sin(turn)
    y = spine.at("wall", z) + s * u * np.sin(turn) + v * np.cos(turn)
    return np.column_stack([x, y])


def _bulk(parameters: PhantomParameters) -> float:
    return float(parameters.body.muscle**0.5)


def _psoas(parameters: PhantomParameters, spine: SpineLine, side: Side, factor: float) -> Loft:
    size, s = parameters.size, side.sign
    grow = size * _bulk(parameters) * factor * (0.93 if parameters.sex == "female" else 1.0)
    stations = []
    for place, beyond, behind, a, b in PSOAS:
        z = spine.height(place)
        u = spine.at("half_width", z) + (beyond - a) * size + a * grow - 1.0
        shape = ellipse(0.0, 0.0, a * grow, b * grow, 8.0)
        stations.append((z, _spine_points(spine, z, u + shape[:, 0], behind * size + shape[:, 1], s)))
    for z, x, y, a, b in ILIOPSOAS:
        shape = ellipse(x * size, y * size, a * grow, b * grow, 20.0) * np.array([s, 1.0])
        stations.append((z * size, shape))
    return loft(Region.PSOAS, side, stations, caps=(0.0, 10.0), rough=1.0)


def _quadratus(parameters: PhantomParameters, spine: SpineLine, side: Side) -> Loft:
    size = parameters.size
    grow = _bulk(parameters)
    stations = []
    for place, out, behind, a, b in QUADRATUS:
        z = spine.height(place)
        reach = 0.5 * (spine.at("process_reach", z) - 43.0 * size)
        v = min(behind * size, spine.at("process_behind", z) - 5.0 * size)
        shape = ellipse(out * size + reach, v, a * size, b * size * grow, -14.0)
        stations.append((z, _spine_points(spine, z, shape[:, 0], shape[:, 1], side.sign)))
    return loft(Region.QUADRATUS_LUMBORUM, side, stations, caps=(4.0, 8.0), rough=0.8)


def _crus(parameters: PhantomParameters, spine: SpineLine, side: Side) -> Loft:
    """Beside the aorta in front of T12 to L2 (left) or L3 (right)."""
    size, s = parameters.size, side.sign
    lowest = 4.2 if side is Side.LEFT else 3.4
    stations = []
    for share, out, ahead, a, b in ((0.0, 9, 1, 3.0, 1.6), (0.35, 13, 2, 5.5, 3.5), (0.7, 18, 3, 7.0, 4.0),
                                    (1.0, 22, 2, 5.5, 8.0)):  # fmt: skip
        z = spine.height(lowest + share * (7.2 - lowest))
        x = spine.at("x", z) + s * out * size + (6.0 * size if s > 0 else 0.0) * share
        y = spine.at("front", z) - (ahead - 6.0 * share**3) * size
        stations.append((z, ellipse(x, y, a * size, b * size, s * 35.0 * share)))
    return loft(Region.MUSCLE, side, stations, caps=(3.0, 3.0), rough=0.5)


def column_back(parameters: PhantomParameters, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the muscle column reaches behind the transverse processes, mm."""
    table = np.array(_CLEFTS)
    depth = np.interp(place, table[:, 0], table[:, 1])
    return np.asarray(1.07 * depth * parameters.size * _bulk(parameters))


def muscles_of(parameters: PhantomParameters, spine: SpineLine) -> tuple[Loft, ...]:
    """Psoas, quadratus and crura of both sides."""
    rng = np.random.default_rng([parameters.seed, 44])
    found = []
    for side in Side:
        found += [
            _quadratus(parameters, spine, side),
            _psoas(parameters, spine, side, float(rng.normal(1.0, 0.03))),
            _crus(parameters, spine, side),
        ]
    return tuple(found)


def column_of(parameters: PhantomParameters, spine: SpineLine, side: Side) -> Column:
    """The muscles that fill the gutter between spinous and transverse processes, of one side."""
    size, grow = parameters.size, _bulk(parameters)
    places = np.array(sorted(_COLUMN))
    shapes = np.array([_COLUMN[place] for place in places], dtype=float)
    table = np.array(_CLEFTS)
    heights = np.arange(spine.height(-3.2), spine.z[-1], 4.0)
    counted = np.interp(heights, spine.z, spine.place)
    columns = [np.interp(counted, table[:, 0], table[:, n]) for n in range(1, 6)]
    depth = columns[0] * size * grow
    wide = np.interp(counted, [0, 1.5], [1.0, 0.5 + 0.5 * grow]) * size
    behind, x, wall = (
        np.interp(heights, spine.z, getattr(spine, n)) for n in ("process_behind", "x", "wall")
    )
    drawn = [[np.interp(counted, places, shapes[:, n, axis]) for n in range(12)] for axis in range(2)]
    u = np.array(drawn[0]) * wide
    v = behind + np.array(drawn[1]) * depth
    stations = [
        (float(z), _spine_points(spine, float(z), u[:, k], v[:, k], side.sign)) for k, z in enumerate(heights)
    ]
    rows = np.column_stack([x, wall, behind, depth, *(column * wide for column in columns[1:])])
    outline = loft(Region.ERECTOR_SPINAE, side, stations, caps=(0.0, 0.0), rough=0.6)
    along = np.array([np.interp(outline.heights, heights, rows[:, n]) for n in range(8)]).T
    turns = np.interp(outline.heights, spine.z, spine.turn)
    levels = np.interp(outline.heights, spine.z, spine.place)
    return Column(outline, along.astype(np.float32), turns.astype(np.float32), levels.astype(np.float32))
