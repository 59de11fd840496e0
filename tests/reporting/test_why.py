"""Why this needle, and what others measured."""

from __future__ import annotations

from dataclasses import replace

from procguide.planning import load_catalogue
from procguide.planning.names import Objective
from procguide.planning.nouns import Appraisal, Explanation
from procguide.reporting import why


def test_objectives_are_bars_the_heaviest_first(plan_set):
    appraised = (
        Appraisal(Objective.VIEW, 0.75, 0.1, "7 degrees off"),
        Appraisal(Objective.CLEARANCE, 0.5, 0.3, "nearest: nerve root"),
        Appraisal(Objective.SKIN, 0.9, 0.0, "upright"),
    )
    first, second = why.objective_bars(replace(plan_set.plans[0], objectives=appraised))
    assert (first.words, first.percent, first.share) == ("Room beyond the limits", 50, "75 %")
    assert (second.detail, second.share) == ("7 degrees off", "25 %")


def test_a_plan_without_appraisals_shows_its_scores(plan_set):
    plan = replace(plan_set.plans[0], scores={"view": 0.4, "total": 0.8})
    assert [(bar.words, bar.percent) for bar in why.objective_bars(plan)] == [("Near the usual angles", 40)]


def test_the_search_is_told_in_numbers(plan_set):
    words = why.search_words(plan_set)
    assert words.startswith("12\u202f345 needles tried, 678 keep every limit (5 %)")
    assert "nerve root (73 %) and dura (3 %)." in words
    told = Explanation((), 12345, 678, 9, 5, kept_away="the plans keep 1 mm more")
    assert why.search_words(replace(plan_set, explanation=told)).endswith("The plans keep 1 mm more.")


def entry_with(**measured):
    entry = load_catalogue()["transforaminal_esi_subpedicular"]
    fields = entry.model_dump()
    fields["measured"] = [{"mark": "textbook", **measured}]
    return type(entry).model_validate(fields)


class TestComparisons:
    def test_of_a_length_with_its_spread(self, plan_set, case):
        entry = entry_with(quantity="depth_mm", mean=70, sd=8)
        (row,) = why.comparisons(plan_set.plans[0], plan_set, entry, case.spine)
        assert (row.planned, row.measured, row.source) == ("80 mm", "70 \u00b1 8 mm", "textbook")

    def test_an_oblique_counts_toward_the_needles_own_side(self, plan_set, case):
        entry = entry_with(quantity="oblique_deg", low=25, high=40)
        (row,) = why.comparisons(plan_set.plans[0], plan_set, entry, case.spine)
        assert (row.planned, row.measured) == ("25 degrees", "25 to 40 degrees")

    def test_of_another_level_or_side_are_left_out(self, plan_set, case):
        for other in ({"levels": ["L1-L2"]}, {"side": "right"}):
            entry = entry_with(quantity="depth_mm", mean=70, **other)
            assert why.comparisons(plan_set.plans[0], plan_set, entry, case.spine) == ()

    def test_angles_from_other_axes_are_not_compared(self, plan_set, case):
        entry = entry_with(quantity="tilt_deg", mean=10)
        entry = entry.model_copy(update={"entry": entry.entry.model_copy(update={"reference": "level"})})
        assert why.comparisons(plan_set.plans[0], plan_set, entry, case.spine) == ()
