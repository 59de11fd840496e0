"""Files made to harm: each claims, hides or nests something, at little cost to who made it."""

from __future__ import annotations

import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MediaStorageDirectoryStorage,
    RLELossless,
)

from tests.dicom.conftest import make_slice

DEFLATED = "1.2.840.10008.1.2.1.99"
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xE000, 0xE00D, 0xE0DD


@dataclass(frozen=True)
class Attack:
    """One attack: ``place`` makes it in a folder and gives the path to read; ``words`` the error must have.

    ``by_header`` is whether it is seen before any pixel is asked for.
    """

    name: str
    place: Callable[[Path], Path]
    words: str
    by_header: bool = True


def _bytes_of(dataset: FileDataset) -> bytes:
    stream = DicomBytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _image(size: tuple[int, int] = (16, 16), **attributes: object) -> FileDataset:
    return make_slice(np.arange(size[0] * size[1], dtype=np.uint16).reshape(size), (0, 0, 0), **attributes)


def _file(make: Callable[[], bytes], name: str = "attack.dcm") -> Callable[[Path], Path]:
    def place(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(make())
        return folder / name

    return place


def _prefix(syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Preamble and meta information alone."""
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = struct.pack("<HH2sH", 2, 0x10, b"UI", len(value)) + value
    return b"\0" * 128 + b"DICM" + element


def _sequence(body: bytes, length: int) -> bytes:
    """As (5200,9230), per-frame functional groups: these are looked into."""
    return struct.pack("<HH2sHL", 0x5200, 0x9230, b"SQ", 0, length) + body


def _delimiter(element: int, length: int = 0) -> bytes:
    return struct.pack("<HHL", 0xFFFE, element, length)


def _nest(depth: int) -> bytes:
    """Sequences of open length within one another."""
    opened = _sequence(_delimiter(ITEM, UNDEFINED), UNDEFINED) * depth
    return opened + (_delimiter(ITEM_END) + _delimiter(SEQUENCE_END)) * depth


def _nested(depth: int) -> bytes:
    return _prefix() + _nest(depth) + _rest()


def _nested_in_lengths(depth: int) -> bytes:
    """Each level says how long it is, so that a parser copies all that is within for each."""
    body = b"\0" * 2
    parts, length = [], len(body)
    for _ in range(depth):
        parts.append(_sequence(_delimiter(ITEM, length), length + 8))
        length += 20
    return _prefix() + b"".join(reversed(parts)) + body + _rest()


def _rest() -> bytes:
    """An honest image's elements from (0008,1150) on."""
    dataset = _image()
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_dataset(stream, dataset[0x00100000:])
    return stream.getvalue()


def _with_body(body: bytes) -> bytes:
    return _prefix() + body + _rest()


def _empty_elements(count: int) -> bytes:
    return b"".join(struct.pack("<HH2sH", 9, n, b"LO", 0) for n in range(count % 65536)) + b"".join(
        struct.pack("<HH2sH", 9, n, b"LO", 0) for _ in range(count // 65536) for n in range(65536)
    )


def _bomb(megabytes: int) -> bytes:
    """A deflated image with a private value of zeros before its pixels."""
    value = struct.pack("<HH2sHL", 9, 0x1001, b"OB", 0, megabytes * 2**20)
    return _deflated(value, *[b"\0" * 2**20] * megabytes)


def _deflated(*parts: bytes) -> bytes:
    """A deflated image with these elements before its pixels."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    squeezed = [squeeze.compress(part) for part in (*parts, _rest())]
    return _prefix(DEFLATED) + b"".join([*squeezed, squeeze.flush()])


def _rle_claim(side: int) -> bytes:
    dataset = _image()
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.Rows = dataset.Columns = side
    return _bytes_of(dataset)


def _frames_claim(count: int, syntax: UID | None) -> bytes:
    dataset = _image()
    if syntax is not None:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.NumberOfFrames = str(count)
    return _bytes_of(dataset)


def _preamble(start: bytes) -> bytes:
    return start + _bytes_of(_image())[len(start) :]


def _cut_fragment() -> bytes:
    dataset = _image((64, 64))
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    data = dataset.PixelData
    return _bytes_of(dataset).replace(data, data[: len(data) // 2])


def _negative_rows() -> bytes:
    """(0028,0010) as a signed word."""
    data, old = _bytes_of(_image()), struct.pack("<HH2sHH", 0x28, 0x10, b"US", 2, 16)
    assert old in data
    return data.replace(old, struct.pack("<HH2sHh", 0x28, 0x10, b"SS", 2, -16))


def _codestream(syntax: UID, marker: bytes, offset: int, new: bytes, side: int = 64) -> bytes:
    """A compressed image whose codestream says ``new`` at ``offset`` from ``marker``."""
    dataset = make_slice(np.zeros((side, side), np.uint8), (0, 0, 0))
    dataset.compress(syntax, generate_instance_uid=False)
    data = _bytes_of(dataset)
    place = data.index(marker) + offset
    return data[:place] + new + data[place + len(new) :]


def _jpeg() -> bytes:
    """A baseline frame header that claims 65500 x 65500, in an image of 16 x 16."""
    sof = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 65500, 65500) + b"\x01\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x00" * 64 + b"\xff\xd9"
    dataset = make_slice(np.zeros((16, 16), np.uint8), (0, 0, 0))
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([b"\xff\xd8" + sof + scan])
    return _bytes_of(dataset)


def _jpeg_lossless(end: bytes) -> bytes:
    """16 x 16 in coded pixels of zeros, and what comes after them."""
    sof = b"\xff\xc3\x00\x0b\x08" + struct.pack(">HH", 16, 16) + b"\x01\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00" + bytes(64)
    dataset = make_slice(np.zeros((16, 16), np.uint8), (0, 0, 0))
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dataset.PixelData = encapsulate([b"\xff\xd8" + sof + scan + end])
    return _bytes_of(dataset)


def _large_frame(side: int, size: int) -> bytes:
    """RLE of so many bytes that could be as large as it claims."""
    dataset = _image()
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.Rows = dataset.Columns = side
    dataset.PixelData = encapsulate([bytes(size)])
    return _bytes_of(dataset)


def _many_smooth_slices(folder: Path) -> Path:
    """Forty slices of 2048 x 2048 in 7 kB each: 320 MB, each as it may be."""
    folder.mkdir(parents=True)
    with warnings.catch_warnings(action="ignore"):
        dataset = make_slice(np.zeros((2048, 2048), np.uint16), (0, 0, 0))
        dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
        for k in range(40):
            dataset.ImagePositionPatient = [0, 0, 2.0 * k]
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k + 1}"
            dataset.save_as(folder / f"{k}", enforce_file_format=True)
    return folder


def _many_precincts() -> bytes:
    """Precincts of 1 x 1: each is a structure in the decoder's memory, none needs a byte."""
    dataset = _image((64, 64))
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    data = _bytes_of(dataset)
    place = data.index(b"\xff\x52\x00")
    levels = data[place + 9]
    segment = b"\xff\x52" + struct.pack(">HB", 13 + levels, 1) + data[place + 5 : place + 14]
    wide = data[:place] + segment + b"\0" * (levels + 1) + data[place + 14 :]
    item, more = data.index(struct.pack("<HH", 0xFFFE, ITEM), data.index(b"\xe0\x7f\x10\0") + 20), levels + 1
    (length,) = struct.unpack_from("<L", wide, item + 4)
    return wide[: item + 4] + struct.pack("<L", length + more) + wide[item + 8 :]


def _offset_table() -> bytes:
    """Extended offsets that point beyond the file, for frames that overlap without end."""
    dataset = _image((64, 64))
    dataset.compress(RLELossless, generate_instance_uid=False, encapsulate_ext=True)
    dataset.NumberOfFrames = "20"
    dataset.ExtendedOffsetTable = np.zeros(20, "<u8").tobytes()
    dataset.ExtendedOffsetTableLengths = np.full(20, 2**40, "<u8").tobytes()
    return _bytes_of(dataset)


def _palette() -> bytes:
    """Segments that repeat all before them: each doubles the table."""
    words = [0, 2, 1, 2]
    for count in range(1, 60):
        words += [2, count, 0, 0]
    dataset = make_slice(np.zeros((16, 16), np.uint8), (0, 0, 0), RescaleSlope=None, Modality="US")
    del dataset.ImagePositionPatient
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    table = struct.pack(f"<{len(words)}H", *words)
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"Segmented{colour}PaletteColorLookupTableData", table)
    return _bytes_of(dataset)


def _link(folder: Path) -> Path:
    outside, inside = folder / "outside", folder / "inside"
    for each in (outside, inside):
        each.mkdir(parents=True)
    (outside / "secret.dcm").write_bytes(_bytes_of(_image()))
    (inside / "link.dcm").symlink_to(outside / "secret.dcm")
    (inside / "ring").symlink_to(inside / "ring")
    return inside


def _zip(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Callable[[Path], Path]:
    def place(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(folder / "attack.zip", "w", method) as archive:
            for name, data in entries:
                archive.writestr(name, data)
        return folder / "attack.zip"

    return place


def _zip_bomb(folder: Path) -> Path:
    """100 MB of zeros in 100 kB, which starts as an image does."""
    return _zip(("a.dcm", _bytes_of(_image()) + b"\0" * 100 * 2**20))(folder)


def _lying_zip(folder: Path) -> Path:
    """An entry that claims 600 bytes, and has 100 MB."""
    path = _zip(("a.dcm", _bytes_of(_image()) + b"\0" * 100 * 2**20))(folder)
    real, said = struct.pack("<L", len(_bytes_of(_image())) + 100 * 2**20), struct.pack("<L", 600)
    path.write_bytes(path.read_bytes().replace(real, said))
    return path


def _record(name: list[str]) -> Dataset:
    """Of a file; the next record is where this one is."""
    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = 400
    record.DirectoryRecordType = "IMAGE"
    with warnings.catch_warnings(action="ignore"):
        record.ReferencedFileID = name
    return record


def _directory(*names: list[str]) -> Callable[[Path], Path]:
    """A DICOMDIR that lists ``names``, beside nothing."""

    def place(folder: Path) -> Path:
        (folder / "disc").mkdir(parents=True)
        (folder / "secret.dcm").write_bytes(_bytes_of(_image()))
        dataset = _image()
        for element in list(dataset):
            del dataset[element.tag]
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
        dataset.DirectoryRecordSequence = [_record(name) for name in names]
        dataset.save_as(folder / "disc" / "DICOMDIR", enforce_file_format=True)
        return folder / "disc" / "DICOMDIR"

    return place


ATTACKS = (
    Attack("RLE of 1 kB claims 65535 x 65535", _file(lambda: _rle_claim(65535)), "claims"),
    Attack("RLE of 1 kB claims 8000 x 8000", _file(lambda: _rle_claim(8000)), "bytes of pixels in"),
    Attack("deflated 1,000:1, 100 MB", _file(lambda: _bomb(100)), "deflated bytes become"),
    Attack(
        "deflated, 1,000,000 empty elements",
        _file(lambda: _deflated(_empty_elements(1_000_000))),
        "more elements",
    ),
    Attack("deflated, sequences nested 5,000 deep", _file(lambda: _deflated(_nest(5000))), "nested"),
    Attack("sequences nested 200 deep", _file(lambda: _nested(200)), "nested too deep"),
    Attack("sequences nested 5,000 deep, with lengths", _file(lambda: _nested_in_lengths(5000)), "nested"),
    Attack("preamble of a Windows program", _file(lambda: _preamble(b"MZ\x90\0")), "a program"),
    Attack("preamble of a shell script", _file(lambda: _preamble(b"#!/bin/sh\n")), "a program"),
    Attack("2,147,483,647 frames, uncompressed", _file(lambda: _frames_claim(2**31 - 1, None)), "claims"),
    Attack("2,000,000 frames, uncompressed", _file(lambda: _frames_claim(2_000_000, None)), "cut short"),
    Attack("2,000,000 frames, RLE", _file(lambda: _frames_claim(2_000_000, RLELossless)), "claims"),
    Attack("fragment cut in two", _file(_cut_fragment), "cut short"),
    Attack("rows below zero", _file(_negative_rows), "negative sizes"),
    Attack(
        "a value of 4 GB in a short file",
        _file(lambda: _with_body(struct.pack("<HH2sHL", 9, 0x1001, b"OB", 0, 0xFFFFFFF0))),
        "damaged",
    ),
    Attack(
        "100,000 empty items",
        _file(
            lambda: _with_body(_sequence(_delimiter(ITEM) * 100_000 + _delimiter(SEQUENCE_END), UNDEFINED))
        ),
        "more elements",
    ),
    Attack(
        "100,000 empty items, with lengths",
        _file(lambda: _with_body(_sequence(_delimiter(ITEM) * 100_000, 800_000))),
        "more elements",
    ),
    Attack("500,000 empty elements", _file(lambda: _with_body(_empty_elements(500_000))), "more elements"),
    Attack(
        "JPEG 2000 claims 60000 x 60000 within 64 x 64",
        _file(lambda: _codestream(JPEG2000Lossless, b"\xff\x51", 6, struct.pack(">LL", 60000, 60000))),
        "another size",
        by_header=False,
    ),
    Attack(
        "JPEG 2000 in 1,048,576 tiles of 1 x 1",
        _file(lambda: _codestream(JPEG2000Lossless, b"\xff\x51", 22, struct.pack(">LL", 1, 1), 1024)),
        "cut into more parts",
        by_header=False,
    ),
    Attack("JPEG 2000 in precincts of 1 x 1", _file(_many_precincts), "cut into more parts", by_header=False),
    Attack(
        "JPEG-LS claims 65500 x 65500 within 64 x 64",
        _file(lambda: _codestream(JPEGLSLossless, b"\xff\xf7", 5, struct.pack(">HH", 65500, 65500))),
        "another size",
        by_header=False,
    ),
    Attack("JPEG claims 65500 x 65500 within 16 x 16", _file(_jpeg), "another size", by_header=False),
    Attack("JPEG that never ends", _file(lambda: _jpeg_lossless(b"")), "cut short", by_header=False),
    Attack(
        "JPEG of 1,000 scans",
        _file(lambda: _jpeg_lossless(b"\xff\xda\0\x02" * 1000 + b"\xff\xd9")),
        "cut into more parts",
        by_header=False,
    ),
    Attack(
        "one compressed frame of 8192 x 8192",
        _file(lambda: _large_frame(8192, 2_200_000)),
        "in one compressed frame",
    ),
    Attack("forty slices in 280 kB become 320 MB", _many_smooth_slices, "would become", by_header=False),
    Attack("offsets beyond the file", _file(_offset_table), "offsets", by_header=False),
    Attack("palette that doubles 60 times", _file(_palette), "colour palette", by_header=False),
    Attack("65,535 samples a pixel", _file(lambda: _bytes_of(_image(SamplesPerPixel=65535))), "samples"),
    Attack("pixels of 65,528 bits", _file(lambda: _bytes_of(_image(BitsAllocated=65528))), "bits"),
    Attack("links out of the folder, and round in a ring", _link, "leads out of the folder"),
    Attack("zip that climbs out", _zip(("../../climbed.dcm", _bytes_of(_image()))), "climbs out"),
    Attack("zip of an absolute path", _zip(("/tmp/climbed.dcm", _bytes_of(_image()))), "climbs out"),  # noqa: S108
    Attack("zip 1,000:1, 100 MB", _zip_bomb, "claim to become"),
    Attack("zip that lies about sizes", _lying_zip, "damaged"),
    Attack(
        "zip packed with LZMA",
        _zip(("a.dcm", _bytes_of(_image())), method=zipfile.ZIP_LZMA),
        "in a way that is not read",
    ),
    Attack("DICOMDIR that climbs out", _directory(["..", "secret.dcm"]), "outside of its folder"),
    Attack("DICOMDIR of a path in one word", _directory(["../secret.dcm"]), "outside of its folder"),
)
