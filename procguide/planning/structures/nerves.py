"""Where a lumbar root and its ganglion are likely to run: not visible on CT, so modelled from bone."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Side, Vertebra
from procguide.errors import InputUnfitError
from procguide.geometry import vector
from procguide.planning.nouns import Tube
from procguide.planning.site import required

__all__ = [
    "FORAMEN_SPREAD_MM",
    "NERVE_SPREAD_MM",
    "exiting_root",
    "foramen_zone",
    "nerve_spread_mm",
]

NERVE_SPREAD_MM = MappingProxyType({"L1": 1.5, "L2": 1.5, "L3": 1.5, "L4": 1.5, "L5": 2.0})
"""Standard deviation of the true nerve's surface about the modelled one, our networks' errors included.

On phantoms 0.6 to 1.5 (benchmarks/nerve_model.py). People differ more: from root to facet, for one, by a
standard deviation of 1.1 to 3.0 mm (Pairaiturkar et al., J Korean Neurosurg Soc 2019;62(4), 50 MRI).
"""
FORAMEN_SPREAD_MM = 1.0
"""The same for the foramen's opening: assumed."""

_ROOT_MM = MappingProxyType({"L1": 3.9, "L2": 4.2, "L3": 4.5, "L4": 4.8, "L5": 5.1})
"""Diameter: 3.9 mm at L1 to 5.45 at S1 (Khasawneh et al., Folia Morphol 2023;82:72), even steps between."""
_GANGLION_MM = MappingProxyType({"L1": 4.5, "L2": 4.8, "L3": 5.3, "L4": 5.7, "L5": 6.2})
"""Width: between 4.36 at L1 to 5.82 at L5 (Silav et al., J Neurosurg Sci 2016;60:339, 15 cadavers) and the
6.5 mm at L5 of Silverstein et al. (Int J Spine Surg 2015;9:3)."""

# fmt: off
_COURSE_MM = MappingProxyType({
    "T": ((-6.3, 4.9, 7.6), (-3.0, 5.0, -2.5), (0.0, 5.7, -4.0), (3.0, 6.1, -4.3), (6.0, 6.4, -4.5),
          (9.0, 6.7, -5.0), (12.0, 7.0, -5.5)),
    "L1": ((-6.3, 4.9, 7.6), (-4.1, 3.8, -1.5), (-0.2, 4.3, -4.4), (3.4, 4.1, -7.6), (6.1, 2.3, -11.2),
           (11.3, -2.5, -18.3), (17.5, -6.0, -25.0)),
    "L2": ((-6.7, 4.6, 7.5), (-4.2, 3.8, -1.6), (-0.3, 4.2, -4.5), (3.4, 4.3, -7.6), (6.2, 2.4, -11.2),
           (11.5, -2.5, -18.3), (17.5, -6.0, -25.3)),
    "L3": ((-7.8, 4.5, 6.1), (-4.4, 3.5, -2.6), (-0.2, 4.1, -4.7), (3.7, 4.3, -7.5), (6.8, 2.7, -11.0),
           (12.0, -2.0, -18.1), (17.4, -5.1, -25.8)),
    "L4": ((-9.0, 4.1, 3.8), (-4.4, 3.4, -3.9), (-0.2, 4.1, -4.9), (3.9, 4.1, -7.5), (7.2, 3.0, -10.6),
           (12.7, -1.8, -17.6), (17.3, -4.3, -26.0)),
    "L5": ((-8.4, 3.4, -1.4), (1.2, 4.7, -3.6), (5.2, 5.2, -5.4), (8.4, 4.0, -8.3), (10.7, 2.2, -12.0),
           (15.8, -4.0, -17.0), (16.0, -12.3, -21.0)),
})
# fmt: on
"""Lateral of the pedicle's middle, behind the body's posterior wall and above the pedicle's lower border:
from the lateral recess past the ganglion to beside the next disc, mm. Means over phantoms
(benchmarks/nerve_model.py), whose roots were drawn after published figures: the root 1.5 mm under the pedicle
(Ebraheim et al., Spine 1997;22:2338, 15 cadavers), the ganglion's middle in the medial half of the foramen at
L1 to L4 and in the lateral half at L5 (Silverstein). How far back in the foramen it lies, and the way on into
the psoas, have no table that we know of: assumed there. A thoracic nerve goes straight outward, below its rib
(:mod:`~procguide.planning.structures.rami` follows it)."""


