"""The procedure catalogue, and needle plans for it: target zones, clearance, search, choice."""

from procguide.planning.carm import CArm, read_carm
from procguide.planning.catalogue import Mark, Procedure, load_catalogue, read_procedure
from procguide.planning.frontier import Frontier, explore, read_weights
from procguide.planning.interaction import Evaluation, evaluate
from procguide.planning.nouns import (
    CArmReach,
    Needle,
    Plan,
    PlanSet,
    Robustness,
    StructureLimit,
    StructureOrigin,
    Trajectory,
    Tube,
    View,
    ViewSetting,
)
from procguide.planning.planner import build_case, plan, plans_of
from procguide.planning.posture import posture_finding
from procguide.planning.scene import Scene, Structure
from procguide.planning.serialise import plan_to_json
from procguide.planning.site import Request, Site, Subject

__all__ = [
    "CArm",
    "CArmReach",
    "Evaluation",
    "Frontier",
    "Mark",
    "Needle",
    "Plan",
    "PlanSet",
    "Procedure",
    "Request",
    "Robustness",
    "Scene",
    "Site",
    "Structure",
    "StructureLimit",
    "StructureOrigin",
    "Subject",
    "Trajectory",
    "Tube",
    "View",
    "ViewSetting",
    "build_case",
    "evaluate",
    "explore",
    "load_catalogue",
    "plan",
    "plan_to_json",
    "plans_of",
    "posture_finding",
    "read_carm",
    "read_procedure",
    "read_weights",
]
