"""Everything soft that is known before any lattice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from procguide.anatomy import Side
from procguide.phantom.bones.pose import Pose
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.kidneys import Kidney, kidneys_of
from procguide.phantom.soft.spine_line import SpineLine, spine_line
from procguide.phantom.soft.vessels import great_vessels
from procguide.phantom.tubes import Tube

__all__ = ["SoftTissues", "soft_tissues"]


@dataclass(frozen=True)
class SoftTissues:
    """The spine's surfaces by height, both kidneys, and the great vessels and ureters by name."""

    spine: SpineLine
    kidneys: Mapping[Side, Kidney]
    vessels: Mapping[str, Tube]


def soft_tissues(parameters: PhantomParameters, pose: Pose, canal: Tube) -> SoftTissues:
    """Courses and places, from the parameters and the posed spine."""
    spine = spine_line(pose, canal, parameters.size)
    kidneys = kidneys_of(parameters, spine)
    return SoftTissues(spine, kidneys, great_vessels(parameters, spine, kidneys))
