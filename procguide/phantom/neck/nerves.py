"""Roots that leave over the pedicles of a neck, and the medial branches that cross its pillars."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.phantom.neck.model import NeckVertebra
from procguide.phantom.neck.parameters import NeckParameters
from procguide.phantom.neck.vertebra import vertebra_parts
from procguide.phantom.truth.nouns import Course
from procguide.phantom.tubes import smooth_curve

__all__ = ["branch_courses", "root_courses"]

_BRANCH_RADIUS_MM = 0.5
_OFF_BONE_MM = 0.6
_PILLAR = (Region.SUPERIOR_ARTICULAR_PROCESS, Region.INFERIOR_ARTICULAR_PROCESS)


def root_courses(bones: Mapping[str, NeckVertebra]) -> list[Course]:
    """Root, ganglion behind the artery, ramus; each over the pedicle of its own name (C8 over T1's)."""
    courses = []
    for level in ("C3", "C4", "C5", "C6", "C7", "T1", "T2"):
        bone = bones[level]
        size, wall = bone.size, bone.wall
        top = float(bone.isthmus(Side.LEFT)[2]) + bone.shape.pedicle_height / 2 + 2.4 * size
        for side in Side:
            s, edge = side.sign, bone.shape.canal_width / 2
            start = np.array([s * 0.62 * edge, wall + 0.45 * bone.shape.canal_depth, top + 3.0])
            inside = np.array([s * (edge + 1.5), wall + 2.0, top])
            ganglion = np.array([s * (edge + 5.5), wall + 0.6, top - 1.0])
            beyond = [
                ganglion + size * np.array([s * 6.0, -2.0, -3.0]),
                ganglion + size * np.array([s * 13.0, -3.0, -9.0]),
            ]
            end = ganglion + size * np.array([s * 20.0, -1.0, -24.0])
            curve, radius = smooth_curve(
                bone.frame.to_patient(np.array([start, inside, ganglion, *beyond, end])),
                np.array([1.0, 1.5, 2.5, 1.9, 1.8, 1.8]) * size,
                step=0.8,
            )
            swollen = np.linalg.norm(curve - bone.frame.to_patient(ganglion), axis=1) < 3.5 * size
            first = int(np.argmax(swollen))
            last = len(swollen) - int(np.argmax(swollen[::-1]))
            name = f"{side.value} {'C8' if level == 'T1' else 'T1' if level == 'T2' else level}"
            for part, region, a, b in (
                ("root", Region.NERVE_ROOT, 0, first + 1),
                ("ganglion", Region.GANGLION, first, last),
                ("ventral ramus", Region.NERVE_ROOT, last - 1, len(curve)),
            ):
                courses.append(Course(f"{name} {part}", region, curve[a:b], radius[a:b, 0], level, side))
    return courses


def branch_courses(parameters: NeckParameters, bones: Mapping[str, NeckVertebra]) -> list[Course]:
    """Over the outer face of the pillars C3 to C7, from before backward."""
    courses = []
    for (level, side), up in parameters.branch_up.items():
        curve = bones[level].frame.to_patient(branch_line(bones[level], side, up))
        radius = np.full(len(curve), _BRANCH_RADIUS_MM)
        courses.append(
            Course(f"{side.value} {level} medial branch", Region.MEDIAL_BRANCH, curve, radius, level, side)
        )
    return courses


def branch_line(bone: NeckVertebra, side: Side, up: float) -> NDArray[np.float64]:
    """Local points ``(n, 3)`` on the pillar's outer face, ``up`` mm over its middle, back to the joint.

    On the face as wear has made it.
    """
    back = np.linspace(-0.42, 0.25, 9) * bone.shape.pillar_depth
    line = bone.pillar(side) + np.column_stack([np.zeros(len(back)), back, np.full(len(back), up)])
    out = np.arange(0.0, bone.shape.pillar_width / 2 + 6.0, 0.25)
    rays = line[:, None] + out[None, :, None] * np.array([side.sign, 0.0, 0.0])
    places = bone.frame.to_patient(rays)
    inside = np.zeros(rays.shape[:2], dtype=bool)
    for part in vertebra_parts(bone):
        if part.side is side and part.region in _PILLAR:
            x, y, z = np.moveaxis(part.frame.to_local(places), -1, 0).astype(np.float32)
            inside |= part.distance(x, y, z) < 0
    last = inside.shape[1] - 1 - np.argmax(inside[:, ::-1], axis=1)
    face = np.where(inside.any(axis=1), out[last], 0.0)
    return np.asarray(line + np.outer(face + _OFF_BONE_MM, [side.sign, 0.0, 0.0]))
