from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from procguide.audit import (
    Action,
    AuditLog,
    Chain,
    Event,
    EventKind,
    Head,
    Subject,
    Verification,
    read_records,
    verify,
)
from procguide.errors import CannotWriteError, InputUnreadableError

KEY = b"a key that is longer than 32 bytes, surely"
STUDY = "1.2.826.0.1.3680043.8.498.1001"


def open_at(folder: Path, key: bytes | None = None, **options: bool) -> AuditLog:
    return AuditLog(folder / "audit.jsonl", folder / "audit.head", Chain(key), **options)


def event(what: str = "plan: images read") -> Event:
    return Event(
        EventKind.INSTANCES_ACCESSED,
        Action.READ,
        what,
        "reader",
        "procguide 1",
        subject=Subject("ID-4711", (STUDY,), 99),
    )


@pytest.fixture(params=[None, KEY], ids=["hash", "hmac"])
def log(tmp_path: Path, request: pytest.FixtureRequest) -> AuditLog:
    """Six records."""
    log = open_at(tmp_path, request.param)
    for n in range(6):
        log.append(event(f"event {n}"))
    return log


def edit(log: AuditLog, change: Callable[[list[bytes]], list[bytes]]) -> None:
    log.path.write_bytes(b"".join(change(log.path.read_bytes().splitlines(keepends=True))))


def words(found: Verification) -> str:
    return "; ".join(f"{problem.line}: {problem.words}" for problem in found.problems)


def test_an_untouched_log_is_intact(log: AuditLog) -> None:
    found = verify(log)
    assert found.intact
    assert (found.records, found.head.number, found.remarks) == (6, 6, ())
    assert [
        record.message["EventIdentification"]["EventOutcomeDescription"]["text"]
        for record in read_records(log)
    ] == [f"event {n}" for n in range(6)]


def test_every_changed_byte_shows(log: AuditLog) -> None:
    whole = log.path.read_bytes()
    for place in range(0, len(whole), 37):
        changed = bytearray(whole)
        changed[place] ^= 1
        log.path.write_bytes(bytes(changed))
        assert not verify(log).intact, place
    log.path.write_bytes(whole)
    assert verify(log).intact


@pytest.mark.parametrize("line", range(6))
def test_every_removed_line_shows(log: AuditLog, line: int) -> None:
    edit(log, lambda lines: lines[:line] + lines[line + 1 :])
    found = verify(log)
    assert not found.intact
    assert "1 records are missing" in words(found)


def test_a_log_cut_short_shows(log: AuditLog) -> None:
    edit(log, lambda lines: lines[:3])
    assert "3 records are missing at its end" in words(verify(log))


def test_an_emptied_log_shows(log: AuditLog) -> None:
    log.path.write_bytes(b"")
    assert "6 records are missing at its end" in words(verify(log))


def test_lines_that_were_moved_show(log: AuditLog) -> None:
    edit(log, lambda lines: [lines[0], lines[2], lines[1], *lines[3:]])
    assert "out of order" in words(verify(log)) or "missing" in words(verify(log))


def test_a_copied_line_shows(log: AuditLog) -> None:
    edit(log, lambda lines: [*lines[:3], lines[2], *lines[3:]])
    assert "4: it is out of order" in words(verify(log))


def test_a_line_put_in_shows(log: AuditLog) -> None:
    edit(log, lambda lines: [*lines[:3], b'{"schema":"procguide.audit/1"}\n', *lines[3:]])
    assert "4: it is no record" in words(verify(log))


def test_another_spelling_of_the_same_json_shows(log: AuditLog) -> None:
    edit(log, lambda lines: [json.dumps(json.loads(lines[0])).encode() + b"\n", *lines[1:]])
    assert not verify(log).intact


def test_a_log_written_anew_shows_by_an_anchor_or_a_key(tmp_path: Path) -> None:
    """Without either, whoever can write both files can write another history."""
    noted = {}
    for name, key in (("hash", None), ("hmac", KEY)):
        log = open_at(tmp_path / name, key)
        log.append(event("what was done"))
        noted[name] = verify(log).head
        log.append(event())
        forged = open_at(tmp_path / f"{name}-forged", None)
        for _ in range(2):
            forged.append(event("what was not"))
        log.path.write_bytes(forged.path.read_bytes())
        log.head_path.write_bytes(forged.head_path.read_bytes())
    plain, keyed = open_at(tmp_path / "hash"), open_at(tmp_path / "hmac", KEY)
    assert verify(plain).intact
    assert "not the record that was noted" in words(verify(plain, [noted["hash"]]))
    assert "does not match its hash" in words(verify(keyed))


