"""What a file may claim before anything of it is decoded.

Limits are on bytes and counts, not on wishes: an honest image of any modality stays far within them, and a
file beyond them could only fill memory. Part 10's preamble may hide a program (CVE-2019-11687); pixel
sizes, numbers of frames and lookup tables are the file's own claims (PS3.3 C.7.6.3, C.7.9.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from struct import unpack_from

from pydicom.dataset import Dataset
from pydicom.uid import UID, RLELossless

from procguide.dicom.elements import first_text, whole
from procguide.errors import InputUnreadableError
from procguide.imaging.limits import MAX_VOXELS

__all__ = [
    "RefusedError",
    "check_claims",
    "check_offsets",
    "check_preamble",
    "check_segmented_palette",
    "check_series",
    "expected_bytes",
    "is_compressed",
]

_FREE_BYTES = 2**24
"""What any compressed file may decode to; a blank 2048 x 2048 image of 16 bits needs half of it."""
_MOST_RATIO = 200
"""Decoded to encoded bytes beyond that. The smoothest real images reach 50, lossy video 100. Assumed."""
_MOST_FRAME_BYTES = 2**25
"""Of one compressed frame, decoded: 4096 x 4096 of 16 bits, or a 4K screen in colour. Decoders need several
times as much: benchmarks/dicom_attacks.py measures it."""
_MOST_SERIES_RATIO = 50
_FREE_SERIES_BYTES = 2**28
"""A whole series may decode to 256 MiB, or to fifty times its files: not every image is as smooth as one."""
_RLE_RATIO = 64
"""Two bytes stand for at most 128 (PS3.5 G.3.1)."""
_FRAME_OVERHEAD = 8
"""Every compressed frame has an item of its own (PS3.5 A.4)."""
_PROGRAMS = (
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
)
"""How programs of Windows, Linux, Unix shells, macOS and Java start."""
_BITS = frozenset((1, 8, 16, 32, 64))
_MOST_PALETTE = 2**16
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


class RefusedError(InputUnreadableError):
    """A file is left alone for what it claims or hides; ``reason`` is a clause without identifiers."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the file is refused: {reason}; export it again from its source")
        self.reason = reason


def check_preamble(start: bytes) -> None:
    """Refuse a file whose 128 free bytes make it a program, too; TIFF's are let be (PS3.10 7.1)."""
    if start[128:132] == b"DICM" and start.startswith(_PROGRAMS):
        raise RefusedError("it starts as a program that a computer may run")


def check_claims(dataset: Dataset, encoded_bytes: int) -> None:
    """Refuse pixels that ``encoded_bytes`` cannot or should not hold, before any is decoded."""
    rows, columns = whole(dataset, "Rows"), whole(dataset, "Columns")
    frames, samples = whole(dataset, "NumberOfFrames", 1) or 1, whole(dataset, "SamplesPerPixel", 1)
    bits = whole(dataset, "BitsAllocated", 8)
    if min(rows, columns, frames, samples) < 0:
        raise RefusedError("it claims negative sizes")
    values = rows * columns * frames * samples
    if values and (samples > 4 or bits not in _BITS):
        raise RefusedError(f"it claims {samples} samples a pixel of {bits} bits")
    if values > MAX_VOXELS:
        raise RefusedError(f"it claims {values:.3g} values, more than the {MAX_VOXELS:.3g} that are read")
    if not is_compressed(dataset) or not values:
        return
    decoded = expected_bytes(dataset)
    ratio = _RLE_RATIO if _syntax(dataset) == RLELossless else _MOST_RATIO
    free = 0 if ratio == _RLE_RATIO else _FREE_BYTES
    if decoded > max(free, ratio * encoded_bytes) or frames * _FRAME_OVERHEAD > encoded_bytes:
        raise RefusedError(f"it claims {decoded} bytes of pixels in {encoded_bytes}")
    if decoded // frames > _MOST_FRAME_BYTES:
        raise RefusedError(
            f"it claims {rows} x {columns} pixels in one compressed frame, more than are decoded; "
            "uncompressed, it could be read"
        )


