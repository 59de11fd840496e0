"""DICOM series written with pydicom alone, so that reading is not tested against our own writer."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)
from pydicom.valuerep import format_number_as_ds

AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def make_slice(
    pixels: np.ndarray,
    position: Sequence[float],
    directions: Any = AXIAL,
    spacing: tuple[float, float] = (0.7, 0.9),
    **attributes: Any,
) -> FileDataset:
    """One slice; ``directions`` are along a row, then down a column; ``spacing`` between rows, columns."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.Modality = "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Secret^Name", "ID-4711", "19700101"
    dataset.PatientSex = "O"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    dataset.SeriesDescription = "Lumbar"
    dataset.FrameOfReferenceUID = "1.2.3.5"
    dataset.SOPInstanceUID = generate_uid()
    dataset.InstanceNumber = 1
    dataset.SliceThickness = "2"
    dataset.ImagePositionPatient = [str(format_number_as_ds(float(v) + 0.0)) for v in position]
    dataset.ImageOrientationPatient = [
        str(format_number_as_ds(float(v) + 0.0)) for v in np.ravel(np.asarray(directions))
    ]
    dataset.PixelSpacing = [str(format_number_as_ds(float(v))) for v in spacing]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    if "RescaleSlope" not in attributes:
        dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024"
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    for keyword, value in attributes.items():
        if value is None:
            dataset.pop(keyword, None)
        else:
            setattr(dataset, keyword, value)
    dataset.SOPClassUID = MRImageStorage if dataset.Modality == "MR" else CTImageStorage
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def make_multi_frame(voxels: np.ndarray, order: Sequence[int], tilt: float = 0.0) -> FileDataset:
    """A minimal enhanced multi-frame CT; frame n shows slice ``order[n]``."""
    dataset = make_slice(voxels[0], (0, 0, 0))
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "RescaleIntercept",
        "SliceThickness",
    ):
        delattr(dataset, keyword)
    dataset.SOPClassUID = EnhancedCTImageStorage
    dataset.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    dataset.NumberOfFrames = len(order)
    shared, measures, plane, transform = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = ["0.7", "0.9"], "2"
    plane.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    transform.RescaleSlope, transform.RescaleIntercept = "1", "-1000"
    shared.PixelMeasuresSequence = DicomSequence([measures])
    shared.PlaneOrientationSequence = DicomSequence([plane])
    shared.PixelValueTransformationSequence = DicomSequence([transform])
    dataset.SharedFunctionalGroupsSequence = DicomSequence([shared])
    frames = []
    for k in order:
        frame, position = Dataset(), Dataset()
        position.ImagePositionPatient = ["1", f"{2 + tilt * k}", f"{2.0 * k}"]
        frame.PlanePositionSequence = DicomSequence([position])
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = DicomSequence(frames)
    dataset.PixelData = voxels[list(order)].tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


@pytest.fixture
def multi_frame() -> Callable[..., FileDataset]:
    return make_multi_frame


@pytest.fixture
def slice_maker() -> Callable[..., FileDataset]:
    return make_slice


@pytest.fixture
def write_stack(tmp_path: Path) -> Callable[..., Path]:
    """Write ``voxels`` (k, j, i) stored values at ``positions`` (k, 3) under ``folder``; names shuffled."""

    def write(
        voxels: np.ndarray,
        positions: np.ndarray,
        directions: Any = AXIAL,
        folder: str = "study",
        seed: int = 0,
        numbers: Sequence[int] | None = None,
        **attributes: Any,
    ) -> Path:
        target = tmp_path / folder
        target.mkdir(parents=True, exist_ok=True)
        names = np.random.default_rng(seed).permutation(len(voxels))
        for k, (pixels, position) in enumerate(zip(voxels, positions, strict=True)):
            number = numbers[k] if numbers is not None else k + 1
            dataset = make_slice(pixels, position, directions, InstanceNumber=number, **attributes)
            dataset.save_as(target / f"{names[k]:03d}", enforce_file_format=True)
        return target

    return write


@pytest.fixture
def voxels() -> np.ndarray:
    """Stored values ``(12, 20, 16)`` that tell every voxel from every other."""
    return np.arange(12 * 20 * 16, dtype=np.uint16).reshape(12, 20, 16)
