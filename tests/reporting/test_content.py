"""What the report says of clearances, alternatives and warnings."""

from __future__ import annotations

from dataclasses import replace

from procguide.anatomy import Anchor
from procguide.planning import load_catalogue
from procguide.planning.nouns import Exclusion, Explanation, Robustness, StructureOrigin
from procguide.reporting import content


def test_clearances_put_the_tightest_first_and_the_harmless_after(plan_set):
    rows = content.clearances(plan_set, plan_set.plans[0])
    assert [row.structure for row in rows] == ["Nerve root", "Dura", "Bone", "Kidney"]
    root, dura, bone, kidney = rows
    assert (root.measured, root.limit, root.verdict) == ("2.4 mm", "2.0 mm", "little to spare")
    assert dura.basis == "published"
    assert dura.source == "A paper, 2015"
    assert bone.verdict == "harmless"
    assert kidney.verdict == "not judged"
    assert root.bar == 100 * 2.4 / 12


def test_broken_limit_is_said(plan_set):
    plan = replace(plan_set.plans[0], clearance_mm={"dura": 1.0})
    row = content.clearances(plan_set, plan)[0]
    assert (row.structure, row.verdict, row.grade) == ("Dura", "breaks the limit", "stop")


def test_labelled_but_far_is_not_called_unjudged(plan_set):
    limits = tuple(replace(limit, origin=StructureOrigin.SEGMENTED) for limit in plan_set.limits)
    rows = content.clearances(replace(plan_set, limits=limits), plan_set.plans[0])
    assert {row.structure: row.verdict for row in rows}["Kidney"] == "nowhere near"


def test_structure_without_a_limit_has_a_row(plan_set):
    plan = replace(plan_set.plans[0], clearance_mm={"ureter": 80.0})
    row = next(row for row in content.clearances(plan_set, plan) if row.structure == "Ureter")
    assert row.measured == "over 50 mm"
    assert row.bar == 100


def test_alternatives_say_what_they_trade(plan_set, case):
    first, second = content.alternatives(plan_set, case.spine, None)
    assert first["trade"] == "Recommended. Best of the plans in: length."
    assert second["trade"] == "Better than plan 1: 4 mm shorter. Worse: less central in the zone."
    assert second["risk"] == "21 %"
    assert second["nearest"] == "nerve root 3.9 mm"
    assert second["view"] == "33 degrees left oblique, 4 degrees caudal tilt"


def test_entry_is_measured_from_the_midline(plan_set, case):
    words = content.entry_words(plan_set.plans[0], case.spine)
    assert words.startswith("50 mm left of the midline")
    assert "L4 spinous process tip" in words


def test_absent_structure_is_said_once(plan_set, case):
    said = content.alerts(plan_set, plan_set.plans[0], (), case.spine)
    assert sum("idney" in alert.words for alert in said) == 1
    silent = content.alerts(replace(plan_set, warnings=()), None, (), case.spine)
    assert sum("Kidney: not segmented" in alert.words for alert in silent) == 1


def test_unanchored_spine_stops(plan_set, case):
    said = content.alerts(plan_set, None, (), replace(case.spine, anchor=Anchor.NONE))
    assert said[0].grade == "stop"


def test_a_probable_breach_is_said_before_all_else(plan_set, case):
    likely, grave = (
        replace(plan_set.plans[0], robustness=Robustness(2.0, chance, {"dura": chance - 0.1}, 0.3))
        for chance in (0.62, 0.95)
    )
    said = content.alerts(plan_set, likely, (), case.spine)
    assert said[0].grade == "caution"
    assert said[0].words.startswith("This needle probably breaks a limit")
    assert "chance 62 %, the most by dura (52 %)" in said[0].words
    first = content.alerts(plan_set, grave, (), case.spine)[0]
    assert first.grade == "stop"
    assert "almost surely" in first.words
    told = replace(plan_set, plans=(likely, *plan_set.plans[1:])).cautions
    assert told[0].startswith("this needle probably breaks a limit")
    assert not any("breaks a limit" in words for words in plan_set.cautions)


def test_exclusions_are_ordered_and_shared(plan_set):
    rows = content.exclusions(plan_set)
    assert [row["name"] for row in rows] == ["Nerve root", "Dura"]
    assert rows[0]["share"] == "73 %"
    told = Explanation((Exclusion("dura", 400, 3, 0.42),), 12345, 0, 0, 0)
    rows = content.exclusions(replace(plan_set, explanation=told))
    assert [row["missing"] for row in rows] == ["", "the best misses it by 0.4 mm"]


def test_unknown_procedure_is_named_in_plain_words(plan_set):
    head = content.headline(replace(plan_set, procedure="some_new_block"), None)
    assert head["procedure"] == "Some new block"


def test_measured_finding_gives_score_limit_and_unit(plan_set, case, findings):
    said = content.alerts(plan_set, None, findings, case.spine)
    assert any(alert.words == "Soft tissue is noisy. (measured 28 HU, limit 25 HU)" for alert in said)
    assert said[-1].grade == "ok"


def test_what_holds_for_every_plan_is_said_last(plan_set, case):
    warnings = (
        "not judged, for the labels do not hold them: lung",
        "dura: modelled from bone, not seen on the image",
        "L5 is cut off by the image's edge",
    )
    said = content.alerts(replace(plan_set, warnings=warnings), None, (), case.spine)
    cautions = [alert.words for alert in said if alert.grade == "caution"]
    assert cautions[0] == "L5 is cut off by the image's edge."
    assert [alert.general for alert in said if "modelled" in alert.words] == [True]


def test_volumes_are_limits_with_their_source():
    entry = load_catalogue()["lumbar_medial_branch_block"]
    (words,) = [one for one in content.volumes(entry) if one.startswith("Injectate")]
    assert words.startswith("Injectate: at most 0.5 mL (10.1136/rapm")
