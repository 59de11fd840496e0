"""One line of the log, and how it hangs on the line before."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["FIRST", "SCHEMA", "Chain", "Head", "Record"]

SCHEMA = "procguide.audit/1"
FIRST = "0" * 64
"""What stands for the hash of the line before the first."""


@dataclass(frozen=True)
class Head:
    """Number and hash of the last record: with it, a log that was cut short is seen to be."""

    number: int = 0
    hash: str = FIRST

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """From ``NUMBER:HASH``; ValueError where it is not that."""
        number, _, digest = text.strip().partition(":")
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef") or not number.isdecimal():
            raise ValueError("not NUMBER:HASH")
        return cls(int(number), digest)


@dataclass(frozen=True)
class Record:
    """One audit message with its place. ``torn`` is the hash of a line before it that broke off."""

    number: int
    previous: str
    message: Mapping[str, Any]
    hash: str
    torn: str = ""

    @property
    def head(self) -> Head:
        """Its number and hash."""
        return Head(self.number, self.hash)

    def line(self) -> bytes:
        """As it stands in the log, with its line end."""
        return _canonical({**_content(self), "hash": self.hash}) + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Record:
        """From a line of the log; ValueError where it is no record."""
        try:
            document = json.loads(line)
            record = cls(
                int(document["number"]),
                str(document["previous"]),
                dict(document["message"]),
                str(document["hash"]),
                str(document.get("torn", "")),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("not a record") from error
        if document.get("schema") != SCHEMA or record.line() != line.rstrip(b"\n") + b"\n":
            raise ValueError("not a record")
        return record


@dataclass(frozen=True)
class Chain:
    """SHA-256, or with a ``key`` HMAC-SHA-256: without the key no valid line can be written."""

    key: bytes | None = field(default=None, repr=False)

    def seal(self, after: Head, message: Mapping[str, Any], torn: str = "") -> Record:
        """The next record."""
        draft = Record(after.number + 1, after.hash, message, "", torn)
        return Record(draft.number, draft.previous, message, self._digest(draft), torn)

    def holds(self, record: Record) -> bool:
        """Whether the record is as it was sealed."""
        return hmac.compare_digest(self._digest(record), record.hash)

    def pseudonym(self, value: str) -> str:
        """A keyed hash of an identifier; empty without a key, because few identifiers can be guessed."""
        if self.key is None:
            return ""
        return hmac.digest(self.key, b"identifier\n" + value.encode(), "sha256").hex()[:32]

    def _digest(self, record: Record) -> str:
        content = _canonical(_content(record))
        if self.key is None:
            return hashlib.sha256(content).hexdigest()
        return hmac.digest(self.key, content, "sha256").hex()


def _content(record: Record) -> dict[str, Any]:
    content = {
        "schema": SCHEMA,
        "number": record.number,
        "previous": record.previous,
        "message": record.message,
    }
    return {**content, "torn": record.torn} if record.torn else content


def _canonical(document: Mapping[str, Any]) -> bytes:
    """One form only, so that any changed byte shows."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()
