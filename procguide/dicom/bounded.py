"""Datasets parsed within bounds: bytes, elements, nesting, and what deflated data may become.

pydicom parses what it is given. Here it is given a stream that counts: every element costs a read of eight
bytes, every item of a sequence reads of four and two besides, so a header of millions of empty ones ends
where the limit is, however it is put together. The same stream sees sequences open and close, so that
nesting ends long before Python's stack does: a full stack makes errors of whatever else runs then, such as
hooks of the garbage collector. Sequences that pydicom leaves for later are parsed at once where they are
long; deflated data are gone through before pydicom inflates them by itself, which no stream of ours sees.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import read_dataset, read_sequence
from pydicom.tag import BaseTag

from procguide.dicom.guard import RefusedError, check_preamble

__all__ = ["HEADER", "WHOLE", "Bounds", "read_bounded", "read_file"]


@dataclass(frozen=True)
class Bounds:
    """The most that one file may make us read: bytes of values, elements, inflated bytes, nested sequences.

    An item of a sequence counts as eight elements: it takes that much more time and memory.
    """

    value_bytes: int
    elements: int = 360_000
    inflated_bytes: int = 2**26
    depth: int = 32


HEADER = Bounds(value_bytes=2**26)
"""Up to the pixels: an enhanced study of 2000 frames has some 10 MB and 300,000 elements there."""

WHOLE = Bounds(value_bytes=2**33, elements=1_000_000)
"""With pixels, whose size is checked against the header."""

_ITEM = 7
_INFLATE_RATIO = 200
_INFLATE_FREE_BYTES = 2**24
_CHUNK_BYTES = 2**20
_LAZY_BYTES = 2**16
"""Sequences left for later may be this long in all: too short to do harm."""
_OPEN = b"\xff\xff\xff\xff"
"""A length that is open: what it belongs to ends with a delimiter (PS3.5 7.5.1)."""
_DELIMITERS = (b"\xfe\xff", b"\xff\xfe")
"""Their group FFFE in either order of bytes."""
_SEQUENCE_ENDS = (b"\xfe\xff\xdd\xe0", b"\xff\xfe\xe0\xdd")
_FOUR = (b"\4\0", b"\0\4", b"\4\0\0\0")
_EIGHT = (b"\x08\0", b"\0\x08", b"\x08\0\0\0")
"""How these lengths stand at the end of an element's first eight bytes: a value is what is read next."""
_LONG = (b"SQ", b"UN")
"""What may be a sequence of open length where the VR is written: its length is read after the first eight."""
_CHARSET = BaseTag(0x00080005)
_DEEP = "its sequences are nested too deep"


def read_file(
    file: Path,
    bounds: Bounds = WHOLE,
    *,
    tags: Iterable[BaseTag] | None = None,
    stop_before_pixels: bool = False,
) -> FileDataset:
    """The dataset of a file nobody vouches for; :class:`RefusedError` where it is beyond ``bounds``."""
    with file.open("rb") as stream:
        return read_bounded(
            stream,
            file.stat().st_size,
            bounds,
            tags=tags,
            stop_before_pixels=stop_before_pixels,
        )


def read_bounded(
    stream: BinaryIO,
    size: int,
    bounds: Bounds = WHOLE,
    *,
    tags: Iterable[BaseTag] | None = None,
    stop_before_pixels: bool = False,
) -> FileDataset:
    """As :func:`read_file`, of an open stream of ``size`` bytes; it is left where reading ended.

    A deflated file's stream is at its end.
    """
    check_preamble(stream.read(132))
    stream.seek(0)
    counted = _Metered(stream, size, bounds)
    wanted = list(tags) if tags is not None else None
    try:
        dataset = dcmread(
            _as_stream(counted), stop_before_pixels=stop_before_pixels, force=True, specific_tags=wanted
        )
        _settle(dataset, bounds, counted)
    except Exception as error:  # pydicom raises others in the place of those of the stream
        reasons = list(_behind(error))
        for reason in reasons:
            if isinstance(reason, RefusedError):
                raise reason from None
        if any(isinstance(reason, RecursionError) for reason in reasons):
            raise RefusedError(_DEEP) from error
        raise
    return dataset


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all in whose place or while handling which it was raised."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _as_stream(counted: _Metered) -> BinaryIO:
    """What pydicom takes for a file: it needs read, seek and tell alone."""
    return counted  # type: ignore[return-value]


