"""From a path to one record a slice, reading headers only."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, MediaStorageDirectoryStorage

from procguide.imaging.limits import MAX_VOXELS

__all__ = ["Headers", "SliceHeader", "read_headers"]

_TAGS = [
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "SeriesDescription",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientPosition",
    "SliceThickness",
    "EchoTime",
    "DiffusionBValue",
    "EchoNumbers",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "AcquisitionNumber",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "TemporalPositionIdentifier",
    "SamplesPerPixel",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BitsAllocated",
    "RescaleIntercept",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]
_IMPLICIT_START = b"\x08\x00"


@dataclass(frozen=True, eq=False)
class SliceHeader:
    """One slice, or one object without geometry (then the three arrays are None).

    ``position`` is that of the first pixel's centre and ``rows_and_columns`` the two unit vectors of
    Image Orientation (Patient): along a row (i grows), then down a column (j grows). ``pixel_spacing``
    is DICOM's: between rows (j), then between columns (i). PS3.3 C.7.6.2. ``rescaled`` is whether it says
    how stored values become output units (HU for CT). ``patient`` tells patients apart: never show it.
    """

    file: Path
    frame: int
    frames: int
    instance_uid: str
    series_uid: str
    study_uid: str
    patient: str
    modality: str
    description: str
    image_type: tuple[str, ...]
    size: tuple[int, int]
    samples: int
    thickness: float | None
    number: int
    variant: tuple[str, ...]
    position: NDArray[np.float64] | None = None
    rows_and_columns: NDArray[np.float64] | None = None
    pixel_spacing: NDArray[np.float64] | None = None
    rescaled: bool = True
    patient_position: str = ""

    @property
    def is_localizer(self) -> bool:
        """Whether the scanner calls it a scout (PS3.3 C.8.2.1.1.1)."""
        return "LOCALIZER" in self.image_type


@dataclass(frozen=True)
class Headers:
    """All slices under a path, and what could not be had: counts of files, no names."""

    slices: tuple[SliceHeader, ...]
    unreadable: int
    cut_short: int
    others: int


def read_headers(path: Path) -> Headers:
    """Read the headers of a file, or of every DICOM file in a folder and its subfolders."""
    slices: list[SliceHeader] = []
    unreadable = cut_short = others = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's remarks on odd values; what matters is checked here
        for file in _files(path):
            if not _looks_like_dicom(file):
                others += 1
                continue
            try:
                found = _read(file)
            except _CutShortError:
                cut_short += 1
            except Exception:
                unreadable += 1
            else:
                slices.extend(found)
    return Headers(tuple(slices), unreadable, cut_short, others)


class _CutShortError(Exception):
    pass


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, subfolders, names in os.walk(path):
        subfolders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            if file.is_file():
                yield file


def _looks_like_dicom(file: Path) -> bool:
    """The prefix of PS3.10 7.1, or a bare implicit dataset of old that starts with group 0008."""
    try:
        with file.open("rb") as stream:
            start = stream.read(132)
    except OSError:
        return False
    return start[128:] == b"DICM" or (len(start) == 132 and start[:2] == _IMPLICIT_START and start[3] == 0)


def _read(file: Path) -> list[SliceHeader]:
    with file.open("rb") as stream:
        dataset = dcmread(stream, stop_before_pixels=True, specific_tags=_TAGS, force=True)
        remaining = file.stat().st_size - stream.tell()
    if dataset.get("SOPClassUID") == MediaStorageDirectoryStorage or _is_directory(dataset):
        return []
    if not dataset.get("SeriesInstanceUID"):
        raise ValueError("no series")
    _check_size(dataset, remaining)
    frames = int(dataset.get("NumberOfFrames") or 1)
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if groups and len(groups) == frames:
        shared = dataset.get("SharedFunctionalGroupsSequence")
        common = shared[0] if shared else Dataset()
        return [_header(file, dataset, n, frames, (group, common)) for n, group in enumerate(groups)]
    return [_header(file, dataset, 0, frames, (dataset,))]


def _is_directory(dataset: Dataset) -> bool:
    meta = getattr(dataset, "file_meta", None)
    return meta is not None and meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage


def _check_size(dataset: Dataset, remaining: int) -> None:
    """Refuse sizes that the ``remaining`` bytes from Pixel Data on cannot hold, before any is decoded."""
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if not rows * columns and dataset.get("Modality") in ("CT", "MR"):
        raise ValueError("no pixels")
    values = (
        rows * columns * int(dataset.get("NumberOfFrames") or 1) * int(dataset.get("SamplesPerPixel") or 1)
    )
    if values > MAX_VOXELS:
        raise ValueError("too many pixels")
    syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID", "") or ""))
    known = syntax.is_transfer_syntax
    if known and syntax.is_deflated:  # read whole already, or refused
        return
    expected = values * int(dataset.get("BitsAllocated") or 8) // 8
    if known and syntax.is_compressed:
        expected = min(values, 1)
    if expected > max(remaining - 8, 0):
        raise _CutShortError


def _header(
    file: Path, dataset: Dataset, frame: int, frames: int, groups: tuple[Dataset, ...]
) -> SliceHeader:
    """The record of one frame; ``groups`` are looked through in order for what differs by frame."""
    plane = _geometry(groups) if frames == 1 or groups[0] is not dataset else None
    position, directions, spacing = plane or (None, None, None)
    thickness = _value(groups, "PixelMeasuresSequence", "SliceThickness")
    frame_type = _value(groups, "CTImageFrameTypeSequence", "FrameType") or _value(
        groups, "MRImageFrameTypeSequence", "FrameType"
    )
    image_type = frame_type or dataset.get("ImageType") or ()
    variant = (
        "AcquisitionNumber",
        "EchoNumbers",
        "EchoTime",
        "TemporalPositionIdentifier",
        "DiffusionBValue",
    )
    return SliceHeader(
        file=file,
        frame=frame,
        frames=frames,
        instance_uid=str(dataset.get("SOPInstanceUID", "")),
        series_uid=str(dataset.SeriesInstanceUID),
        study_uid=str(dataset.get("StudyInstanceUID", "")),
        patient=_patient(dataset),
        patient_position=str(dataset.get("PatientPosition", "") or ""),
        modality=str(dataset.get("Modality", "") or "OT"),
        description=str(dataset.get("SeriesDescription", "") or ""),
        image_type=(image_type,) if isinstance(image_type, str) else tuple(str(word) for word in image_type),
        size=(int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)),
        samples=int(dataset.get("SamplesPerPixel") or 1),
        thickness=float(thickness) if thickness not in (None, "") else None,
        number=int(dataset.get("InstanceNumber") or 0) + frame,
        variant=(*(str(dataset.get(keyword, "")) for keyword in variant), "/".join(map(str, image_type))),
        position=position,
        rows_and_columns=directions,
        pixel_spacing=spacing,
        rescaled=_value(groups, "PixelValueTransformationSequence", "RescaleIntercept") is not None,
    )


def _patient(dataset: Dataset) -> str:
    """What tells patients apart: the ID, or name and date of birth where there is none. Never shown."""
    identity = str(dataset.get("PatientID", "") or "").strip()
    return identity or f"{dataset.get('PatientName', '')}\n{dataset.get('PatientBirthDate', '')}".strip()


def _geometry(
    groups: tuple[Dataset, ...],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Position ``(3,)``, directions ``(2, 3)``, spacing ``(2,)``; None where any is missing or unusable."""
    position = _value(groups, "PlanePositionSequence", "ImagePositionPatient")
    directions = _value(groups, "PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = _value(groups, "PixelMeasuresSequence", "PixelSpacing")
    if not (position and directions and spacing):
        return None
    place = np.array(position, dtype=np.float64)
    along = np.array(directions, dtype=np.float64).reshape(2, 3)
    steps = np.array(spacing, dtype=np.float64)
    if place.shape != (3,) or steps.shape != (2,) or not (np.isfinite(place).all() and (steps > 0).all()):
        return None
    lengths = np.linalg.norm(along, axis=1)
    if not np.allclose(lengths, 1, atol=1e-2) or abs(float(along[0] @ along[1])) > 1e-2:
        return None
    return place, along / lengths[:, None], steps


def _value(groups: tuple[Dataset, ...], sequence: str, keyword: str) -> Any:
    """The attribute from a functional group's macro, or from a plain dataset."""
    for group in groups:
        macro = group.get(sequence)
        found = macro[0].get(keyword) if macro else group.get(keyword)
        if found not in (None, ""):
            return found
    return None
