"""One object: cleaned, marked as de-identified, written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
)

from procguide import __version__
from procguide.dicom.decode import check_frames
from procguide.dicom.deidentify.burnt_in import blank_text, may_show_text, store_frames, stored_frames
from procguide.dicom.deidentify.clean import Rules, clean
from procguide.dicom.deidentify.settings import Dates, Pixels, options_of
from procguide.dicom.deidentify.table import EDITION
from procguide.dicom.deidentify.text_finder import TextFinder
from procguide.dicom.guard import RefusedError
from procguide.dicom.write_common import code_item
from procguide.errors import ProcguideError
from procguide.imaging.files import replacing

__all__ = ["FaceMasks", "LeftOutError", "Treated", "treat", "write_object"]

FaceMasks = Mapping[tuple[str, int], NDArray[np.uint8]]
"""Packed masks of faces by SOP Instance UID and frame, each of Rows * Columns bits."""

_AIR_HU = -1000


class LeftOutError(Exception):
    """Why a file is not written, in words that name nobody."""


@dataclass(frozen=True)
class Treated:
    """What was done to one object's pixels."""

    text_looked_for: bool = False
    boxes: int = 0
    outside_regions: bool = False
    faces: int = 0


def treat(dataset: FileDataset, rules: Rules, finder: TextFinder | None, faces: FaceMasks) -> Treated:
    """De-identify ``dataset`` in place, pixels before header, or raise :class:`LeftOutError`."""
    if "PixelData" not in dataset:
        raise LeftOutError("no image: documents and reports may hold any text")
    try:
        treated = _treat_pixels(dataset, rules, finder, faces)
    except (LeftOutError, ProcguideError):
        raise
    except Exception as error:  # pydicom and its decoders raise almost anything on damaged files
        raise LeftOutError("its pixels cannot be decoded, so they cannot be cleaned") from error
    patient = rules.patient
    clean(dataset, rules)
    dataset.PatientName, dataset.PatientID = f"{patient}^", patient
    _mark(dataset, rules, treated)
    return treated


def _treat_pixels(dataset: FileDataset, rules: Rules, finder: TextFinder | None, faces: FaceMasks) -> Treated:
    try:
        check_frames(dataset)
    except RefusedError as error:
        raise LeftOutError(error.reason) from error
    _clear_overlay_bits(dataset)
    removed = _remove_faces(dataset, faces)
    if not may_show_text(dataset):
        return Treated(faces=removed)
    if rules.settings.pixels is Pixels.LEAVE_OUT or finder is None:
        raise LeftOutError("it may show burnt-in text, and such images are to be left out")
    _refuse_big_endian(dataset)
    blanked = blank_text(dataset, finder)
    return Treated(True, blanked.boxes, blanked.outside_regions, removed)


def _refuse_big_endian(dataset: FileDataset) -> None:
    if dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian:
        raise LeftOutError("its pixels are big-endian (retired in 2006) and would have to be changed")


def _clear_overlay_bits(dataset: FileDataset) -> None:
    """Graphics of old hide in unused bits of the pixels (PS3.3 C.9.2, retired): clear those."""
    bits = 0
    for group in range(0x6000, 0x6020, 2):
        position = dataset.get((group, 0x0102))
        if position is not None and position.value and (group, 0x3000) not in dataset:
            bits |= 1 << int(position.value)
    if not bits or dataset.BitsAllocated != 16 or dataset.file_meta.TransferSyntaxUID.is_compressed:
        return
    _refuse_big_endian(dataset)
    kept = np.frombuffer(dataset.PixelData, "<u2") & np.uint16(0xFFFF & ~bits)
    dataset.PixelData = kept.tobytes()


def _remove_faces(dataset: FileDataset, faces: FaceMasks) -> int:
    """Blank the faces in this object's frames to air, or to the lowest value of MR; how many had one."""
    uid = str(dataset.get("SOPInstanceUID", ""))
    count = max(int(dataset.get("NumberOfFrames") or 1), 1)
    masks = {frame: faces[uid, frame] for frame in range(count) if (uid, frame) in faces}
    if not masks:
        return 0
    frames = stored_frames(dataset)
    for frame, packed in masks.items():
        mask = np.unpackbits(packed, count=frames[frame].size).astype(bool).reshape(frames.shape[1:3])
        frames[frame, mask] = _air(dataset, frames)
    _refuse_big_endian(dataset)
    store_frames(dataset, frames)
    return len(masks)


def _air(dataset: FileDataset, frames: NDArray[Any]) -> Any:
    lowest = frames.min()
    if dataset.get("Modality") != "CT" or "RescaleIntercept" not in dataset:
        return lowest
    stored = (_AIR_HU - float(dataset.RescaleIntercept)) / (float(dataset.get("RescaleSlope") or 1) or 1)
    return max(round(stored), int(lowest))


def _mark(dataset: FileDataset, rules: Rules, treated: Treated) -> None:
    """Say that it was de-identified and how (PS3.3 C.7.1.1, C.12.1)."""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = [f"procguide {__version__}", f"PS3.15 Table E.1-1 {EDITION}"]
    claimed = options_of(rules.settings, pixels=treated.text_looked_for, face=bool(treated.faces))
    dataset.DeidentificationMethodCodeSequence = Sequence([code_item(code)[0] for code in claimed])
    moved = rules.settings.dates is Dates.SHIFT
    dataset.LongitudinalTemporalInformationModified = "MODIFIED" if moved else "REMOVED"
    if treated.text_looked_for:
        dataset.BurnedInAnnotation = "NO"
    if treated.faces:
        dataset.RecognizableVisualFeatures = "NO"


def write_object(dataset: FileDataset, path: Path) -> None:
    """Write with a new preamble and file meta group: the old ones may name machines and persons."""
    syntax = dataset.file_meta.TransferSyntaxUID
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == DeflatedExplicitVRLittleEndian else syntax
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
    with replacing(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)
