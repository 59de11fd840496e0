"""What surgeons left: pedicle screws with their rods, cement, and the bone they took.

Screws follow the pedicle's axis (straight-ahead technique) to four fifths of the body's depth; rods join
the heads of neighbouring screwed levels. A screw as thick as nine tenths of the pedicle is as far as it
goes: in a narrower pedicle a thinner one is set. Head, thread and rod sizes are assumed from common implants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.geometry import Affine, AnatomicalFrame, vector
from procguide.imaging import Grid
from procguide.phantom.bones.sacrum import SacrumModel, to_straight
from procguide.phantom.bones.vertebra import VertebraModel, arch_points, vertebra_field
from procguide.phantom.solids import Array, Part, box, frame_between
from procguide.phantom.tubes import Tube, smooth_curve

if TYPE_CHECKING:
    from procguide.phantom.population.parameters import PhantomParameters

__all__ = ["Cement", "Implants", "Screw", "implants_of", "laminectomy_part", "scar_part", "screw_parts"]

ROD_RADIUS = 2.75
HEAD_RADIUS, HEAD_HEIGHT = 6.2, 15.0
HEAD_BEHIND = 25.0
"""From the pedicle's isthmus back to where the rod runs through the head, mm."""
CEMENT_MARGIN_MM = 1.6


@dataclass(frozen=True)
class Screw:
    """One pedicle screw: ``head`` where the rod passes, ``tip``, both ``(3,)`` LPS mm; ``radius`` mm."""

    level: str
    side: Side
    head: NDArray[np.float64]
    tip: NDArray[np.float64]
    radius: float


@dataclass(frozen=True)
class Cement:
    """One body's filling: where ``field`` is under ``threshold`` inside the cancellous bone."""

    level: str
    frame: AnatomicalFrame
    half: tuple[float, float, float]
    phase: NDArray[np.float64]
    threshold: float

    def field(self, x: Array, y: Array, z: Array) -> Array:
        """Two lobes that met in the middle, their surface uneven; grows outward, no unit."""
        a, b, c = self.half
        lobes = [
            ((x - s * 0.42 * a) / a) ** 2 + ((y + 0.30 * b) / b) ** 2 + (z / c) ** 2 for s in (-1.0, 1.0)
        ]
        p = self.phase
        waves = (
            np.sin(x / 2.9 + p[0]) * np.sin(y / 3.3 + p[1])
            + np.sin(y / 2.4 + p[2]) * np.sin(z / 2.7 + p[3])
            + np.sin(z / 3.6 + p[4]) * np.sin(x / 4.4 + p[5])
        )
        return np.asarray(np.minimum(*lobes) * (1 + 0.22 * waves), dtype=np.float32)


@dataclass(frozen=True)
class Implants:
    """All of it, assembled. ``rods`` are tubes of metal."""

    screws: tuple[Screw, ...]
    rods: tuple[Tube, ...]
    cement: tuple[Cement, ...]


def implants_of(
    parameters: PhantomParameters, vertebrae: Mapping[str, VertebraModel], sacrum: SacrumModel
) -> Implants:
    """Screws from above down, the rods that join them, the fillings."""
    hardware = parameters.hardware
    order = [level for level in (*parameters.levels, "S1") if level in hardware.screws]
    screws = []
    for level in order:
        for side in Side:
            if level == "S1":
                screws.append(_sacral_screw(sacrum, side, hardware.screw_diameter / 2))
            else:
                screws.append(_screw(vertebrae[level], side, hardware.screw_diameter / 2))
    rods = [rod for side in Side if (rod := _rod([s for s in screws if s.side is side])) is not None]
    cement = [
        _cement(vertebrae[level], millilitres)
        for level, millilitres in hardware.cement
        if level in vertebrae and millilitres > 0
    ]
    return Implants(tuple(screws), tuple(rods), tuple(cement))


def _screw(model: VertebraModel, side: Side, radius: float) -> Screw:
    points, shape, size = arch_points(model, side), model.shape, model.size
    angle = np.radians(shape.pedicle_angle_deg)
    backward = np.array([side.sign * np.sin(angle), np.cos(angle), -0.03])
    depth = (points.isthmus[1] + 0.28 * shape.depth_upper) / backward[1]
    # A steep axis would cross the midline: stop short of it.
    reach = abs(points.isthmus[0]) - 3.0 * size
    if np.sin(angle) > 0.02:
        depth = min(depth, reach / np.sin(angle))
    head = points.isthmus + HEAD_BEHIND * size * backward
    tip = points.isthmus - depth * backward
    to = model.frame.to_patient
    narrow = 0.45 * min(points.pedicle_width, shape.pedicle_height)
    return Screw(model.level, side, np.asarray(to(head)), np.asarray(to(tip)), min(radius, narrow))


def _sacral_screw(sacrum: SacrumModel, side: Side, radius: float) -> Screw:
    """From below the S1 articular process toward the promontory."""
    size, s = sacrum.size, side.sign
    entry = np.array([s * 23.0 * size, *to_straight(sacrum, 10.0 * size, 40.0 * size)])
    tip = np.array([s * 9.0 * size, *to_straight(sacrum, 9.0 * size, -11.0 * size)])
    return Screw(
        "S1",
        side,
        np.asarray(sacrum.frame.to_patient(entry)),
        np.asarray(sacrum.frame.to_patient(tip)),
        radius,
    )


