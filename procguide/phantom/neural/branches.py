"""Medial branches of the dorsal rami in their grooves.

Each lumbar medial branch crosses the junction of the superior articular and transverse process of the
vertebra below, runs under the mamillo-accessory ligament and over the lamina into multifidus (Bogduk,
Spine 1981;6:162); the last dorsal ramus lies in the groove between the S1 articular process and the ala.
Those of T8-T10 pass the upper outer corner of the transverse process. Thickness of 1 mm is assumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.phantom.bones.sacrum import ALA, to_straight
from procguide.phantom.bones.vertebra import arch_points
from procguide.phantom.neural.bone_field import BoneField
from procguide.phantom.neural.path import path_along_bone, rerouted
from procguide.phantom.neural.roots import even
from procguide.phantom.truth.nouns import Course

if TYPE_CHECKING:
    from procguide.phantom.assemble import Anatomy

__all__ = ["branch_courses", "medial_branch_groove", "medial_branch_on_bone"]

_Reals = NDArray[np.float64]

RADIUS_MM = 0.5
OFF_BONE_MM = 1.0
"""Centreline off bone: the branch's radius and a film of fat."""
UNDER_MM = 0.5
BEFORE_MM = 1.5
"""Below the transverse process's axis, and in front of the ligament by so much: under the process."""
_STOPS = {4: [1, 2, 3], 5: [1, 3, 4]}
"""Which of the nodes a branch is led past: in the groove, under the ligament, its end."""


def medial_branch_groove(anatomy: Anatomy, level: str, side: Side) -> _Reals:
    """Where that level's medial branch crosses the bone below; LPS mm ``(3,)``."""
    branch, nodes = _branch(anatomy, level, side), _groove(anatomy, level, side)
    return np.asarray(branch[_nearest(branch, nodes[1])])


def medial_branch_on_bone(anatomy: Anatomy, level: str, side: Side) -> _Reals:
    """That branch from its groove back to under its ligament: on the junction itself; LPS mm ``(n, 3)``."""
    branch, nodes = _branch(anatomy, level, side), _groove(anatomy, level, side)
    first, last = (_nearest(branch, nodes[stop]) for stop in _STOPS[len(nodes)][:2])
    return np.asarray(branch[min(first, last) : max(first, last) + 1])


def _branch(anatomy: Anatomy, level: str, side: Side) -> _Reals:
    name = f"{side.value} {level} medial branch"
    return next(c for c in anatomy.nerves.courses if c.name == name).points


def _nearest(branch: _Reals, node: _Reals) -> int:
    return int(np.argmin(np.linalg.norm(branch - node, axis=1)))


def branch_courses(anatomy: Anatomy, field: BoneField, roots: tuple[Course, ...]) -> tuple[Course, ...]:
    """One for every presacral nerve and side."""
    found = []
    named = {course.name: course for course in roots}
    for level in anatomy.parameters.levels:
        for side in Side:
            ganglion = named[f"{side.value} {level} ganglion"].points
            start = ganglion[int(0.8 * (len(ganglion) - 1))]
            nodes = _groove(anatomy, level, side)
            way = _way(anatomy, field, level, side, np.vstack([start, nodes[_STOPS[len(nodes)]]]))
            curve = even(way, np.zeros(len(way)))[0]
            away = np.clip(np.arange(len(curve)) * 0.5 / 4.0, 0, 1)
            curve = field.clear(curve, OFF_BONE_MM * np.maximum(away, 0.6), rounds=30)
            curve = rerouted(field, even(curve, curve[:, 0])[0], RADIUS_MM)
            curve, radius = even(curve, np.full(len(curve), RADIUS_MM))
            found.append(
                Course(
                    f"{side.value} {level} medial branch", Region.MEDIAL_BRANCH, curve, radius, level, side
                )
            )
    return tuple(found)


def _way(anatomy: Anatomy, field: BoneField, level: str, side: Side, stops: _Reals) -> _Reals:
    """Along bone past the stops: over the transverse process's root, never in front of it and under it.

    Where the shortest way is the one under it, it is laid again with that room closed.
    """
    way = path_along_bone(field, stops, OFF_BONE_MM)
    below = anatomy.parameters.below(level)
    if below is None or len(stops) != len(_STOPS[5]) + 1:
        return way
    model = anatomy.vertebrae[below]
    arch = arch_points(model, side)
    root, axis = arch.process_root, arch.process_tip - arch.process_root
    ligament = float(model.frame.to_local(stops[2])[1])

    def under(points: _Reals) -> NDArray[np.bool_]:
        off = model.frame.to_local(points) - root
        share = np.clip(off[:, 0] / axis[0], 0, 1)
        behind = off[:, 1] + root[1] - ligament
        return np.asarray((off[:, 2] < share * axis[2] - UNDER_MM) & (behind < share * axis[1] - BEFORE_MM))

    first, last = (_nearest(way, stop) for stop in stops[1:3])
    if not under(way[min(first, last) : max(first, last) + 1]).any():
        return way
    return path_along_bone(field, stops, OFF_BONE_MM, under)


def _groove(anatomy: Anatomy, level: str, side: Side) -> _Reals:
    """Nodes on the bone below: above the groove, in it, under the ligament, on the lamina; LPS mm."""
    below = anatomy.parameters.below(level)
    if below is None:
        return _ala(anatomy, side)
    model = anatomy.vertebrae[below]
    shape, size, s = model.shape, model.size, side.sign
    arch = arch_points(model, side)
    if model.thoracic and below != "T12":
        tip = arch.process_root + 0.75 * (arch.process_tip - arch.process_root)
        high = shape.process_height / 2
        steps = np.array([(0, 0, high + 2), (s * 1.5, 2.0, high + 0.5), (s * 0.5, 6.5, 0.0)])
        last = arch.junction + np.array([0.0, 9.0, -6.0])
        return np.asarray(model.frame.to_patient(np.vstack([tip + steps, last])))
    joint = model.above[side]
    stem = model.frame.to_local(
        joint.frame.to_patient((0, -joint.gap / 2 - 3.5 * size, -joint.height * 0.35))
    )
    root = arch.process_root
    high = shape.process_height / 2
    out = max(abs(root[0]), abs(stem[0]) + 4.5 * size) + 0.5
    groove = np.array([s * out, (root[1] + stem[1]) / 2 - 1.0, root[2] + high])
    nodes = [
        groove + np.array([s * 0.5, -3.5, 3.0]) * size,
        groove,
        groove + np.array([0.0, 3.4, -1.0]),
        groove + np.array([-s * 0.5, 5.0, -high - 1.0]),
        np.array([s * (abs(stem[0]) - 1.0), stem[1] + 8.0 * size, root[2] - high - 4.0]),
    ]
    return np.asarray(model.frame.to_patient(np.array(nodes)))


def _ala(anatomy: Anatomy, side: Side) -> _Reals:
    """The last dorsal ramus: between the S1 articular process and the ala, hooking under the process."""
    model, size, s = anatomy.sacrum, anatomy.parameters.size, side.sign
    joint = model.joints[side]
    x, h, along = ALA
    middle = abs(float(model.frame.to_local(joint.frame.origin)[0]))
    y, z = to_straight(model, along * size, h * size)
    groove = np.array([s * (middle + x * size), y, z])
    steps = np.array([(s * 0.5, -4.5, 3.0), (0, 0, 0), (-s * 1.5, 7.0, -5.0), (-s * 7.0, 11.0, -9.0)])
    return np.asarray(model.frame.to_patient(groove + steps * size))
