"""``plan.json``, as the command line's contract names its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from procguide.planning.nouns import Explanation, Plan, PlanSet, ViewSetting

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
            **(_explanation(plan_set.explanation) if plan_set.explanation else {}),
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
            "p_touch": round(plan.robustness.p_touch, 4),
            "by_structure": {name: round(value, 4) for name, value in plan.robustness.by_structure.items()},
        },
        "view": {
            "oblique_deg": round(plan.view.oblique_deg, 1),
            "tilt_deg": round(plan.view.tilt_deg, 1),
            "reachable": plan.view.reachable,
        },
        "views": [_view(view) for view in plan.views],
        "scores": {name: round(value, 4) for name, value in plan.scores.items()},
        "objectives": [
            {
                "objective": one.objective.value,
                "score": round(one.score, 4),
                "weight": round(one.weight, 4),
                "words": one.words,
            }
            for one in plan.objectives
        ],
        "trade_offs": list(plan.trade_offs),
        "warnings": list(plan.warnings),
    }


def _view(view: ViewSetting) -> dict[str, Any]:
    """Angles as of ``view``; ``from_vertical_deg`` is the oblique with the patient on the table."""
    return {
        "name": view.name.value,
        "oblique_deg": _rounded(view.oblique_deg),
        "tilt_deg": _rounded(view.tilt_deg),
        "from_vertical_deg": _rounded(view.dial_deg),
        "reachable": view.reachable,
        "room_mm": _rounded(view.room_mm),
        "look_for": view.look_for,
        "warnings": list(view.warnings),
    }


def _explanation(told: Explanation) -> dict[str, Any]:
    """How candidates became plans, beside the counts."""
    return {
        "excluded_alone": {one.constraint: one.alone for one in told.exclusions},
        "best_misses_by_mm": {
            one.constraint: round(one.shortfall_mm, 2)
            for one in told.exclusions
            if one.shortfall_mm is not None
        },
        "efficient": told.efficient,
        "exactly_checked": told.tried,
        "refused_by": dict(told.refused),
        "kept_away": told.kept_away,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
