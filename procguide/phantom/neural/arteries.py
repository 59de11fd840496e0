"""Segmental arteries round the bodies, and the artery of Adamkiewicz.

Adamkiewicz: from a segmental artery's spinal branch through the upper front of the foramen (96 % of
arteries; AJNR series n=78, see the procedure catalogue), 0.8-1.3 mm thick, ascending less than two and a
half bodies along the cord to a hairpin turn into the anterior spinal artery (Radiopaedia, artery of
Adamkiewicz). Segmental arteries' courses after anatomy atlases, their size assumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.phantom.bones.vertebra import arch_points
from procguide.phantom.neural.bone_field import BoneField
from procguide.phantom.neural.path import rerouted
from procguide.phantom.neural.roots import even
from procguide.phantom.truth.nouns import Course
from procguide.phantom.tubes import smooth_curve

if TYPE_CHECKING:
    from procguide.phantom.assemble import Anatomy

__all__ = ["artery_courses"]

_Reals = NDArray[np.float64]

SEGMENTAL_MM = (1.25, 0.8)
"""Radius at the aorta and at the foramen."""
OFF_BODY_MM = 1.9
ADAMKIEWICZ_MM = 0.5
ASCENT_MM = 48.0
HAIRPIN_MM = 1.1


def artery_courses(anatomy: Anatomy, field: BoneField, roots: tuple[Course, ...]) -> tuple[Course, ...]:
    """All segmental arteries, the artery of Adamkiewicz and the anterior spinal artery."""
    named = {course.name: course for course in roots}
    levels = anatomy.parameters.levels
    found = [_segmental(anatomy, field, level, side) for level in levels for side in Side]
    return (*found, *_adamkiewicz(anatomy, field, named))


def _entry(anatomy: Anatomy, level: str, side: Side) -> _Reals:
    """The upper front corner of the foramen, outside it, in the vertebra's frame."""
    model = anatomy.vertebrae[level]
    arch = arch_points(model, side)
    shape, size = model.shape, model.size
    wall = (shape.depth_upper + shape.depth_lower) / 4
    bottom = float(arch.isthmus[2]) - shape.pedicle_height / 2
    out = abs(float(arch.isthmus[0])) + arch.pedicle_width / 2
    return np.array([side.sign * (out + 1.0), wall + 0.5 * size, bottom - 1.8 * size])


def _segmental(anatomy: Anatomy, field: BoneField, level: str, side: Side) -> Course:
    model = anatomy.vertebrae[level]
    shape, size, s = model.shape, model.size, side.sign
    entry = model.frame.to_patient(_entry(anatomy, level, side))
    if anatomy.parameters.below(level) is None:
        start = np.array([[s * 38.0, -12.0, -16.0], [s * 36.0, -4.0, 2.0]]) * size
        nodes = np.vstack([start, entry])
    else:
        aorta = _aorta_back(anatomy, float(model.frame.origin[2]))
        half_x = (shape.width_lower + shape.width_upper) / 4
        half_y = (shape.depth_lower + shape.depth_upper) / 4
        local = model.frame.to_local(aorta)
        begin = float(np.degrees(np.arctan2(local[0] / half_x, -local[1] / half_y)))
        angles = np.radians(np.linspace(begin, s * 118.0, 7)[1:])
        round_body = np.column_stack([half_x * np.sin(angles), -half_y * np.cos(angles), 0 * angles])
        round_body[:, :2] *= 1 + OFF_BODY_MM / half_x
        round_body[-1, 2] -= 1.0
        nodes = np.vstack([aorta, model.frame.to_patient(round_body), entry])
    curve = smooth_curve(nodes, step=0.8)[0]
    radius = np.interp(np.linspace(0, 1, len(curve)), [0, 1], SEGMENTAL_MM)
    curve = field.clear(curve, radius + 0.4)
    curve = rerouted(field, even(curve, radius)[0], SEGMENTAL_MM[1])
    radius = np.interp(np.linspace(0, 1, len(curve)), [0, 1], SEGMENTAL_MM)
    curve, radius = even(curve, radius)
    name = f"{side.value} {level} segmental artery"
    return Course(name, Region.SEGMENTAL_ARTERY, curve, radius, level, side)


