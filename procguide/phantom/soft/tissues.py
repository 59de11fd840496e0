"""Everything soft that is known before any lattice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from procguide.anatomy import Side
from procguide.phantom.bones.pose import Pose
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.kidneys import Kidney, kidneys_of
from procguide.phantom.soft.lofts import Loft
from procguide.phantom.soft.muscles import Column, column_of, muscles_of
from procguide.phantom.soft.organs import Cavity, Chain, chest_organs, liver_vessels, organs_of
from procguide.phantom.soft.outline import Torso, torso_of
from procguide.phantom.soft.pelvic import hip_muscles, piriformis
from procguide.phantom.soft.small_bowel import mesentery_of, small_bowel_of
from procguide.phantom.soft.spine_line import SpineLine, spine_line
from procguide.phantom.soft.vessels import great_vessels
from procguide.phantom.tubes import Tube

__all__ = ["SoftTissues", "soft_tissues"]


@dataclass(frozen=True)
class SoftTissues:
    """What is painted under and round the bones.

    ``spine`` the spine's surfaces by height; ``vessels`` the great vessels and ureters by name;
    ``muscles`` those with a shape of their own, ``columns`` those behind the spine; ``organs`` solid and
    ``bowel`` hollow ones, in the order in which they are painted; ``mesentery`` its vessels, ``chest`` heart
    and oesophagus, ``liver`` the liver's vessels, ``seat`` what leaves the pelvis behind.
    """

    spine: SpineLine
    kidneys: Mapping[Side, Kidney]
    vessels: Mapping[str, Tube]
    muscles: tuple[Loft, ...]
    columns: Mapping[Side, Column]
    organs: tuple[Loft, ...]
    bowel: tuple[Chain, ...]
    mesentery: tuple[Chain, ...]
    chest: tuple[Chain, ...]
    liver: tuple[Chain, ...]
    seat: tuple[Chain, ...]


def soft_tissues(
    parameters: PhantomParameters, pose: Pose, canal: Tube, torso: Torso | None = None
) -> SoftTissues:
    """Courses, places and shapes, from the parameters, the posed spine and the body's outline."""
    torso = torso or torso_of(parameters, pose, canal)
    spine = spine_line(pose, canal, parameters.size)
    kidneys = kidneys_of(parameters, spine)
    vessels = great_vessels(parameters, spine, kidneys)
    organs, hollow = organs_of(parameters, torso, spine)
    loops = small_bowel_of(parameters, Cavity(torso, spine, 13.0))
    return SoftTissues(
        spine,
        kidneys,
        vessels,
        (*muscles_of(parameters, spine), *(m for side in Side for m in hip_muscles(parameters, side))),
        {side: column_of(parameters, spine, side) for side in Side},
        organs,
        (*hollow, *loops),
        tuple(mesentery_of(parameters, vessels["mesenteric artery"].points, loops)),
        chest_organs(parameters, torso, spine),
        liver_vessels(parameters, torso, spine),
        tuple(piriformis(parameters, pose, side) for side in Side),
    )
