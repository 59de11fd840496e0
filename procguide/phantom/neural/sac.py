"""Sizes along the canal: thecal sac, cord, recess behind the canal and ligamentum flavum, by station.

Cord: transverse and sagittal diameters after Frostell et al., Front Neurol 2016;7:238. Ligamentum flavum:
mean thickness by level from MRI of 200 adults, Asian Spine J 2015;9:245. Posterior epidural fat: normal
where the sac is at least 1.5 times as deep as the fat (Borre et al., Eur Radiol 2003, S1 endplate). The
share of the canal that the sac fills, and its gaps to the walls, are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.phantom.bones.pose import Pose
from procguide.phantom.neural.canal import CanalLine
from procguide.phantom.population.parameters import PhantomParameters

__all__ = ["SacProfile", "sac_profile"]

_Reals = NDArray[np.float64]

SAC_TAPER_MM = 26.0
CONUS_TAPER_MM = 34.0
DISC_REACH_MM = 0.9
"""How much further forward than behind the bodies the sac reaches at a healthy disc; assumed."""
DISC_WIDER = 0.17
"""How much more of the canal's width it takes there; assumed."""
FLAVUM_MM = {"T8": 2.2, "T9": 2.2, "T10": 2.3, "T11": 2.4, "T12": 2.6, "L1": 2.9, "L2": 3.2, "L3": 3.4,
             "L4": 3.8, "L5": 3.7}  # fmt: skip
"""Thickness of the flavum under each level; above L3 assumed."""
RECESS_MM = {"T8": 1.6, "T9": 1.6, "T10": 1.7, "T11": 1.9, "T12": 2.2, "L1": 2.5, "L2": 2.8, "L3": 3.2,
             "L4": 3.2, "L5": 3.4}  # fmt: skip
"""How far the flavum's ridge lies behind the canal's wall line between the laminae, mm; assumed."""


@dataclass(frozen=True)
class SacProfile:
    """Arrays ``(n,)`` by station of the canal, mm; y is posterior of the canal's centreline.

    ``flavum`` is its thickness, 0 where there is none; ``recess`` how far its ridge (or the lamina) lies
    behind the canal's wall line. ``sac_half_x`` is 0 under ``sac_end``, ``cord_half_x`` under ``conus``.
    """

    half_x: _Reals
    half_y: _Reals
    sac_y: _Reals
    sac_half_x: _Reals
    sac_half_y: _Reals
    cord_y: _Reals
    cord_half_x: _Reals
    cord_half_y: _Reals
    recess: _Reals
    flavum: _Reals
    conus: float
    sac_end: float

    def sac_at(self, station: float) -> tuple[float, float, float]:
        """Centre y and half-sizes of the sac."""
        places = np.arange(len(self.half_x))
        y, a, b = (np.interp(station, places, v) for v in (self.sac_y, self.sac_half_x, self.sac_half_y))
        return float(y), float(a), float(b)

    def cord_at(self, station: float) -> tuple[float, float, float]:
        """Centre y and half-sizes of the cord."""
        places = np.arange(len(self.half_x))
        y, a, b = (np.interp(station, places, v) for v in (self.cord_y, self.cord_half_x, self.cord_half_y))
        return float(y), float(a), float(b)


def sac_profile(parameters: PhantomParameters, pose: Pose, line: CanalLine) -> SacProfile:
    """The canal's content from the parameters."""
    places = np.arange(line.count, dtype=float)
    half_x, half_y = line.tube.half.T
    conus, sac_end = line.height(*parameters.neural.conus), line.height(*parameters.neural.sac_end)
    recess, flavum = _behind(parameters, pose, line, places)
    front, back, share = _gaps(parameters, pose, line, places)
    end = np.clip((sac_end - places) / SAC_TAPER_MM, 0, 1)
    room = np.where(end > 0, 0.35 + 0.65 * end**0.6, 0.0)
    depth = np.maximum(2 * half_y - front - back, 3.0)
    sac_y = (front - back) / 2
    cord = _cord(parameters, places, conus)
    sac_half_y = depth / 2 * room
    lower = np.clip((places - (conus - 90)) / 70, 0, 1)
    # Lying supine the cord keeps to the front of the thoracic curve and falls back with the conus.
    slack = np.maximum(sac_half_y - cord[1] - 0.8, 0)
    cord_y = sac_y + slack * (-0.45 + 0.75 * lower)
    return SacProfile(
        half_x, half_y, sac_y, half_x * share * room, sac_half_y, cord_y, *cord, recess, flavum,
        conus, sac_end,
    )  # fmt: skip


def _anchors(line: CanalLine, places: _Reals, values: dict[str, float]) -> _Reals:
    """Interpolated between the discs (or sacral tops) under the named levels."""
    names = [name for name in line.tops if name in values]
    at = [line.height(name, 0.9) for name in names]
    return np.asarray(np.interp(places, at, [values[name] for name in names]))


