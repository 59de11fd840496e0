"""Sacral nerves: S1 to S4 through their tunnels to the anterior foramina, S5 out of the hiatus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Side
from procguide.phantom.bones.sacrum import SacrumModel, to_straight
from procguide.phantom.bones.sacrum_shape import BACK, CANAL_DEPTH, CANAL_HALF, FORAMINA, FRONT
from procguide.phantom.neural.bone_field import BoneField
from procguide.phantom.neural.canal import SACRAL_SEGMENTS
from procguide.phantom.neural.plexus import ramus_nodes
from procguide.phantom.neural.roots import ROOT_MM, SPACING_MM, nearest, sleeve, split_nerve, thickness
from procguide.phantom.truth.nouns import Course
from procguide.phantom.tubes import smooth_curve

if TYPE_CHECKING:
    from procguide.phantom.assemble import Anatomy

__all__ = ["sacral_courses"]

_Reals = NDArray[np.float64]

CLEAR_MM = 0.5
WIDEST_MM = 3.0
"""Half-width that is kept clear of bone at most: the tunnels are narrower than nerve and fat together."""


def sacral_courses(anatomy: Anatomy, field: BoneField, level: str, side: Side) -> list[Course]:
    """Root, ganglion and ventral ramus of one sacral nerve."""
    line, size = anatomy.canal_line, anatomy.parameters.size
    n = SACRAL_SEGMENTS.index(level)
    station, x, y = sleeve(anatomy, level, side)
    start = line.at(np.array([station - 3.0, station + 1.5]), np.array([1.10, 1.20]) * x, [y, y])
    radius = ROOT_MM[level] / 2 * size
    if n == len(FORAMINA):
        return _through_hiatus(anatomy, field, start, station, level, side)
    tunnel = _tunnel(anatomy.sacrum, n, side)
    entry = line.station(tunnel[0])
    nodes = [start[0] if entry - station < 8 else start]
    if entry - station > 14:
        half = float(np.interp(entry - 8.0, np.arange(line.count), line.tube.half[:, 0]))
        aside = min(
            half - radius - 1.0, abs(line.axes[1][int(entry)] @ (tunnel[0] - line.at(entry, 0.0, 0.0)))
        )
        nodes.append(line.at(np.array([entry - 8.0]), np.array([side.sign * aside * 0.9]), np.array([0.0])))
    nodes.append(tunnel)
    inner = np.vstack(nodes)
    curve = smooth_curve(np.vstack([inner, ramus_nodes(anatomy, level, side)]), step=SPACING_MM)[0]
    # S1's ganglion lies at the canal's side, the others' in their tunnels.
    ganglion_at = nearest(curve, tunnel[0] if n == 0 else tunnel[1])
    if n == 0:
        ganglion_at = max(ganglion_at - int(7.0 / SPACING_MM), 4)
    thick = thickness(curve, ganglion_at, level, radius, size)
    moved = field.clear(curve, np.minimum(thick, WIDEST_MM * size) + CLEAR_MM)
    stop = nearest(curve, tunnel[-1])
    return split_nerve(field, (moved, thick), (moved[ganglion_at], moved[stop]), level, side, size)


def _tunnel(model: SacrumModel, n: int, side: Side) -> _Reals:
    """The middle of the way from the canal's side to in front of the foramen, LPS mm."""
    station, across, _, _ = FORAMINA[n]
    size, at = model.size, station * model.stretch
    wall = float(model.at(FRONT, at)) + 1.5 * size
    canal = float(model.at(BACK, at)) + float(model.at(CANAL_DEPTH, at)) * 0.45
    inner = float(model.at(CANAL_HALF, at)) - 1.5 * size
    rows = [
        (inner, at - 9.0 * size, canal),
        ((across - 1.5) * size, at - 2.0 * size, canal - 3.0 * size),
        ((across + 0.8) * size, at + 2.0 * size, wall - 0.5 * size),
        ((across + 4.5) * size, at + 5.0 * size, wall - 4.5 * size),
    ]
    local = np.array([(side.sign * x, *to_straight(model, s, h)) for x, s, h in rows])
    return np.asarray(model.frame.to_patient(local))


def _through_hiatus(
    anatomy: Anatomy, field: BoneField, start: _Reals, station: float, level: str, side: Side
) -> list[Course]:
    """The fifth runs down the canal beside the filum."""
    line, size = anatomy.canal_line, anatomy.parameters.size
    stations = np.array([(station + line.count) / 2, line.count - 7.0])
    half = np.interp(stations, np.arange(line.count), line.tube.half[:, 0])
    nodes = np.vstack([start, line.at(stations, side.sign * half * 0.55, 0 * stations)])
    curve = smooth_curve(nodes, step=SPACING_MM)[0]
    thick = np.full(len(curve), ROOT_MM[level] / 2 * size)
    return split_nerve(field, (curve, thick), (curve[len(curve) // 2], curve[-1]), level, side, size)