_IN_FORAMEN = slice(1, 5)
_BEHIND_MM = 1.0
"""What is left between the nerve and the articular process in a shallow foramen. In people 3.4 +- 3.0 mm at
L1-L2 to 4.6 +- 2.5 at L5-S1 (Pairaiturkar), so this is one standard deviation less or more: a needle comes
from behind, and a nerve drawn too far forward would pass for room. Over phantoms the ganglion's back is drawn
right by it to 0.1 mm in the mean."""
_HALF_WIDTH_MM = MappingProxyType({"L1": 4.1, "L2": 4.3, "L3": 5.1, "L4": 6.2, "L5": 7.7})
"""Half the pedicle's width where the courses were drawn: the mean over phantoms."""


def nerve_spread_mm(level: str) -> float:
    """The spread of that level's root; above L1 that of L1, below L5 that of L5."""
    return NERVE_SPREAD_MM[_known(level)]


def _known(level: str) -> str:
    return level if level in NERVE_SPREAD_MM else ("L1" if level.startswith("T") else "L5")


def exiting_root(vertebra: Vertebra, side: Side, span: tuple[float, float] | None = None) -> Tube:
    """The root that leaves under this vertebra's pedicle: lateral recess, ganglion, way into the psoas.

    Drawn in the vertebra's frame about the pedicle's lower border and the body's posterior wall. The
    ganglion's width reaches 5 mm to either side of its middle, for that varies along the nerve. Under a wide
    pedicle the nerve lies as much farther lateral or medial as its border does. ``span``,
    where it is known, is the foramen's ventral and dorsal border under the pedicle, y in that frame: in a
    shallow foramen the nerve lies farther forward, all of it up to half-way to the pedicle's outer border
    and none of it beyond that border.
    """
    level = vertebra.level
    pedicle = vertebra.pedicles.get(side)
    if pedicle is None:
        raise InputUnfitError(f"the {side} pedicle of {level} was not found; check the labels of {level}.")
    frame, sign, known = vertebra.frame, side.sign, _known(level)
    x, _, z = frame.to_local(pedicle.centre)
    wall = (vertebra.superior_endplate.depth_mm + vertebra.inferior_endplate.depth_mm) / 4
    root, ganglion = _ROOT_MM[known] / 2, _GANGLION_MM[known] / 2
    course = np.array(_COURSE_MM["T"]) if level.startswith("T") else _course(known, pedicle.width_mm / 2)
    local = np.array([sign * x, wall, z - pedicle.height_mm / 2]) + course
    if span is not None:
        rear = local[_IN_FORAMEN, 1].max()
        half = pedicle.width_mm / 2
        within = np.clip(2 * (1 - course[_IN_FORAMEN, 0] / half), 0.0, 1.0)
        local[_IN_FORAMEN, 1] += within * min(max(span[1] - _BEHIND_MM, span[0]) - ganglion - rear, 0.0)
    return Tube(
        f"{level} root {side}",
        tuple(vector(point) for point in frame.to_patient(local * (sign, 1.0, 1.0))),
        (root, ganglion, ganglion, root, root, root),
    )


def _course(level: str, half_mm: float) -> NDArray[np.float64]:
    """The course beside a lumbar pedicle of that half width, ``(n, 3)``: in shares below, shifted beside it.

    Where the ganglion lies is told by thirds or halves of the foramen from one border of the pedicle to the
    other (Silverstein).
    """
    course, usual = np.array(_COURSE_MM[level]), _HALF_WIDTH_MM[level]
    off = np.abs(course[:, 0])
    course[:, 0] = np.sign(course[:, 0]) * np.where(
        off <= usual, off * half_mm / usual, off + half_mm - usual
    )
    return course


def foramen_zone(vertebra: Vertebra, side: Side) -> Tube:
    """The opening under this vertebra's pedicle as an upright capsule, 16 x 8 mm (assumed)."""
    centre = np.asarray(required(vertebra.foramina.get(side), f"{side} foramen", vertebra.level))
    up = np.asarray(vertebra.frame.superior) * 4.0
    return Tube(f"{vertebra.level} foramen {side}", (vector(centre - up), vector(centre + up)), (4.0,))
