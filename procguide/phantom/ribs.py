"""The last ribs, and the hind ends of those above that pass beside the field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Side
from procguide.geometry import AnatomicalFrame
from procguide.phantom.morphometry import VertebraShape
from procguide.phantom.parameters import PhantomParameters
from procguide.phantom.tubes import Tube, smooth_curve

__all__ = ["floating_rib", "rib_of"]


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


def rib_of(
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


def floating_rib(
    parameters: PhantomParameters, top: float, number: int, side: Side, wall: tuple[float, float, float]
) -> Tube:
    """Rib 8 to 10 where it passes the field's top at the side; ``top`` is the height of T11's centre, mm."""
    s = side.sign
    angles = np.radians(np.linspace(30.0, 125.0 - 6 * (10 - number), 7))
    start = np.array([0.0, 0.0, top + 18.0 + 24.0 * (10 - number)])
    points = _round(start, wall, angles, 62.0, s)
    return _finish(points, 400.0, parameters.size)
