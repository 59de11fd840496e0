"""Everything thread-like in and next to the canal, as centrelines: painted from, and handed out as truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.phantom.canvas import instance_of
from procguide.phantom.truth.nouns import Course

if TYPE_CHECKING:
    from procguide.phantom.assemble import Anatomy

__all__ = ["Nerves", "nerves_of"]


@dataclass(frozen=True)
class Nerves:
    """``strands`` lie in the sac, ``courses`` outside it or along it; both from proximal to distal."""

    strands: tuple[Course, ...]
    courses: tuple[Course, ...]

    @property
    def rods(self) -> tuple[Course, ...]:
        """The courses drawn as rods, in the order of drawing."""
        return tuple(c for c in self.courses if c.region not in _NOT_RODS)


_NOT_RODS = (Region.SPINAL_CORD, Region.DURA, Region.AORTA)


def nerves_of(anatomy: Anatomy) -> Nerves:
    """Lay out all nerves and small vessels of one subject."""
    from procguide.phantom.neural.arteries import artery_courses
    from procguide.phantom.neural.bone_field import bone_field
    from procguide.phantom.neural.branches import branch_courses
    from procguide.phantom.neural.cauda import cauda_strands
    from procguide.phantom.neural.roots import root_courses
    from procguide.phantom.neural.veins import vein_courses

    field = bone_field(anatomy)
    roots = root_courses(anatomy, field)
    courses = (
        *_axis_courses(anatomy),
        *vein_courses(anatomy, roots),
        *artery_courses(anatomy, field, roots),
        *roots,
        *branch_courses(anatomy, field, roots),
    )
    return Nerves(cauda_strands(anatomy, roots), courses)


def _axis_courses(anatomy: Anatomy) -> tuple[Course, ...]:
    """Cord and sac: centrelines, their mean half-size as radius."""
    line, sac = anatomy.canal_line, anatomy.sac
    found = []
    for name, region, end, y, a, b in (
        ("spinal cord", Region.SPINAL_CORD, sac.conus, sac.cord_y, sac.cord_half_x, sac.cord_half_y),
        ("thecal sac", Region.DURA, sac.sac_end, sac.sac_y, sac.sac_half_x, sac.sac_half_y),
    ):
        station = np.arange(0.0, end, 0.8)
        places = np.arange(line.count)
        at = line.at(station, 0 * station, np.interp(station, places, y))
        radius = np.sqrt(np.interp(station, places, a) * np.interp(station, places, b))
        found.append(Course(name, region, at, radius))
    return tuple(found)


def rods(courses: tuple[Course, ...]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Segments ``(n, 8)`` and their region and instance ``(n, 2)``."""
    segments, numbers = [np.zeros((0, 8))], [np.zeros((0, 2), dtype=np.uint8)]
    for course in courses:
        p, r = course.points, course.radius[:, None]
        segments.append(np.hstack([p[:-1], p[1:], r[:-1], r[1:]]))
        number = (int(course.region), instance_of(course.level, course.side))
        numbers.append(np.tile(np.array(number, dtype=np.uint8), (len(p) - 1, 1)))
    return np.vstack(segments), np.vstack(numbers)
