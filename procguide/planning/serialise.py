"""``plan.json``, as the command line's contract names its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from procguide.planning.nouns import Plan, PlanSet

__all__ = ["SCHEMA", "plan_to_json"]

SCHEMA = "procguide.plan/1"


def plan_to_json(plan_set: PlanSet, provenance: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The document of ``plan.json``: mm to 0.01, degrees to 0.1, never approved by the software."""
    return {
        "schema": SCHEMA,
        "procedure": plan_set.procedure,
        "level": plan_set.level,
        "side": plan_set.side.value if plan_set.side else None,
        "approved": None,
        "plans": [_plan(plan) for plan in plan_set.plans],
        "candidates": {
            "considered": plan_set.considered,
            "feasible": plan_set.feasible,
            "excluded_by": dict(plan_set.exclusions),
        },
        "limits": [
            {
                "structure": limit.name,
                "margin_mm": limit.margin_mm,
                "mark": limit.mark.value,
                "source": limit.source,
                "from": limit.origin.value,
                "spread_mm": limit.spread_mm,
            }
            for limit in plan_set.limits
        ],
        "reason": plan_set.reason,
        "warnings": list(plan_set.cautions),
        "provenance": dict(provenance or {}),
    }


def _plan(plan: Plan) -> dict[str, Any]:
    trajectory = plan.trajectory
    return {
        "rank": plan.rank,
        "entry_lps_mm": [round(value, 2) for value in trajectory.entry],
        "target_lps_mm": [round(value, 2) for value in trajectory.target],
        "length_mm": round(trajectory.length_mm, 2),
        "needle": {
            "gauge": trajectory.needle.gauge,
            "diameter_mm": trajectory.needle.diameter_mm,
            "length_mm": trajectory.needle.length_mm,
        },
        "clearance_mm": {name: round(value, 2) for name, value in plan.clearance_mm.items()},
        "robustness": {
            "placement_sd_mm": plan.robustness.placement_sd_mm,
            "p_violation": round(plan.robustness.p_violation, 4),
        },
        "view": {
            "oblique_deg": round(plan.view.oblique_deg, 1),
            "tilt_deg": round(plan.view.tilt_deg, 1),
            "reachable": plan.view.reachable,
        },
        "scores": {name: round(value, 4) for name, value in plan.scores.items()},
        "warnings": list(plan.warnings),
    }
