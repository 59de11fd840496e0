"""The sacrum's solid at size 1: block, crests, foramina and what is left of its discs.

Bent coordinates: ``s`` mm caudal along the midline curve of a 112 mm sacrum, ``h`` mm posterior across it,
``x`` mm from the midline, either side alike. Openings: anterior foramina 13 x 12 mm at S1 and S2, posterior
10.4 x 7.7 mm at S1 and 7.1 x 7.3 mm at S2 (Saluja et al., J Clin Diagn Res 2018;12(6):AC01); posterior S1
23.5 mm from the midline (Kim et al., Korean J Pain 2023;36:98); posterior S2 pair 29.8 mm apart, bridges of
14.2 mm S1-S2 and 12.8 mm S2-S3 (McGrath and Stringer, Surg Radiol Anat 2011;33:279). The rest is assumed
from anatomy atlases.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.phantom.solids import Array, radial, smooth_max, smooth_min

__all__ = [
    "BACK",
    "BODY_HALF",
    "CANAL_DEPTH",
    "CANAL_HALF",
    "FORAMINA",
    "FRONT",
    "JUNCTIONS",
    "SacrumShape",
    "at_station",
    "remnant_distance",
    "sacrum_distance",
]

# Along the midline: stations and what holds there, mm.
STATION = np.array([-20.0, 0.0, 8.0, 15.0, 30.0, 45.0, 55.0, 65.0, 76.0, 88.0, 95.0, 104.0, 112.0])
FRONT = np.array([-16.5, -16.5, -15.2, -13.8, -11.0, -9.2, -8.2, -7.4, -6.4, -5.6, -5.2, -4.6, -4.0])
BACK = np.array([16.5, 16.5, 14.5, 12.5, 9.5, 7.4, 6.4, 5.6, 5.0, 4.4, 4.2, 4.0, 3.6])
BODY_HALF = np.array([24.5, 24.5, 22.0, 19.5, 17.0, 15.0, 14.0, 13.2, 12.5, 12.0, 11.0, 10.0, 8.0])
HALF_WIDTH = np.array([50.0, 52.0, 55.5, 56.0, 54.5, 50.0, 45.5, 38.0, 31.0, 26.0, 23.0, 17.5, 10.5])
CANAL_DEPTH = np.array([17.0, 17.0, 16.0, 14.5, 11.5, 9.0, 7.6, 6.6, 5.8, 5.0, 4.6, 4.0, 3.5])
CANAL_HALF = np.array([14.5, 14.5, 14.5, 14.0, 12.5, 10.5, 9.2, 8.2, 7.4, 6.4, 5.6, 5.0, 4.0])
ROOF = np.array([5.0, 5.0, 5.0, 5.2, 5.2, 5.0, 4.8, 4.6, 4.4, 3.0, 0.0, -3.5, -3.0])
FORAMINA = ((29.0, 20.0, 6.4, 3.9), (54.0, 17.0, 6.2, 3.5), (75.0, 15.0, 5.0, 3.0), (93.0, 13.5, 4.0, 2.4))
"""Station, distance from the midline, radius in front and behind, S1 to S4, mm."""
JUNCTIONS = (31.0, 55.5, 76.0, 94.5)
"""Where the segments' bodies met: stations of the remnant discs S1-S2 to S4-S5."""
TUBERCLES = ((15.0, 6.0, 7.0), (37.0, 8.5, 8.0), (58.0, 7.5, 7.0), (78.0, 5.0, 6.0))
"""The median crest's knobs S1 to S4: station, rise over the roof, half-length, mm."""
# How deep the auricular face reaches back from the ala's front, by station.
AURICULAR = (
    np.array([-5.0, 5.0, 18.0, 32.0, 46.0, 58.0, 70.0]),
    np.array([9.0, 12.0, 17.0, 24.0, 27.0, 22.0, 12.0]),
)


