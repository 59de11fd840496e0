"""The log on disk: one line an event, never rewritten; each line is on the disk before the work goes on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from procguide.audit.chain import Chain, Head, Record
from procguide.audit.events import Event, Subject, message_of
from procguide.errors import CannotWriteError

__all__ = ["LONGEST_LINE", "AuditLog"]

LONGEST_LINE = 1 << 20
"""Bytes of a record, at most: its texts are short by nature."""
_MODE = 0o600


@dataclass(frozen=True)
class AuditLog:
    """An append-only, hash-chained log in one file, and its head in another.

    ``head_path`` may lie on another disk or machine: whoever can write both files can cut both back.
    Without ``identifiers``, the patient's ID and study's UID are logged as keyed hashes, and without a
    key not at all. Several processes may append; it blocks until the line is on disk.
    """

    path: Path
    head_path: Path
    chain: Chain = field(default=Chain())
    identifiers: bool = False
    source: str = "procguide"

    def append(self, event: Event) -> Record:
        """Write one event; :class:`CannotWriteError` where it cannot be, and then the work must stop."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        guarded = replace(event, subject=self._guarded(event.subject))
        message = message_of(guarded, now, self.source)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self.path) as stream:
                last, broken_off = self._last(stream)
                torn = hashlib.sha256(broken_off).hexdigest() if broken_off else ""
                record = self.chain.seal(last, message, torn)
                stream.seek(0, os.SEEK_END)
                stream.write((b"\n" if broken_off else b"") + record.line())
                stream.flush()
                os.fsync(stream.fileno())
                self._write_head(record.head)
        except OSError as error:
            raise CannotWriteError(
                f"the audit log {self.path} cannot be written: {error.strerror}; nothing is done unlogged"
            ) from error
        return record

    def _guarded(self, subject: Subject | None) -> Subject | None:
        if subject is None or self.identifiers:
            return subject
        hidden = self.chain.pseudonym
        studies = tuple(hidden(uid) or "withheld" for uid in subject.study_uids)
        patient = hidden(subject.patient_id) if subject.patient_id else ""
        return replace(subject, patient_id=patient, study_uids=studies)

    def _last(self, stream: BinaryIO) -> tuple[Head, bytes]:
        """The last record's head, if it follows from the one on file, and what broke off after it.

        A kill between the two writes leaves the log one record ahead of its head, and no more.
        """
        found, broken_off = _last_record(stream)
        try:
            known = self._read_head()
        except ValueError as error:
            raise CannotWriteError(_broken(self.path)) from error
        if found is None:
            whole = known == Head()
        else:
            whole = known in (found.head, Head(found.number - 1, found.previous)) and self.chain.holds(found)
        if not whole:
            raise CannotWriteError(_broken(self.path))
        return (found.head if found else known), broken_off

    def _read_head(self) -> Head:
        try:
            return Head.parse(self.head_path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return Head()

    def _write_head(self, head: Head) -> None:
        temporary = self.head_path.with_name(f".{self.head_path.name}.partial")
        self.head_path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(f"{head}\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, self.head_path)  # noqa: PTH105 (on purpose: one atomic step)


def _broken(path: Path) -> str:
    return (
        f"the audit log {path} was changed behind procguide's back; run `procguide audit verify`, keep the "
        "file as evidence, and start a new one"
    )


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The file open for reading and writing, for one process at a time."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, _MODE)
    with os.fdopen(handle, "r+b") as stream:
        _lock(stream)
        yield stream


def _lock(stream: BinaryIO) -> None:
    """Until the file is closed."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover (Windows)
        import msvcrt

        msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(stream, fcntl.LOCK_EX)


def _last_record(stream: BinaryIO) -> tuple[Record | None, bytes]:
    """The last whole record, and the bytes after it: a line that a kill broke off stays where it is."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(size - LONGEST_LINE, 0))
    lines = stream.read().splitlines(keepends=True)
    for n in reversed(range(len(lines))):
        try:
            return Record.parse(lines[n]), b"".join(lines[n + 1 :])
        except ValueError:
            continue
    return None, b"".join(lines)
