"""The last ribs, and the hind ends of those above that pass beside the field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Side
from procguide.geometry import AnatomicalFrame
from procguide.phantom.assemble import Anatomy
from procguide.phantom.population.morphometry import VertebraShape
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.tubes import Tube, smooth_curve

__all__ = ["ribs_of"]


def _finish(points: NDArray[np.float64], length: float, size: float) -> Tube:
    curve, half = smooth_curve(points, np.tile([3.2 * size, 5.2 * size], (len(points), 1)), step=1.2)
    keep = max(8, int(length / 1.2))
    curve, half = curve[:keep], half[:keep].copy()
    # Flat from inside to outside, high in the wall: the second half-size runs along z.
    taper = np.clip((len(curve) - np.arange(len(curve))) * 1.2 / 15.0, 0.35, 1)
    half *= taper[:, None]
    half[:6, 1] *= 0.8
    upward = np.tile([0.0, 0.0, 1.0], (len(curve), 1))
    return Tube(curve, half, upward)


def _round(
    start: NDArray[np.float64],
    wall: tuple[float, float, float],
    angles: NDArray[np.float64],
    fall: float,
    s: int,
) -> NDArray[np.float64]:
    """Points on the wall's ellipse (half-width, half-depth, centre y); angles from straight behind."""
    a, b, middle = wall
    return np.column_stack(
        [
            s * a * np.sin(angles),
            middle + b * np.cos(angles),
            start[2] - fall * (angles - angles[0]) ** 1.1,
        ]
    )


def _rib_of(
    parameters: PhantomParameters, level: str, frame: AnatomicalFrame, shape: VertebraShape, side: Side,
    wall: tuple[float, float, float],
) -> Tube:  # fmt: skip
    """The rib on ``T11`` or ``T12``. ``wall``: (half-width, half-depth, centre y) of the rib cage there."""
    s, size = side.sign, parameters.size
    back = shape.depth_upper / 2
    head = frame.to_patient((s * (shape.width_upper / 2 - 1.0 * size), back - 4 * size, 5.0 * size))
    neck = frame.to_patient((s * (shape.width_upper / 2 + 9 * size), back + 7 * size, 3.0 * size))
    tubercle = frame.to_patient((s * (shape.width_upper / 2 + 20 * size), back + 14 * size, -1.0 * size))
    length = parameters.rib_lengths[0 if level == "T11" else 1]
    angles = np.radians(np.array([42.0, 62.0, 85.0, 108.0, 128.0]))
    start = np.asarray(tubercle) - np.array([0, 0, 14.0 if level == "T12" else 8.0])
    around = _round(start, wall, angles, 42.0 if level == "T12" else 50.0, s)
    points = np.vstack([head, neck, tubercle, around])
    return _finish(points, length * size, size)


def _floating_rib(
    parameters: PhantomParameters, top: float, number: int, side: Side, wall: tuple[float, float, float]
) -> Tube:
    """Rib 8 to 10 where it passes the field's top at the side; ``top`` is the height of T11's centre, mm."""
    s = side.sign
    angles = np.radians(np.linspace(30.0, 125.0 - 6 * (10 - number), 7))
    start = np.array([0.0, 0.0, top + 18.0 + 24.0 * (10 - number)])
    points = _round(start, wall, angles, 62.0, s)
    return _finish(points, 400.0, parameters.size)


def ribs_of(anatomy: Anatomy) -> list[tuple[str, Side, Tube]]:
    """Ribs 8 to 12 by level and side."""
    parameters, torso, pose = anatomy.parameters, anatomy.torso, anatomy.pose
    body = parameters.body
    inset = (body.fat_back + body.fat_side) / 2 + 9.0
    top = pose.frames["T11"].origin[2]
    tubes = []
    for side in Side:
        for level in ("T11", "T12"):
            wall = torso.rib_cage(pose.frames[level].origin[2] - 15, inset)
            rib = _rib_of(parameters, level, pose.frames[level], pose.shapes[level], side, wall)
            tubes.append((level, side, rib))
        for n in (8, 9, 10):
            rib = _floating_rib(parameters, top, n, side, torso.rib_cage(top, inset))
            tubes.append((f"T{n}", side, rib))
    return tubes
