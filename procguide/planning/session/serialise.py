"""``plan.json`` of a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from procguide.planning.serialise import plan_to_json
from procguide.planning.session.nouns import Budget, SessionPlan, Station, Stop, Travel

__all__ = ["SCHEMA", "session_to_json"]

SCHEMA = "procguide.session/1"


def session_to_json(
    session: SessionPlan, folders: Mapping[int, str], provenance: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The document: every stop with its own ``plan.json`` within, and ``folders`` where each is written.

    The first stop's procedure stands at the top; each stop names its own, for a session may mix them.
    """
    return {
        "schema": SCHEMA,
        "procedure": session.stops[0].procedure.id,
        "approved": None,
        "stops": [_stop(stop, folders.get(stop.number)) for stop in session.stops],
        "order": list(session.order),
        "stations": [_station(station) for station in session.stations],
        "carm_travel": {
            "planned": _travel(session.travel),
            "one_by_one": _travel(session.travel_one_by_one),
        },
        "needles": dict(session.needles),
        "volumes_ml": {name: round(volume, 3) for name, volume in session.volumes_ml.items()},
        "budgets": [_budget(budget) for budget in session.budgets],
        "warnings": list(session.warnings),
        "provenance": dict(provenance or {}),
    }


def _stop(stop: Stop, folder: str | None) -> dict[str, Any]:
    return {
        "number": stop.number,
        "procedure": stop.procedure.id,
        "level": stop.level,
        "side": stop.side.value if stop.side else None,
        "chosen_rank": stop.plan.rank if stop.plan else None,
        "reason": stop.reason,
        "folder": folder,
        "plan_set": plan_to_json(stop.plan_set) if stop.plan_set else None,
    }


def _station(station: Station) -> dict[str, Any]:
    pose = station.pose
    return {
        "view": station.view.value,
        "dial_deg": round(pose.dial_deg, 1) if pose else None,
        "tilt_deg": round(pose.tilt_deg, 1) if pose else None,
        "centre_lps_mm": [round(value, 1) for value in pose.centre] if pose else None,
        "stops": list(station.stops),
        "look_for": list(station.look_for),
        "reachable": station.reachable,
        "warnings": list(station.warnings),
    }


def _travel(travel: Travel) -> dict[str, float]:
    return {"turning_deg": round(travel.turning_deg, 1), "shift_mm": round(travel.shift_mm, 1)}


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "agent": budget.agent,
        "strength_mg_per_ml": budget.strength_mg_per_ml,
        "most_ml": round(budget.most_ml, 2),
        "most_mg": round(budget.most_mg, 1),
        "each_ml": round(budget.each_ml, 2),
        "planned_ml": budget.planned_ml,
        "exceeded": budget.exceeded,
        "mark": budget.mark.value,
        "source": budget.source,
    }
