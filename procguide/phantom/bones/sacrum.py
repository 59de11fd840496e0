"""The sacrum as one curved solid, in coordinates that follow its bend.

Frame: S1's endplate centre, x left, y posterior, z along the endplate's normal. Bent coordinates: ``s`` mm
caudal along the midline curve, ``h`` mm posterior across it. Sizes after Cheng & Song, Neurosurg Focus
2003;15:E3, Esses et al., Spine 1991;16:S283, and anatomy atlases; factors come from the parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame
from procguide.phantom.bones.pose import FacetPose
from procguide.phantom.bones.vertebra import articular_process
from procguide.phantom.population.parameters import PelvisShape
from procguide.phantom.solids import Array, Part, capsule, frame_between, radial, smooth_max, smooth_min

__all__ = ["ALA", "SacrumModel", "canal_nodes", "sacrum_parts", "to_straight"]

LOW, HIGH, STEP = np.array([-75.0, -165.0]), np.array([95.0, 45.0]), 0.75
ALA = (6.5, 20.0, 8.0)
"""Where the S1 articular process meets the ala: x beyond the joint, h, s at size 1, mm."""

# Along the midline, mm of a 112 mm sacrum: stations and what holds there.
STATION = np.array([-20.0, 0.0, 8.0, 15.0, 30.0, 45.0, 55.0, 65.0, 76.0, 88.0, 95.0, 104.0, 112.0])
FRONT = np.array([-16.5, -16.5, -15.2, -13.8, -11.0, -9.2, -8.2, -7.4, -6.4, -5.6, -5.2, -4.6, -4.0])
BACK = np.array([16.5, 16.5, 14.5, 12.5, 9.5, 7.4, 6.4, 5.6, 5.0, 4.4, 4.2, 4.0, 3.6])
BODY_HALF = np.array([24.5, 24.5, 22.0, 19.5, 17.0, 15.0, 14.0, 13.2, 12.5, 12.0, 11.0, 10.0, 8.0])
HALF_WIDTH = np.array([50.0, 52.0, 55.5, 56.0, 54.5, 50.0, 45.5, 38.0, 30.0, 25.0, 22.5, 18.0, 11.0])
CANAL_DEPTH = np.array([17.0, 17.0, 16.0, 14.5, 11.5, 9.0, 7.6, 6.6, 5.8, 5.0, 4.6, 4.0, 3.5])
CANAL_HALF = np.array([14.5, 14.5, 14.5, 14.0, 12.5, 10.5, 9.2, 8.2, 7.4, 6.4, 5.6, 5.0, 4.0])
ROOF = np.array([5.0, 5.0, 5.0, 5.2, 5.2, 5.0, 4.8, 4.6, 4.4, 3.0, 0.0, -3.5, -3.0])
CREST = np.array([0.0, 0.0, 0.0, 4.0, 9.0, 5.5, 8.0, 4.0, 5.5, 1.5, 0.0, 0.0, 0.0])
FORAMINA = ((29.0, 20.0, 6.4, 3.6), (54.0, 18.0, 5.8, 3.3), (75.0, 16.0, 4.8, 2.8), (93.0, 14.0, 3.8, 2.3))
"""Station, distance from the midline, radius in front and behind, S1 to S4, mm."""


@dataclass(frozen=True)
class SacrumModel:
    """What the sacrum is made from; ``size`` scales cross-sections, ``width`` of L5 fits the endplate."""

    frame: AnatomicalFrame
    pelvis: PelvisShape
    size: float
    endplate_width: float
    endplate_depth: float
    joints: Mapping[Side, FacetPose]

    @property
    def stretch(self) -> float:
        """Length against the table's 112 mm."""
        return self.pelvis.sacrum_length * self.size / 112.0

    def at(self, table: NDArray[np.float64], s: ArrayLike) -> Array:
        """A table's value at ``s`` mm along the curve, scaled by ``size``, float32."""
        station = np.asarray(s, dtype=np.float64) / self.stretch
        return np.asarray(np.interp(station, STATION, table) * self.size, np.float32)


