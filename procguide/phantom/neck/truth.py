"""Landmarks and zones of a neck from its construction: where the needles of three procedures belong."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from procguide.anatomy import Anchor, Endplate, Pedicle, Side, Spine, Vertebra
from procguide.geometry import unit, vector
from procguide.phantom.neck.assemble import NeckAnatomy
from procguide.phantom.neck.body import dish_mm
from procguide.phantom.neck.model import NeckVertebra
from procguide.phantom.neck.nerves import branch_line
from procguide.phantom.neck.parameters import NECK_LEVELS
from procguide.phantom.neck.soft import longus_colli
from procguide.phantom.truth.nouns import TrueZone
from procguide.phantom.tubes import tube_axes

__all__ = ["neck_spine", "neck_zones"]

STELLATE_LEVELS = ("C6", "C7")
INTERLAMINAR_LEVELS = ("C7", "T1")
_UNDER_FASCIA_MM = 1.5
_SHEET_UP_MM = 3.0


def neck_spine(anatomy: NeckAnatomy) -> Spine:
    """Every landmark, definitions as in ``procguide.anatomy.spine``."""
    vertebrae = tuple(_vertebra(anatomy, level) for level in NECK_LEVELS)
    return Spine(vertebrae, None, tuple(vector(p) for p in anatomy.pose.canal.points[::3]), Anchor.C2)


def _vertebra(anatomy: NeckAnatomy, level: str) -> Vertebra:
    bone = anatomy.vertebrae[level]
    frame, shape = bone.frame, bone.shape
    lean = np.array([0, bone.lamina_lean / 2 + shape.lamina_thickness / 2, -shape.lamina_height / 2])
    facets = {side: joint.frame.origin for side, joint in bone.below.items()}
    return Vertebra(
        level=level,
        confidence=1.0,
        frame=frame,
        superior_endplate=_endplate(bone, upper=True),
        inferior_endplate=_endplate(bone, upper=False),
        pedicles={side: _pedicle(bone, side) for side in Side},
        laminae={
            side: vector(frame.to_patient(bone.lamina_top + lean + np.array([side.sign * 4.0, -1, 0])))
            for side in Side
        },
        superior_articular_processes=_processes(bone, upper=True),
        inferior_articular_processes=_processes(bone, upper=False),
        facet_joints=facets,
        transverse_process_tips={side: vector(frame.to_patient(bone.process_tip(side))) for side in Side},
        spinous_process_tip=vector(frame.to_patient(bone.spinous_tip)),
        canal_centre=vector(anatomy.pose.canal.points[int(anatomy.pose.stations[level])]),
        complete=level != "C2",
    )


def _endplate(bone: NeckVertebra, *, upper: bool) -> Endplate:
    shape, sign = bone.shape, 1 if upper else -1
    centre = (0.0, 0.0, sign * (shape.height / 2 - dish_mm(upper)))
    width, depth = (shape.width_upper, shape.depth_upper) if upper else (shape.width_lower, shape.depth_lower)
    return Endplate(vector(bone.frame.to_patient(centre)), bone.frame.superior, width, depth)


def _pedicle(bone: NeckVertebra, side: Side) -> Pedicle:
    inward = bone.isthmus(side) - bone.pillar(side)
    inward[2] = 0.0
    centre = vector(bone.frame.to_patient(bone.isthmus(side)))
    return Pedicle(
        centre, unit(bone.frame.rotation @ inward), bone.shape.pedicle_width, bone.shape.pedicle_height
    )


def _processes(bone: NeckVertebra, *, upper: bool) -> dict[Side, tuple[float, float, float]]:
    """A few millimetres from the joint into the pillar."""
    joints, sign = (bone.above, -1.0) if upper else (bone.below, 1.0)
    return {side: vector(joint.frame.to_patient((0, sign * 3.0, 0))) for side, joint in joints.items()}


def neck_zones(anatomy: NeckAnatomy) -> tuple[TrueZone, ...]:
    """All zones of the subject, lying supine."""
    return (
        *_epidural(anatomy),
        *_branches(anatomy),
        *(_longus_front(anatomy, level, side) for level in STELLATE_LEVELS for side in Side),
    )


def _epidural(anatomy: NeckAnatomy) -> Iterator[TrueZone]:
    """Fat behind the sac in the midline, between a lamina's lower edge and the next one's upper edge."""
    line, gap = anatomy.canal_line, anatomy.parameters.sac_gap
    for upper, lower in pairwise(NECK_LEVELS):
        if upper not in INTERLAMINAR_LEVELS:
            continue
        bone, below = anatomy.vertebrae[upper], anatomy.vertebrae[lower]
        edge = bone.frame.to_patient(bone.lamina_top - np.array([0, 0, bone.shape.lamina_height]))
        stations = np.linspace(line.station(edge), line.station(below.frame.to_patient(below.lamina_top)), 9)
        half = np.interp(stations, np.arange(line.count), line.tube.half[:, 1])
        depth = np.linspace(max(bone.shape.epidural - gap, 0.3), 0.0, 9)
        points = [
            line.at(stations, 0 * half, half - gap + share * (gap + depth)) for share in (0.25, 0.5, 0.75)
        ]
        middle = points[1][3]
        yield TrueZone("cervical_interlaminar_esi", vector(middle), np.concatenate(points), upper)


def _branches(anatomy: NeckAnatomy) -> Iterator[TrueZone]:
    """The medial branch where it crosses the pillar's outer face."""
    for (level, side), up in anatomy.parameters.branch_up.items():
        bone = anatomy.vertebrae[level]
        points = bone.frame.to_patient(branch_line(bone, side, up))
        yield TrueZone("cervical_medial_branch_block", vector(points[5]), points, level, side)


def _longus_front(anatomy: NeckAnatomy, level: str, side: Side) -> TrueZone:
    """Under the fascia on the longus colli: its front, from the muscle's middle outward."""
    bone = anatomy.vertebrae[level]
    muscle = longus_colli(anatomy.vertebrae, anatomy.parameters.longus, side)
    _, left, back = tube_axes(muscle)
    near = int(np.argmin(np.linalg.norm(muscle.points - bone.frame.origin, axis=1)))
    points = []
    for n in range(near - int(_SHEET_UP_MM), near + int(_SHEET_UP_MM) + 1):
        wide, thick = muscle.half[n]
        for share in np.linspace(-0.3, 0.6, 6):
            for under in (0.0, _UNDER_FASCIA_MM / 2, _UNDER_FASCIA_MM):
                ahead = thick * np.sqrt(1 - share * share) - under
                points.append(muscle.points[n] + side.sign * share * wide * left[n] - ahead * back[n])
    middle = muscle.points[near] - (muscle.half[near, 1] - _UNDER_FASCIA_MM / 2) * back[near]
    return TrueZone("stellate_ganglion_block", vector(middle), np.array(points), level, side)