@dataclass(frozen=True)
class SacrumShape:
    """What makes one sacrum's solid differ from the table's, factors and mm at size 1.

    ``wide`` and ``deep`` stretch the upper endplate, ``width`` is half the sacrum's width.
    """

    wide: float
    deep: float
    width: float
    foramen_size: float
    remnant: float


def at_station(table: NDArray[np.float64], s: ArrayLike) -> Array:
    """A table's value at station ``s``."""
    return np.asarray(np.interp(np.asarray(s, dtype=np.float64), STATION, table), np.float32)


def _along(s: Array, stations: ArrayLike, values: ArrayLike) -> Array:
    return np.asarray(np.interp(s, np.asarray(stations, float), np.asarray(values, float)), dtype=np.float32)


def sacrum_distance(shape: SacrumShape, x: Array, s: Array, h: Array) -> Array:
    """Distance to the bone, mm, negative inside; the vertebral canal is not cut out of it."""
    ax = np.abs(x)
    bone = _block(shape, ax, s, h)
    bone = smooth_max(bone, -_tunnels(shape, ax, s, h), 1.2)
    return np.asarray(np.maximum(bone, -remnant_distance(shape, ax, s, h)), dtype=np.float32)


def remnant_distance(shape: SacrumShape, ax: Array, s: Array, h: Array) -> Array:
    """Distance to what is left of the sacral discs; 1000 where nothing is."""
    plate = np.full(ax.shape, 1e3, dtype=np.float32)
    for n, station in enumerate(JUNCTIONS):
        share = shape.remnant * (1.0, 0.62, 0.3, 0.12)[n]
        if share < 0.15:
            continue
        front, back = float(at_station(FRONT, station)), float(at_station(BACK, station))
        half_x = float(at_station(BODY_HALF, station)) * (0.35 + 0.45 * share)
        half_h = (back - front) / 2 * (0.30 + 0.42 * share)
        thick = 0.5 + 2.2 * share
        rim = radial(ax, h - (front + back) / 2, half_x, half_h, 2.4)
        # Bowed: the plates grow toward the disc's middle.
        dish = 1.0 - 0.35 * np.clip((ax / half_x) ** 2 + ((h - (front + back) / 2) / half_h) ** 2, 0, 1)
        plate = np.minimum(plate, smooth_max(rim, np.abs(s - station) - thick * dish, 0.8))
    return np.asarray(plate, dtype=np.float32)


def _bodies(shape: SacrumShape, ax: Array, s: Array, h: Array) -> Array:
    """The fused bodies with the S1 endplate, ridges at the junctions and waists between."""
    fade = np.clip(1 - s / 30.0, 0, 1)
    front = at_station(FRONT, s) * (1 + (shape.deep - 1) * fade)
    back = at_station(BACK, s) * (1 + (shape.deep - 1) * fade)
    half = at_station(BODY_HALF, s) * (1 + (shape.wide - 1) * fade)
    ridge = sum(np.exp(-(((s - at) / 3.0) ** 2)) for at in JUNCTIONS)
    front = front + 0.9 - 1.5 * ridge * np.clip(1.2 - ax / half, 0, 1)
    rim = np.clip((ax / half) ** 2 + (h / np.maximum(back, 1)) ** 2, 0, 1)
    hollow = 2.2 * fade * np.maximum(1 - (ax / (0.55 * half)) ** 2, 0)
    behind = np.where(h > 0, h + hollow * h / np.maximum(back, 1), h)
    body = radial(ax, behind - (front + back) / 2, half, (back - front) / 2, 2.3)
    return smooth_max(body, np.maximum(-s + 1.4 * (1 - rim * rim), s - 112.0), 2.0)


