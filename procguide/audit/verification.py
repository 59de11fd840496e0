"""Whether a log is as it was written: nothing changed, taken out, put in, moved, or cut off."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from procguide.audit.chain import Head, Record
from procguide.audit.log import LONGEST_LINE, AuditLog
from procguide.errors import InputUnreadableError

__all__ = ["Problem", "Verification", "read_records", "verify"]

_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Problem:
    """What is wrong, and in which line, counted from 1; 0 where it is the whole log."""

    line: int
    words: str


@dataclass(frozen=True)
class Verification:
    """``problems`` is empty if nothing shows that the log was tampered with.

    ``remarks`` are what a kill at the wrong moment leaves behind. ``head`` is to be kept elsewhere: a later
    check with it shows a log that was cut back or written anew as a whole.
    """

    records: int
    head: Head
    keyed: bool
    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        """Whether no tampering shows."""
        return not self.problems


@dataclass(eq=False)
class _Walk:
    """Where the check stands: the last good head, and what lies loose since."""

    log: AuditLog
    anchors: dict[int, str]
    head: Head = field(default=Head())
    records: int = 0
    loose: bytes = b""
    loose_line: int = 0
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def fault(self, line: int, words: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(line, words))


def verify(log: AuditLog, anchors: Iterable[Head] = ()) -> Verification:
    """Check every line of ``log`` against the one before, its head file, and ``anchors`` noted earlier."""
    walk = _Walk(log, {anchor.number: anchor.hash for anchor in anchors})
    for number, line in enumerate(_lines(log), start=1):
        try:
            record = Record.parse(line)
        except ValueError:
            walk.loose += line
            walk.loose_line = walk.loose_line or number
            continue
        _check_loose(walk, record)
        _check_record(walk, record, number)
    _check_end(walk)
    return Verification(
        walk.records, walk.head, log.chain.key is not None, tuple(walk.problems), tuple(walk.remarks)
    )


def read_records(log: AuditLog) -> Iterator[Record]:
    """All whole records in order, checked or not."""
    for line in _lines(log):
        try:
            yield Record.parse(line)
        except ValueError:
            continue


def _lines(log: AuditLog) -> Iterator[bytes]:
    try:
        with log.path.open("rb") as stream:
            while line := stream.readline(LONGEST_LINE):
                yield line
    except OSError as error:
        raise InputUnreadableError(f"the audit log {log.path} cannot be read: {error.strerror}") from error


def _check_loose(walk: _Walk, record: Record) -> None:
    """Bytes that are no record must be the broken-off line that the next record vouches for."""
    if not walk.loose and not record.torn:
        return
    digests = {hashlib.sha256(loose).hexdigest() for loose in (walk.loose, walk.loose.removesuffix(b"\n"))}
    if record.torn in digests:
        walk.remarks.append(f"line {walk.loose_line} broke off when a program was killed; nothing is missing")
    else:
        walk.fault(walk.loose_line, "it is no record, and no record vouches for it: changed or put in")
    walk.loose, walk.loose_line = b"", 0


def _check_record(walk: _Walk, record: Record, line: int) -> None:
    if not walk.log.chain.holds(record):
        walk.fault(line, "its content does not match its hash: changed, or sealed with another key")
    if record.number != walk.head.number + 1:
        missing = record.number - walk.head.number - 1
        walk.fault(line, f"{missing} records are missing before it" if missing > 0 else "it is out of order")
    elif record.previous != walk.head.hash:
        walk.fault(line, "it does not follow from the record before it")
    if walk.anchors.pop(record.number, record.hash) != record.hash:
        walk.fault(line, "it is not the record that was noted under this number")
    walk.head = record.head
    walk.records += 1


def _check_end(walk: _Walk) -> None:
    """The last record is the one of the head file, or one more; every anchor was met."""
    log = walk.log
    if walk.loose:
        walk.remarks.append("the last line broke off when a program was killed; the next record will say so")
    try:
        known = Head.parse(log.head_path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        if walk.records:
            walk.fault(
                0, f"its head {log.head_path.name} is missing or unreadable: the end cannot be checked"
            )
    else:
        if known.number > walk.head.number:
            walk.fault(0, f"{known.number - walk.head.number} records are missing at its end")
        elif known.number == walk.head.number - 1:
            walk.remarks.append("the head is one record behind: a program was killed between two writes")
        elif known != walk.head:
            walk.fault(0, "its end is not the one that its head names")
    for number in sorted(walk.anchors):
        walk.fault(0, f"record {number}, noted earlier, is no longer there")