def _rod(screws: list[Screw]) -> Tube | None:
    if len(screws) < 2:
        return None
    heads = np.array([screw.head for screw in screws])
    first = heads[0] + 6.0 * (heads[0] - heads[1]) / np.linalg.norm(heads[0] - heads[1])
    last = heads[-1] + 6.0 * (heads[-1] - heads[-2]) / np.linalg.norm(heads[-1] - heads[-2])
    curve = smooth_curve(np.vstack([first, heads, last]), step=0.8)[0]
    half = np.full((len(curve), 2), ROD_RADIUS)
    return Tube(curve, half, np.tile([0.0, 1.0, 0.0], (len(curve), 1)))


def screw_parts(screw: Screw) -> list[Part]:
    """Threaded shaft with its tip, and the head's tulip."""
    base = AnatomicalFrame(vector(screw.head), vector((1, 0, 0)), vector((0, 1, 0)), vector((0, 0, 1)))
    way = screw.tip - screw.head
    shaft, length = frame_between(base, np.zeros(3), way, (0, 0, 1))
    radius = screw.radius

    def thread(x: Array, y: Array, z: Array) -> Array:
        turn = np.arctan2(z, y)
        groove = 0.45 * (1 + np.cos(2 * np.pi * x / 2.8 - turn)) * (x > 12)
        taper = np.clip((length - x) / 9.0, 0.12, 1) ** 0.6
        return np.asarray(
            np.maximum(np.hypot(y, z) - (radius - groove) * taper, np.maximum(-x, x - length)), np.float32
        )

    def tulip(x: Array, y: Array, z: Array) -> Array:
        round_ = np.hypot(y, z) - HEAD_RADIUS
        return np.asarray(np.maximum(round_, np.abs(x - 1.0) - HEAD_HEIGHT / 2), np.float32)

    return [
        Part(Region.IMPLANT, shaft, (length + 1, radius + 1, radius + 1), thread, 0.0, screw.side),
        Part(Region.IMPLANT, shaft, (HEAD_HEIGHT, HEAD_RADIUS + 1, HEAD_RADIUS + 1), tulip, 0.0, screw.side),
    ]


def _cement(model: VertebraModel, millilitres: float) -> Cement:
    shape = model.shape
    half = (0.24 * shape.width_upper, 0.30 * shape.depth_upper, 0.30 * shape.body_height)
    phase = np.random.default_rng([model.seed, 61, model.label]).uniform(0, 2 * np.pi, 6)
    blank = Cement(model.level, model.frame, half, phase, 0.0)
    spacing = 1.0
    reach = np.array([shape.width_lower, shape.depth_lower, shape.body_height]) * 0.75
    centre = np.asarray(model.frame.origin)
    count = np.ceil(2 * reach / spacing).astype(int)
    grid = Grid((int(count[2]), int(count[1]), int(count[0])), Affine.axis_aligned(spacing, centre - reach))
    bone = vertebra_field(grid, model)
    if bone is None:
        return blank
    room = (bone.region == Region.BODY) & (bone.distance < -CEMENT_MARGIN_MM)
    index = np.argwhere(room) + [s.start for s in bone.window]
    local = model.frame.to_local(grid.affine.apply(index)).T.astype(np.float32)
    values = np.sort(blank.field(*local))
    # No more than three quarters of the room: what does not fit is not put in.
    wanted = min(int(millilitres * 1000 / spacing**3), int(0.75 * len(values)))
    return Cement(model.level, model.frame, half, phase, float(values[max(wanted - 1, 0)]))


def laminectomy_part(model: VertebraModel) -> Part:
    """What was cut away of this vertebra: spinous process and the laminae between the joints."""
    shape, size = model.shape, model.size
    return _posterior_box(model, shape.canal_width / 2 - 1.0 * size, 0.0)


def scar_part(model: VertebraModel) -> Part:
    """Where scar lies instead of lamina, flavum and muscle."""
    return _posterior_box(model, model.shape.canal_width / 2 + 0.5 * model.size, 3.0)


def _posterior_box(model: VertebraModel, half_width: float, more: float) -> Part:
    """A block behind the canal from above the lamina to below the spinous process."""
    shape, size = model.shape, model.size
    wall = (shape.depth_upper + shape.depth_lower) / 4
    front = wall + 0.72 * shape.canal_depth
    long = shape.spinous_length + 22.0 * size
    slope = np.radians(shape.spinous_slope_deg)
    low = -0.95 * shape.body_height - shape.spinous_length * np.sin(slope) - 0.3 * more
    high = 0.5 * shape.body_height
    if more:
        low, high, long = -0.75 * shape.body_height - more, 0.28 * shape.body_height + more, 30.0 * size
    centre = (0.0, front + long / 2, (low + high) / 2)
    frame = AnatomicalFrame(
        vector(model.frame.to_patient(centre)),
        model.frame.left, model.frame.posterior, model.frame.superior,
    )  # fmt: skip
    half = (half_width, long / 2, (high - low) / 2)

    def distance(x: Array, y: Array, z: Array) -> Array:
        return box(x, y, z, half, 2.5)

    return Part(Region.SOFT_TISSUE, frame, half, distance, 0.0)
