"""3D Slicer markups: each plan as a line from entry to target.

Format: Slicer's ``markups-schema-v1.0.3.json``. Slicer shows LPS files rightly because the file names its
coordinate system; control points are in mm.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from procguide.geometry import Vector
from procguide.imaging.files import replacing
from procguide.planning import Plan, PlanSet

__all__ = ["approve_markups", "markups", "write_markups"]

_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
_BEST_COLOUR = [0.1, 0.7, 0.2]
_OTHER_COLOUR = [0.95, 0.75, 0.1]
_PROPOSAL = "(proposal, not approved)"


def markups(plan_set: PlanSet) -> dict[str, Any]:
    """The markups document of a plan set, one line node a plan, in rank order."""
    return {
        "@schema": _SCHEMA,
        "markups": [_line(plan_set, plan) for plan in plan_set.plans],
    }


def write_markups(plan_set: PlanSet, path: Path) -> None:
    """Write ``plan.mrk.json``: to a temporary name beside it first, then renamed."""
    _write(markups(plan_set), path)


def approve_markups(path: Path, rank: int | None) -> None:
    """Say of the line of the plan of ``rank``, or of all, that it is approved."""
    document = json.loads(path.read_text(encoding="utf-8"))
    for line in document["markups"]:
        if rank is None or line["name"].startswith(f"{rank}: "):
            line["name"] = line["name"].replace(_PROPOSAL, "(approved)")
    _write(document, path)


def _write(document: dict[str, Any], path: Path) -> None:
    with replacing(path, make_folder=False) as temporary:
        temporary.write_text(json.dumps(document, indent=1), encoding="utf-8")


def _line(plan_set: PlanSet, plan: Plan) -> dict[str, Any]:
    trajectory = plan.trajectory
    where = f"{plan_set.level} {plan_set.side.value}" if plan_set.side else plan_set.level
    return {
        "type": "Line",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "labelFormat": "%N-%d",
        "name": f"{plan.rank}: {plan_set.procedure} {where} {_PROPOSAL}",
        "controlPoints": [
            _point("1", "entry", trajectory.entry),
            _point("2", "target", trajectory.target),
        ],
        "measurements": [
            {"name": "length", "enabled": True, "value": round(trajectory.length_mm, 2), "units": "mm"}
        ],
        "display": {
            "visibility": True,
            "opacity": 1.0,
            "selectedColor": _BEST_COLOUR if plan.rank == 1 else _OTHER_COLOUR,
            "pointLabelsVisibility": False,
            "propertiesLabelVisibility": True,
        },
    }


def _point(identifier: str, label: str, position: Vector) -> dict[str, Any]:
    return {
        "id": identifier,
        "label": label,
        "description": "",
        "position": [round(value, 3) for value in position],
        "orientation": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        "selected": True,
        "locked": True,
        "visibility": True,
        "positionStatus": "defined",
    }
