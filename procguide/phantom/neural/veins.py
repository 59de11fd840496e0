"""Epidural and foraminal veins: two strands along the front of the canal, joined behind each body.

The anterior internal plexus after anatomy atlases; sizes assumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.phantom.neural.roots import even
from procguide.phantom.truth.nouns import Course
from procguide.phantom.tubes import smooth_curve

if TYPE_CHECKING:
    from procguide.phantom.assemble import Anatomy

__all__ = ["vein_courses"]

PLEXUS_MM = 1.1
FORAMINAL_MM = 0.75


def vein_courses(anatomy: Anatomy, roots: tuple[Course, ...]) -> tuple[Course, ...]:
    """Anterior plexus of both sides, its bridges behind the bodies, and two veins with each root."""
    named = {course.name: course for course in roots}
    rng = np.random.default_rng([anatomy.parameters.seed, 37])
    found = [_strand(anatomy, side, rng) for side in Side]
    for level in anatomy.parameters.levels:
        found.append(_bridge(anatomy, level))
        for side in Side:
            root = named[f"{side.value} {level} root"]
            found += [_beside(root, ahead, rng) for ahead in (True, False)]
    return tuple(found)


def _strand(anatomy: Anatomy, side: Side, rng: np.random.Generator) -> Course:
    """Bowed toward the midline behind each body, pushed aside by each disc."""
    line, sac = anatomy.canal_line, anatomy.sac
    last = line.height("S2", 0.5)
    stations = np.arange(1.0, last, 3.0)
    places = np.arange(line.count)
    half_x, half_y = (np.interp(stations, places, v) for v in (sac.half_x, sac.half_y))
    disc = np.zeros(len(stations))
    for level in anatomy.parameters.levels:
        disc = np.maximum(disc, np.exp(-(((stations - line.height(level, 0.87)) / 9.0) ** 2)))
    x = half_x * (0.48 + 0.34 * disc) + rng.normal(0, 0.5, len(stations))
    deep = 0.3 + 1.5 * (1 - disc) * (stations < line.height("S1", 0.0))
    y = -half_y * np.sqrt(np.maximum(1 - (x / half_x) ** 2, 0.02)) - deep
    curve = _even(smooth_curve(line.at(stations, side.sign * x, y))[0])
    name = f"{side.value} epidural vein"
    return Course(name, Region.EPIDURAL_VEIN, curve, np.full(len(curve), PLEXUS_MM), None, side)


def _even(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    return even(curve, curve[:, 0])[0]


def _bridge(anatomy: Anatomy, level: str) -> Course:
    """Behind the middle of the body, where the basivertebral vein comes out."""
    line, sac = anatomy.canal_line, anatomy.sac
    station = line.height(level, 0.36)
    n = int(station)
    half_x, half_y = sac.half_x[n], sac.half_y[n]
    x = np.linspace(-0.5, 0.5, 5) * half_x
    y = -half_y - np.array([1.4, 2.4, 2.9, 2.4, 1.4])
    curve = smooth_curve(line.at(np.full(5, station), x, y), step=0.8)[0]
    curve = _even(curve)
    radius = np.full(len(curve), PLEXUS_MM * 1.15)
    return Course(f"{level} retrovertebral vein", Region.EPIDURAL_VEIN, curve, radius, level)


def _beside(root: Course, ahead: bool, rng: np.random.Generator) -> Course:
    """In the foramen's fat: one in front of and under the root, one behind and above."""
    inner, outer = int(0.30 * len(root.points)), int(0.86 * len(root.points))
    part = root.points[inner:outer:6]
    gap = float(root.radius.max()) + FORAMINAL_MM + 1.0
    side = np.array([0.0, -0.55, -0.85]) if ahead else np.array([0.0, 0.75, -0.65])
    bow = gap * (1 + 0.6 * np.sin(np.linspace(0, np.pi, len(part))))[:, None]
    curve = smooth_curve(part + side * bow + rng.normal(0, 0.3, part.shape), step=0.6)[0]
    curve = _even(curve)
    name = f"{root.side.value if root.side else ''} {root.level} foraminal vein"
    radius = np.full(len(curve), FORAMINAL_MM)
    return Course(name, Region.EPIDURAL_VEIN, curve, radius, root.level, root.side)
