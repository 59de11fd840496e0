"""A file's dataset up to its pixels: parsed from memory where the header is short, as nearly all are."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import FileDataset
from pydicom.tag import BaseTag

from procguide.dicom.bounded import HEADER, read_bounded

__all__ = ["Parsed", "fragments_are_whole", "looks_like_dicom", "parse_header"]

_PREFIX_BYTES = 32768
_PIXEL_GROUP = (b"\xe0\x7f", b"\x7f\xe0")
_ITEM = b"\xfe\xff\x00\xe0"
_ENCAPSULATED_HEADER = 12
"""Tag, VR, two spare bytes and the undefined length of Pixel Data before its items (PS3.5 7.1.2)."""
_MOST_FRAGMENTS = 50_000
_BARE_STARTS = (b"\x08\x00", b"\x00\x08")


@dataclass(frozen=True, eq=False)
class Parsed:
    """The dataset of a file before its Pixel Data, and how many bytes of the file follow."""

    dataset: FileDataset
    remaining: int


def looks_like_dicom(start: bytes) -> bool:
    """The prefix of PS3.10 7.1, or a bare dataset of old that starts with group 0008, by the first bytes."""
    if start[128:132] == b"DICM":
        return True
    return len(start) >= 132 and start[:2] in _BARE_STARTS and 0 in start[2:4]


def fragments_are_whole(file: Path, remaining: int) -> bool:
    """Whether the compressed frames, in the last ``remaining`` bytes, end within the file (PS3.5 A.4).

    Only the first 50,000 fragments are looked at. A missing delimiter after the last one is let be.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        place = size - remaining + _ENCAPSULATED_HEADER
        for _ in range(_MOST_FRAGMENTS):
            stream.seek(place)
            tag, length = stream.read(4), int.from_bytes(stream.read(4), "little")
            if tag != _ITEM:
                break
            place += 8 + length
            if place > size:
                return False
    return True


def parse_header(file: Path, tags: Sequence[BaseTag] | None = None) -> Parsed | None:
    """The header of ``file`` (only ``tags`` where they are given); None for what is not DICOM.

    :class:`procguide.dicom.guard.RefusedError` for what is beyond the bounds of any honest header.
    """
    with file.open("rb", buffering=0) as stream:
        start = stream.read(_PREFIX_BYTES) or b""
        if not looks_like_dicom(start):
            return None
        size = file.stat().st_size
        parsed = _from_prefix(start, size, tags) if len(start) == _PREFIX_BYTES else None
    if parsed is not None:
        return parsed
    with io.BytesIO(start) if size <= len(start) else file.open("rb") as whole:
        return _parse(whole, size, tags)


def _from_prefix(start: bytes, size: int, tags: Sequence[BaseTag] | None) -> Parsed | None:
    """From the first bytes alone; None where the header does not end at Pixel Data within them."""
    stream = io.BytesIO(start)
    try:
        parsed = _parse(stream, size, tags)
    except Exception:  # cut within an element: the whole file decides
        return None
    place = stream.tell()
    return parsed if start[place : place + 2] in _PIXEL_GROUP and place + 8 <= len(start) else None


def _parse(stream: BinaryIO, size: int, tags: Sequence[BaseTag] | None) -> Parsed:
    dataset = read_bounded(stream, size, HEADER, tags=tags, stop_before_pixels=True)
    return Parsed(dataset, size - stream.tell())
