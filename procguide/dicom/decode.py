"""From a file to stored values: one frame after another, by pydicom and its decoders."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

from procguide.dicom.bounded import read_file
from procguide.dicom.codestreams import check_jpeg, check_jpeg_2000
from procguide.dicom.decoding_process import FrameKind, decode_frame
from procguide.dicom.elements import tags_of, whole
from procguide.dicom.guard import check_claims, check_offsets, is_compressed
from procguide.dicom.jpeg import PLUGIN
from procguide.errors import InputUnreadableError

__all__ = ["PIXEL_TAGS", "check_frames", "decoded_frames", "explained", "quietly", "read_pixels"]

_DESCRIBING = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
"""What a decoder needs to know of compressed pixels (PS3.5 8.2)."""
PIXEL_TAGS = tags_of(
    *_DESCRIBING,
    "NumberOfFrames",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleSlope",
    "RescaleIntercept",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "FloatPixelData",
    "DoubleFloatPixelData",
    "PixelData",
)

_CHOSEN = {
    **dict.fromkeys(JPEGTransferSyntaxes, PLUGIN),
    **dict.fromkeys(JPEGLSTransferSyntaxes, "pyjpegls"),
}
"""Whatever else is installed: what is tried here decodes."""


def read_pixels(file: Path, tags: Iterable[BaseTag] = PIXEL_TAGS) -> FileDataset:
    """The pixels of ``file`` as they are stored, with what is needed to understand them.

    A bare dataset of old, without the prefix of PS3.10, is implicit little endian unless it says otherwise.
    """
    dataset = read_file(file, tags=tags)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRBigEndian if little is False else ExplicitVRLittleEndian
        dataset.file_meta.TransferSyntaxUID = explicit if implicit is False else ImplicitVRLittleEndian
    return dataset


def decoded_frames(dataset: Dataset) -> Iterator[NDArray[Any]]:
    """Stored values of each frame in order, ``(j, i)``, or colours ``(j, i, 3)`` as RGB.

    Not to be written to: uncompressed frames are views of the dataset's bytes. Compressed frames are decoded
    in another process, which is ended where it takes too long. Anything may be raised by the decoders on
    damaged data; :func:`explained` says it in words.
    """
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    frames = max(whole(dataset, "NumberOfFrames", 1), 1)
    check_claims(dataset, len(dataset.get("PixelData") or b""))
    colour = whole(dataset, "SamplesPerPixel", 1) > 1
    if decoder.is_native and not colour:
        options: Any = {"raw": True, "view_only": True}
        array, _ = decoder.as_array(dataset, **options)
        yield from array if array.ndim == 3 else array[None]
        return
    if is_compressed(dataset):
        kind = _kind(dataset, raw=not colour)
        for frame in _honest(dataset, frames):
            yield decode_frame(frame, kind)
        return
    decoded = decoder.iter_array(dataset, raw=not colour)  # it may give more frames
    for _ in range(frames):
        yield next(decoded)[0]


def _kind(dataset: Dataset, *, raw: bool) -> FrameKind:
    syntax = dataset.file_meta.TransferSyntaxUID
    told = {keyword: dataset.get(keyword) for keyword in _DESCRIBING}
    values = whole(dataset, "Rows") * whole(dataset, "Columns") * whole(dataset, "SamplesPerPixel", 1)
    known = {keyword: value for keyword, value in told.items() if value is not None}
    return FrameKind(str(syntax), known, raw, _CHOSEN.get(syntax, ""), values)


def check_frames(dataset: Dataset) -> None:
    """Refuse what must not be decoded, for those who decode otherwise than by :func:`decoded_frames`."""
    check_claims(dataset, len(dataset.get("PixelData") or b""))
    if is_compressed(dataset):
        for _ in _honest(dataset, max(whole(dataset, "NumberOfFrames", 1), 1)):
            pass


def _honest(dataset: Dataset, frames: int) -> Iterator[bytes]:
    """Each compressed frame, once its own header has been looked at: no more of them than ``frames``."""
    syntax = dataset.file_meta.TransferSyntaxUID
    rows, columns, samples = (whole(dataset, word) for word in ("Rows", "Columns", "SamplesPerPixel"))
    offsets, lengths = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    table = (offsets, lengths) if offsets and lengths else None
    if table is not None:
        check_offsets(offsets, lengths, len(dataset.PixelData))
    encoded = generate_frames(dataset.PixelData, number_of_frames=frames, extended_offsets=table)
    for frame in islice(encoded, frames):
        if syntax in JPEG2000TransferSyntaxes:  # high-throughput, too
            check_jpeg_2000(frame, rows, columns, samples)
        elif syntax in (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes):
            check_jpeg(frame, rows, columns, samples)
        yield frame


def explained(error: Exception, dataset: Dataset | None) -> InputUnreadableError:
    """What a decoder's ``error`` means to a person: the transfer syntax by name, and what to do."""
    if isinstance(error, InputUnreadableError):
        return error
    how = "damaged file"
    if dataset is not None:
        syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID", "")))
        how = syntax.name if syntax.is_transfer_syntax else "unknown transfer syntax"
    if isinstance(error, NotImplementedError):
        return InputUnreadableError(
            f"pixels in this transfer syntax ({how}) are not read here; export the series again, uncompressed"
        )
    return InputUnreadableError(
        f"the pixels of a slice cannot be decoded ({how}); export the series again, uncompressed if it can be"
    )


def quietly() -> warnings.catch_warnings[None]:
    """Silence: pydicom's remarks on odd values quote them; what matters is checked by us."""
    return warnings.catch_warnings(action="ignore")
