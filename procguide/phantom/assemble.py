"""From parameters to geometry: every frame, solid and curve of one subject, before any lattice."""

from __future__ import annotations

from dataclasses import dataclass

from procguide.anatomy import Side
from procguide.phantom.bones.pose import Pose, pose_spine
from procguide.phantom.bones.sacrum import SacrumModel
from procguide.phantom.bones.vertebra import VertebraModel, vertebra_model
from procguide.phantom.neural.canal import canal_tube
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.outline import Torso, torso_of
from procguide.phantom.soft.tissues import SoftTissues, soft_tissues
from procguide.phantom.tubes import Tube

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
    )
    canal = canal_tube(pose, sacrum)
    soft = soft_tissues(parameters, pose, canal)
    return Anatomy(parameters, pose, vertebrae, sacrum, canal, torso_of(parameters, pose, canal), soft)
