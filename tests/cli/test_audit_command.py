from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import PATIENT_ID, PATIENT_NAME, Invoke


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site that asks for a log, with a key."""
    key = tmp_path / "audit.key"
    key.write_text("k" * 64)
    monkeypatch.setenv("PROCGUIDE_AUDIT_LOG", str(tmp_path / "audit.jsonl"))
    monkeypatch.setenv("PROCGUIDE_AUDIT_KEY", str(key))
    monkeypatch.setenv("PROCGUIDE_USER", "kate")
    return tmp_path / "audit.jsonl"


def said(invoke: Invoke) -> list[tuple[str, str]]:
    """Event and description of every message of the log."""
    document = json.loads(invoke("audit", "export", "--json").out)
    found = []
    for message in document["messages"]:
        event = message["EventIdentification"]
        found.append((event["EventID"]["originalText"], event["EventOutcomeDescription"]["text"]))
    return found


def test_segment_logs_what_it_read_and_computed(
    invoke: Invoke, study: Path, log: Path, tmp_path: Path, truthful: list[dict[str, Any]]
) -> None:
    assert truthful == []
    assert invoke("segment", study, "-o", tmp_path / "labels").code == 0
    assert said(invoke) == [
        ("Application Activity", "segment: started"),
        ("DICOM Instances Accessed", "segment: images read"),
        ("Procedure Record", "segment: results computed"),
        ("Application Activity", "segment: ended"),
    ]
    text = log.read_text()
    assert PATIENT_ID not in text
    assert not any(part in text for part in PATIENT_NAME.split("^"))
    assert "kate" in text
    run = json.loads((tmp_path / "labels" / "run.json").read_text())
    assert run["provenance"]["inputs_sha256"]


def test_a_failed_command_is_logged_as_failed(invoke: Invoke, log: Path, tmp_path: Path) -> None:
    assert log.parent == tmp_path
    (tmp_path / "empty").mkdir()
    assert invoke("segment", tmp_path / "empty", "-o", tmp_path / "out").code == 4
    messages = json.loads(invoke("audit", "export", "--json").out)["messages"]
    assert [m["EventIdentification"]["EventOutcomeIndicator"] for m in messages] == ["0", "4"]


def test_nothing_is_done_unlogged(
    invoke: Invoke, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PROCGUIDE_AUDIT_LOG", str(tmp_path / "file" / "audit.jsonl"))
    answer = invoke("segment", study, "-o", tmp_path / "out")
    assert answer.code == 6
    assert "nothing is done unlogged" in answer.err
    assert not (tmp_path / "out").exists()


def test_without_the_variable_nothing_is_logged(
    invoke: Invoke, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke("info", study).code == 0
    assert list(tmp_path.iterdir()) == []
    answer = invoke("audit", "verify")
    assert answer.code == 2
    assert "PROCGUIDE_AUDIT_LOG" in answer.err


def test_verify_says_intact_and_gives_the_head(invoke: Invoke, study: Path, log: Path) -> None:
    invoke("info", study)
    answer = invoke("audit", "verify", "--json")
    document = json.loads(answer.out)
    assert answer.code == 0
    assert document["intact"] is True
    assert document["keyed"] is True
    assert (log.with_name("audit.jsonl.head")).read_text().strip() == document["head"]
    invoke("info", study)
    assert invoke("audit", "verify", "--anchor", document["head"]).code == 0


def test_tampering_is_exit_5(invoke: Invoke, study: Path, log: Path) -> None:
    invoke("info", study)
    anchor = json.loads(invoke("audit", "verify", "--json").out)["head"]
    log.write_text(log.read_text().replace("kate", "karl"))
    answer = invoke("audit", "verify")
    assert answer.code == 5
    assert "TAMPERED: line 1" in answer.out
    assert "does not match its hash" in answer.err
    log.unlink()
    log.with_name("audit.jsonl.head").unlink()
    invoke("info", study)
    answer = invoke("audit", "verify", "--anchor", anchor)
    assert answer.code == 5


def test_showing_whose_images_they_are_is_logged(invoke: Invoke, study: Path, log: Path) -> None:
    assert invoke("info", study).code == 0
    assert log.read_text().count("images read") == 0
    assert invoke("info", study, "--identity").code == 0
    assert log.read_text().count("images read") == 1


def test_another_key_does_not_fit(invoke: Invoke, study: Path, log: Path, tmp_path: Path) -> None:
    invoke("info", study)
    other = tmp_path / "other.key"
    other.write_text("o" * 64)
    assert invoke("audit", "verify", log, "--key", other).code == 5
    other.write_text("short")
    assert invoke("audit", "verify", log, "--key", other).code == 2


@pytest.mark.parametrize("anchor", ["", "3", "three:abc"])
def test_what_is_no_anchor_is_exit_2(invoke: Invoke, study: Path, log: Path, anchor: str) -> None:
    invoke("info", study)
    assert invoke("audit", "verify", log, "--anchor", anchor).code == 2


def test_a_log_that_is_not_there_is_exit_4(invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("audit", "verify", tmp_path / "none").code == 4


def test_export_prints_one_xml_document_a_line(invoke: Invoke, study: Path, log: Path) -> None:
    invoke("info", study)
    lines = invoke("audit", "export", log).out.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert ElementTree.fromstring(line).tag == "AuditMessage"  # noqa: S314 (our own)
