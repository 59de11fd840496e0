"""Views in words, for a patient who lies on the back, the belly or the side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from procguide.geometry import beam_direction, vector
from procguide.planning import load_catalogue
from procguide.planning.catalogue import ViewName
from procguide.planning.nouns import Trajectory, View, ViewSetting
from procguide.planning.posture import Lying
from procguide.reporting.viewing import carm_words, setting_words, settings_of, view_cards


def setting(dial_deg: float | None, tilt_deg: float | None) -> ViewSetting:
    return ViewSetting(ViewName.TRUE_AP, "see", dial_deg, tilt_deg, dial_deg, reachable=True)


@pytest.mark.parametrize(
    ("dial", "tilt", "lying", "words"),
    [
        (25.0, -4.0, Lying.PRONE, "25 degrees left oblique, 4 degrees caudal tilt"),
        (-1.0, 0.2, Lying.SUPINE, "1 degree right oblique, no tilt"),
        (
            -89.0,
            3.0,
            Lying.PRONE,
            "89 degrees from vertical, intensifier on the patient's right; 3 degrees cranial tilt",
        ),
        (12.0, 0.0, Lying.LEFT_UP, "12 degrees toward the patient's back, no tilt"),
        (-90.0, 0.0, Lying.RIGHT_UP, "90 degrees from vertical, intensifier on the patient's front; no tilt"),
        (None, None, Lying.SUPINE, "no C-arm"),
    ],
)
def test_angles_are_said_as_the_c_arm_shows_them(dial, tilt, lying, words):
    assert setting_words(setting(dial, tilt), lying) == words


def test_a_plan_without_views_has_the_one_down_its_needle(plan_set):
    best = plan_set.plans[0]
    (only,) = settings_of(best)
    assert (only.name, only.oblique_deg, only.tilt_deg) == (ViewName.BULLS_EYE, 25.0, 5.0)
    (card,) = view_cards(best, None)
    assert card.angles == "25 degrees left oblique, 5 degrees cranial tilt"


def test_supine_a_needle_from_the_front_counts_from_the_front(plan_set):
    """From the patient's front and 20 degrees to the left."""
    into = beam_direction(160.0, 0.0)
    target = np.array([10.0, 0.0, 0.0])
    best = plan_set.plans[0]
    front = Trajectory(vector(target - 60 * np.array(into)), vector(target), best.trajectory.needle)
    assert front.entry[0] > 10
    assert front.entry[1] < 0
    plan = replace(best, trajectory=front, view=View(160.0, 0.0, reachable=True))
    entry = load_catalogue()["lumbar_medial_branch_block"].model_copy(update={"position": "supine"})
    assert carm_words(plan, entry) == "20 degrees left oblique, no tilt"
