"""What clothes the ilia: gluteal muscles outside, iliacus and obturator inside, muscles of hip and seat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from procguide.anatomy import Region, Side
from procguide.geometry import Affine
from procguide.imaging import Grid
from procguide.phantom.bones.pelvis import IliumModel, ilium_part
from procguide.phantom.bones.pose import Pose
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.lofts import Loft, ellipse, loft
from procguide.phantom.soft.organs import Chain, chain
from procguide.phantom.solids import Array, carve

__all__ = ["IliumSurface", "hip_muscles", "ilium_surface", "piriformis"]

STEP_MM = 4.0


@dataclass(frozen=True)
class IliumSurface:
    """Both faces of one ilium over the sagittal plane, ``(nz, ny)`` every 4 mm from ``low`` (y, z).

    ``inner`` and ``outer`` are distances from the sagittal plane, mm, carried on beyond the bone's edge;
    ``beyond`` is how far that edge is, mm, 0 on the bone.
    """

    side: Side
    low: tuple[float, float]
    inner: Array
    outer: Array
    beyond: Array


def ilium_surface(parameters: PhantomParameters, pose: Pose, side: Side) -> IliumSurface:
    """Measured on the bone itself, so that muscle follows whatever the bone is."""
    size, s = parameters.size, side.sign
    part = ilium_part(IliumModel.under(pose.sacrum, parameters.pelvis, size), side)
    half = np.asarray(part.reach) + 12.0
    low = np.asarray(part.frame.origin) - half
    shape = tuple(int(n) for n in np.ceil(2 * half[::-1] / STEP_MM))
    grid = Grid((shape[0], shape[1], shape[2]), Affine.axis_aligned(STEP_MM, low))
    found = carve(grid, [part])
    distance = np.full(grid.shape, 1e3, dtype=np.float32)
    if found is not None:
        distance[found.window] = found.distance
    across = s * (low[0] + STEP_MM * np.arange(shape[2]))
    inside = distance < 0
    there = inside.any(axis=2)
    # Below the surface's last voxel the rest of the step, from the distance there.
    inner = np.where(inside, across + distance, np.inf).min(axis=2)
    outer = np.where(inside, across - distance, -np.inf).max(axis=2)
    beyond, nearest = distance_transform_edt(~there, return_indices=True)
    spread = tuple(nearest)
    f32 = np.float32
    return IliumSurface(
        side, (float(low[1]), float(low[2])), inner[spread].astype(f32), outer[spread].astype(f32),
        (beyond * STEP_MM).astype(f32),
    )  # fmt: skip


def hip_muscles(parameters: PhantomParameters, side: Side) -> tuple[Loft, ...]:
    """Sartorius and tensor below the anterior spine, rectus femoris in front of the joint."""
    size, s = parameters.size, side.sign
    deep = parameters.pelvis.wing_depth * size
    grow = size * parameters.body.muscle**0.5
    mirror = np.array([s, 1.0])

    def column(rows: tuple[tuple[float, float, float, float, float], ...]) -> Loft:
        stations = [
            (z * size, ellipse(x * size, ahead * size - deep, a * grow, b * grow, 25.0) * mirror)
            for z, x, ahead, a, b in rows
        ]
        return loft(Region.MUSCLE, side, stations, caps=(0.0, 10.0), rough=0.8)

    return (
        column(((-32, 121, 4, 9, 8), (-70, 128, 2, 12, 15), (-110, 130, 8, 13, 19), (-160, 130, 14, 13, 20))),
        column(((-38, 110, -1, 8, 7), (-80, 104, -6, 12, 8), (-120, 96, -8, 13, 8), (-160, 90, -8, 13, 8))),
        column(((-66, 108, 12, 7, 8), (-110, 110, 8, 13, 10), (-160, 110, 6, 16, 12))),
    )


def piriformis(parameters: PhantomParameters, pose: Pose, side: Side) -> Chain:
    """From the front of S2 to S4 through the notch toward the hip."""
    size, s = parameters.size, side.sign
    start = np.asarray(pose.sacrum.to_patient((0.0, -6.0 * size, -52.0 * size)))
    offsets = np.array([[18, 0, 0], [40, 6, -8], [66, 8, -18], [100, -8, -32]]) * size * np.array([s, 1, 1])
    points: NDArray[np.float64] = start + offsets
    solid = chain(points, np.array([8.0, 13.0, 11.0, 7.0]) * size, np.zeros(4), Region.MUSCLE)
    return Chain(solid.region, solid.points, solid.radii, solid.gas, 0.0, 2.5, side)
