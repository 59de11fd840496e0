"""Both faces of the ilia, measured on the bone: what skin has to contain and muscle is laid on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from procguide.anatomy import Side
from procguide.geometry import Affine
from procguide.imaging import Grid
from procguide.phantom.bones.pelvis import IliumModel, ilium_part
from procguide.phantom.bones.pose import Pose
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.solids import Array, carve

__all__ = ["ILIUM_STEP_MM", "IliumSurface", "ilium_surface"]

ILIUM_STEP_MM = 4.0


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
    shape = tuple(int(n) for n in np.ceil(2 * half[::-1] / ILIUM_STEP_MM))
    grid = Grid((shape[0], shape[1], shape[2]), Affine.axis_aligned(ILIUM_STEP_MM, low))
    found = carve(grid, [part])
    distance = np.full(grid.shape, 1e3, dtype=np.float32)
    if found is not None:
        distance[found.window] = found.distance
    across = s * (low[0] + ILIUM_STEP_MM * np.arange(shape[2]))
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
        (beyond * ILIUM_STEP_MM).astype(f32),
    )  # fmt: skip