def check_series(values: int, bytes_each: int, files: Iterable[Path]) -> None:
    """Refuse a series that, gaps filled, is larger than what is read or than what its files may hold."""
    if values > MAX_VOXELS:
        raise InputUnreadableError(
            f"the series would have {values:.3g} values, more than the {MAX_VOXELS:.3g} that are read; "
            "export a part of it"
        )
    # what is gone by now is said by who reads it
    encoded = sum(file.stat().st_size for file in files if file.is_file())
    decoded = values * bytes_each
    if decoded > max(_FREE_SERIES_BYTES, _MOST_SERIES_RATIO * encoded):
        raise InputUnreadableError(
            f"the series would become {decoded} bytes of pixels, and its files have {encoded}; "
            "export it again from its source"
        )


def check_offsets(offsets: bytes, lengths: bytes, encoded_bytes: int) -> None:
    """Refuse extended offsets (PS3.3 C.7.6.3.1.8) whose frames leave the pixels or share them."""
    count = min(len(offsets), len(lengths)) // 8
    starts, sizes = unpack_from(f"<{count}Q", offsets), unpack_from(f"<{count}Q", lengths)
    inside = all(start + size <= encoded_bytes for start, size in zip(starts, sizes, strict=True))
    if not inside or sum(sizes) > encoded_bytes:
        raise RefusedError("its frames have offsets beyond its pixels")


def expected_bytes(dataset: Dataset) -> int:
    """Of all frames, uncompressed, by the header (PS3.5 8.1.1, 8.2)."""
    frames, samples = whole(dataset, "NumberOfFrames", 1) or 1, whole(dataset, "SamplesPerPixel", 1)
    values = whole(dataset, "Rows") * whole(dataset, "Columns") * frames * samples
    bits = values * whole(dataset, "BitsAllocated", 8)
    if first_text(dataset, "PhotometricInterpretation") == "YBR_FULL_422" and not is_compressed(dataset):
        bits = bits * 2 // 3  # half the colours: PS3.3 C.7.6.3.1.2
    return bits // 8


def is_compressed(dataset: Dataset) -> bool:
    """Whether pixels are in fragments (PS3.5 A.4)."""
    syntax = _syntax(dataset)
    return bool(syntax.is_transfer_syntax and syntax.is_compressed and not syntax.is_deflated)


def _syntax(dataset: Dataset) -> UID:
    meta = getattr(dataset, "file_meta", None)
    return UID(str(meta.get("TransferSyntaxUID", "") or "") if meta is not None else "")


def check_segmented_palette(data: tuple[int, ...], *, eight_bits: bool) -> None:
    """Refuse a segmented table that grows without end: PS3.3 C.7.9.2 lets segments repeat segments.

    ``data`` are the table's words, or bytes where ``eight_bits``. Repeats of repeats, which double with
    each, and tables of more than 65536 entries are refused.
    """
    kinds: list[tuple[int, int, int]] = []  # where, kind, entries
    place = entries = 0
    while place + 1 < len(data):
        where, (kind, length) = place, data[place : place + 2]
        place += 2
        if kind == _INDIRECT:
            repeated, place = _repeated(data, place, length, kinds, eight_bits=eight_bits)
        else:
            repeated = length
            place += length if kind == _DISCRETE else 1
        kinds.append((where, kind, repeated))
        entries += repeated
        if kind not in (_DISCRETE, _LINEAR, _INDIRECT) or entries > _MOST_PALETTE:
            raise RefusedError("its colour palette grows beyond any that could be used")


def _repeated(
    data: tuple[int, ...], place: int, count: int, kinds: list[tuple[int, int, int]], *, eight_bits: bool
) -> tuple[int, int]:
    """Entries that an indirect segment adds, and where the next one starts."""
    words = data[place : place + (4 if eight_bits else 2)]
    if len(words) < (4 if eight_bits else 2):
        raise RefusedError("its colour palette is cut short")
    if eight_bits:
        start = words[3] << 24 | words[2] << 16 | words[1] << 8 | words[0]
    else:
        start = words[1] << 16 | words[0]
    meant = [n for n, (where, _, _) in enumerate(kinds) if where == start]
    chosen = kinds[meant[0] : meant[0] + count] if meant else []
    if len(chosen) != count or any(kind == _INDIRECT for _, kind, _ in chosen):
        raise RefusedError("its colour palette repeats what is no plain segment")
    return sum(entries for _, _, entries in chosen), place + len(words)
