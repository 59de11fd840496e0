"""Strands in the sac: rootlets of thoracic nerves, the cauda equina and the filum.

Lying supine the cauda's strands settle in the posterior half of the sac, the lowest nerves' nearest the
midline, and turn forward and outward only over the last centimetres before their exit. One to three
ventral and dorsal rootlets make a root (Eur J Orthop Surg Traumatol 2018;28:171); their arrangement in
the sac after Wall et al., Spine 1990;15:1244 (lower nerves behind and medial); paths are assumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.phantom.truth.nouns import Course

if TYPE_CHECKING:
    from procguide.phantom.assemble import Anatomy

__all__ = ["cauda_strands"]

_Reals = NDArray[np.float64]

# fmt: off
STRANDS = {
    "T": 2, "L1": 3, "L2": 4, "L3": 4, "L4": 5, "L5": 5, "L6": 5, "S1": 5, "S2": 4, "S3": 3, "S4": 2, "S5": 1,
}
# fmt: on
STRAND_MM = 0.46
"""Radius of one rootlet in the sac."""
EXIT_MM = 26.0
"""Over this length a strand turns from its place behind to its sleeve."""


def cauda_strands(anatomy: Anatomy, roots: tuple[Course, ...]) -> tuple[Course, ...]:
    """All strands between cord and sleeves."""
    from procguide.phantom.neural.roots import nerve_levels

    rng = np.random.default_rng([anatomy.parameters.seed, 31])
    starts = {course.name: course.points[0] for course in roots if course.region is Region.NERVE_ROOT}
    levels = nerve_levels(anatomy)
    found = []
    for place, level in enumerate(levels):
        for side in Side:
            exit_at = starts[f"{side.value} {level} root"]
            count = STRANDS.get(level, STRANDS["T"])
            for n in range(count):
                share = ((n + 0.5) / count, (len(levels) - 1 - place) / len(levels))
                found.append(_strand(anatomy, level, side, exit_at, share, rng))
    found.append(_filum(anatomy))
    return tuple(found)


def _origin(anatomy: Anatomy, level: str) -> float:
    """Station where the rootlets leave the cord: lumbar and sacral ones from the lowest 90 mm."""
    line, sac = anatomy.canal_line, anatomy.sac
    if level.startswith("T"):
        return max(0.0, line.height(level, 0.2) - 26.0)
    order = {"L": 0, "S": 6}[level[0]] + int(level[1:])
    return max(0.0, sac.conus - max(8.0, 88.0 - 8.0 * order))


def _strand(
    anatomy: Anatomy, level: str, side: Side, exit_at: _Reals, share: tuple[float, float],
    rng: np.random.Generator,
) -> Course:  # fmt: skip
    """``share``: place among the strands of its root, and among the roots from the lowest (0) up (1)."""
    line, sac = anatomy.canal_line, anatomy.sac
    start, end = _origin(anatomy, level), line.station(exit_at)
    among, rank = share
    count = max(4, int((end - start) / 1.0) + 1)
    stations = np.linspace(start, end, count)
    places = np.arange(line.count)
    y0, a, b = (np.interp(stations, places, v) for v in (sac.sac_y, sac.sac_half_x, sac.sac_half_y))
    # Angle from straight behind; lower nerves lie nearer the midline, in up to two layers.
    spread = np.radians(9 + 84 * np.clip(rank / 0.42, 0, 1) + rng.normal(0, 8))
    depth = np.clip(0.86 - 0.28 * among * (0.5 + rng.random()) - 0.08 * rng.random(), 0.35, 0.86)
    wander = np.interp(stations, np.linspace(start, end, 6), rng.normal(0, 0.055, 6))
    x = side.sign * a * (depth + wander) * np.sin(spread + wander)
    y = b * (depth - wander) * np.cos(spread - wander)
    cord = tuple(np.interp(stations, places, v) for v in (sac.cord_y, sac.cord_half_x, sac.cord_half_y))
    x, y = _round_cord(stations, sac.conus, x, y + y0, cord, side, ventral=among < 0.5)
    leave = _ease(1 - (end - stations) / min(EXIT_MM, 0.6 * (end - start)))
    offset = exit_at - line.at(np.array(end), np.array(0.0), np.array(0.0))
    n = min(round(end), line.count - 1)
    target = offset @ line.axes[1][n], offset @ line.axes[2][n]
    x, y = x + leave * (target[0] - x), y + leave * (target[1] - y)
    radius = np.full(count, STRAND_MM * (0.85 + 0.3 * rng.random()))
    name = f"{side.value} {level} rootlet"
    return Course(name, Region.CAUDA_EQUINA, line.at(stations, x, y), radius, level, side)


def _ease(t: _Reals) -> _Reals:
    t = np.clip(t, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _round_cord(
    stations: _Reals,
    conus: float,
    x: _Reals,
    y: _Reals,
    cord: tuple[_Reals, ...],
    side: Side,
    *,
    ventral: bool,
) -> tuple[_Reals, _Reals]:
    """Above and round the conus a strand lies on the cord's surface, in front or behind; free below it."""
    cy, a, b = cord
    angle = np.radians(128.0 if ventral else 48.0)
    on_x = side.sign * (a + 0.5) * np.sin(angle)
    on_y = cy + (b + 0.5) * np.cos(angle)
    free = _ease((stations - (conus - 18.0)) / 34.0)
    return on_x + free * (x - on_x), on_y + free * (y - on_y)


def _filum(anatomy: Anatomy) -> Course:
    """From the conus's tip along the back of the sac, and on to the coccyx."""
    line, sac = anatomy.canal_line, anatomy.sac
    stations = np.arange(sac.conus - 2.0, line.count - 4.0, 0.9)
    places = np.arange(line.count)
    y, b = (np.interp(stations, places, v) for v in (sac.sac_y, sac.sac_half_y))
    away = _ease((stations - sac.conus) / 40.0)
    tip = sac.cord_at(sac.conus)[0]
    at = line.at(stations, 0 * stations, tip + away * (y + 0.7 * b - tip))
    return Course("filum terminale", Region.CAUDA_EQUINA, at, np.full(len(at), 0.5))