def test_cut_back_together_with_its_head_shows_by_an_anchor(log: AuditLog) -> None:
    noted = verify(log).head
    records = list(read_records(log))
    edit(log, lambda lines: lines[:2])
    log.head_path.write_text(f"{records[1].head}\n")
    assert verify(log).intact
    assert "record 6, noted earlier, is no longer there" in words(verify(log, [noted]))


def test_a_missing_head_shows(log: AuditLog) -> None:
    log.head_path.unlink()
    assert "head" in words(verify(log))


@pytest.mark.parametrize("change", ["edited", "cut", "no head"])
def test_a_log_that_was_tampered_with_takes_no_more(log: AuditLog, change: str) -> None:
    if change == "edited":
        edit(log, lambda lines: [*lines[:-1], lines[-1].replace(b"event 5", b"event X")])
    elif change == "cut":
        edit(log, lambda lines: lines[:-2])
    else:
        log.head_path.unlink()
    before = log.path.read_bytes()
    with pytest.raises(CannotWriteError, match="audit verify"):
        log.append(event())
    assert log.path.read_bytes() == before


def test_a_kill_in_the_middle_of_a_line_loses_nothing(log: AuditLog) -> None:
    """The broken-off line stays; the next record vouches for it."""
    with log.path.open("ab") as stream:
        stream.write(b'{"schema":"procguide.audit/1","number":7,"prev')
    assert verify(log).intact
    assert "broke off" in verify(log).remarks[0]
    log.append(event("after the kill"))
    found = verify(log)
    assert (found.intact, found.records) == (True, 7)
    assert "line 7 broke off" in found.remarks[0]
    edit(log, lambda lines: [*lines[:6], b"{something else}\n", lines[7]])
    assert not verify(log).intact


def test_a_kill_between_log_and_head_loses_nothing(log: AuditLog) -> None:
    before = log.head_path.read_bytes()
    log.append(event())
    log.head_path.write_bytes(before)
    found = verify(log)
    assert found.intact
    assert "one record behind" in found.remarks[0]
    log.append(event())
    assert verify(log).remarks == ()
    assert verify(log).records == 8


def _append(folder: str, count: int) -> None:
    log = open_at(Path(folder))
    for _ in range(count):
        log.append(event())


def test_several_processes_write_one_log(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append, args=(str(tmp_path), 10)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    found = verify(open_at(tmp_path))
    assert (found.intact, found.records) == (True, 30)


def test_the_log_holds_no_identifier_unless_asked(tmp_path: Path) -> None:
    for name, key, asked in (("plain", None, False), ("keyed", KEY, False), ("asked", None, True)):
        open_at(tmp_path / name, key, identifiers=asked).append(event())
    plain, keyed, asked_for = (
        (tmp_path / name / "audit.jsonl").read_text() for name in ("plain", "keyed", "asked")
    )
    for text in (plain, keyed):
        assert "ID-4711" not in text
        assert STUDY not in text
    assert plain.count("withheld") > keyed.count("withheld")
    assert "ID-4711" in asked_for
    assert STUDY in asked_for


def test_the_same_patient_has_the_same_pseudonym(tmp_path: Path) -> None:
    log = open_at(tmp_path, KEY)
    objects = [log.append(event()).message["ParticipantObjectIdentification"] for _ in range(2)]
    assert objects[0] == objects[1]
    assert len(objects[0][0]["ParticipantObjectID"]) == 32


def test_files_are_for_their_owner_alone(log: AuditLog) -> None:
    assert log.path.stat().st_mode & 0o077 == 0
    assert log.head_path.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_to_stops_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWriteError, match="nothing is done unlogged"):
        AuditLog(tmp_path / "file" / "audit.jsonl", tmp_path / "head").append(event())


def test_a_log_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadableError, match="cannot be read"):
        verify(open_at(tmp_path))


@pytest.mark.parametrize("text", ["", "3", "3:xyz", f"x:{'0' * 64}", f"-1:{'0' * 64}", f"1:{'G' * 64}"])
def test_what_is_no_head(text: str) -> None:
    with pytest.raises(ValueError, match="NUMBER:HASH"):
        Head.parse(text)
