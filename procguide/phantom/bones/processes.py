"""Spinous and transverse processes with their tubercles.

Lumbar transverse processes are rib-like blades with the accessory process behind their root; with the
mammillary process above it that makes the notch in which the medial branch runs (Bogduk, J Bone Joint
Surg Br 1982;64:147 describes the nerves; sizes of the tubercles are assumed).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import Region
from procguide.geometry import AnatomicalFrame, vector
from procguide.phantom.bones.facets import FacetPose
from procguide.phantom.bones.model import ArchPoints, VertebraModel
from procguide.phantom.population.morphometry import VertebraShape
from procguide.phantom.solids import Array, Part, capsule, elliptic, frame_between, radial, smooth_max

__all__ = ["accessory", "mammillary", "spinous", "spinous_offset", "spinous_tip", "transverse"]


def spinous_offset(shape: VertebraShape) -> NDArray[np.float64]:
    """From the laminae's meeting point to where the spinous process's axis begins, ``(3,)`` mm."""
    return np.array([0.0, -1.0, 0.10 * shape.spinous_height])


def _edges(lumbar: float, t: ArrayLike) -> tuple[Array, Array]:
    """Upper and lower border over the axis, in half-heights, by share of the length: blade or hatchet."""
    t = np.asarray(t, dtype=np.float32)
    blade = 1.05 - 0.62 * t, -0.95 + 0.32 * t
    hatchet = 0.62 - 0.34 * t, -0.66 - 0.36 * t * t * (3 - 2 * t)
    upper, lower = (b + np.float32(lumbar) * (h - b) for b, h in zip(blade, hatchet, strict=True))
    return upper, lower


def spinous_tip(model: VertebraModel, medial: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle of the process's free end, local ``(3,)`` mm."""
    shape = model.shape
    slope = np.radians(shape.spinous_slope_deg)
    along, up = np.array([0, np.cos(slope), -np.sin(slope)]), np.array([0, np.sin(slope), np.cos(slope)])
    upper, lower = _edges(model.lumbar_share, 1.0)
    rise = float(upper + lower) / 2 * shape.spinous_height / 2
    start = medial + spinous_offset(shape)
    return np.asarray(start + (shape.spinous_length + 0.5) * along + rise * up)


def spinous(model: VertebraModel, medial: NDArray[np.float64]) -> Part:
    """A sloping blade in the chest, a hatchet in the loins; its free end is a thick, uneven apophysis."""
    shape, size, lumbar = model.shape, model.size, model.lumbar_share
    slope = np.radians(shape.spinous_slope_deg)
    start = medial + spinous_offset(shape)
    end = start + shape.spinous_length * np.array([0, np.cos(slope), -np.sin(slope)])
    frame, length = frame_between(model.frame, start, end, (0, 0, 1))
    thick, high = model.spinous_thickness * size / 2, shape.spinous_height / 2
    rng = np.random.default_rng([model.seed, 43, model.label])
    wave, lean = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.7) * size

    def distance(x: Array, y: Array, z: Array) -> Array:
        t = np.clip(x / length, 0, 1)
        upper, lower = (edge * high for edge in _edges(lumbar, t))
        centre, half_z = (upper + lower) / 2, (upper - lower) / 2
        w = z - centre
        height = np.clip(w / half_z, -1, 1)
        # Thick at the end and along its lower border, thin in the neck above; never quite straight.
        body = 0.80 - 0.28 * np.sin(np.pi * np.minimum(t * 1.15, 1)) - 0.10 * height
        end = (0.30 - 0.22 * height) * t**3 * (1 + 0.25 * np.sin(0.5 * z + wave))
        half_y = thick * (body + end + 0.18 * (1 - t) + 1.0 * (1 - lumbar) * (1 - t) ** 3)
        aside = y - lean * t * t
        corner = np.minimum(0.55 * half_z, 6.0 * size)
        q = np.abs(x - length / 2) - (length / 2 - corner), np.abs(w) - (half_z - corner)
        outline = np.hypot(np.maximum(q[0], 0), np.maximum(q[1], 0)) + np.minimum(np.maximum(*q), 0) - corner
        # The rounding belongs to the free end alone; in front it follows the laminae, back and down.
        slant = -x - 1.0 - np.minimum(0.6 * lumbar * z, 2.0)
        outline = np.where(x < length / 2, np.maximum(np.abs(w) - half_z, slant), outline)
        return smooth_max(outline, np.abs(aside) - half_y, 2.2)

    return Part(
        Region.SPINOUS_PROCESS,
        frame,
        (length + 3, thick * (1.7 + 0.6 * (1 - lumbar)) + 1, high * 1.4),
        distance,
        4.0,
    )


