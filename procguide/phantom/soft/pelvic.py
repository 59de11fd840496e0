"""Muscles of the hip and the seat that have a shape of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.phantom.bones.pose import Pose
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.lofts import Loft, ellipse, loft
from procguide.phantom.soft.organs import Chain, chain

__all__ = ["hip_muscles", "piriformis"]


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
