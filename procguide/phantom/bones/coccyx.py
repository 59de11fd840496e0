"""The coccyx: three or four shrinking pieces that curve forward from the sacrum's tip.

First piece 2 cm wide with horns and short transverse processes, the whole about 4 cm long (assumed from
anatomy atlases; curvature types: Postacchini and Massobrio, J Bone Joint Surg Am 1983;65:1116).
"""

from __future__ import annotations

import numpy as np

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame, vector
from procguide.phantom.bones.sacrum import SacrumModel, to_straight
from procguide.phantom.solids import Array, Part, capsule, elliptic, frame_between, radial, smooth_max

__all__ = ["COCCYX", "coccyx_parts", "coccyx_tip"]

COCCYX = "coccyx"
JOINT_MM = 3.0
# Half-width, half-depth, length and gap below, mm.
PIECES = ((9.5, 4.8, 11.0, 1.6), (7.0, 4.2, 9.0, 0.0), (5.2, 3.8, 8.0, 0.0), (3.8, 3.2, 7.0, 0.0))


def _chain(sacrum: SacrumModel) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Start and end of each piece in the sacrum's frame, ``(3,)`` mm, and the turn so far, radians."""
    size, pelvis = sacrum.size, sacrum.pelvis
    last = pelvis.sacrum_length * size
    tip, before = to_straight(sacrum, np.array([last, last - 2.0]), np.array([0.0, 0.0]))
    along = (tip - before) / np.linalg.norm(tip - before)
    count = 3 if sacrum.seed % 4 == 0 else 4
    bend = np.radians(pelvis.coccyx_curve_deg) / count
    angle = float(np.arctan2(-along[0], -along[1])) + 0.5 * bend
    at = tip + along * JOINT_MM * size
    chain = []
    for _, _, length, gap in PIECES[:count]:
        direction = np.array([-np.sin(angle), -np.cos(angle)])
        end = at + direction * length * size
        chain.append((np.array([0.0, *at]), np.array([0.0, *end]), angle))
        at, angle = end + direction * gap * size, angle + bend
    return chain


def coccyx_tip(sacrum: SacrumModel) -> np.ndarray:
    """The tip, ``(3,)`` LPS mm."""
    return np.asarray(sacrum.frame.to_patient(_chain(sacrum)[-1][1]))


def coccyx_parts(sacrum: SacrumModel) -> list[Part]:
    """Its pieces with the first one's horns and processes."""
    size, parts = sacrum.size, []
    chain = _chain(sacrum)
    for n, (start, end, _) in enumerate(chain):
        wide, deep = PIECES[n][0] * size, PIECES[n][1] * size
        parts.append(_piece(sacrum, (start, end), (wide, deep), fused=n > 1))
    start, end, angle = chain[0]
    back = np.array([0.0, np.cos(angle), -np.sin(angle)]) * size
    down = (end - start) / np.linalg.norm(end - start) * size
    for side in Side:
        across = np.array([side.sign * size, 0.0, 0.0])
        root = start + 5.5 * across + 3.0 * back + 3.0 * down
        parts.append(_rod(sacrum, root, root + 1.5 * across + 2.5 * back - 4.5 * down, 1.9, 1.4))
        root = start + 7.0 * across + 3.5 * down
        parts.append(_rod(sacrum, root, root + 7.0 * across - 1.0 * down + 0.5 * back, 2.6, 1.8))
    return parts


def _piece(
    sacrum: SacrumModel, ends: tuple[np.ndarray, np.ndarray], half: tuple[float, float], *, fused: bool
) -> Part:
    start, end = ends
    middle = sacrum.frame.to_patient((start + end) / 2)
    up = sacrum.frame.rotation @ (start - end)
    frame = AnatomicalFrame.from_axes(vector(middle), up, sacrum.frame.left)
    long, (wide, deep) = float(np.linalg.norm(end - start)) / 2, half

    def distance(x: Array, y: Array, z: Array) -> Array:
        t = np.clip(z / long, -1, 1)
        narrow = 1 - 0.10 * (1 - t)
        waist = narrow * (1 - 0.14 * (1 - t * t))
        return smooth_max(
            radial(x, y, wide * waist, deep * waist, 2.3), np.asarray(np.abs(z) - long, np.float32), 2.0
        )

    if fused:
        grown = (wide, deep, long * 1.25)
        return Part(Region.COCCYX, frame, grown, lambda x, y, z: elliptic(x, y, z, grown), 2.5)
    return Part(Region.COCCYX, frame, (wide, deep, long), distance, 1.0)


def _rod(sacrum: SacrumModel, start: np.ndarray, end: np.ndarray, first: float, last: float) -> Part:
    size = sacrum.size
    frame, length = frame_between(sacrum.frame, start, end, (0, 1, 0.2))

    def distance(x: Array, y: Array, z: Array) -> Array:
        return capsule(x, y, z, length, (first * size, first * size), (last * size, last * size))

    return Part(Region.COCCYX, frame, (length + 3, 4 * size, 4 * size), distance, 2.0)