def _block(shape: SacrumShape, ax: Array, s: Array, h: Array) -> Array:
    """Bodies, alae and the posterior wall with its crests, without holes."""
    fade = np.clip(1 - s / 30.0, 0, 1)
    front = at_station(FRONT, s) * (1 + (shape.deep - 1) * fade)
    back = at_station(BACK, s) * (1 + (shape.deep - 1) * fade)
    half = at_station(BODY_HALF, s) * (1 + (shape.wide - 1) * fade)
    beside = np.maximum(ax - half, 0)
    recede = _along(s, [0, 30, 60, 112], [0.14, 0.10, 0.05, 0.0])
    wall = front + 2.5 * np.clip(1 - s / 40, 0, 1) + recede * beside
    # Between the foramina's grooves the ala's front stands a little forward, as the roots of old ribs.
    wall = wall + 0.8 * np.cos(2 * np.pi * (s - 17.0) / 24.0) * np.clip(beside / 8, 0, 1) * np.clip(
        s / 20, 0, 1
    )
    dorsal = np.maximum(back + _roof(ax, s), wall + 5.0)
    mass = smooth_max(smooth_max(wall - h, h - dorsal, 3.0) * 0.95, _side(shape, ax, s, h - wall), 4.0)
    top = 2.0 + 0.26 * np.maximum(ax - 25, 0)
    lamina_top = 15.0 - 0.30 * np.minimum(ax, 24)
    top = np.where(h > back + 1.0, np.maximum(top, lamina_top), top)
    # The brim of the pelvis is rounded and falls away to the side.
    brim = 0.7 * (wall - h + top - s) + 5.0 * np.clip(beside / 14, 0, 1) - 0.5
    mass = smooth_max(
        smooth_max(mass, np.maximum(top - s, s - 108.0), 3.0), np.asarray(brim, np.float32), 4.0
    )
    block = smooth_min(_bodies(shape, ax, s, h), mass, 4.0)
    rise = h - (back + at_station(CANAL_DEPTH, s) + at_station(ROOF, s))
    block = smooth_min(block, _crest(ax, s, rise), 2.5)
    return smooth_min(block, _cornua(ax, s, h - back), 2.0)


def _roof(ax: Array, s: Array) -> Array:
    """Height of the dorsal face over the bodies' back: laminae, the groove beside, both lesser crests."""
    roof = at_station(CANAL_DEPTH, s) + at_station(ROOF, s)
    fall = _along(s, [0, 15, 40, 70], [0.16, 0.18, 0.26, 0.34])
    roof = roof - fall * np.maximum(ax - 6, 0) - 0.0025 * ax * ax
    # Beside the S1 process the ala is a wedge: its back runs forward to the joint.
    roof = roof - _along(s, [2, 12, 26, 40], [0.62, 0.5, 0.16, 0.0]) * np.maximum(ax - 27, 0)
    knobs = np.cos(2 * np.pi * (s - 16.0) / 23.5)
    medial = _along(s, [0, 40, 90], [19.0, 15.0, 9.0])
    lateral = _along(s, [0, 40, 75, 100], [36.0, 29.0, 21.0, 16.0])
    low, high = np.clip(s / 14 - 0.3, 0, 1), np.clip((100 - s) / 10, 0, 1)
    roof = roof + (1.1 + 0.9 * knobs) * low * high * np.exp(-(((ax - medial) / 2.6) ** 2))
    roof = roof + (1.8 + 1.9 * knobs) * low * high * np.exp(-(((ax - lateral) / 4.2) ** 2))
    return np.asarray(roof - 1.6 * low * high * np.exp(-(((ax - 10.0) / 4.0) ** 2)), dtype=np.float32)


def _side(shape: SacrumShape, ax: Array, s: Array, deep: Array) -> Array:
    """The lateral face: the auricular surface in front, the rough hollow for ligaments behind it.

    ``deep`` is mm behind the ala's front wall.
    """
    width = at_station(HALF_WIDTH, s) * np.float32(shape.width / 56.0)
    auricular = _along(s, *AURICULAR)
    face = width - 0.24 * np.clip(deep, 0, 40) + 0.9 * np.sin(2 * np.pi * (s - 8.0) / 44.0)
    behind = np.clip(deep - auricular, 0, 30)
    face = face - 0.55 * np.minimum(behind, 13) * np.clip(s / 55 + 0.35, 0, 1) * np.clip((75 - s) / 20, 0, 1)
    face = face + 1.0 * np.sin(2 * np.pi * s / 15.0) * np.clip(behind / 6, 0, 1)
    return np.asarray((ax - face) * 0.95, dtype=np.float32)