@lru_cache(maxsize=8)
def _bend(length: float, curve_deg: float) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The midline ``(n, 4)`` (y, z and its posterior normal) and a ``(2, ny, nz)`` map to (s, h)."""
    s = np.arange(-40.0, length + 45.0, 0.5)
    t = np.clip(s / length, 0, 1.1)
    angle = np.radians(curve_deg) * t**1.6
    tangent = np.column_stack([-np.sin(angle), -np.cos(angle)])
    points = np.cumsum(tangent * 0.5, axis=0)
    points -= points[int(np.argmin(np.abs(s)))]
    normal = np.column_stack([np.cos(angle), -np.sin(angle)])
    y, z = (np.arange(a, b, STEP) for a, b in zip(LOW, HIGH, strict=True))
    plane = np.stack(np.meshgrid(y, z, indexing="ij"), axis=-1)
    _, nearest = cKDTree(points).query(plane.reshape(-1, 2))
    offset = plane.reshape(-1, 2) - points[nearest]
    along = s[nearest] + (offset * tangent[nearest]).sum(axis=1)
    across = (offset * normal[nearest]).sum(axis=1)
    table = np.stack([along, across]).reshape(2, len(y), len(z)).astype(np.float32)
    return np.column_stack([s, points, normal]), table


def to_straight(model: SacrumModel, s: ArrayLike, h: ArrayLike) -> NDArray[np.float64]:
    """Bent (s, h) to local (y, z), ``(..., 2)`` mm."""
    line, _ = _bend(model.pelvis.sacrum_length * model.size, model.pelvis.sacrum_curve_deg)
    along = np.asarray(s, dtype=np.float64)
    columns = [np.interp(along, line[:, 0], line[:, n]) for n in range(1, 5)]
    h = np.asarray(h, dtype=float)
    return np.stack([columns[0] + h * columns[2], columns[1] + h * columns[3]], axis=-1)


def _bent(model: SacrumModel, y: Array, z: Array) -> tuple[Array, Array]:
    _, table = _bend(model.pelvis.sacrum_length * model.size, model.pelvis.sacrum_curve_deg)
    index = np.stack([(y - LOW[0]) / STEP, (z - LOW[1]) / STEP])
    s, h = (map_coordinates(t, index, order=1, mode="nearest") for t in table)
    return s, h


def _block(model: SacrumModel, x: Array, s: Array, h: Array) -> Array:
    """Bodies, alae and the posterior wall, without holes."""
    size, last = model.size, model.pelvis.sacrum_length * model.size
    wide = model.endplate_width / 2 / (24.5 * size)
    deep = model.endplate_depth / 2 / (16.5 * size)
    front, back = model.at(FRONT, s), model.at(BACK, s)
    fade = np.clip(1 - s / (30.0 * size), 0, 1)
    front, back = front * (1 + (deep - 1) * fade), back * (1 + (deep - 1) * fade)
    half = model.at(BODY_HALF, s) * (1 + (wide - 1) * fade)
    ax = np.abs(x)
    rim = np.clip((x / half) ** 2 + (h / np.maximum(back, 1)) ** 2, 0, 1)
    body = smooth_max(
        radial(x, h - (front + back) / 2, half, (back - front) / 2, 2.3),
        np.maximum(-s + 1.4 * size * (1 - rim * rim), s - last),
        2.0,
    )
    beside = np.maximum(ax - half, 0)
    # The ala's front recedes, its top slopes down to the side; behind lies the lamina's upper edge.
    recede = np.interp(s / model.stretch, [0, 30, 60, 112], [0.30, 0.16, 0.06, 0.0]).astype(np.float32)
    wall = front + 2.5 * size * np.clip(1 - s / (40 * size), 0, 1) + recede * beside
    roof = model.at(CANAL_DEPTH, s) + model.at(ROOF, s)
    fall = np.interp(s / model.stretch, [0, 15, 40, 70], [0.16, 0.18, 0.26, 0.34]).astype(np.float32)
    dorsal = back + roof - fall * np.maximum(ax - 6 * size, 0) - 0.0025 / size * ax * ax
    dorsal = np.maximum(dorsal, wall + 5.0 * size)
    width = model.at(HALF_WIDTH, s) * np.float32(model.pelvis.sacrum_half_width / 56.0)
    side = (ax - (width - 0.42 * np.clip(h - wall, 0, 40 * size))) * 0.92
    top = 2.0 * size + 0.38 * np.maximum(ax - 25 * size, 0)
    lamina_top = (15.0 - 0.30 * np.minimum(ax, 24 * size)) * size
    top = np.where(h > back + 1.0, np.maximum(top, lamina_top), top)
    mass = smooth_max(smooth_max(wall - h, h - dorsal, 3.0) * 0.95, side, 4.0)
    mass = smooth_max(mass, np.maximum(top - s, s - (last - 4 * size)), 3.0)
    ridge = model.at(CREST, s)
    rise = h - (back + roof)
    crest = smooth_max(ax - (3.4 * size - 0.25 * np.clip(rise, 0, 9)), np.abs(rise) - ridge, 1.5)
    crest = np.where(ridge > 0.5, crest, np.float32(50))
    bulge = np.float32(1.0 * size) * np.cos(2 * np.pi * s / (27 * model.stretch)) * np.clip(s / 20, 0, 1)
    block = smooth_min(smooth_min(body, mass, 4.0), crest, 2.5)
    return np.asarray(block + 0.25 * bulge * (h < 0), dtype=np.float32)


def _holes(model: SacrumModel, x: Array, s: Array, h: Array) -> Array:
    """Anterior and posterior foramina with their way into the canal."""
    holes = np.full(x.shape, 1e3, dtype=np.float32)
    ax, scale = np.abs(x), model.size * model.pelvis.foramen_size
    for station, across, front, back in FORAMINA:
        at = station * model.stretch
        near = np.abs(s - at) < 14
        xs, ss, hs = ax[near], s[near], h[near]
        wall = model.at(FRONT, at)
        middle = model.at(BACK, at) + model.at(CANAL_DEPTH, at) / 2
        t = np.clip((hs - wall) / (2 * (middle - wall)), 0, 1)
        lateral = across * model.size + 2.5 * model.size * (0.5 - t)
        # The way out runs down and forward, so the anterior opening is a little caudal.
        shaft = np.hypot(xs - lateral, ss - at - 2.0 * (0.5 - t)) - scale * (front + t * (back - front))
        side_way = np.hypot(ss - at, hs - middle) - 3.0 * scale
        side_way = np.maximum(side_way, xs - across * model.size)
        holes[near] = np.minimum(holes[near], np.minimum(shaft, side_way))
    return holes


def sacrum_parts(model: SacrumModel) -> list[Part]:
    """The bent block and the two S1 superior articular processes."""
    size = model.size
    length = model.pelvis.sacrum_length * size
    centre = model.frame.to_patient((0, 12.0 * size, -0.42 * length))
    frame = AnatomicalFrame(
        (float(centre[0]), float(centre[1]), float(centre[2])),
        model.frame.left, model.frame.posterior, model.frame.superior,
    )  # fmt: skip
    shift = np.float32(12.0 * size), np.float32(-0.42 * length)

    def distance(x: Array, y: Array, z: Array) -> Array:
        s, h = _bent(model, y + shift[0], z + shift[1])
        return smooth_max(_block(model, x, s, h), -_holes(model, x, s, h), 1.5)

    reach = (model.pelvis.sacrum_half_width * size + 4, 48.0 * size, 0.58 * length + 6)
    parts = [Part(Region.SACRUM, frame, reach, distance, 0.0)]
    for side, joint in model.joints.items():
        parts.append(articular_process(joint, inferior=False, region=Region.SACRUM, size=size))
        top = model.frame.to_local(
            joint.frame.to_patient((0, -joint.gap / 2 - 4 * size, -joint.height * 0.3))
        )
        y, z = to_straight(model, 15.0 * size, 24.0 * size)
        base, run = frame_between(model.frame, (side.sign * 23.5 * size, y, z), top, (0, -1, 0))

        def pillar(x: Array, y: Array, z: Array, run: float = run) -> Array:
            return capsule(x, y, z, run, (6.5 * size, 6.5 * size), (4.2 * size, 5.2 * size))

        parts.append(Part(Region.SACRUM, base, (run + 8, 8 * size, 8 * size), pillar, 3.5))
    return parts


def canal_nodes(model: SacrumModel) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The sacral canal from S1 to the hiatus: points LPS mm, half-sizes, posterior."""
    s = np.array([8.0, 20.0, 32.0, 44.0, 56.0, 68.0, 80.0, 92.0]) * model.stretch
    deep = model.endplate_depth / 2 / (16.5 * model.size)
    fade = np.clip(1 - s / (30.0 * model.size), 0, 1)
    depth = model.at(CANAL_DEPTH, s).astype(float)
    h = model.at(BACK, s) * (1 + (deep - 1) * fade) + depth / 2
    local = np.column_stack([np.zeros(len(s)), to_straight(model, s, h)])
    behind = np.column_stack([np.zeros(len(s)), to_straight(model, s, h + 1) - to_straight(model, s, h)])
    half = np.column_stack([model.at(CANAL_HALF, s), depth / 2 * 0.97])
    return model.frame.to_patient(local), half, behind @ model.frame.rotation.T
