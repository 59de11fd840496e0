"""One vertebra as solids: body, pedicles, laminae and processes. Local mm: x left, y posterior, z superior.

The body's centre is the origin. Shapes follow anatomy atlases (Bogduk, Clinical and Radiological Anatomy
of the Lumbar Spine); their sizes come from ``morphometry``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame, vector
from procguide.phantom.bones.pose import FacetPose
from procguide.phantom.population.morphometry import VertebraShape
from procguide.phantom.population.parameters import SideJitter
from procguide.phantom.solids import (
    Array,
    Part,
    box,
    capsule,
    elliptic,
    frame_between,
    radial,
    smooth_max,
)

__all__ = [
    "DISH_MM",
    "ArchPoints",
    "VertebraModel",
    "arch_points",
    "articular_process",
    "spinous_offset",
    "vertebra_parts",
]

LAMINA_THICKNESS = 6.2
WAIST = 0.07
DISH_MM = (1.7, 2.1)


@dataclass(frozen=True)
class VertebraModel:
    """What one vertebra is made from. ``above`` and ``below`` are its facet joints by side."""

    level: str
    frame: AnatomicalFrame
    shape: VertebraShape
    size: float
    jitters: Mapping[Side, SideJitter]
    above: Mapping[Side, FacetPose]
    below: Mapping[Side, FacetPose]
    spinous_thickness: float

    @property
    def thoracic(self) -> bool:
        """T11 and T12: short processes, ribs."""
        return self.level.startswith("T")


@dataclass(frozen=True)
class ArchPoints:
    """Local construction points of one side's half arch, ``(3,)`` mm each."""

    isthmus: NDArray[np.float64]
    pedicle_width: float
    junction: NDArray[np.float64]
    lamina_lateral: NDArray[np.float64]
    lamina_medial: NDArray[np.float64]
    process_root: NDArray[np.float64]
    process_tip: NDArray[np.float64]


def arch_points(model: VertebraModel, side: Side) -> ArchPoints:
    """Where the pedicle, lamina and transverse process of one side run."""
    shape, s, size = model.shape, side.sign, model.size
    jitter = model.jitters[side]
    wall = (shape.depth_upper + shape.depth_lower) / 4
    width = shape.pedicle_width * jitter.pedicle
    middle = shape.canal_width / 2 + width / 2
    top = shape.body_height / 2 - (0.5 if model.thoracic else 2.2) * size
    z = top - shape.pedicle_height / 2
    angle = np.radians(shape.pedicle_angle_deg)
    isthmus = np.array([s * middle, wall + 4.0 * size, z])
    junction = isthmus + 8.5 * size * np.array([s * np.sin(angle) * 0.6, np.cos(angle), -0.12])
    behind = wall + shape.canal_depth + LAMINA_THICKNESS * 0.5 * size
    low = -0.21 * shape.body_height
    lateral = np.array([s * (shape.canal_width / 2 + 0.5 * size), wall + 0.62 * shape.canal_depth, low + 1.5])
    medial = np.array([0.0, behind, low])
    root = junction + np.array([s * (0.22 * width), -0.5, 0.5 if model.level != "L5" else 0.0])
    reach = shape.process_span / 2 * jitter.process_length - abs(root[0])
    back, up = np.radians([shape.process_back_deg, shape.process_up_deg + jitter.process_up_deg])
    tip = root + reach * np.array([s, np.tan(back), np.tan(up)])
    return ArchPoints(isthmus, width, junction, lateral, medial, root, tip)


def _body(model: VertebraModel) -> Part:
    shape, size = model.shape, model.size
    half = shape.body_height / 2
    slope = np.tan(np.radians(shape.body_wedge_deg / 2))

    def distance(x: Array, y: Array, z: Array) -> Array:
        t = np.clip(z / half, -1, 1)
        waist = 1 - WAIST * (1 - t * t)
        a = (shape.width_lower + shape.width_upper + t * (shape.width_upper - shape.width_lower)) / 4
        b = (shape.depth_lower + shape.depth_upper + t * (shape.depth_upper - shape.depth_lower)) / 4
        hollow = 2.6 * size * np.maximum(1 - (x / (0.55 * a)) ** 2, 0)
        behind = y > 0
        side = radial(
            x, np.where(behind, y + hollow * y / b, y), a * waist, np.where(behind, b, b * waist), 2.6
        )
        r2 = np.clip((x / a) ** 2 + (y / b) ** 2, 0, 1)
        dish = 1 - r2 * r2
        top = z - (half - y * slope) + DISH_MM[0] * size * dish
        bottom = -z - (half - y * slope) + DISH_MM[1] * size * dish
        return smooth_max(side, smooth_max(top, bottom, 1.0), 2.5)

    reach = (shape.width_lower / 2 + 2, shape.depth_lower / 2 + 3, half + 4)
    return Part(Region.BODY, model.frame, reach, distance, 0.0)