def _crest(ax: Array, s: Array, rise: Array) -> Array:
    """The median crest: remnants of spinous processes on a low ridge."""
    crest = np.full(ax.shape, 50, dtype=np.float32)
    for station, high, half in TUBERCLES:
        knob = np.clip(rise / high, 0, 1)
        along = np.abs(s - station - 0.35 * np.maximum(rise, 0)) - half * (1 - 0.25 * knob)
        thick = 2.3 + 0.9 * knob
        side = smooth_max(
            np.asarray(ax - thick, np.float32), np.asarray(np.abs(rise) - high, np.float32), 1.6
        )
        part = smooth_max(side, np.asarray(along, np.float32), 3.0)
        crest = smooth_min(crest, part, 2.5)
    ends = np.asarray(np.abs(s - 47.0) - 36.0, np.float32)
    low = smooth_max(smooth_max(ax - 2, np.asarray(np.abs(rise) - 2.4, np.float32), 1.5), ends, 2.0)
    return smooth_min(crest, low, 2.0)


def _cornua(ax: Array, s: Array, over: Array) -> Array:
    """The horns on either side of the hiatus. ``over``: mm behind the bodies' back."""
    t = np.clip((s - 86.0) / 18.0, 0, 1)
    centre = 4.2 - 2.2 * t
    along = s - 86.0 - 18.0 * t
    return np.asarray(
        np.sqrt((ax - 8.2 + 0.8 * t) ** 2 + (over - centre) ** 2 + along**2) - (3.0 - 0.6 * t), np.float32
    )


def _tunnels(shape: SacrumShape, ax: Array, s: Array, h: Array) -> Array:
    """Sacral foramina: from the canal's side down and forward to the front, with an arm to the back."""
    holes = np.full(ax.shape, 1e3, dtype=np.float32)
    for station, across, front, back in FORAMINA:
        near = np.abs(s - station) < 22
        x, along, deep = ax[near], s[near] - station, h[near]
        wall = float(at_station(FRONT, station)) + 1.5
        canal = float(at_station(BACK, station) + at_station(CANAL_DEPTH, station) * 0.45)
        dorsal = canal + float(at_station(CANAL_DEPTH, station)) * 0.55 + 3.0
        inner = float(at_station(CANAL_HALF, station)) - 1.5
        scale = shape.foramen_size
        nodes = [
            ((inner, canal, -9.0), 0.62 * front),
            ((across - 1.5, canal - 3.0, -2.0), 0.78 * front),
            ((across + 0.5, wall, 1.5), front),
            ((across + 11.0, wall - 3.5, 6.0), 0.75 * front),
        ]
        tube = np.full(x.shape, 1e3, dtype=np.float32)
        for (a, first), (b, last) in pairwise(nodes):
            tube = smooth_min(tube, _rod((x, deep, along), a, b, first * scale, last * scale), 2.0)
        arm = _rod(
            (x, deep, along), nodes[1][0], (across + 2.0, dorsal + 4.0, 0.5), back * scale, back * scale
        )
        holes[near] = np.minimum(holes[near], smooth_min(tube, arm, 2.0))
    return holes


def _rod(
    at: tuple[Array, Array, Array],
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    first: float,
    last: float,
) -> Array:
    """Round rod from ``start`` to ``end`` with its radius at each."""
    a, b = np.asarray(start), np.asarray(end)
    along = b - a
    offset = [v - np.float32(c) for v, c in zip(at, a, strict=True)]
    t = sum(v * np.float32(c) for v, c in zip(offset, along, strict=True)) / np.float32(along @ along)
    t = np.clip(t, 0, 1)
    square = sum((v - t * np.float32(c)) ** 2 for v, c in zip(offset, along, strict=True))
    return np.asarray(np.sqrt(square) - (first + t * np.float32(last - first)), dtype=np.float32)
