"""Who was found, and who was called by the right name."""

from __future__ import annotations

import pytest

from procguide.evaluation.identification import identify

STEP = 30.0
LEVELS = ("L5", "L4", "L3", "L2")
COLUMN = {level: (0.0, 0.0, STEP * n) for n, level in enumerate(LEVELS)}


def test_a_perfect_answer() -> None:
    result = identify(COLUMN, COLUMN)
    assert (result.found_rate, result.identification_rate, result.right_levels) == (1.0, 1.0, 1.0)
    assert result.mean_distance_mm == 0.0
    assert result.extra == ()


def test_names_that_are_one_off_are_found_but_not_identified() -> None:
    shifted = {"L4": COLUMN["L5"], "L3": COLUMN["L4"], "L2": COLUMN["L3"], "L1": COLUMN["L2"]}
    result = identify(shifted, COLUMN)
    assert (result.found_rate, result.identification_rate, result.right_levels) == (1.0, 0.0, 0.0)
    assert [one.match for one in result.sightings] == ["L4", "L3", "L2", "L1"]


@pytest.mark.parametrize(("off_mm", "found", "identified"), [(9.9, 1, 1), (14.0, 0, 1), (20.0, 0, 0)])
def test_found_within_ten_and_identified_within_twenty(off_mm: float, found: int, identified: int) -> None:
    prediction = {"L5": (off_mm, 0.0, 0.0)}
    result = identify(prediction, {"L5": COLUMN["L5"]})
    assert (result.found_rate, result.identification_rate) == (found, identified)


def test_a_name_counts_only_where_its_bearer_is_the_nearest() -> None:
    """15 mm off, but another predicted vertebra is nearer to the reference."""
    prediction = {"L5": (0.0, 0.0, 15.0), "L4": (0.0, 0.0, 5.0)}
    result = identify(prediction, {"L5": COLUMN["L5"]})
    (one,) = result.sightings
    assert one.identified is False
    assert one.match == "L4"
    assert result.extra == ("L5",)


def test_each_predicted_vertebra_serves_once() -> None:
    """One centroid lies between two reference vertebrae that are both within reach of it."""
    close = {"L5": (0.0, 0.0, 0.0), "L4": (0.0, 0.0, 12.0)}
    result = identify({"L4": (0.0, 0.0, 7.0)}, close)
    assert [one.found for one in result.sightings] == [False, True]
    assert result.found_rate == 0.5


def test_a_far_pair_never_displaces_near_ones() -> None:
    """Pairing in the order of names would leave one of two near pairs out."""
    reference = {"L5": (0.0, 0.0, 0.0), "L4": (0.0, 0.0, 9.0), "L3": (0.0, 0.0, 400.0)}
    prediction = {"a": (0.0, 0.0, 9.5), "b": (0.0, 0.0, 0.5), "c": (0.0, 0.0, -300.0)}
    result = identify(prediction, reference, named=False)
    assert [one.match for one in result.sightings] == ["b", "a", None]
    assert result.extra == ("c",)


def test_without_names_nothing_is_said_of_levels() -> None:
    result = identify(COLUMN, {f"number {n}": point for n, point in enumerate(COLUMN.values())}, named=False)
    assert result.found_rate == 1.0
    assert (result.identification_rate, result.right_levels) == (None, None)


def test_of_no_prediction_nothing_is_found() -> None:
    result = identify({}, COLUMN)
    assert (result.found_rate, result.identification_rate, result.right_levels) == (0.0, 0.0, None)
    assert result.mean_distance_mm is None
    assert identify(COLUMN, {}).found_rate is None
