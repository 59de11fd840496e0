"""The procedure catalogue, and needle plans for it: target zones, clearance, search, choice."""

from procguide.planning.carm import CArm, read_carm
from procguide.planning.catalogue import Mark, Procedure, load_catalogue, read_procedure
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
from procguide.planning.planner import build_case, plan
from procguide.planning.posture import posture_finding
from procguide.planning.scene import Scene, Structure
from procguide.planning.serialise import plan_to_json
from procguide.planning.site import Request, Site, Subject

__all__ = [
    "CArm",
    "CArmReach",
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
    "load_catalogue",
    "plan",
    "plan_to_json",
    "posture_finding",
    "read_carm",
    "read_procedure",
]
