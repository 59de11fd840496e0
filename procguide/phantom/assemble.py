"""From parameters to geometry: every frame, solid and curve of one subject, before any lattice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from procguide.anatomy import Side
from procguide.geometry import Vector, vector
from procguide.phantom.bones.hardware import Implants, implants_of
from procguide.phantom.bones.pose import Pose, pose_spine
from procguide.phantom.bones.sacrum import SacrumModel
from procguide.phantom.bones.vertebra import VertebraModel, arch_points, vertebra_model
from procguide.phantom.neural.canal import CanalLine, canal_line, canal_tube
from procguide.phantom.neural.sac import SacProfile, sac_profile
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.outline import Torso, torso_of
from procguide.phantom.soft.tissues import SoftTissues, soft_tissues
from procguide.phantom.tubes import Tube

if TYPE_CHECKING:
    from procguide.phantom.neural.nerves import Nerves

__all__ = ["Anatomy", "assemble"]


@dataclass(frozen=True)
class Anatomy:
    """One subject's geometry before any lattice."""

    parameters: PhantomParameters
    pose: Pose
    vertebrae: dict[str, VertebraModel]
    sacrum: SacrumModel
    canal: Tube
    torso: Torso
    soft: SoftTissues

    @cached_property
    def canal_line(self) -> CanalLine:
        """The canal with its axes and heights by level."""
        return canal_line(self.pose, self.sacrum, self.canal)

    @cached_property
    def sac(self) -> SacProfile:
        """Thecal sac, cord and flavum along the canal."""
        return sac_profile(self.parameters, self.pose, self.canal_line)

    @cached_property
    def nerves(self) -> Nerves:
        """Nerves and small vessels: laid round the bones, which is why they come last."""
        from procguide.phantom.neural.nerves import nerves_of

        return nerves_of(self)

    @cached_property
    def implants(self) -> Implants:
        """Screws, rods and cement."""
        return implants_of(self.parameters, self.vertebrae, self.sacrum)


def assemble(parameters: PhantomParameters) -> Anatomy:
    """All frames, models and curves."""
    pose = pose_spine(parameters)
    vertebrae = {level: vertebra_model(parameters, pose, level) for level in parameters.levels}
    lowest = parameters.levels[-1]
    last = pose.shapes[lowest]
    sacrum = SacrumModel(
        pose.sacrum,
        parameters.pelvis,
        parameters.size,
        last.width_lower,
        last.depth_lower,
        {side: pose.facets[lowest, side] for side in Side},
        parameters.seed,
        parameters.sacralised,
        _process_tips(vertebrae[lowest]),
    )
    canal = canal_tube(parameters, pose, sacrum)
    torso = torso_of(parameters, pose, canal)
    soft = soft_tissues(parameters, pose, canal, torso)
    return Anatomy(parameters, pose, vertebrae, sacrum, canal, torso, soft)


def _process_tips(model: VertebraModel) -> dict[Side, Vector]:
    """Ends of the transverse processes, patient mm."""
    return {side: vector(model.frame.to_patient(arch_points(model, side).process_tip)) for side in Side}
