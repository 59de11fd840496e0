"""Transforms, frames, directions and angles: numpy only."""

from procguide.geometry.affine import Affine
from procguide.geometry.carm import beam_direction, view_angles
from procguide.geometry.frame import AnatomicalFrame
from procguide.geometry.vectors import Vector, distance_to_segment, unit, vector

__all__ = [
    "Affine",
    "AnatomicalFrame",
    "Vector",
    "beam_direction",
    "distance_to_segment",
    "unit",
    "vector",
    "view_angles",
]
