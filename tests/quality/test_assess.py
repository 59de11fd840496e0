from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from procguide.findings import Severity
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.quality import Box, Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.assess import assess_quality, checks_for, find_checks

VOLUME = Volume(np.zeros((4, 5, 6), np.int16), Affine.axis_aligned([1, 1, 1], [0, 0, 0]), Modality.CT)
CASE = Examined(Kind.CT, volume=VOLUME)


def a_check(value: float | None, **changes: object) -> Check:
    check = Check(
        "weight",
        frozenset({Kind.CT}),
        "kg",
        lambda _: None if value is None else Score(value, Box((0, 0, 0), (1, 2, 3)), {"whose": "cat"}),
        Limits(10.0, 20.0, Worse.ABOVE, "assumed"),
        "The {whose} weighs {value:.0f} {unit}, more than {limit:.0f}.",
        "Feed the {whose} less.",
        "The {whose} is light.",
    )
    return replace(check, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "severity", "limit"),
    [(10.0, Severity.OK, 10.0), (10.1, Severity.CAUTION, 10.0), (21.0, Severity.STOP, 20.0)],
)
def test_a_score_becomes_a_finding(value: float, severity: Severity, limit: float) -> None:
    quality = assess_quality(CASE, [a_check(value)])
    (finding,) = quality.findings
    assert (finding.severity, finding.limit, finding.unit) == (severity, limit, "kg")
    assert finding.score == value
    assert quality.severity is severity
    assert finding.words.startswith("The cat ")


def test_worse_may_be_below() -> None:
    limits = Limits(8.0, 4.0, Worse.BELOW, "assumed")
    assert [limits.severity(v) for v in (8.0, 7.9, 3.9)] == [Severity.OK, Severity.CAUTION, Severity.STOP]


def test_what_cannot_be_judged_says_why() -> None:
    quality = assess_quality(CASE, [a_check(None, passes="There is no cat."), a_check(float("nan"))])
    assert quality.findings == ()
    assert quality.answers[0].why_not == "There is no cat."
    assert quality.answers[1].why_not


def test_labels_are_asked_for_only_where_they_are() -> None:
    needy = a_check(11.0, needs=frozenset({"labels"}))
    assert "labels" in assess_quality(CASE, [needy]).answers[0].why_not
    labels = LabelMap(np.zeros((4, 5, 6), np.uint8), VOLUME.affine)
    assert assess_quality(replace(CASE, labels=labels), [needy]).faults


def test_the_document_is_json_and_worst_comes_first() -> None:
    quality = assess_quality(CASE, [a_check(11.0), a_check(30.0), a_check(None)])
    document = json.loads(json.dumps(quality.to_json(), allow_nan=False))
    assert document["severity"] == "stop"
    assert document["checks"][0]["where"] == {"low": [0, 0, 0], "high": [1, 2, 3]}
    assert [finding.severity for finding in quality.faults] == [Severity.STOP, Severity.CAUTION]


def test_work_is_done_once() -> None:
    case, counted = replace(CASE, memory={}), []
    assert [case.once("sum", lambda _: counted.append(1) or 7) for _ in range(3)] == [7, 7, 7]
    assert len(counted) == 1


@pytest.mark.parametrize("check", find_checks(), ids=lambda c: f"{c.name}-{min(c.kinds)}")
def test_every_check_is_whole(check: Check) -> None:
    assert check.kinds
    assert check.unit
    assert check.limits.source
    assert check.advice.endswith(".")
    assert check.passes.endswith(".")
    stop = check.limits.stop
    if stop is not None:
        assert check.limits.severity(stop) is not Severity.STOP
        assert check.limits.severity(stop) is Severity.CAUTION


def test_ct_and_mr_have_what_the_issue_asks_for() -> None:
    ct = {check.name for check in checks_for(Kind.CT)}
    mr = {check.name for check in checks_for(Kind.MR)}
    assert {"resolution", "noise", "streaks", "metal", "truncated field", "slice shift", "coverage"} <= ct
    assert {"gantry tilt", "sharp kernel", "blur"} <= ct
    assert {"resolution", "gap", "signal to noise", "contrast to noise", "shading", "motion"} <= mr
    assert {"wrap-around", "fat suppression", "coverage", "orientation", "interpolation"} <= mr