def _gaps(
    parameters: PhantomParameters, pose: Pose, line: CanalLine, places: _Reals
) -> tuple[_Reals, _Reals, _Reals]:
    """Fat between sac and wall in front and behind, mm, and the share of the canal's width the sac takes."""
    fat, size = parameters.neural.epidural_fat, parameters.size
    last = parameters.levels[-1]
    front = {"T8": 0.8, "T12": 0.4, "L1": -0.4, "L3": -0.5, "L4": 0.0, last: 2.0, "S1": 4.2, "S2": 3.6}
    back = {"T8": 1.2, "T11": 1.0, "L1": 0.9, "L3": 0.9, "L4": 1.2, last: 2.4, "S1": 3.2, "S2": 3.0}
    share = {"T8": 0.79, "T12": 0.78, "L2": 0.72, "L3": 0.70, "L4": 0.66, last: 0.59, "S1": 0.58, "S2": 0.50}
    ahead, behind, wide = (_anchors(line, places, v) for v in (front, back, share))
    for level in parameters.levels:
        disc = line.height(level, _disc_share(pose, level))
        near = np.exp(-(((places - disc) / 6.5) ** 2))
        # The disc stands behind the line of the bodies and the sac lies against it.
        ahead = ahead + near * (parameters.worn(level).bulge - DISC_REACH_MM)
        wide = wide + near * DISC_WIDER
        behind = behind + near * (0.8 if level.startswith("T") else 1.3) * size
    much = 1 + 0.6 * (fat - 1)
    low = np.clip((places - line.height("L4", 0.0)) / 60, 0, 1) if "L4" in line.tops else 0.0
    return ahead * (1 + low * (much - 1)), behind * much, wide * (1 - 0.10 * (fat - 1))


def _disc_share(pose: Pose, level: str) -> float:
    shape = pose.shapes[level]
    return float((shape.body_height + shape.disc_height / 2) / (shape.body_height + shape.disc_height))


def _cord(parameters: PhantomParameters, places: _Reals, conus: float) -> tuple[_Reals, _Reals]:
    """Half width and half depth of the cord; the enlargement lies 55 mm above the conus's tip."""
    wide = parameters.neural.cord_diameter / 2
    swell = np.exp(-(((places - (conus - 55)) / 32) ** 2))
    end = np.clip((conus - places) / CONUS_TAPER_MM, 0, 1)
    tip = end**0.62
    return wide * (0.87 + 0.13 * swell) * tip, wide * (0.69 + 0.17 * swell) * np.minimum(tip * 1.05, 1)


def _behind(
    parameters: PhantomParameters, pose: Pose, line: CanalLine, places: _Reals
) -> tuple[_Reals, _Reals]:
    """The ridge's depth behind the wall line and the flavum's thickness."""
    stations, depths = [0.0], [0.3]
    flavum = np.zeros(len(places))
    fat = 0.6 + 0.4 * parameters.neural.epidural_fat
    for level in parameters.levels:
        upper, middle, lower, below = _lamina_stations(parameters, pose, line, level)
        deep = RECESS_MM.get(level, 3.2) * fat * parameters.size
        stations += [upper, middle, lower, lower + 0.3 * (below - lower)]
        depths += [0.0, 0.3 * deep, 0.8 * deep, deep]
        wear = parameters.worn(level)
        thick = FLAVUM_MM.get(level, 3.6) * (1 + 0.55 * wear.central_stenosis + 0.3 * wear.facets)
        begin, end = (lower + middle) / 2 - 2.0, below + 1.5
        rise = np.clip(np.minimum((places - begin) / 3.0, (end - places) / 2.0), 0, 1)
        flavum = np.maximum(flavum, thick * np.where(rise > 0, 0.45 + 0.55 * rise, 0))
        if parameters.below(level) is None:
            stations += [below, below + 40]
            depths += [0.0, 0.0]
    return np.asarray(np.interp(places, stations, depths)), flavum


def _lamina_stations(
    parameters: PhantomParameters, pose: Pose, line: CanalLine, level: str
) -> tuple[float, float, float, float]:
    """Upper edge, middle and lower edge of a level's laminae, and the upper edge of the next below."""

    def at(name: str, share: float) -> float:
        shape = pose.shapes[name]
        z = -0.21 * shape.body_height + share * shape.lamina_height / 2
        back = (shape.depth_upper + shape.depth_lower) / 4 + shape.canal_depth / 2
        return line.station(pose.frames[name].to_patient((0, back, z)))

    below = parameters.below(level)
    next_edge = at(below, 0.85) if below else line.height("S1", 0.42)
    return at(level, 0.85), at(level, 0.0), at(level, -0.9), next_edge
