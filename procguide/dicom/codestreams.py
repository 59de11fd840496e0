"""What a compressed frame says of itself, before a decoder believes it.

Decoders make room for the sizes in the codestream, not for those in the data set. They must be the same; and
JPEG 2000 may not be cut into more tiles, precincts and code-blocks than images are, since each takes memory
although none needs a byte (ISO/IEC 10918-1 B.1 and B.2, 14495-1 C.2, 15444-1 A.4 to A.6).
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from

from procguide.dicom.guard import RefusedError

__all__ = ["check_jpeg", "check_jpeg_2000"]

_ODD = "its compressed pixels are of another size than its header says"
_SPLIT = "its JPEG 2000 pixels are cut into more parts than any image needs"
_BROKEN = "its compressed pixels have no header of their own"

_SOI, _SOS, _DHP, _JPEG_LS = 0xD8, 0xDA, 0xDE, 0xF7
_BARE = {0x01, *range(0xD0, 0xD8)}
_FRAME_HEADERS = {*range(0xC0, 0xD0), _JPEG_LS} - {0xC4, 0xC8, 0xCC}
_CUT = "its compressed pixels are cut short"
_END = b"\xff\xd9"
_SCAN = b"\xff\xda"
_MOST_SCANS = 64
"""As many as there are components would do; each makes a decoder go through the whole image."""

_SOC, _SIZ, _COD, _COC, _SOT, _SOD, _EOC = 0x4F, 0x51, 0x52, 0x53, 0x90, 0x93, 0xD9
_MOST_TILES = 4096
_MOST_LAYERS = 1024
_LEAST_CODE_BLOCK = 8  # log2 of its samples
_LEAST_PRECINCT = 4  # log2 of its side


def check_jpeg(frame: bytes, rows: int, columns: int, samples: int) -> None:
    """Refuse a JPEG or JPEG-LS frame whose own size is another, or that holds several."""
    if frame[:2] != bytes((0xFF, _SOI)):
        raise RefusedError(_BROKEN)
    place, found = 2, False
    while place + 4 <= len(frame):
        if frame[place] != 0xFF:
            raise RefusedError(_BROKEN)
        marker = frame[place + 1]
        if marker == 0xFF:  # fill
            place += 1
            continue
        if marker in _BARE:
            place += 2
            continue
        if marker == _SOS:
            _check_scans(frame, place)
            break
        (length,) = unpack_from(">H", frame, place + 2)
        if marker in _FRAME_HEADERS and place + 10 <= len(frame):
            size = unpack_from(">HHB", frame, place + 5)
            if found or size != (rows, columns, samples):
                raise RefusedError(_ODD)
            found = True
        if marker in (_SOI, _DHP) or length < 2:
            raise RefusedError(_BROKEN)
        place += 2 + length
    if not found:
        raise RefusedError(_BROKEN)


def _check_scans(frame: bytes, place: int) -> None:
    """Refuse what never ends, which decoders fill up with grey, and what begins again and again.

    Neither marker can stand in coded pixels: there, a byte with its high bit set never follows FF.
    """
    if frame.rfind(_END, place) < 0:  # it stands at the end, where it stands
        raise RefusedError(_CUT)
    if frame.count(_SCAN, place) > _MOST_SCANS:
        raise RefusedError("its compressed pixels are cut into more parts than any image needs")


def check_jpeg_2000(frame: bytes, rows: int, columns: int, samples: int) -> None:
    """Refuse a JPEG 2000 frame (high-throughput, too) of another size or of too many parts."""
    start = frame.find(bytes((0xFF, _SOC, 0xFF, _SIZ)))  # within a JP2 file, too, as some write
    if start < 0 or len(frame) < start + 44:
        raise RefusedError(_BROKEN)
    x1, y1, x0, y0, tile_x, tile_y, tile_x0, tile_y0, components = unpack_from(">8LH", frame, start + 8)
    if (y1 - y0, x1 - x0, components) != (rows, columns, samples):
        raise RefusedError(_ODD)
    if not tile_x or not tile_y or max(x1, y1) >= 2**31:
        raise RefusedError(_BROKEN)
    if -(-(x1 - tile_x0) // tile_x) * -(-(y1 - tile_y0) // tile_y) > _MOST_TILES:
        raise RefusedError(_SPLIT)
    for marker, place, length in _segments(frame, start + 2):
        if marker == _SIZ and place != start + 4:
            raise RefusedError(_BROKEN)
        if marker == _COD:
            (layers,) = unpack_from(">H", frame, place + 4)
            if layers > _MOST_LAYERS:
                raise RefusedError(_SPLIT)
            _check_coding(frame, place + 7, place + length, precincts=bool(frame[place + 2] & 1))
        elif marker == _COC:
            wide = 2 if components > 256 else 1
            style = frame[place + 2 + wide]
            _check_coding(frame, place + 3 + wide, place + length, precincts=bool(style & 1))


def _segments(frame: bytes, place: int) -> Iterator[tuple[int, int, int]]:
    """Marker, place of its length field and length, of the main and all tile-part headers."""
    tile_part = end = 0
    while place + 4 <= len(frame):
        mark, marker = frame[place], frame[place + 1]
        if marker == _EOC or mark != 0xFF:
            return
        if marker == _SOD:
            if end <= place:  # the last tile-part may leave its length open
                return
            place = end
            continue
        (length,) = unpack_from(">H", frame, place + 2)
        if length < 2 or place + 2 + length > len(frame):
            return
        if marker == _SOT:
            if length != 10:
                raise RefusedError(_BROKEN)
            tile_part = place
            (part_length,) = unpack_from(">L", frame, place + 6)
            end = tile_part + part_length if part_length else 0
        yield marker, place + 2, length
        place += 2 + length


def _check_coding(frame: bytes, place: int, end: int, *, precincts: bool) -> None:
    """Code-blocks and precincts from the field that holds the number of levels (A.6.1)."""
    if place + 5 > end:
        raise RefusedError(_BROKEN)
    levels, width, height = frame[place : place + 3]
    if levels > 32 or width + 2 + height + 2 < _LEAST_CODE_BLOCK:
        raise RefusedError(_SPLIT)
    sizes = frame[place + 5 : min(place + 6 + levels, end)] if precincts else b""
    if any(min(size & 0xF, size >> 4) < _LEAST_PRECINCT for size in sizes):
        raise RefusedError(_SPLIT)
