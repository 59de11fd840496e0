"""The body's outline and the spine's course inside it, as functions of height."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.phantom.bones.pose import Pose
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.tubes import Tube

__all__ = ["Torso", "torso_of"]


@dataclass(frozen=True)
class Torso:
    """The outline and the spine's course, all functions of height ``z`` (LPS mm, ascending)."""

    z: NDArray[np.float64]
    midline: NDArray[np.float64]
    wall: NDArray[np.float64]
    body_half_width: NDArray[np.float64]
    half_width: NDArray[np.float64]
    front: NDArray[np.float64]
    back: NDArray[np.float64]

    def at(self, name: str, z: float) -> float:
        """One of the curves at height ``z``."""
        return float(np.interp(z, self.z, getattr(self, name)))

    def rib_cage(self, z: float, inset: float) -> tuple[float, float, float]:
        """Half-width, half-depth and centre y of the ellipse ``inset`` mm under the skin."""
        front, back = self.at("front", z), self.at("back", z)
        return (
            self.at("half_width", z) - inset,
            (back - front) / 2 - inset,
            (front + back) / 2,
        )


def torso_of(parameters: PhantomParameters, pose: Pose, canal: Tube) -> Torso:
    """The body's outline round this spine."""
    body, size = parameters.body, parameters.size
    centres = np.array([pose.frames[level].origin for level in parameters.levels][::-1])
    sacral = canal.points[-1]
    nodes = np.vstack([sacral + np.array([0, 6, -60]), sacral, pose.sacrum.to_patient((0, 0, -30)), centres])
    order = np.argsort(nodes[:, 2])
    nodes = nodes[order]
    z = np.arange(nodes[0, 2] - 100, nodes[-1, 2] + 120, 5.0)
    midline = np.interp(z, nodes[:, 2], nodes[:, 0])
    depths = {level: pose.shapes[level].depth_upper / 2 for level in parameters.levels}
    walls = np.array(
        [pose.frames[level].to_patient((0, depths[level], 0)) for level in parameters.levels][::-1]
    )
    wall = np.interp(z, walls[:, 2], walls[:, 1])
    below = z < 0
    line = canal.points[::-1]
    wall[below] = np.interp(z[below], line[:, 2], line[:, 1]) - 8
    widths = np.array([pose.shapes[level].width_lower / 2 for level in parameters.levels][::-1])
    half = np.interp(z, walls[:, 2], widths)
    # The back is smoother than the spine: a straight-ish line behind the deepest spinous processes.
    coarse = np.polyval(np.polyfit(walls[:, 2], walls[:, 1], 1), np.clip(z, walls[0, 2], walls[-1, 2]))
    hollow = 0.6 * wall + 0.4 * coarse
    kernel = np.ones(13) / 13
    hollow = np.convolve(np.pad(hollow, 6, mode="edge"), kernel, mode="valid")
    back = np.maximum(hollow + 57 * size, wall + 50 * size) + body.fat_back
    back = np.convolve(np.pad(back, 6, mode="edge"), kernel, mode="valid")
    flat = np.quantile(back, 0.35)
    back = back + body.flatten * 0.6 * (np.maximum(flat, 0) - back) * (np.abs(back - flat) < 25)
    back = np.maximum(back, wall + 52 * size + body.fat_back * 0.6)
    relative = np.clip((z - 20) / (200 * size), -1, 1.3)
    half_width = body.half_width * (
        1 + 0.10 * np.clip(-relative - 0.1, 0, 1) - 0.04 * np.cos(np.pi * relative)
    )
    hips = (parameters.pelvis.wing_half_width + 14) * size + body.fat_side * 0.8
    half_width = np.maximum(half_width, hips * np.clip(1.1 - np.abs(z - 15) / 260, 0, 1))
    forward = float(pose.frames["L3"].origin[1])
    front = forward - body.front * size * (1 - 0.10 * np.abs(relative)) - body.fat_front
    half_width, front = _contain_pelvis(parameters, z, half_width, front, back)
    return Torso(z, midline, wall, half, half_width, front, back)


def _contain_pelvis(
    parameters: PhantomParameters,
    z: NDArray[np.float64],
    half_width: NDArray[np.float64],
    front: NDArray[np.float64],
    back: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """An outline that keeps the anterior iliac spines and crests under skin and fat."""
    size, pelvis = parameters.size, parameters.pelvis
    share = np.clip(1.6 - np.abs(z + 5) / 60.0, 0, 1)
    across = (pelvis.wing_half_width + 6.0) * size + 0.5 * parameters.body.fat_side
    forward = -(pelvis.wing_depth - 14.0) * size
    front = np.minimum(front, front + share * (forward - 38.0 - front))
    middle, half = (front + back) / 2 + 12, (back - front) / 2 + 12
    ratio = np.clip(np.abs(forward - middle) / half, 0, 0.95)
    needed = across / (0.96 - ratio**2.25) ** (1 / 2.25)
    return np.maximum(half_width, half_width + share * (needed - half_width)), front
