"""From parameters to a neck's geometry, before any lattice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from procguide.anatomy import Side
from procguide.phantom.neck.model import NeckVertebra, neck_vertebra
from procguide.phantom.neck.nerves import branch_courses, root_courses
from procguide.phantom.neck.parameters import NECK_LEVELS, NeckParameters
from procguide.phantom.neck.pose import NeckPose, pose_neck
from procguide.phantom.neck.soft import Outline, outline_of, vertebral_arteries
from procguide.phantom.neural.canal import CanalLine
from procguide.phantom.truth.nouns import Course
from procguide.phantom.tubes import Tube

__all__ = ["NeckAnatomy", "assemble_neck"]


@dataclass(frozen=True)
class NeckAnatomy:
    """One subject's geometry."""

    parameters: NeckParameters
    pose: NeckPose
    vertebrae: Mapping[str, NeckVertebra]
    outline: Outline
    arteries: Mapping[Side, Tube]

    @cached_property
    def canal_line(self) -> CanalLine:
        """The canal with its axes."""
        return CanalLine(self.pose.canal, {})

    @cached_property
    def nerves(self) -> tuple[Course, ...]:
        """Roots with their ganglia, then medial branches."""
        return (*root_courses(self.vertebrae), *branch_courses(self.parameters, self.vertebrae))


def assemble_neck(parameters: NeckParameters) -> NeckAnatomy:
    """All frames, models and curves."""
    pose = pose_neck(parameters)
    bones = {level: neck_vertebra(parameters, pose, level) for level in NECK_LEVELS}
    return NeckAnatomy(
        parameters, pose, bones, outline_of(parameters, pose, bones), vertebral_arteries(parameters, bones)
    )