def _pedicle(model: VertebraModel, side: Side, points: ArchPoints) -> Part:
    shape, s = model.shape, side.sign
    angle = np.radians(shape.pedicle_angle_deg)
    base = model.frame.rotation
    axis = base @ np.array([s * np.sin(angle), np.cos(angle), -0.03])
    frame = AnatomicalFrame.from_axes(
        model.frame.to_patient(points.isthmus), base[:, 2], np.cross(axis, base[:, 2])
    )
    half_x, half_z = points.pedicle_width / 2, shape.pedicle_height / 2

    def distance(x: Array, y: Array, z: Array) -> Array:
        flare = 1 + 0.25 * np.clip(np.abs(y) / 9, 0, 1.2) ** 2
        across = radial(x, z, half_x * flare, half_z * (0.9 + 0.1 * flare), 2.2)
        return smooth_max(across, np.abs(y + 1.0) - 10.0 * model.size, 2.0)

    return Part(Region.PEDICLE, frame, (half_x * 1.5, 13.0 * model.size, half_z * 1.2), distance, 2.5)


def _lamina(model: VertebraModel, points: ArchPoints) -> Part:
    half_height = model.shape.lamina_height / 2
    half_thick = LAMINA_THICKNESS / 2 * model.size
    tilt = np.radians(18 if not model.thoracic else 14)
    frame, length = frame_between(
        model.frame, points.lamina_lateral, points.lamina_medial, (0, -np.sin(tilt), np.cos(tilt))
    )
    middle = AnatomicalFrame(
        vector(np.asarray(frame.origin) + np.asarray(frame.left) * length / 2),
        frame.left, frame.posterior, frame.superior,
    )  # fmt: skip

    def distance(x: Array, y: Array, z: Array) -> Array:
        # The upper border falls toward the midline and the lower one rises a little: open windows.
        t = np.clip(x / length + 0.5, 0, 1)
        shift = -0.06 * model.shape.lamina_height * t
        half = half_height * (1 - 0.10 * t)
        return box(x, y, z - shift, (length / 2 + 2.5, half_thick, half), 2.5)

    return Part(Region.LAMINA, middle, (length / 2 + 4, half_thick + 1, half_height + 3), distance, 3.0)


def spinous_offset(shape: VertebraShape) -> NDArray[np.float64]:
    """From the laminae's meeting point to where the spinous process's axis begins, ``(3,)`` mm."""
    return np.array([0.0, -1.0, 0.10 * shape.spinous_height])


def _spinous(model: VertebraModel, medial: NDArray[np.float64]) -> Part:
    shape, size = model.shape, model.size
    slope = np.radians(shape.spinous_slope_deg)
    start = medial + spinous_offset(shape)
    end = start + shape.spinous_length * np.array([0, np.cos(slope), -np.sin(slope)])
    frame, length = frame_between(model.frame, start, end, (0, 0, 1))
    thick, high = model.spinous_thickness * size / 2, shape.spinous_height / 2

    def distance(x: Array, y: Array, z: Array) -> Array:
        # Hatchet: narrow neck, deep and thick hind edge, thickest low and behind.
        t = np.clip(x / length, 0, 1)
        half_z = high * (0.78 + 0.20 * t)
        w = z + 0.16 * high * t
        lower = np.clip(-w / high, -0.4, 1)
        half_y = thick * (1.05 - 0.9 * t * (1 - t) + (0.15 + 0.30 * lower) * t**3)
        corner = 0.6 * high
        q = np.abs(x - length / 2) - (length / 2 - corner), np.abs(w) - (half_z - corner)
        outline = np.hypot(np.maximum(q[0], 0), np.maximum(q[1], 0)) + np.minimum(np.maximum(*q), 0) - corner
        # Full at the neck: the rounding belongs to the free end alone.
        neck = np.maximum(np.abs(w) - half_z, -x - 1.0)
        outline = np.where(x < length / 2, neck, outline)
        return smooth_max(outline, np.abs(y) - half_y, 2.4)

    return Part(Region.SPINOUS_PROCESS, frame, (length + 3, thick * 1.7, high * 1.4), distance, 3.0)


def _transverse(model: VertebraModel, points: ArchPoints) -> Part:
    size, shape = model.size, model.shape
    frame, length = frame_between(model.frame, points.process_root, points.process_tip)
    high = shape.process_height / 2
    if model.thoracic:
        start, end = (4.8 * size, high * 1.1), (4.0 * size, high * 0.95)
    elif model.level == "L5":
        start, end = (6.0 * size, high * 1.15), (3.2 * size, high * 0.62)
    else:
        start, end = (4.0 * size, high * 1.05), (2.5 * size, high * 0.85)
    tip = min(end)

    def distance(x: Array, y: Array, z: Array) -> Array:
        return capsule(x, y, z, max(length - tip, 1.0), start, end)

    reach = (length + 3, max(start[0], end[0]) + 1, max(start[1], end[1]) + 1)
    return Part(Region.TRANSVERSE_PROCESS, frame, reach, distance, 2.5)


