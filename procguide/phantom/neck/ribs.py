"""The first three ribs: from the body over the transverse process round the lung's apex; places assumed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from procguide.anatomy import Side
from procguide.phantom.neck.model import NeckVertebra
from procguide.phantom.tubes import Tube, smooth_curve

__all__ = ["rib_tubes"]

_RINGS = {"T1": (36.0, 42.0, 30.0), "T2": (52.0, 58.0, 48.0), "T3": (64.0, 70.0, 60.0)}
"""Half-width and half-depth of the arch that each draws round the apex, and how far it falls; mm."""


def rib_tubes(bones: Mapping[str, NeckVertebra]) -> list[tuple[str, Side, Tube]]:
    """By vertebra and side."""
    found = []
    for level, (wide, deep, fall) in _RINGS.items():
        bone = bones[level]
        size = bone.size
        for side in Side:
            s = side.sign
            head = bone.frame.to_patient((s * (bone.shape.width_upper / 2 + 3.5), bone.wall - 4.0, 4.0))
            tubercle = bone.frame.to_patient(bone.process_tip(side) + np.array([-s * 1.0, -8.0 * size, 0]))
            middle = tubercle + np.array([-s * 6.0, -deep * size * np.cos(np.radians(35)), 0.0])
            points = [head, (head + tubercle) / 2 + np.array([0, 1.5, 1.0]), tubercle]
            for turn in np.radians([60, 85, 110, 140]):
                share = (turn - np.radians(35)) / np.radians(110)
                aside = np.array([s * wide * size * np.sin(turn), deep * size * np.cos(turn), 0.0])
                points.append(middle + aside - (0, 0, fall * size * share))
            curve, *_ = smooth_curve(np.array(points))
            half = np.tile((3.0 * size, 5.0 * size), (len(curve), 1))
            found.append((level, side, Tube(curve, half, np.tile((0.0, 0.0, 1.0), (len(curve), 1)))))
    return found
