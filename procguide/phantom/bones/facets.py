"""Facet joints: a curved joint space between a cupped superior and a bullet-shaped inferior process.

Orientation comes with the pose. Shapes follow Bogduk, Clinical and Radiological Anatomy of the Lumbar
Spine: upper lumbar joints are J- or C-shaped, thoracic and lumbosacral ones nearly flat. Curvature and
thickness are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame, vector
from procguide.phantom.solids import Array, Part, box, elliptic

__all__ = [
    "PROCESS_THICKNESS_MM",
    "FacetPose",
    "articular_process",
    "facet_lumps",
    "joint_radius",
    "joint_space",
]

PROCESS_THICKNESS_MM = 7.4


@dataclass(frozen=True)
class FacetPose:
    """One facet joint.

    ``frame`` is at its centre, x along the joint in the axial plane, y from the superior process of the
    lower bone to the inferior process of the upper one, z superior. The joint surface is a cylinder of
    ``radius`` about z, concave toward the inferior process. ``bulk`` is what arthropathy made of the
    processes' size, ``wear`` its share from 0 to 1, ``ride`` how many mm the superior process rises
    further into the foramen, ``seed`` of its irregularities.
    """

    frame: AnatomicalFrame
    width: float
    height: float
    gap: float
    bulk: float
    radius: float = 14.0
    wear: float = 0.0
    ride: float = 0.0
    seed: int = 0

    def unroll(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Frame coordinates to (along the curved joint, toward the inferior process), mm."""
        radius = np.float32(self.radius)
        toward = radius - np.hypot(x, y - radius)
        return np.asarray(np.arctan2(x, radius - y) * radius), np.asarray(toward)

    def at(self, along: float, toward: float, z: float) -> NDArray[np.float64]:
        """Patient LPS mm of a place given along and across the curved joint: undoes :meth:`unroll`."""
        angle, out = along / self.radius, self.radius - toward
        return self.frame.to_patient((out * np.sin(angle), self.radius - out * np.cos(angle), z))

    @property
    def behind(self) -> float:
        """The sign of ``along`` at the joint's posterior end."""
        return float(np.sign(self.frame.left[1]) or 1.0)


def joint_radius(angle_deg: float, width: float) -> float:
    """Radius of the joint's curve, mm: tight where it is sagittal, almost flat where coronal."""
    flat = float(np.clip((angle_deg - 25.0) / 40.0, 0.0, 1.0))
    return width * (0.80 + 1.4 * flat)


def _along_profile(along: Array, half: float, inferior: bool, behind: float) -> Array:
    """Thickness over the joint's width: the inferior process is a bullet, the superior one a hook."""
    t = np.clip(along / np.float32(half), -1.1, 1.1)
    if inferior:
        return np.asarray(1.0 - 0.38 * t * t, dtype=np.float32)
    # The superior process is thick behind, where the mammillary process sits, and thin in front.
    return np.asarray(0.95 + 0.26 * behind * t - 0.14 * t * t, dtype=np.float32)


def articular_process(
    joint: FacetPose, *, inferior: bool, region: Region, size: float, thickness: float = PROCESS_THICKNESS_MM
) -> Part:
    """The facet-bearing piece on one side of a joint: inferior (of the upper bone) or superior (lower)."""
    sign = 1.0 if inferior else -1.0
    half_thick = thickness * (1.3 if inferior else 1.12) * joint.bulk * size / 2
    half_width = joint.width / 2 * (0.94 if inferior else 1.12) * joint.bulk**0.5
    ride = 0.0 if inferior else joint.ride
    # Either process passes the joint at its free end and runs on into its bone at the other.
    half_height = joint.height / 2 + 2.2 * size + ride / 2
    shift = 0.4 if inferior else -0.4 + ride / 2
    behind = joint.behind

    def distance(x: Array, y: Array, z: Array) -> Array:
        along, toward = joint.unroll(x, y)
        # The free end (down for inferior, up for superior) is narrower and thinner.
        free = np.clip(-sign * (z - shift) / half_height, 0, 1)
        free = free * free * free
        width = half_width * (1 - (0.26 if inferior else 0.48) * free)
        thick = half_thick * (1 - 0.32 * free) * _along_profile(along, half_width, inferior, behind)
        # Behind the joint's surface the piece narrows: a bullet, not a slab.
        away = np.clip((sign * toward - joint.gap / 2) / (2 * half_thick), 0, 1)
        width = width * (1 - 0.22 * away * away)
        across = toward - sign * (joint.gap / 2) - sign * thick
        return box(along, across, z - shift, (width, thick, half_height), 2.6)

    reach = (half_width + 3, joint.gap / 2 + 2 * half_thick + 4, half_height + abs(shift) + 3)
    return Part(region, joint.frame, reach, distance, 3.0)


def facet_lumps(
    joint: FacetPose, *, inferior: bool, region: Region, size: float, side: Side | None = None
) -> list[Part]:
    """Osteophytes round a worn joint: irregular knobs on the rim, none where it is healthy."""
    if joint.wear < 0.15:
        return []
    rng = np.random.default_rng([joint.seed, 41, int(inferior)])
    sign = 1.0 if inferior else -1.0
    lumps = []
    for _ in range(3 + round(4 * joint.wear)):
        turn = rng.uniform(0, 2 * np.pi)
        radius = (1.5 + 3.2 * joint.wear * rng.uniform(0.4, 1.0)) * size
        along = 0.55 * joint.width * np.cos(turn)
        rise = 0.52 * joint.height * np.sin(turn)
        place = joint.at(along, sign * (joint.gap / 2 + radius * 0.9 + 0.4), rise)
        half = (radius * rng.uniform(0.8, 1.3), radius, radius * rng.uniform(0.8, 1.5))
        lumps.append(_lump(joint.frame, place, half, region, side))
    return lumps


def _lump(
    base: AnatomicalFrame,
    place: NDArray[np.float64],
    half: tuple[float, float, float],
    region: Region,
    side: Side | None,
) -> Part:
    frame = AnatomicalFrame(vector(place), base.left, base.posterior, base.superior)

    def distance(x: Array, y: Array, z: Array) -> Array:
        return elliptic(x, y, z, half)

    return Part(region, frame, half, distance, 2.0, side)


def joint_space(joint: FacetPose) -> Part:
    """Cartilage and fluid between the two processes; a little generous, since bone is painted over it."""
    half_width, half_height = joint.width / 2 * 0.94, joint.height / 2 * 0.94

    def distance(x: Array, y: Array, z: Array) -> Array:
        along, toward = joint.unroll(x, y)
        outline = np.hypot(along / half_width, z / half_height)
        return np.asarray(
            np.maximum(np.abs(toward) - (joint.gap / 2 + 0.5), (outline - 1) * half_width), dtype=np.float32
        )

    sagitta = half_width**2 / joint.radius
    return Part(Region.FACET_CARTILAGE, joint.frame, (half_width, sagitta + 2, half_height), distance, 0.0)
