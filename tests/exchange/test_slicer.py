from __future__ import annotations

import json
from pathlib import Path

import pytest

from procguide.anatomy import Side
from procguide.errors import CannotWriteError
from procguide.exchange import write_markups
from procguide.planning import CArmReach, Needle, Plan, PlanSet, Robustness, Trajectory, View


def plan_set(count: int) -> PlanSet:
    plans = []
    for rank in range(1, count + 1):
        trajectory = Trajectory((60.0, 90.0 + rank, -20.0), (20.0, 10.0, -25.0), Needle(22, 0.718, 127.0))
        view = View.down(trajectory, CArmReach())
        plans.append(Plan(rank, trajectory, {"bone": 2.0}, Robustness(2.0, 0.1), view, {"total": 0.8}))
    return PlanSet("transforaminal_esi_subpedicular", "L4-L5", Side.LEFT, tuple(plans), 10, count)


def test_a_line_a_plan_from_entry_to_target_in_lps(tmp_path: Path) -> None:
    path = tmp_path / "plan.mrk.json"
    write_markups(plan_set(2), path)
    document = json.loads(path.read_text())
    assert document["@schema"].endswith("markups-schema-v1.0.3.json#")
    first, second = document["markups"]
    assert {line["type"] for line in (first, second)} == {"Line"}
    assert {line["coordinateSystem"] for line in (first, second)} == {"LPS"}
    assert [point["label"] for point in first["controlPoints"]] == ["entry", "target"]
    assert first["controlPoints"][0]["position"] == [60.0, 91.0, -20.0]
    assert first["controlPoints"][1]["position"] == [20.0, 10.0, -25.0]
    assert "L4-L5 left" in first["name"]
    assert "not approved" in second["name"]
    assert list(tmp_path.iterdir()) == [path]


def test_no_plan_is_an_empty_document(tmp_path: Path) -> None:
    write_markups(plan_set(0), tmp_path / "plan.mrk.json")
    assert json.loads((tmp_path / "plan.mrk.json").read_text())["markups"] == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotWriteError, match=r"plan\.mrk\.json"):
        write_markups(plan_set(1), tmp_path / "nowhere" / "plan.mrk.json")
