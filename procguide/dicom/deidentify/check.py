"""The second check: what named the patient in the original, searched for in the bytes that were written.

It shares nothing with the cleaning: no table, no parsing of the written header, another reader of text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from procguide.dicom.deidentify.identity import elements, is_registered, naming_words, text_values

__all__ = ["Leak", "Secrets", "find_in_bytes", "find_in_words", "secrets_of"]

_FEWEST_BYTES = 5
"""Five given bytes stand by chance in half a megabyte once in two million files."""
_ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "cp1251", "iso8859-7", "gb18030", "euc_kr")
_SHORTEST_UID = 10
_UID = re.compile(rb"[0-9.]{10,}")
_PARTS = re.compile(rb"[\^= ]")


@dataclass(frozen=True)
class Leak:
    """Something that names the patient in a written file: what kind of thing, never the thing itself."""

    file: Path
    kind: str


@dataclass(frozen=True)
class Secrets:
    """What must not be found again: ``needles`` in lower case by kind, ``uids``, ``words`` for pictures."""

    needles: frozenset[tuple[str, bytes]]
    uids: frozenset[bytes]
    words: frozenset[str]


def secrets_of(original: Dataset, words: Iterable[str] = ()) -> Secrets:
    """Names, identifiers, addresses, the date of birth and UIDs of the original, in every usual encoding."""
    named = naming_words(original) | {word.casefold() for word in words}
    needles = {("name or identifier", form) for word in named for form in _encoded(word)}
    uids: set[bytes] = set()
    for element in elements(original):
        if element.VR == "UI":
            own = (uid for uid in text_values(element) if not is_registered(uid))
            uids |= {uid.encode() for uid in own if len(uid) >= _SHORTEST_UID}
        elif element.VR == "PN":
            raw = getattr(element.value, "original_string", b"")
            parts = _PARTS.split(raw) if isinstance(raw, bytes) else []
            needles |= {("name or identifier", part.lower()) for part in parts if _is_long(part)}
        elif element.keyword.endswith(("SerialNumber", "TelephoneNumbers")):
            needles |= {("other identifier", form) for v in text_values(element) for form in _encoded(v)}
    return Secrets(frozenset(needles), frozenset(uids), frozenset(named))


def _encoded(word: str) -> set[bytes]:
    forms = set()
    for written in (word.casefold(), word.upper()):
        for encoding in _ENCODINGS:
            try:
                forms.add(written.encode(encoding).lower())
            except UnicodeEncodeError:
                continue
    return {form for form in forms if _is_long(form)}


def _is_long(form: bytes) -> bool:
    return len(form) >= _FEWEST_BYTES


def find_in_bytes(file: Path, secrets: Secrets) -> tuple[Leak, ...]:
    """Whatever of ``secrets`` stands anywhere in ``file``: header, sequences, preamble, compressed pixels."""
    content = file.read_bytes()
    kinds = {"UID"} if secrets.uids.intersection(_UID.findall(content)) else set()
    lower = content.lower()
    kinds |= {kind for kind, needle in secrets.needles if needle in lower}
    return tuple(Leak(file, kind) for kind in sorted(kinds))


def find_in_words(file: Path, read: Iterable[str], secrets: Secrets) -> tuple[Leak, ...]:
    """Whether a word ``read`` from a picture is a secret, or differs from one in a letter of six."""
    for word in {word.casefold() for word in read}:
        if any(_alike(word, secret) for secret in secrets.words if len(secret) >= 4):
            return (Leak(file, "burnt-in name or identifier"),)
    return ()


def _alike(word: str, secret: str) -> bool:
    if secret in word:
        return True
    if len(word) != len(secret):
        return False
    different = sum(a != b for a, b in zip(word, secret, strict=True))
    return different <= len(secret) // 6
