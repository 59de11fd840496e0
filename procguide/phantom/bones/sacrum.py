"""The sacrum as one curved solid, in coordinates that follow its bend.

Frame: S1's endplate centre, x left, y posterior, z along the endplate's normal. Bent coordinates: ``s`` mm
caudal along the midline curve, ``h`` mm posterior across it. Sizes after Cheng & Song, Neurosurg Focus
2003;15:E3, Esses et al., Spine 1991;16:S283, and anatomy atlases; factors come from the parameters. The solid
itself is in :mod:`sacrum_shape`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame, Vector, vector
from procguide.phantom.bones.pose import FacetPose
from procguide.phantom.bones.sacrum_shape import (
    BACK,
    CANAL_DEPTH,
    CANAL_HALF,
    FORAMINA,
    FRONT,
    JUNCTIONS,
    STATION,
    SacrumShape,
    remnant_distance,
    sacrum_distance,
)
from procguide.phantom.bones.table import TABLE_LOCK, DistanceTable, tabulate
from procguide.phantom.bones.vertebra import articular_process
from procguide.phantom.population.parameters import PelvisShape
from procguide.phantom.solids import Array, Part, capsule, frame_between

__all__ = [
    "ALA",
    "BACK",
    "CANAL_DEPTH",
    "FORAMINA",
    "SacrumModel",
    "canal_nodes",
    "remnant_parts",
    "sacrum_parts",
    "to_straight",
]

LOW, HIGH, STEP = np.array([-75.0, -165.0]), np.array([95.0, 45.0]), 0.75
TABLE_STEP = 0.8
BACKWARD_DEG = 8.0
"""Sacral table angle less 90 degrees: near 98 degrees in adults (assumed)."""
ALA = (6.5, 20.0, 7.0)
"""Where the S1 articular process meets the ala: x beyond the joint, h, s at size 1, mm."""


@dataclass(frozen=True)
class SacrumModel:
    """What the sacrum is made from; ``size`` scales cross-sections, ``width`` of L5 fits the endplate."""

    frame: AnatomicalFrame
    pelvis: PelvisShape
    size: float
    endplate_width: float
    endplate_depth: float
    joints: Mapping[Side, FacetPose]
    seed: int = 0
    sacralised: float = 0.0
    processes: Mapping[Side, Vector] = field(default_factory=dict)

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
    # S1's back wall leans backward from its endplate's normal; most of the bend lies below S3.
    lean = BACKWARD_DEG * np.clip((s + 5) / 15, 0, 1)
    angle = np.radians((curve_deg + BACKWARD_DEG) * t**2.2 - lean)
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


def _warp(model: SacrumModel, x: Array, z: Array) -> tuple[Array, Array]:
    """No sacrum is the same on both sides: up to 1.5 mm, smooth, by side. Returns |x| and a shift of z."""
    rng = np.random.default_rng([model.seed, 53])
    wide, high = rng.normal(0, 0.011, 2), rng.normal(0, 0.55, 4)
    ax, left = np.abs(x), x > 0
    grown = ax * np.where(left, 1 + wide[0], 1 + wide[1]).astype(np.float32)
    share = np.clip(ax / 20, 0, 1)
    turn = np.where(left, high[0] * np.cos(z / 11 + high[2]), high[1] * np.cos(z / 11 + high[3]))
    return grown, np.asarray(1.6 * share * turn, dtype=np.float32)


def _unbend(length: float, curve_deg: float, y: Array, z: Array) -> tuple[Array, Array]:
    """Station of the 112 mm sacrum and depth of local (y, z), all at size 1."""
    _, table = _bend(length, curve_deg)
    index = np.stack([(y - LOW[0]) / STEP, (z - LOW[1]) / STEP])
    s, h = (map_coordinates(t, index, order=1, mode="nearest") for t in table)
    return s * np.float32(112.0 / length), h


@lru_cache(maxsize=6)
def _table(shape: SacrumShape, length: float, curve_deg: float) -> DistanceTable:
    """Half the bone at size 1 in S1's unbent frame, x from the midline."""

    def distance(x: Array, y: Array, z: Array) -> Array:
        # The bend knows no x: unbend one sheet.
        s, h = _unbend(length, curve_deg, y[0], z[0])
        return sacrum_distance(shape, x, np.broadcast_to(s, x.shape), np.broadcast_to(h, x.shape))

    line, _ = _bend(length, curve_deg)
    inside = (line[:, 0] > -2) & (line[:, 0] < length + 2)
    reach = np.array([line[inside, 1].min() - 22, line[inside, 1].max() + 30])
    low = (-TABLE_STEP, reach[0], line[inside, 2].min() - 6)
    return tabulate(distance, low, (shape.width + 6.0, reach[1], 16.0), TABLE_STEP)


