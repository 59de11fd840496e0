from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from procguide.planning.names import Objective
from procguide.planning.objectives import AHEAD_MM, Measures, score, total

BEST = {
    "room_mm": 9.0,
    "free_mm": 9.0,
    "p_violation": 0.0,
    "view_misfit": 0.0,
    "target_misfit": 0.0,
    "length_mm": 0.0,
    "stop_ahead_mm": 0.0,
    "harm_ahead_mm": AHEAD_MM,
    "lean_deg": 0.0,
    "openness": 1.0,
    "spinous_mm": 50.0,
    "reach_share": 0.0,
}


def measured(**given: float) -> Measures:
    return Measures(**{name: np.array([value]) for name, value in (BEST | given).items()})


def test_nothing_to_wish_for_scores_one_in_everything() -> None:
    scores = score(measured())
    assert set(scores) == set(Objective)
    assert all(values[0] == 1.0 for values in scores.values())


@pytest.mark.parametrize(
    ("worse", "objective", "expected"),
    [
        ({"room_mm": 2.5}, Objective.CLEARANCE, 0.65),
        ({"free_mm": 1.0}, Objective.CLEARANCE, 0.85),
        ({"p_violation": 0.3}, Objective.ROBUSTNESS, 0.7),
        ({"view_misfit": 0.5}, Objective.VIEW, 0.5),
        ({"target_misfit": 0.25}, Objective.TARGET, 0.75),
        ({"length_mm": 75.0}, Objective.LENGTH, 0.5),
        ({"length_mm": 200.0}, Objective.LENGTH, 0.0),
        ({"stop_ahead_mm": 10.0}, Objective.BACKSTOP, 0.75),
        ({"stop_ahead_mm": AHEAD_MM}, Objective.BACKSTOP, 0.5),
        ({"stop_ahead_mm": 8.0, "harm_ahead_mm": 4.0}, Objective.BACKSTOP, 0.1),
        ({"stop_ahead_mm": 4.0, "harm_ahead_mm": 8.0}, Objective.BACKSTOP, 0.9),
        ({"lean_deg": 60.0}, Objective.SKIN, 1 / 3),
        ({"openness": 0.4}, Objective.SKIN, 0.4),
        ({"spinous_mm": 5.0}, Objective.SKIN, 0.5),
        ({"reach_share": 1.3}, Objective.CARM, 0.0),
    ],
)
def test_each_objective_falls_by_its_stated_rule_and_alone(
    worse: dict[str, float], objective: Objective, expected: float
) -> None:
    scores = score(measured(**worse))
    assert scores[objective][0] == pytest.approx(expected)
    assert all(values[0] == 1.0 for name, values in scores.items() if name is not objective)


def test_the_total_is_the_weighted_mean_of_what_has_weight() -> None:
    scores: dict[Any, Any] = score(replace(measured(length_mm=75.0), p_violation=np.array([1.0])))
    assert total(scores, {Objective.LENGTH: 3.0, Objective.ROBUSTNESS: 1.0})[0] == pytest.approx(0.375)
