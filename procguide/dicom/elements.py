"""Attributes of a dataset as plain values, quickly: most bytes repeat from slice to slice.

Values are converted once for each different content, not once a file. What is not written in the
attribute's own VR goes through pydicom.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import PersonName

__all__ = ["first_text", "items", "numbers", "tags_of", "texts", "whole", "words"]


_TEXT = frozenset(("LO", "SH", "PN", "ST", "LT", "DA", "TM", "DT"))
_CODED = frozenset(("CS", "UI", "DS", "IS"))


@lru_cache(maxsize=1024)
def _tag(keyword: str) -> tuple[BaseTag, str]:
    number = tag_for_keyword(keyword)
    assert number is not None, keyword  # noqa: S101 (keywords are ours, not the file's)
    return Tag(number), dictionary_VR(number)


def tags_of(*keywords: str) -> tuple[BaseTag, ...]:
    """The tags of DICOM keywords, as pydicom takes them quickest."""
    return tuple(_tag(keyword)[0] for keyword in keywords)


def words(dataset: Dataset, keyword: str) -> str:
    """The attribute's text in its character set, several values with a backslash between; "" if absent."""
    raw = _plain(dataset, keyword, _TEXT)
    if raw is not None:
        return "\\".join(_split(raw))
    element = dataset.get(_tag(keyword)[0])
    value = None if element is None else element.value
    if value is None:
        return ""
    several = not isinstance(value, str | bytes | PersonName) and hasattr(value, "__iter__")
    return "\\".join(map(str, value)) if several else str(value).strip()


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of a code string, UID or other text without its own character set; () if absent."""
    raw = _plain(dataset, keyword, _CODED)
    if raw is not None:
        return _split(raw)
    found = words(dataset, keyword)
    return tuple(found.split("\\")) if found else ()


def first_text(dataset: Dataset, keyword: str) -> str:
    """The first of :func:`texts`, or ""."""
    return next(iter(texts(dataset, keyword)), "")


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """The attribute's values as finite numbers; () if it is absent, empty, or holds anything else."""
    raw = _plain(dataset, keyword, _CODED)
    if raw is not None:
        return _decimals(raw)
    element = dataset.get_item(_tag(keyword)[0])
    if isinstance(element, RawDataElement):
        if element.VR in ("US", None) and _tag(keyword)[1] == "US" and len(element.value or b"") == 2:
            return (float(int.from_bytes(element.value, "little" if element.is_little_endian else "big")),)
        element = dataset.get(_tag(keyword)[0])
    value: Any = None if element is None else element.value
    if value is None or isinstance(value, str | bytes):
        return ()
    try:
        found = tuple(float(v) for v in (value if hasattr(value, "__iter__") else (value,)))
    except (TypeError, ValueError):
        return ()
    return found if all(map(math.isfinite, found)) else ()


def whole(dataset: Dataset, keyword: str, default: int = 0) -> int:
    """The attribute's first value as a whole number."""
    found = numbers(dataset, keyword)
    return int(found[0]) if found else default


def items(dataset: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence; () if it is absent or not a sequence."""
    element = dataset.get(_tag(keyword)[0])
    return tuple(element.value) if element is not None and isinstance(element.value, Sequence) else ()


def _plain(dataset: Dataset, keyword: str, allowed: frozenset[str]) -> bytes | None:
    """The bytes of a string that nothing has converted yet and that needs no character set; else None."""
    tag, vr = _tag(keyword)
    element = dataset.get_item(tag)
    if vr not in allowed or not isinstance(element, RawDataElement) or element.VR not in (vr, None):
        return None
    raw = element.value
    return raw if isinstance(raw, bytes) and raw.isascii() and b"\x1b" not in raw else None


@lru_cache(maxsize=8192)
def _split(raw: bytes) -> tuple[str, ...]:
    text = raw.decode("ascii").strip(" \0\r\n\t")
    return tuple(part.strip() for part in text.split("\\")) if text else ()


@lru_cache(maxsize=8192)
def _decimals(raw: bytes) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in _split(raw) if part)
    except ValueError:
        return ()
    return found if all(map(math.isfinite, found)) and b"_" not in raw else ()