def _aorta_back(anatomy: Anatomy, z: float) -> _Reals:
    """The aorta's posterior wall at a height."""
    from procguide.phantom.neural.aorta import aorta_at

    centre, radius = aorta_at(anatomy, z)
    return np.asarray(centre + np.array([0.0, 0.6 * radius, 0.0]))


def _adamkiewicz(anatomy: Anatomy, field: BoneField, named: dict[str, Course]) -> tuple[Course, ...]:
    neural, line, sac = anatomy.parameters.neural, anatomy.canal_line, anatomy.sac
    level, side = neural.adamkiewicz_level, Side(neural.adamkiewicz_side)
    root = named.get(f"{side.value} {level} root")
    if root is None:
        return ()
    entry = anatomy.vertebrae[level].frame.to_patient(_entry(anatomy, level, side))
    # In front of and above the root as far as the sac, then up along the cord.
    frame = anatomy.vertebrae[level].frame
    ahead = np.asarray(frame.superior) * 0.9 - np.asarray(frame.posterior) * (root.radius[0] + 1.0)
    steps = np.flatnonzero(np.linalg.norm(root.points - root.points[0], axis=1) < 14.0)[::-3][:-2]
    beside = root.points[steps] + ahead
    join = line.station(root.points[0])
    top = max(2.0, min(join - 12.0, sac.conus - 20.0, join - ASCENT_MM))
    rise = _along_cord(anatomy, side, join - 4.0, top)
    curve = smooth_curve(np.vstack([entry, beside, rise]), step=0.5)[0]
    outside = np.linalg.norm(curve - entry, axis=1) < 16.0
    moved = field.clear(curve, np.full(len(curve), ADAMKIEWICZ_MM + 0.4))
    curve[outside] = moved[outside]
    curve, radius = even(curve, np.full(len(curve), ADAMKIEWICZ_MM))
    name = f"{side.value} {level} artery of Adamkiewicz"
    artery = Course(name, Region.RADICULOMEDULLARY_ARTERY, curve, radius, level, side)
    return (artery, _anterior_spinal(anatomy, top))


def _along_cord(anatomy: Anatomy, side: Side, start: float, top: float) -> _Reals:
    """Up over the cord's front toward the midline, then the hairpin; under the conus free in the sac."""
    line, sac = anatomy.canal_line, anatomy.sac
    places = np.arange(line.count)
    up = np.linspace(start, top, 8)
    cord_y, a, b = (np.interp(up, places, v) for v in (sac.cord_y, sac.cord_half_x, sac.cord_half_y))
    a, b = a + 0.7, b + 0.7
    x = np.maximum(a * np.linspace(1.0, 0.0, len(up)), HAIRPIN_MM)
    ahead = b * np.sqrt(np.clip(1 - (x / a) ** 2, 0.02, 1))
    rise = line.at(up, side.sign * x, cord_y - np.where(up > sac.conus - 6.0, 1.0, ahead))
    turn_at = np.array([top - 1.2, top])
    front = np.interp(turn_at, places, sac.cord_y - sac.cord_half_y - 0.75)
    turn = line.at(turn_at, side.sign * np.array([0.5 * HAIRPIN_MM, 0.0]), front)
    return np.vstack([rise, turn])


def _anterior_spinal(anatomy: Anatomy, top: float) -> Course:
    """Down the cord's front to the conus, thicker below the hairpin at station ``top``."""
    line, sac = anatomy.canal_line, anatomy.sac
    down = np.arange(0.0, sac.conus - 3.0, 0.8)
    y = np.interp(down, np.arange(line.count), sac.cord_y - sac.cord_half_y - 0.75)
    thick = np.where(down < top, 0.3, 0.42)
    return Course(
        "anterior spinal artery", Region.RADICULOMEDULLARY_ARTERY, line.at(down, 0 * down, y), thick
    )
