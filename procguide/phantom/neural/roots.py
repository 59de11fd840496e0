"""Spinal nerves from the sac through the foramen: roots, ganglia and ventral rami.

Roots T8 to the last lumbar pass under the pedicle of their number in the upper third of the foramen; S1
to S4 leave by the anterior sacral foramina, S5 by the hiatus.

Sources. Diameters: 3.9 mm at L1 to 5.5 mm at S1 (Khasawneh et al., Folia Morphol 2023;82:72), 3.5 mm at
L1 to 5.6 mm at L5 (Torun et al., J Clin Neurosci 2008;15:895); thoracic and S2 down assumed. Ganglia:
volumes 211, 291, 384 and 192 mm3 at L4, L5, S1 and S2 (Weiner et al., AJNR 2022;43:769), greatest width
6.5 mm at L5, centre in the medial zone of the foramen at L1-L4 and in the lateral at L5 (Silverstein et
al., Int J Spine Surg 2015;9:3); length against width assumed. Origin of the sleeve below the disc above
for L1-L4, above the L5-S1 disc for S1 (Suh et al., J Bone Joint Surg Br 2005;87:518), 8 to 11 mm from the
midline; take-off angle 26 degrees at L1 to 16 at L5 (Torun) in one series, 52 at T11 to 26 at L5 in another
(cadavers, PubMed 22744616): the lumbar ones here follow the first, T11 lies between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.phantom.bones.vertebra import arch_points
from procguide.phantom.neural.bone_field import BoneField
from procguide.phantom.neural.canal import SACRAL_SEGMENTS
from procguide.phantom.neural.path import rerouted
from procguide.phantom.neural.plexus import ramus_nodes
from procguide.phantom.truth.nouns import Course
from procguide.phantom.tubes import smooth_curve

if TYPE_CHECKING:
    from procguide.phantom.assemble import Anatomy

__all__ = [
    "GANGLION_MM",
    "ROOT_MM",
    "even",
    "lengths",
    "nearest",
    "nerve_levels",
    "root_courses",
    "sleeve",
    "split_nerve",
    "thickness",
]

_Reals = NDArray[np.float64]

# fmt: off
ROOT_MM = {
    "T8": 2.6, "T9": 2.6, "T10": 2.7, "T11": 2.9, "T12": 3.2, "T13": 3.4, "L1": 3.7, "L2": 4.0, "L3": 4.4,
    "L4": 4.9, "L5": 5.4, "L6": 5.4, "S1": 5.4, "S2": 4.4, "S3": 3.4, "S4": 2.4, "S5": 1.6,
}
"""Diameter of the root outside the sac, mm."""
GANGLION_MM = {
    "T8": (3.8, 6.5), "T9": (3.8, 6.5), "T10": (4.0, 6.5), "T11": (4.2, 7.0), "T12": (4.4, 7.5),
    "T13": (4.4, 7.5), "L1": (4.6, 8.0), "L2": (5.1, 8.8), "L3": (5.6, 9.6), "L4": (6.2, 10.6),
    "L5": (6.6, 12.4), "L6": (6.6, 12.4), "S1": (7.3, 13.5), "S2": (5.9, 10.5), "S3": (4.4, 8.0),
    "S4": (3.2, 6.0),
}
"""Width and length of the ganglion, mm."""
# fmt: on
SLEEVE_HEIGHT = {"T8": 0.36, "T12": 0.33, "L1": 0.28, "L3": 0.29, "L4": 0.28, "L5": 0.24, "L6": 0.24}
"""Where the root leaves the sac: share of the way from its vertebra's upper endplate to the next one's."""
SACRAL_SLEEVES = (-0.22, 0.12, 0.75, 1.1, 1.1)
"""The same for S1 to S5 in lengths of S1, from its top; S1 leaves above the last disc."""
CLEAR_MM = 0.7
TIGHT_MM = 0.3
SPACING_MM = 0.8
EVEN_MM = 0.5


def nerve_levels(anatomy: Anatomy) -> tuple[str, ...]:
    """All spinal nerves that the subject has in the field, by the level that names them."""
    return (*anatomy.parameters.levels, *SACRAL_SEGMENTS)


def sleeve(anatomy: Anatomy, level: str, side: Side) -> tuple[float, float, float]:
    """Station, x and y (mm from the canal's centreline) where the root leaves the sac."""
    line = anatomy.canal_line
    if level in SACRAL_SEGMENTS:
        n = SACRAL_SEGMENTS.index(level)
        station = line.height("S1", SACRAL_SLEEVES[n])
    else:
        names = list(SLEEVE_HEIGHT)
        known = max((n for n in names if _order(n) <= _order(level)), key=_order, default="T8")
        station = line.height(level, SLEEVE_HEIGHT[known])
    station = min(station, anatomy.sac.sac_end - 2.0)
    y, a, b = anatomy.sac.sac_at(station)
    return station, side.sign * a * 1.02, y - 0.35 * b


def _order(level: str) -> int:
    return ({"T": 0, "L": 20, "S": 40}[level[0]]) + int(level[1:])


def root_courses(anatomy: Anatomy, field: BoneField) -> tuple[Course, ...]:
    """Roots, ganglia and rami of every level and side."""
    from procguide.phantom.neural.sacral import sacral_courses

    found: list[Course] = []
    for level in nerve_levels(anatomy):
        for side in Side:
            if level in SACRAL_SEGMENTS:
                found += sacral_courses(anatomy, field, level, side)
            else:
                found += _presacral(anatomy, field, level, side)
    return tuple(found)


def _presacral(anatomy: Anatomy, field: BoneField, level: str, side: Side) -> list[Course]:
    station, x, y = sleeve(anatomy, level, side)
    start = anatomy.canal_line.at(
        np.array([station - 3.0, station + 1.5]), np.array([1.10, 1.20]) * x, [y, y]
    )
    local, turn = _under_pedicle(anatomy, level, side)
    frame = anatomy.pose.frames[level]
    nodes = np.vstack([start, frame.to_patient(local)])
    size = anatomy.parameters.size
    radius = ROOT_MM[level] / 2 * size
    far = ramus_nodes(anatomy, level, side)
    curve = smooth_curve(np.vstack([nodes, far]), step=SPACING_MM)[0]
    ganglion_at = nearest(curve, nodes[turn])
    thick = thickness(curve, ganglion_at, level, radius, size)
    moved = field.clear(curve, thick + CLEAR_MM)
    stop = nearest(curve, nodes[-1])
    return split_nerve(field, (moved, thick), (moved[ganglion_at], moved[stop]), level, side, size)


def split_nerve(
    field: BoneField, nerve: tuple[_Reals, _Reals], at: tuple[_Reals, _Reals],
    level: str, side: Side, size: float,
) -> list[Course]:  # fmt: skip
    """``nerve`` (points, half-width) as root, ganglion and ventral ramus.

    ``at`` are the ganglion's centre and the root's end. In a tight foramen the nerve is flattened: its radius
    is what bone leaves.
    """
    curve, thick = nerve
    word = f"{side.value} {level}"
    root = ROOT_MM[level] / 2 * size
    slim = np.minimum(thick, root)
    # Pushing may have parted neighbours to either side of a bone: look between them too.
    curve, slim = even(curve, slim)
    way = rerouted(field, curve, root)
    if way is not curve:
        nearby = np.argmin(np.linalg.norm(way[:, None] - curve[None], axis=2), axis=1)
        curve, slim = even(way, slim[nearby])
    middle, stop = (nearest(curve, point) for point in at)
    stop += 1
    room = np.maximum(field.distance(curve) - TIGHT_MM, 0.6 * slim)
    slim = np.minimum(slim, room)
    found = [Course(f"{word} root", Region.NERVE_ROOT, curve[:stop], slim[:stop], level, side)]
    if level in GANGLION_MM:
        width, length = (v * size for v in GANGLION_MM[level])
        along = lengths(curve)
        inside = np.abs(along - along[middle]) < length / 2
        t = (along - along[middle])[inside] / (length / 2)
        swell = np.maximum(width / 2 * np.sqrt(np.maximum(1 - t * t, 0)), slim[inside] * 0.9)
        swell = np.minimum(swell, np.maximum(room[inside], slim[inside]))
        found.append(Course(f"{word} ganglion", Region.GANGLION, curve[inside], swell, level, side))
    if stop < len(curve) - 3:
        name = f"{word} ventral ramus"
        found.append(Course(name, Region.NERVE_ROOT, curve[stop - 1 :], slim[stop - 1 :], level, side))
    return found


def even(curve: _Reals, radius: _Reals) -> tuple[_Reals, _Reals]:
    """The same curve with points every 0.5 mm: pushing them off bone has drawn some apart."""
    along = lengths(curve)
    at = np.linspace(0, along[-1], max(2, int(along[-1] / EVEN_MM) + 2))
    points = np.column_stack([np.interp(at, along, curve[:, n]) for n in range(3)])
    return points, np.interp(at, along, radius)


def lengths(curve: _Reals) -> _Reals:
    """Mm along the curve from its start to each point."""
    return np.append(0.0, np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1)))


