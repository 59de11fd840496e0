"""What every image object that is written shares: identity, pixels, transfer syntax, file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from pydicom.valuerep import format_number_as_ds

from procguide import __version__
from procguide.dicom.write_facts import Acquisition, CtAcquisition, SeriesIdentity, StudyIdentity
from procguide.errors import UsageError
from procguide.imaging import Modality, Volume
from procguide.imaging.files import replacing

__all__ = [
    "CT_INTERCEPT",
    "Compression",
    "Planes",
    "code_item",
    "common_dataset",
    "item",
    "number",
    "put_pixels",
    "save",
]

CT_INTERCEPT = -1024


class Compression(StrEnum):
    """Lossless transfer syntaxes. JPEG-LS is the smallest and quickest for CT and MR."""

    NONE = "none"
    RLE = "rle"
    JPEG_LS = "jpeg-ls"
    JPEG_2000 = "jpeg-2000"


_SYNTAXES = {
    Compression.RLE: (RLELossless, "pydicom"),
    Compression.JPEG_LS: (JPEGLSLossless, "pyjpegls"),
    Compression.JPEG_2000: (JPEG2000Lossless, "pylibjpeg"),
}


@dataclass(frozen=True, eq=False)
class Planes:
    """A volume as DICOM stores it.

    ``stored`` is ``(k, j, i)`` uint16 with ``bits`` of them used; ``positions`` ``(k, 3)`` LPS mm of each
    slice's first pixel; ``orientation`` along a row, then down a column; ``step_mm`` between slices along
    their normal, signed: negative where k runs against it.
    """

    stored: NDArray[np.uint16]
    bits: int
    positions: NDArray[np.float64]
    orientation: NDArray[np.float64]
    pixel_mm: NDArray[np.float64]
    step_mm: float

    @classmethod
    def of(cls, volume: Volume, acquisition: Acquisition) -> Planes:
        """Round, bound and place. HU are kept within -1024..31743, MR within 0..65535."""
        ct = isinstance(acquisition, CtAcquisition)
        wanted = Modality.CT if ct else Modality.MR
        if volume.modality is not wanted:
            kind = "a CT series is written from a CT volume in HU" if ct else "an MR series from an MR volume"
            raise UsageError(f"{kind}, got {volume.modality.name}")
        along, down, across = volume.affine.directions.T
        if abs(float(down @ across)) > 1e-5:
            raise UsageError(
                "rows and columns of a DICOM slice are perpendicular, these are not; "
                "resample the volume first"
            )
        low, high = (CT_INTERCEPT, 2**15 + CT_INTERCEPT - 1) if ct else (0, 2**16 - 1)
        stored = (np.clip(np.rint(volume.voxels), low, high) - low).astype(np.uint16)
        return cls(
            stored,
            12 if int(stored.max()) < 2**12 else 16,
            volume.to_patient([(k, 0, 0) for k in range(volume.shape[0])]),
            np.concatenate([across, down]),
            volume.spacing[1:],
            float(along @ np.cross(across, down)) * float(volume.spacing[0]),
        )

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector of the slices, the cross product of row and column directions."""
        across, down = self.orientation.reshape(2, 3)
        return np.asarray(np.cross(across, down))

    @property
    def field_mm(self) -> tuple[float, float]:
        """Size of a slice down a column and along a row, mm."""
        rows, columns = self.pixel_mm * self.stored.shape[1:]
        return float(rows), float(columns)

    @property
    def window(self) -> tuple[list[str], list[str], list[str]]:
        """Centres, widths and names for MR: up to the brightest thousandth."""
        top = max(float(np.percentile(self.stored[:: max(len(self.stored) // 8, 1)], 99.5)), 2.0)
        return [number(round(top / 2))], [number(round(top))], ["WHOLE RANGE"]


def number(value: float) -> str:
    """At most the 16 characters that DICOM gives a decimal string; about 12 significant digits."""
    return str(format_number_as_ds(float(value) + 0.0))


def item(**attributes: Any) -> Sequence:
    """A sequence of one item with these attributes."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return Sequence([dataset])


def code_item(code: Code) -> Sequence:
    """A code sequence of one item."""
    return item(CodeValue=code.value, CodingSchemeDesignator=code.scheme_designator, CodeMeaning=code.meaning)


def common_dataset(study: StudyIdentity, series: SeriesIdentity, modality: str, sop_class: str) -> Dataset:
    """Patient, study, series, frame of reference and equipment (PS3.3 C.7)."""
    common = Dataset()
    common.SpecificCharacterSet = "ISO_IR 192"
    common.SOPClassUID = sop_class
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(common, keyword, study.date)
    common.StudyTime = "120000"
    for keyword in ("SeriesTime", "AcquisitionTime", "ContentTime"):
        setattr(common, keyword, f"12{series.number % 60:02d}00")
    common.AccessionNumber = ""
    common.Modality = modality
    common.Manufacturer = "procguide"
    common.ManufacturerModelName = "procguide phantom"
    common.DeviceSerialNumber = "0"
    common.SoftwareVersions = __version__
    common.ReferringPhysicianName = ""
    common.StudyDescription, common.SeriesDescription = study.description, series.description
    _put_patient(common, study)
    common.StudyInstanceUID = study.study_uid
    common.FrameOfReferenceUID = study.frame_of_reference_uid
    common.StudyID = "1"
    common.SeriesNumber = series.number
    common.AcquisitionNumber = 1
    common.PositionReferenceIndicator = ""
    common.PatientPosition = study.patient_position
    return common


def _put_patient(common: Dataset, study: StudyIdentity) -> None:
    common.PatientName, common.PatientID = study.patient_name, study.patient_id
    common.PatientBirthDate, common.PatientSex = "", study.sex
    if study.phantom:
        common.QualityControlSubject = "YES"
    if study.age_years is not None:
        common.PatientAge = f"{study.age_years:03d}Y"
    if study.height_m is not None:
        common.PatientSize = number(study.height_m)
    if study.weight_kg is not None:
        common.PatientWeight = number(study.weight_kg)


def put_pixels(dataset: Dataset, pixels: NDArray[np.uint16], bits: int) -> None:
    """Image pixel module (PS3.3 C.7.6.3) of one plane ``(j, i)`` or of frames ``(k, j, i)``."""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = 0
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def save(dataset: Dataset, path: Path, compression: Compression) -> Path:
    """Compress and write one object, whole or not at all."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    whole = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    whole.update(dataset)
    if compression in _SYNTAXES:
        uid, plugin = _SYNTAXES[compression]
        whole.compress(uid, encoding_plugin=plugin, generate_instance_uid=False)
    with replacing(path) as temporary:
        whole.save_as(temporary, enforce_file_format=True)
    return path
