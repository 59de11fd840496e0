"""Real DICOM files of many kinds, damaged by a seed: the same case for the same number, everywhere."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.dicom.conftest import make_multi_frame
from tests.dicom.made_images import HTJ2K_GREY, HTJ2K_STREAMS, htj2k, make_image, ramp
from tests.dicom.measured_reading import read_everything

LARGEST_SEED_BYTES = 60_000
_PYDICOM = Path(pydicom.__file__).parent / "data"
_TELLING = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)
_LENGTHS = (
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\0",
    b"\0\0\0\x80",
    b"\x01\0\0\0",
    b"\xfe\xff\0\xe0",
)


@lru_cache(maxsize=1)
def seeds() -> tuple[tuple[str, bytes], ...]:
    """pydicom's own test files that are short enough to try many times, and small images in every syntax."""
    found = []
    for folder in ("test_files", "charset_files", "palettes"):
        for file in sorted((_PYDICOM / folder).rglob("*")):
            size = file.stat().st_size
            if file.is_file() and size <= LARGEST_SEED_BYTES and file.suffix in ("", ".dcm"):
                with warnings.catch_warnings(action="ignore"):
                    whole = read_everything(file)["exit_code"] == 0
                if whole:
                    found.append((file.name, file.read_bytes()))
    return (*found, *((f"made, {name}", data) for name, data in _made()))


def _made() -> Iterator[tuple[str, bytes]]:
    for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless, DeflatedExplicitVRLittleEndian):
        for colour in (False, True):
            dataset = make_image("US cine", ramp(3, 40, 48, *((3,) if colour else ())), colour=colour)
            if syntax == DeflatedExplicitVRLittleEndian:
                dataset.file_meta.TransferSyntaxUID = syntax
            else:
                dataset.compress(syntax, generate_instance_uid=False)
            yield syntax.name, _bytes_of(dataset)
    yield "HTJ2K", _bytes_of(htj2k(make_image("DX", HTJ2K_GREY), HTJ2K_STREAMS["grey"]))
    voxels = np.arange(12 * 20 * 16, dtype=np.uint16).reshape(12, 20, 16)
    yield "enhanced CT", _bytes_of(make_multi_frame(voxels, range(12)))


def _bytes_of(dataset: FileDataset) -> bytes:
    stream = DicomBytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def mutated(number: int) -> tuple[str, bytes]:
    """Case ``number``: a seed's name, and its bytes changed in one to eight places."""
    chance = random.Random(number)
    name, data = seeds()[number % len(seeds())]
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        _damage(changed, chance)
    return name, bytes(changed)


def _damage(data: bytearray, chance: random.Random) -> None:
    """One of: a bit, a telling byte, a length, a cut, a piece twice, a piece gone, two pieces exchanged."""
    if len(data) < 200:
        return
    # half of the damage goes where the header is
    place = chance.randrange(128, min(len(data), 3000) if chance.random() < 0.5 else len(data))
    kind = chance.randrange(8)
    if kind == 0:
        data[place] ^= 1 << chance.randrange(8)
    elif kind == 1:
        data[place] = chance.choice(_TELLING)
    elif kind in (2, 3):
        data[place : place + 4] = chance.choice(_LENGTHS)
    elif kind == 4:
        del data[max(place, 140) :]
    elif kind == 5:
        piece = data[place : place + chance.randrange(1, 64)]
        data[place:place] = piece * chance.choice((1, 1, 2, 50))
    elif kind == 6:
        del data[place : place + chance.randrange(1, 64)]
    else:
        other = chance.randrange(128, len(data))
        size = chance.randrange(1, 32)
        data[place : place + size] = data[other : other + size]