def articular_process(
    joint: FacetPose, *, inferior: bool, region: Region, size: float, thickness: float = 7.0
) -> Part:
    """The facet-bearing slab on one side of a joint: inferior (of the upper bone) or superior (lower)."""
    sign = 1.0 if inferior else -1.0
    # The inferior process is the bulkier: its back is one with the lamina.
    half_thick = thickness * (1.3 if inferior else 1.0) * joint.bulk * size / 2
    centre = sign * (joint.gap / 2 + half_thick)
    half_width = joint.width / 2 * (0.92 if inferior else 1.06) * joint.bulk**0.5
    half_height = joint.height / 2 + 1.0
    shift = 1.0 if inferior else -1.0

    def distance(x: Array, y: Array, z: Array) -> Array:
        along, toward = joint.unroll(x, y)
        # Rounded tip: the free end (down for inferior, up for superior) is narrower.
        free = np.clip(-sign * z / half_height, 0, 1)
        width = half_width * (1 - 0.30 * free**2)
        thick = half_thick * (1 - 0.35 * free**2)
        return box(
            along, toward - sign * (joint.gap / 2) - sign * thick, z - shift, (width, thick, half_height), 2.6
        )

    reach = (half_width + 3, abs(centre) + half_thick + 4, half_height + 3)
    return Part(region, joint.frame, reach, distance, 2.0)


def _pillar(
    model: VertebraModel, start: NDArray[np.float64], end: NDArray[np.float64], region: Region,
    radii: tuple[tuple[float, float], tuple[float, float]],
) -> Part:  # fmt: skip
    frame, length = frame_between(model.frame, start, end, (0, -1, 0))
    size = model.size
    first, last = ((a * size, b * size) for a, b in radii)

    def distance(x: Array, y: Array, z: Array) -> Array:
        return capsule(x, y, z, length, first, last)

    widest = max(*first, *last)
    return Part(region, frame, (length + widest, widest + 1, widest + 1), distance, 3.0)


def vertebra_parts(model: VertebraModel) -> list[Part]:
    """All solids of one vertebra, the body first."""
    parts = [_body(model)]
    for side in Side:
        points = arch_points(model, side)
        half = [_pedicle(model, side, points), _lamina(model, points), _transverse(model, points)]
        if side in model.above:
            half += _superior(model, points, model.above[side])
        half += _inferior(model, points, model.below[side])
        parts += [replace(part, side=side) for part in half]
    parts.append(_spinous(model, arch_points(model, Side.LEFT).lamina_medial))
    return parts


def _superior(model: VertebraModel, points: ArchPoints, joint: FacetPose) -> list[Part]:
    """Superior articular process: facet, its stem from the pedicle, mammillary process."""
    size, region = model.size, Region.SUPERIOR_ARTICULAR_PROCESS
    base = joint.frame.to_patient((0, -joint.gap / 2 - 4.0 * size, -joint.height * 0.35))
    low = model.frame.to_local(base)
    return [
        articular_process(joint, inferior=False, region=region, size=size),
        _pillar(model, points.junction, low, region, ((5.0, 5.2), (4.0, 5.0))),
        _mammillary(model, joint),
    ]


def _inferior(model: VertebraModel, points: ArchPoints, joint: FacetPose) -> list[Part]:
    """Inferior articular process: facet, the pars from the pedicle, and the stem between."""
    size, region = model.size, Region.INFERIOR_ARTICULAR_PROCESS
    pars = points.lamina_lateral * 0.75 + points.lamina_medial * 0.25 + np.array([0, 0.5, -2.5]) * size
    top = joint.frame.to_patient((0, joint.gap / 2 + 3.8 * size, joint.height * 0.3))
    high = model.frame.to_local(top)
    return [
        articular_process(joint, inferior=True, region=region, size=size),
        _pillar(model, points.junction, pars, Region.LAMINA, ((4.6, 5.0), (4.0, 5.0))),
        _pillar(model, pars, high, region, ((4.0, 5.5), (3.8, 5.5))),
    ]


def _mammillary(model: VertebraModel, joint: FacetPose) -> Part:
    """The knob on the hind edge of the superior articular process."""
    size = model.size
    outward = np.sign(joint.frame.left[1]) or 1.0
    origin = joint.frame.to_patient((outward * joint.width * 0.46, -joint.gap / 2 - 3.2 * size, -1.0))
    frame = AnatomicalFrame(vector(origin), joint.frame.left, joint.frame.posterior, joint.frame.superior)
    half = (3.6 * size, 3.4 * size, 5.0 * size)

    def distance(x: Array, y: Array, z: Array) -> Array:
        return elliptic(x, y, z, half)

    return Part(Region.SUPERIOR_ARTICULAR_PROCESS, frame, half, distance, 3.0)
