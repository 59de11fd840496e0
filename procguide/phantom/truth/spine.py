"""Landmarks from the construction itself, not from voxels. Definitions: ``procguide.anatomy.spine``."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from procguide.anatomy import Anchor, Endplate, Pedicle, Sacrum, Side, Spine, Vertebra
from procguide.geometry import AnatomicalFrame, Vector, unit, vector
from procguide.phantom.assemble import Anatomy
from procguide.phantom.bones.pose import FacetPose
from procguide.phantom.bones.sacrum import ALA, to_straight
from procguide.phantom.bones.vertebra import VertebraModel, arch_points, dish_depth, spinous_tip

__all__ = ["true_spine"]


def true_spine(anatomy: Anatomy) -> Spine:
    """Every landmark of the subject."""
    vertebrae = tuple(_vertebra(anatomy, level) for level in anatomy.parameters.levels)
    canal = tuple(vector(point) for point in anatomy.canal.points[::3])
    return Spine(vertebrae, _sacrum(anatomy), canal, Anchor.SACRUM)


def _endplate(model: VertebraModel, sign: int) -> Endplate:
    """Upper (+1) or lower (-1). The centre lies on the floor of its dish, about 2 mm inside the rim."""
    shape = model.shape
    wedge = np.radians(shape.body_wedge_deg / 2) * sign
    normal = np.array([0.0, np.sin(wedge), np.cos(wedge)])
    upper = sign > 0
    centre = (0.0, 0.0, sign * (shape.body_height / 2 - dish_depth(model, upper)))
    return Endplate(
        vector(model.frame.to_patient(centre)),
        vector(model.frame.rotation @ normal),
        shape.width_upper if upper else shape.width_lower,
        shape.depth_upper if upper else shape.depth_lower,
    )


def _pedicle(model: VertebraModel, side: Side) -> Pedicle:
    points = arch_points(model, side)
    angle = np.radians(model.shape.pedicle_angle_deg)
    axis = np.array([-side.sign * np.sin(angle), -np.cos(angle), 0.03])
    return Pedicle(
        vector(model.frame.to_patient(points.isthmus)),
        unit(model.frame.rotation @ axis),
        points.pedicle_width,
        model.shape.pedicle_height,
    )


def _process(joint: FacetPose, size: float, sign: float) -> Vector:
    """Middle of the facet-bearing slab: inferior (+1, of the upper bone) or superior (-1)."""
    middle = sign * (joint.gap / 2 + (4.5 if sign > 0 else 3.5) * joint.bulk * size)
    return vector(joint.frame.to_patient((0.0, middle, sign)))


def _foramen(anatomy: Anatomy, level: str, side: Side) -> Vector:
    """Centre of the opening under this level's pedicle: between the two pedicles, behind the disc."""
    model = anatomy.vertebrae[level]
    upper = arch_points(model, side)
    shape = model.shape
    under = np.asarray(model.frame.to_patient(upper.isthmus - [0, 0, shape.pedicle_height / 2]))
    lower_level = anatomy.parameters.below(level)
    if lower_level is not None:
        below = anatomy.vertebrae[lower_level]
        lower = arch_points(below, side)
        half = np.array([0, 0, below.shape.pedicle_height / 2])
        over = np.asarray(below.frame.to_patient(lower.isthmus + half))
    else:
        sacrum = anatomy.sacrum
        y, z = to_straight(sacrum, 4.5 * sacrum.size, 19.0 * sacrum.size)
        over = np.asarray(sacrum.frame.to_patient((side.sign * 20.0 * sacrum.size, y, z)))
    # Forward of the line between the pedicles: halfway from the body's receding edge to the joint.
    forward = 2.0 * model.size * np.asarray(model.frame.posterior)
    return vector((under + over) / 2 - forward)


def _spinous_tip(model: VertebraModel) -> Vector:
    medial = arch_points(model, Side.LEFT).lamina_medial
    return vector(model.frame.to_patient(spinous_tip(model, medial)))


def _vertebra(anatomy: Anatomy, level: str) -> Vertebra:
    model = anatomy.vertebrae[level]
    shape, frame, size = model.shape, model.frame, model.size
    arches = {side: arch_points(model, side) for side in Side}
    wall = (shape.depth_upper + shape.depth_lower) / 4
    at_pedicles = arches[Side.LEFT].isthmus[2]
    whole = level not in anatomy.parameters.hardware.laminectomy
    return Vertebra(
        level=level,
        confidence=1.0,
        frame=frame,
        superior_endplate=_endplate(model, 1),
        inferior_endplate=_endplate(model, -1),
        pedicles={side: _pedicle(model, side) for side in Side},
        laminae={
            side: vector(frame.to_patient((a.lamina_lateral + a.lamina_medial) / 2))
            for side, a in arches.items()
            if whole
        },
        superior_articular_processes={side: _process(j, size, -1.0) for side, j in model.above.items()},
        inferior_articular_processes={side: _process(j, size, 1.0) for side, j in model.below.items()},
        facet_joints={side: joint.frame.origin for side, joint in model.below.items()},
        transverse_process_tips={side: vector(frame.to_patient(a.process_tip)) for side, a in arches.items()},
        foramina={side: _foramen(anatomy, level, side) for side in Side},
        spinous_process_tip=_spinous_tip(model) if whole else None,
        canal_centre=_nearest(anatomy, frame.to_patient((0, wall + shape.canal_depth / 2, at_pedicles))),
    )


def _nearest(anatomy: Anatomy, point: ArrayLike) -> Vector:
    """The point of the canal's centre line next to ``point``."""
    line = anatomy.canal.points
    return vector(line[int(np.argmin(np.linalg.norm(line - np.asarray(point), axis=1)))])


def _sacrum(anatomy: Anatomy) -> Sacrum:
    model = anatomy.sacrum
    size, frame = model.size, model.frame
    centre = vector(frame.to_patient((0.0, 0.0, -1.4 * size)))
    fixed = AnatomicalFrame(centre, frame.left, frame.posterior, frame.superior)
    x, h, s = ALA
    y, z = to_straight(model, s * size, h * size)
    return Sacrum(
        frame=fixed,
        endplate=Endplate(centre, frame.superior, model.endplate_width, model.endplate_depth),
        promontory=vector(frame.to_patient((0.0, -model.endplate_depth / 2, -1.0))),
        superior_articular_processes={side: _process(j, size, -1.0) for side, j in model.joints.items()},
        alae={
            side: vector(frame.to_patient((frame.to_local(j.frame.origin)[0] + side.sign * x * size, y, z)))
            for side, j in model.joints.items()
        },
    )
