"""A CT series written from a volume: for phantoms and for tests, with no real patient in it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)
from pydicom.valuerep import format_number_as_ds

from procguide import __version__
from procguide.errors import UsageError
from procguide.imaging import Modality, Volume
from procguide.imaging.files import replacing

__all__ = ["Compression", "write_ct_series"]

Seed = int | str | None

_INTERCEPT = -1024


class Compression(StrEnum):
    """Lossless transfer syntaxes. JPEG-LS is the smallest and quickest for CT."""

    NONE = "none"
    RLE = "rle"
    JPEG_LS = "jpeg-ls"
    JPEG_2000 = "jpeg-2000"


_SYNTAXES = {
    Compression.RLE: (RLELossless, "pydicom"),
    Compression.JPEG_LS: (JPEGLSLossless, "pyjpegls"),
    Compression.JPEG_2000: (JPEG2000Lossless, "pylibjpeg"),
}


def write_ct_series(
    volume: Volume,
    folder: str | Path,
    *,
    patient_name: str = "Phantom^Procguide",
    patient_id: str = "PHANTOM",
    study_description: str = "Phantom",
    series_description: str = "CT phantom",
    series_number: int = 1,
    seed: Seed = None,
    compression: Compression | str = Compression.JPEG_LS,
    patient_position: str = "HFS",
    date: str = "20260101",
    on_progress: Callable[[float], None] | None = None,
) -> tuple[Path, ...]:
    """Write HU ``(k, j, i)`` as CT Image Storage, one file a slice; returns the files in order of k.

    With a ``seed``, all UIDs and bytes follow from it and the arguments; series that share seed,
    patient and study description share study and frame of reference. Without, UIDs are new each time.
    HU are rounded and kept within -1024..31743. Rows and columns of the grid must be perpendicular
    (DICOM PS3.3 C.7.6.2.1.1); slices may be oblique or tilted.
    """
    _check(volume)
    syntax = Compression(compression)
    if syntax is Compression.JPEG_2000 and min(volume.shape[1:]) < 32:
        raise UsageError("JPEG 2000 is written from 32x32 pixels upward; take JPEG-LS")
    folder = Path(folder)
    common = _common(volume, date)
    common.PatientName, common.PatientID = patient_name, patient_id
    common.StudyDescription, common.SeriesDescription = study_description, series_description
    common.StudyInstanceUID = _uid(seed, patient_id, study_description, "study")
    common.FrameOfReferenceUID = _uid(seed, patient_id, study_description, "frame of reference")
    common.SeriesNumber = series_number
    common.PatientPosition = patient_position
    common.SeriesInstanceUID = _uid(seed, patient_id, study_description, series_description, series_number)
    files = []
    for k, position in enumerate(volume.to_patient([(k, 0, 0) for k in range(volume.shape[0])])):
        dataset = _slice(common, volume.voxels[k], position, k, seed)
        if syntax in _SYNTAXES:
            uid, plugin = _SYNTAXES[syntax]
            dataset.compress(uid, encoding_plugin=plugin, generate_instance_uid=False)
        path = folder / f"CT_{k + 1:04d}.dcm"
        with replacing(path) as temporary:
            dataset.save_as(temporary, enforce_file_format=True)
        files.append(path)
        if on_progress is not None:
            on_progress((k + 1) / volume.shape[0])
    return tuple(files)


def _check(volume: Volume) -> None:
    if volume.modality is not Modality.CT:
        raise UsageError(f"a CT series is written from a CT volume in HU, got {volume.modality.name}")
    _, row_step, column_step = volume.affine.directions.T
    if abs(float(row_step @ column_step)) > 1e-5:
        raise UsageError(
            "rows and columns of a DICOM slice are perpendicular, these are not; resample the volume first"
        )


def _uid(seed: Seed, *parts: object) -> str:
    """A UID under pydicom's root; the same for the same seed and parts."""
    if seed is None:
        return str(generate_uid())
    return str(generate_uid(entropy_srcs=["procguide", str(seed), *(str(part) for part in parts)]))


def _common(volume: Volume, date: str) -> Dataset:
    """All that the slices share but for who and which."""
    common = Dataset()
    common.SpecificCharacterSet = "ISO_IR 192"
    common.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    common.SOPClassUID = CTImageStorage
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(common, keyword, date)
    for keyword in ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"):
        setattr(common, keyword, "120000")
    common.AccessionNumber = ""
    common.Modality = "CT"
    common.Manufacturer = "procguide"
    common.ManufacturerModelName = "procguide phantom"
    common.DeviceSerialNumber = "0"
    common.SoftwareVersions = __version__
    common.ReferringPhysicianName = ""
    common.PatientBirthDate = ""
    common.PatientSex = "O"
    common.BodyPartExamined = "LSPINE"
    common.KVP = "120"
    common.StudyID = "1"
    common.AcquisitionNumber = 1
    common.PositionReferenceIndicator = ""
    k_step, row_step, column_step = volume.affine.directions.T
    common.ImageOrientationPatient = [_number(v) for v in (*column_step, *row_step)]
    common.PixelSpacing = [_number(v) for v in volume.spacing[1:]]
    normal = np.cross(column_step, row_step)
    common.SliceThickness = _number(abs(float(k_step @ normal)) * volume.spacing[0])
    common.WindowCenter = ["40", "400"]
    common.WindowWidth = ["400", "1800"]
    common.WindowCenterWidthExplanation = ["SOFT TISSUE", "BONE"]
    return common


def _slice(
    common: Dataset, hounsfield: NDArray[Any], position: NDArray[np.float64], k: int, seed: Seed
) -> FileDataset:
    """One slice's dataset, uncompressed."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.update(common)
    dataset.SOPInstanceUID = _uid(seed, common.SeriesInstanceUID, k)
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.InstanceNumber = k + 1
    dataset.ImagePositionPatient = [_number(v) for v in position]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = hounsfield.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept = _INTERCEPT
    dataset.RescaleSlope = 1
    dataset.RescaleType = "HU"
    stored = np.clip(np.rint(hounsfield), _INTERCEPT, 2**15 + _INTERCEPT - 1) - _INTERCEPT
    dataset.PixelData = stored.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def _number(value: float) -> str:
    """At most the 16 characters that DICOM gives a decimal string; about 12 significant digits."""
    return str(format_number_as_ds(float(value) + 0.0))
