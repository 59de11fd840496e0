from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.cli.conftest import PATIENT_ID, PATIENT_NAME, Invoke


def test_a_study_without_its_patient(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    answer = invoke("deidentify", study, "-o", tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    files = list((tmp_path / "out").rglob("*.dcm"))
    assert document["files"]["written"] == len(files) == len(list(study.rglob("*.dcm")))
    assert document == json.loads((tmp_path / "out" / "deidentification.json").read_text())
    assert document["second_check"]["clean"]
    content = b"".join(file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file())
    for secret in (PATIENT_ID, *PATIENT_NAME.split("^")):
        assert secret.encode() not in content
        assert secret not in answer.out + answer.err
    assert invoke("info", tmp_path / "out").code == 0


def test_the_table_says_what_was_done(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    answer = invoke("deidentify", study, "-o", tmp_path / "out")
    assert "113100 Basic Application Confidentiality Profile" in answer.out
    assert "second check: clean" in answer.out


def test_a_key_is_made_once_and_gives_the_same_names(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    key = tmp_path / "names.key"
    names = []
    for n in range(2):
        assert invoke("deidentify", study, "-o", tmp_path / f"out{n}", "--key", key).code == 0
        names.append(sorted(str(dcmread(f).SOPInstanceUID) for f in (tmp_path / f"out{n}").rglob("*.dcm")))
    assert names[0] == names[1]
    assert key.stat().st_mode & 0o077 == 0
    assert len(key.read_text().strip()) == 64
    key.write_text("no key")
    assert invoke("deidentify", study, "-o", tmp_path / "out2", "--key", key).code == 2


def test_settings_from_a_file_and_the_command_line(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("dates: shift\nkeep: [PatientSex]\n")
    answer = invoke(
        "deidentify", study, "-o", tmp_path / "out", "--options", settings, "--dates", "remove", "--json"
    )
    said = json.loads(answer.out)["settings"]
    assert (said["dates"], said["keep"]) == ("remove", ["PatientSex"])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("keep: [PatientName]", "PatientName"),
        ("keep: [NoSuchThing]", "NoSuchThing"),
        ("dates: 3", "dates"),
        ("private: [{creator: X, group: 0x0010, element: 1}]", "odd"),
        ("surprise: 1", "surprise"),
        ("{", "YAML"),
    ],
)
def test_wrong_settings_are_exit_2(
    invoke: Invoke, study: Path, tmp_path: Path, text: str, named: str
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(text)
    answer = invoke("deidentify", study, "-o", tmp_path / "out", "--options", settings)
    assert answer.code == 2
    assert named in answer.err
    assert not (tmp_path / "out").exists()


def test_a_wrong_word_is_exit_2(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    answer = invoke("deidentify", study, "-o", tmp_path / "out", "--dates", "never")
    assert answer.code == 2
    assert "shift" in answer.err


def test_nothing_to_read_is_exit_4(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert invoke("deidentify", tmp_path / "in", "-o", tmp_path / "out").code == 4


def test_some_left_out_is_exit_8_and_nothing_at_all_is_3(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "good").write_bytes(next(iter(sorted(study.rglob("*.dcm")))).read_bytes())
    (source / "bad").write_bytes(b"\0" * 128 + b"DICM garbage")
    answer = invoke("deidentify", source, "-o", tmp_path / "out")
    assert answer.code == 8
    assert "left out: 1: it cannot be read" in answer.out
    (source / "good").unlink()
    assert invoke("deidentify", source, "-o", tmp_path / "none").code == 3


def test_an_export_is_logged(
    invoke: Invoke, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROCGUIDE_AUDIT_LOG", str(tmp_path / "audit.jsonl"))
    assert invoke("deidentify", study, "-o", tmp_path / "out").code == 0
    messages = json.loads(invoke("audit", "export", "--json").out)["messages"]
    (export,) = [m for m in messages if m["EventIdentification"]["EventID"]["csd-code"] == "110106"]
    described = export["ParticipantObjectIdentification"][0]
    assert described["ParticipantObjectDataLifeCycle"] == "7"
    assert described["ParticipantObjectDescription"][0]["Anonymized"]["text"] == "true"
    assert invoke("audit", "verify").code == 0
