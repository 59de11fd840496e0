"""Where ventral rami go: along the ribs, through the psoas, over the ala and into the sacral plexus.

Courses after anatomy atlases; places within the psoas follow the posterior third of the muscle. Assumed
throughout, and kept off bone by the bone field afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Side
from procguide.phantom.bones.sacrum import to_straight
from procguide.phantom.bones.vertebra import arch_points
from procguide.phantom.neural.canal import SACRAL_SEGMENTS

if TYPE_CHECKING:
    from procguide.phantom.assemble import Anatomy

__all__ = ["ramus_nodes"]

_Reals = NDArray[np.float64]


def ramus_nodes(anatomy: Anatomy, level: str, side: Side) -> _Reals:
    """Nodes ``(n, 3)`` LPS mm after the foramen."""
    if level in SACRAL_SEGMENTS:
        return _sacral(anatomy, level, side)
    presacral = anatomy.parameters.levels
    from_last = len(presacral) - 1 - presacral.index(level)
    if level.startswith("T") or from_last > 4:
        return _along_wall(anatomy, level, side)
    if from_last == 0:
        return _over_ala(anatomy, side)
    return _through_psoas(anatomy, level, side, from_last)


def _along_wall(anatomy: Anatomy, level: str, side: Side) -> _Reals:
    """Intercostal and subcostal nerves, the first few centimetres."""
    model = anatomy.vertebrae[level]
    shape, size, s = model.shape, model.size, side.sign
    x = abs(float(arch_points(model, side).isthmus[0])) + shape.pedicle_width / 2
    wall = (shape.depth_upper + shape.depth_lower) / 4
    low = -shape.body_height / 2
    out = [(x + 24 * size, wall + 9.0, low - 3), (x + 38 * size, wall + 11.0, low - 8)]
    return np.asarray(model.frame.to_patient(np.array([(s * a, b, c) for a, b, c in out])))


def _through_psoas(anatomy: Anatomy, level: str, side: Side, from_last: int) -> _Reals:
    """Down inside the muscle; the lower ones converge on the femoral nerve, the upper leave at its side."""
    size, s = anatomy.parameters.size, side.sign
    levels = anatomy.parameters.levels
    nodes = []
    for n in range(levels.index(level) + 1, len(levels)):
        model = anatomy.vertebrae[levels[n]]
        shape = model.shape
        wall = (shape.depth_upper + shape.depth_lower) / 4
        out = shape.width_lower / 2 + (8.0 + 2.2 * (n - levels.index(level)) + 1.2 * from_last) * size
        nodes.append(model.frame.to_patient((s * out, wall - 9.0 * size, 0.0)))
        if from_last == 4 and n == levels.index(level) + 1:
            return np.array([*nodes, nodes[-1] + np.array([s * 22.0, 6.0, -16.0]) * size])
    shift = 2.4 * (from_last - 2)
    nodes.append(np.array([s * (46.0 + shift), -16.0 - shift, -8.0]) * size)
    nodes.append(np.array([s * (57.0 + 0.5 * shift), -40.0 - 0.5 * shift, -44.0]) * size)
    nodes.append(np.array([s * 68.0, -66.0, -82.0]) * size)
    return np.array(nodes)


def _over_ala(anatomy: Anatomy, side: Side) -> _Reals:
    """The last lumbar nerve: over the ala's front edge, down to the sacral plexus."""
    down = ((34.0, -1.0, -14.0), (38.0, 11.0, -18.5), (41.0, 32.0, -15.5))
    return np.vstack([_before_sacrum(anatomy, side, down), _sciatic(anatomy, side)])


def _sacral(anatomy: Anatomy, level: str, side: Side) -> _Reals:
    """From the anterior foramen outward and down in front of the sacrum; S4 ends on the pelvic floor."""
    n = SACRAL_SEGMENTS.index(level)
    if n > 2:
        return _before_sacrum(anatomy, side, ((24.0, 108.0, -12.0), (30.0, 118.0, -22.0)))
    first = ((37.0, 50.0, -15.0), (35.0, 66.0, -14.0), (36.0, 82.0, -12.0))[n]
    return np.vstack([_before_sacrum(anatomy, side, (first,)), _sciatic(anatomy, side)])


def _sciatic(anatomy: Anatomy, side: Side) -> _Reals:
    """Where the plexus leaves the pelvis through the greater sciatic foramen."""
    return _before_sacrum(anatomy, side, ((52.0, 88.0, -4.0), (60.0, 102.0, 2.0)))


def _before_sacrum(anatomy: Anatomy, side: Side, places: tuple[tuple[float, float, float], ...]) -> _Reals:
    """Places (x, s, h) in the sacrum's bent coordinates at size 1, to LPS mm."""
    model, size = anatomy.sacrum, anatomy.parameters.size
    local = [(side.sign * x * size, *to_straight(model, s * model.stretch, h * size)) for x, s, h in places]
    return np.asarray(model.frame.to_patient(np.array(local)))