class _Metered:
    """A stream that gives no more than there is, and counts."""

    def __init__(self, stream: BinaryIO, size: int, bounds: Bounds) -> None:
        self.tell = stream.tell
        self._read, self._seek, self._size, self._bounds = stream.read, stream.seek, size, bounds
        self._elements, self._bytes, self._last = bounds.elements, bounds.value_bytes, 0
        self._depth, self._header = 0, b""

    def read(self, count: int = -1) -> bytes:
        """At most ``count`` bytes; without it, deflated data, and only if they inflate within bounds."""
        before, self._last = self._last, count
        header, self._header = self._header, b""
        if (count == 8 and not header.endswith(_EIGHT)) or (count == 2 and before == 4):
            self._elements -= 1 if count == 8 else _ITEM  # a tag; a look at an item's first one
            if self._elements < 0:
                raise RefusedError("its header has more elements than any image needs")
            self._header = data = self._read(count)
            if data.endswith(_OPEN) or data.startswith(_SEQUENCE_ENDS):
                self._follow(data)
            return data
        if count == 4 and header and not header.endswith(_FOUR):  # a length, its VR being written
            data = self._read(count)
            if data == _OPEN:
                self._follow(header + data)
            return data
        if count < 0:
            data = self._read(self._size)
            self._go_through(_inflated(data, self._bounds))
            return data
        if count > 4096:  # do not ask for memory that the file cannot fill
            count = min(count, max(self._size - self.tell(), 0))
        self._bytes -= count
        if self._bytes < 0:
            raise RefusedError("its header is longer than any image needs")
        return self._read(count)

    def _follow(self, header: bytes) -> None:
        """Count sequences of open length by the first eight bytes of one, or twelve, or by its delimiter."""
        if header.startswith(_SEQUENCE_ENDS):
            self._depth -= 1
        elif not header.startswith(_DELIMITERS):
            self._depth += len(header) == 8 or header[4:6] in _LONG
            if self._depth > self._bounds.depth:
                raise RefusedError(_DEEP)

    def _go_through(self, inflated: bytes) -> None:
        """Parse what was deflated once for its number of elements and depth (PS3.5 A.5), keeping nothing."""
        stream = _Metered(io.BytesIO(inflated), len(inflated), self._bounds)
        read_dataset(
            _as_stream(stream), is_implicit_VR=False, is_little_endian=True, specific_tags=[_CHARSET]
        )

    def seek(self, place: int, whence: int = 0) -> int:
        self._header = b""
        return self._seek(place, whence)

    def again(self, value: bytes) -> _Metered:
        """The same count over another stream of bytes."""
        other = _Metered(io.BytesIO(value), len(value), self._bounds)
        other._elements = self._elements
        return other

    def used(self, other: _Metered) -> None:
        """Take over the count of ``other``."""
        self._elements = other._elements


def _inflated(data: bytes, bounds: Bounds) -> bytes:
    """Inflate piece by piece until the end or the limit."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated, rest = bytearray(), data
    while rest and not inflater.eof:
        inflated += inflater.decompress(rest, _CHUNK_BYTES)
        rest = inflater.unconsumed_tail
        so_far = _INFLATE_RATIO * (len(data) - len(rest))
        if len(inflated) > min(bounds.inflated_bytes, max(_INFLATE_FREE_BYTES, so_far)):
            raise RefusedError(f"{len(data)} deflated bytes become more than {len(inflated)}")
    return bytes(inflated)


def _settle(dataset: Dataset, bounds: Bounds, counted: _Metered) -> None:
    """Parse now what pydicom would parse when it is asked for, if it is long: counted and not too deep."""
    waiting: list[tuple[Dataset, int]] = [(dataset, 1)]
    lazy = _LAZY_BYTES
    while waiting:
        holder, depth = waiting.pop()
        if depth > bounds.depth:
            raise RefusedError(_DEEP)
        for element in list(holder.elements()):
            if isinstance(element, RawDataElement):
                value = element.value
                if not value or not _becomes_sequence(element):
                    continue
                if depth == 1 and len(value) <= lazy:
                    lazy -= len(value)
                    continue
                element = _parsed(element, value, holder, counted)  # noqa: PLW2901
                holder[element.tag] = element
            if element.VR == "SQ":
                waiting.extend((item, depth + 1) for item in element.value)


def _becomes_sequence(element: RawDataElement) -> bool:
    if element.VR == "SQ":
        return True
    if element.VR not in (None, "UN"):
        return False
    try:
        return dictionary_VR(element.tag) == "SQ"
    except KeyError:
        return False


def _parsed(element: RawDataElement, value: bytes, holder: Dataset, counted: _Metered) -> DataElement:
    stream = counted.again(value)
    encoding = convert_encodings(holder.get("SpecificCharacterSet", None))
    implicit = element.is_implicit_VR or element.VR == "UN"
    sequence = read_sequence(
        _as_stream(stream), implicit, element.is_little_endian, len(value), encoding, element.value_tell
    )
    counted.used(stream)
    return DataElement(element.tag, "SQ", sequence, element.value_tell, already_converted=True)
