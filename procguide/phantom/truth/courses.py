"""Nerves and vessels of one subject as centrelines, from the construction that they were painted from."""

from __future__ import annotations

import numpy as np

from procguide.anatomy import Side
from procguide.phantom.assemble import Anatomy
from procguide.phantom.soft.vessels import VESSEL_REGIONS
from procguide.phantom.truth.nouns import Course
from procguide.phantom.tubes import smooth_curve

__all__ = ["courses"]


def courses(anatomy: Anatomy) -> tuple[Course, ...]:
    """Cord, sac, roots, ganglia, rami, medial branches, arteries, great vessels and ureters, LPS mm."""
    return anatomy.nerves.courses + _vessels(anatomy)


def _vessels(anatomy: Anatomy) -> tuple[Course, ...]:
    """Great vessels and ureters; radius is the mean of both half-sizes."""
    found = []
    for name, tube in anatomy.soft.vessels.items():
        side = next((side for side in Side if name.startswith(f"{side.value} ")), None)
        kind = name.removeprefix(f"{side.value} ") if side else name
        points, half = smooth_curve(tube.points, tube.half, step=0.8)
        found.append(Course(name, VESSEL_REGIONS[kind], points, np.sqrt(half.prod(axis=1)), None, side))
    return tuple(found)
