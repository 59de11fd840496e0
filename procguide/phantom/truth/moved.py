"""Truth carried from the supine to the prone subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import SACRUM, Endplate, Pedicle, Sacrum, Side, Spine, Vertebra
from procguide.geometry import Vector, vector
from procguide.phantom.deformation import Deformation, moved_frame, moved_point
from procguide.phantom.truth.nouns import Course, TrueZone

__all__ = ["moved_courses", "moved_spine", "moved_zones"]

_Motion = NDArray[np.float64]


def moved_spine(spine: Spine, deformation: Deformation) -> Spine:
    """Every landmark of bone with its bone, the rest by the field."""
    motions = deformation.motions
    vertebrae = tuple(_vertebra(v, motions[v.level], deformation) for v in spine.vertebrae)
    sacrum = None if spine.sacrum is None else _sacrum(spine.sacrum, motions[SACRUM])
    canal = tuple(vector(point) for point in deformation.to_prone(np.array(spine.canal)))
    return replace(spine, vertebrae=vertebrae, sacrum=sacrum, canal=canal)


def moved_courses(courses: tuple[Course, ...], deformation: Deformation) -> tuple[Course, ...]:
    """Nerves and vessels, by the field."""
    return tuple(replace(course, points=deformation.to_prone(course.points)) for course in courses)


def moved_zones(zones: tuple[TrueZone, ...], deformation: Deformation) -> tuple[TrueZone, ...]:
    """Target zones, by the field."""
    return tuple(
        replace(
            zone, centre=vector(deformation.to_prone(zone.centre)), points=deformation.to_prone(zone.points)
        )
        for zone in zones
    )


def _turned(motion: _Motion, direction: Vector) -> Vector:
    return vector(motion[:3, :3] @ np.asarray(direction))


def _points(motion: _Motion, points: Mapping[Side, Vector]) -> dict[Side, Vector]:
    return {side: moved_point(motion, point) for side, point in points.items()}


def _endplate(motion: _Motion, plate: Endplate) -> Endplate:
    return replace(plate, centre=moved_point(motion, plate.centre), normal=_turned(motion, plate.normal))


def _pedicle(motion: _Motion, pedicle: Pedicle) -> Pedicle:
    return replace(pedicle, centre=moved_point(motion, pedicle.centre), axis=_turned(motion, pedicle.axis))


def _vertebra(vertebra: Vertebra, motion: _Motion, deformation: Deformation) -> Vertebra:
    tip, canal = vertebra.spinous_process_tip, vertebra.canal_centre
    return replace(
        vertebra,
        frame=moved_frame(motion, vertebra.frame),
        superior_endplate=_endplate(motion, vertebra.superior_endplate),
        inferior_endplate=_endplate(motion, vertebra.inferior_endplate),
        pedicles={side: _pedicle(motion, pedicle) for side, pedicle in vertebra.pedicles.items()},
        laminae=_points(motion, vertebra.laminae),
        superior_articular_processes=_points(motion, vertebra.superior_articular_processes),
        inferior_articular_processes=_points(motion, vertebra.inferior_articular_processes),
        transverse_process_tips=_points(motion, vertebra.transverse_process_tips),
        facet_joints=_carried(deformation, vertebra.facet_joints),
        foramina=_carried(deformation, vertebra.foramina),
        spinous_process_tip=None if tip is None else moved_point(motion, tip),
        canal_centre=None if canal is None else vector(deformation.to_prone(canal)),
    )


def _carried(deformation: Deformation, points: Mapping[Side, Vector]) -> dict[Side, Vector]:
    """Points between bones, by the field."""
    return {side: vector(deformation.to_prone(point)) for side, point in points.items()}


def _sacrum(sacrum: Sacrum, motion: _Motion) -> Sacrum:
    return replace(
        sacrum,
        frame=moved_frame(motion, sacrum.frame),
        endplate=_endplate(motion, sacrum.endplate),
        promontory=moved_point(motion, sacrum.promontory),
        superior_articular_processes=_points(motion, sacrum.superior_articular_processes),
        alae=_points(motion, sacrum.alae),
    )