def _shape(model: SacrumModel) -> SacrumShape:
    return SacrumShape(
        round(model.endplate_width / 2 / (24.5 * model.size), 3),
        round(model.endplate_depth / 2 / (16.5 * model.size), 3),
        model.pelvis.sacrum_half_width,
        model.pelvis.foramen_size,
        model.pelvis.remnant_disc,
    )


def _read(model: SacrumModel, x: Array, y: Array, z: Array) -> Array:
    """Distance at S1-frame points, mm."""
    size = np.float32(model.size)
    with TABLE_LOCK:
        table = _table(_shape(model), model.pelvis.sacrum_length, model.pelvis.sacrum_curve_deg)
    across, shift = _warp(model, x / size, z / size)
    return table(across, y / size, z / size + shift) * size


def _whole(model: SacrumModel) -> Part:
    """The bent solid as a part: its box follows the bend."""
    size = model.size
    length = model.pelvis.sacrum_length * size
    nodes = np.linspace(0, length, 12)
    line = to_straight(model, np.concatenate([nodes, nodes]), np.repeat([-20.0 * size, 34.0 * size], 12))
    low, high = line.min(axis=0) - 2, line.max(axis=0) + np.array([2, 14.0 * size])
    middle = (low + high) / 2
    frame = AnatomicalFrame(
        vector(model.frame.to_patient((0.0, *middle))),
        model.frame.left, model.frame.posterior, model.frame.superior,
    )  # fmt: skip
    y0, z0 = np.float32(middle[0]), np.float32(middle[1])

    def distance(x: Array, y: Array, z: Array) -> Array:
        return _read(model, x, y + y0, z + z0)

    half = (high - low) / 2
    reach = (model.pelvis.sacrum_half_width * size + 4, float(half[0]), float(half[1]))
    return Part(Region.SACRUM, frame, reach, distance, 0.0)


def remnant_parts(model: SacrumModel) -> list[Part]:
    """What is left of the sacral discs, which the bone leaves out."""
    size, pelvis, shape = np.float32(model.size), model.pelvis, _shape(model)
    parts = []
    for station in JUNCTIONS:
        s = station * model.stretch
        h = float(model.at(FRONT, s) + model.at(BACK, s)) / 2
        middle = to_straight(model, s, h)
        frame = AnatomicalFrame(
            vector(model.frame.to_patient((0.0, *middle))),
            model.frame.left, model.frame.posterior, model.frame.superior,
        )  # fmt: skip

        def distance(x: Array, y: Array, z: Array, middle: NDArray[np.float64] = middle) -> Array:
            up = z / size + np.float32(middle[1] / size)
            across, shift = _warp(model, x / size, up)
            back = y / size + np.float32(middle[0] / size)
            s, h = _unbend(pelvis.sacrum_length, pelvis.sacrum_curve_deg, back, up + shift)
            return remnant_distance(shape, across, s, h) * size

        reach = (22.0 * model.size, 14.0 * model.size, 14.0 * model.size)
        parts.append(Part(Region.ANNULUS_FIBROSUS, frame, reach, distance, 0.0))
    return parts


def sacrum_parts(model: SacrumModel) -> list[Part]:
    """The bent block, the two S1 superior articular processes, and horns toward a sacralised vertebra."""
    size = model.size
    parts = [_whole(model)]
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
    return parts + _horns(model)


def _horns(model: SacrumModel) -> list[Part]:
    """The alae rise to the transverse processes of a vertebra that is joining the sacrum.

    From a third on they come near, at 1 they meet in a false joint (Castellvi et al., Spine 1984;9:493).
    """
    size, share = model.size, float(np.clip((model.sacralised - 0.15) / 0.6, 0, 1))
    parts = []
    for side, place in model.processes.items() if share > 0 else ():
        tip = np.asarray(model.frame.to_local(place))
        half = model.pelvis.sacrum_half_width * size
        root = np.array([side.sign * 0.66 * half, *to_straight(model, 11.0 * size, 17.0 * size)])
        toward = tip + np.array([side.sign * 1.0, -1.0, -2.0]) * size
        end = root + share * (toward - root)
        frame, length = frame_between(model.frame, root, end, (0, -1, 0.3))

        def horn(x: Array, y: Array, z: Array, run: float = length) -> Array:
            return capsule(x, y, z, run, (12.0 * size, 9.0 * size), (9.5 * size, 7.5 * size))

        parts.append(Part(Region.SACRUM, frame, (length + 13 * size, 13 * size, 13 * size), horn, 8.0 * size))
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