def thickness(curve: _Reals, middle: int, level: str, radius: float, size: float) -> _Reals:
    """Half-width to keep clear of bone: that of the root, more at the ganglion."""
    width, length = (v * size for v in GANGLION_MM.get(level, (2 * radius, 1.0)))
    along = lengths(curve)
    near = np.sqrt(np.clip(1 - ((along - along[middle]) / (length / 2)) ** 2, 0, 1))
    # Inside the canal the root is still thin.
    return np.asarray(np.maximum(radius * np.clip(0.45 + along / 30, 0.45, 1), width / 2 * near))


def nearest(curve: _Reals, point: _Reals) -> int:
    """Place of the curve's point next to ``point``."""
    return int(np.argmin(np.linalg.norm(curve - point, axis=1)))


def _under_pedicle(anatomy: Anatomy, level: str, side: Side) -> tuple[_Reals, int]:
    """Nodes in the vertebra's frame from the lateral recess to beside the disc, and the ganglion's row."""
    model = anatomy.vertebrae[level]
    shape, size, s = model.shape, model.size, side.sign
    arch = arch_points(model, side)
    wall = (shape.depth_upper + shape.depth_lower) / 4
    bottom = float(arch.isthmus[2]) - shape.pedicle_height / 2
    middle, half = abs(float(arch.isthmus[0])), arch.pedicle_width / 2
    drop = GANGLION_MM[level][0] / 2 * size + 1.3
    inner = shape.canal_width / 2
    lateral = 1.0 if level in ("L5", "L6") else -0.3
    back = 5.0 * size
    high = level in ("L1", "L2", "L3")
    if level.startswith("T"):
        out = [
            (middle - 0.3 * half, wall + back + 1.5, bottom - drop),
            (middle + half + 4 * size, wall + back + 1.5, bottom - drop - 1.0),
            (middle + half + 13 * size, wall + back + 3.0, bottom - drop - 4.0 * size),
        ]
    else:
        out = [
            (inner - 1.3 * size, wall + back - 0.5, bottom + (0.6 if high else 1.6)),
            (middle + lateral * half * 0.5, wall + back, bottom - drop),
            (middle + half + 1.0 * size, wall + back - 2.0, bottom - drop - 6.5 * size),
            (middle + half + 6.5 * size, wall - 2.0, bottom - drop - 14.0 * size),
        ]
    return np.array([(s * x, y, z) for x, y, z in out]), len(out) - 1