def _blade(
    x: Array, y: Array, z: Array, length: float, table: NDArray[np.float64], bow: float, power: float
) -> Array:
    """A flat rod along x; ``table`` rows are share of length, half thickness (y), half height (z)."""
    t = np.clip(x / np.float32(length), 0, 1)
    half_y, half_z = (np.interp(t, table[:, 0], table[:, n]).astype(np.float32) for n in (1, 2))
    along = x - t * np.float32(length)
    small = np.minimum(half_y, half_z)
    across = radial(y - bow * t * t, z, half_y, half_z, power)
    outside = np.hypot(np.maximum(across + small, 0), along) - small
    return np.asarray(np.where(along == 0, across, outside), dtype=np.float32)


def _profile(model: VertebraModel) -> NDArray[np.float64]:
    """Half thickness and half height of the transverse process along its length, mm."""
    size, high = model.size, model.shape.process_height / 2
    if model.thoracic:
        # A club that the rib leans on; only a knob at T11 and T12.
        club = 1.0 - 0.35 * model.lumbar_share
        rows = [
            (0, 5.4, high * 1.2),
            (0.45, 4.4, high * 1.0),
            (0.8, 5.4 * club, high * 1.2 * club),
            (1, 5.6 * club, high * 1.2 * club),
        ]
    elif model.lowest:
        more = 1 + 0.9 * model.sacralised
        rows = [(0, 5.4, high * 1.15), (0.4, 5.0 * more, high * 0.95 * more),
                (0.8, 3.8 * more, high * 0.72 * more), (1, 3.2 * more, high * 0.6 * more)]  # fmt: skip
    else:
        rows = [(0, 4.4, high * 1.15), (0.25, 3.0, high * 0.92), (0.6, 2.5, high * 0.92),
                (0.85, 2.5, high * 0.98), (1, 2.2, high * 0.8)]  # fmt: skip
    table = np.array(rows, dtype=float)
    table[:, 1] *= size
    return table


def transverse(model: VertebraModel, points: ArchPoints) -> list[Part]:
    """The transverse process and, in the loins, the accessory process behind its root."""
    frame, length = frame_between(model.frame, points.process_root, points.process_tip)
    table = _profile(model)
    tip = float(table[-1, 1:].min())
    bow = 1.6 * model.size * float(np.sign(frame.posterior @ np.asarray(model.frame.posterior)))

    def distance(x: Array, y: Array, z: Array) -> Array:
        return _blade(x, y, z, max(length - tip, 1.0), table, bow, 2.2)

    reach = (length + 3, float(table[:, 1].max()) + 3, float(table[:, 2].max()) + 1)
    parts = [Part(Region.TRANSVERSE_PROCESS, frame, reach, distance, 2.5 if model.lowest else 3.5)]
    return parts + accessory(model, points)


def accessory(model: VertebraModel, points: ArchPoints) -> list[Part]:
    """The accessory process: a small spur that points back and down from the transverse process's root."""
    if model.lumbar_share < 0.4:
        return []
    size = model.size * (0.75 if model.lowest else 1.0)
    out = float(np.sign(points.process_root[0]))
    root = points.process_root + np.array([out * 2.6, 1.5, -2.0]) * size
    end = root + np.array([out * 0.8, 4.6, -3.6]) * size
    frame, length = frame_between(model.frame, root, end, (0, 0, 1))

    def distance(x: Array, y: Array, z: Array) -> Array:
        return capsule(x, y, z, length, (2.6 * size, 3.0 * size), (1.5 * size, 1.7 * size))

    return [Part(Region.TRANSVERSE_PROCESS, frame, (length + 3, 3 * size, 3.4 * size), distance, 2.0)]


def mammillary(model: VertebraModel, joint: FacetPose) -> list[Part]:
    """The knob on the hind edge of the superior articular process; none on coronal thoracic facets."""
    if model.lumbar_share == 0:
        return []
    size = model.size
    origin = joint.at(joint.behind * joint.width * 0.42, -joint.gap / 2 - 3.9 * size, -0.10 * joint.height)
    frame = AnatomicalFrame(vector(origin), joint.frame.left, joint.frame.posterior, joint.frame.superior)
    half = (4.0 * size, 3.5 * size, 5.2 * size)

    def distance(x: Array, y: Array, z: Array) -> Array:
        return elliptic(x, y, z, half)

    return [Part(Region.SUPERIOR_ARTICULAR_PROCESS, frame, half, distance, 2.5)]
