from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from procguide.audit import open_log, read_records
from procguide.cli.audited import ArrivalBursts, audited, objects_asked_for, objects_moved


@pytest.fixture
def messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """A site that asks for a log with identifiers; what it holds so far."""
    monkeypatch.setenv("PROCGUIDE_AUDIT_LOG", str(tmp_path / "audit.jsonl"))
    monkeypatch.setenv("PROCGUIDE_AUDIT_IDENTIFIERS", "yes")

    def read() -> list[dict[str, Any]]:
        log = open_log()
        assert log is not None
        return [dict(record.message) for record in read_records(log)]

    return read


def test_what_is_sent_is_logged_by_study(messages: Callable[[], list[dict[str, Any]]]) -> None:
    objects_moved("pacs", ["1.2.3", "1.2.4", "1.2.3"], sent=True, failed=1)
    first, second = messages()
    assert first["EventIdentification"]["EventID"]["csd-code"] == "110104"
    assert first["EventIdentification"]["EventActionCode"] == "R"
    assert first["EventIdentification"]["EventOutcomeIndicator"] == "4"
    assert first["ActiveParticipant"][-1]["UserID"] == "pacs"
    study = first["ParticipantObjectIdentification"][0]
    assert study["ParticipantObjectID"] == "1.2.3"
    assert study["ParticipantObjectDataLifeCycle"] == "11"
    assert study["ParticipantObjectDescription"][0]["SOPClass"][0]["NumberOfInstances"] == "2"
    assert second["ParticipantObjectIdentification"][0]["ParticipantObjectID"] == "1.2.4"


def test_a_query_is_logged_without_its_keys(messages: Callable[[], list[dict[str, Any]]]) -> None:
    objects_asked_for("pacs")
    (message,) = messages()
    assert message["EventIdentification"]["EventID"]["csd-code"] == "110112"
    assert message["ParticipantObjectIdentification"] == []


def test_one_event_a_burst_of_arrivals(messages: Callable[[], list[dict[str, Any]]]) -> None:
    bursts = ArrivalBursts(0)
    for count, still in ((0, False), (3, True), (7, True), (7, False), (7, False), (9, True), (9, False)):
        bursts.heard(count, still=still)
    counts = [
        message["ParticipantObjectIdentification"][0]["ParticipantObjectDescription"][0]["SOPClass"][0]
        for message in messages()
    ]
    assert [count["NumberOfInstances"] for count in counts] == ["7", "2"]


@pytest.mark.parametrize(
    ("code", "outcome"), [(0, "0"), (1, "8"), (5, "4"), (8, "4")], ids=["done", "fault", "unfit", "some"]
)
def test_how_a_command_ended(messages: Callable[[], list[dict[str, Any]]], code: int, outcome: str) -> None:
    assert audited(["info", "--json", "x"], lambda: code, lambda _words, _code: None) == code
    started, ended = (message["EventIdentification"] for message in messages())
    assert started["EventTypeCode"][0]["csd-code"] == "110120"
    assert ended["EventTypeCode"][0]["csd-code"] == "110121"
    assert ended["EventOutcomeIndicator"] == outcome


@pytest.mark.parametrize("words", [["plan", "--help"], ["phantom"], ["procedures"], ["audit", "verify"], []])
def test_what_touches_no_patient_is_not_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("PROCGUIDE_AUDIT_LOG", str(tmp_path / "audit.jsonl"))
    assert audited(words, lambda: 0, lambda _words, _code: None) == 0
    assert not (tmp_path / "audit.jsonl").exists()
