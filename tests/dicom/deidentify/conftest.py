"""Studies of a patient whose name must not come out, and de-identifying them without a text finder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from procguide.dicom.deidentify import Pseudonyms, Report, Settings, deidentify

KEY = Pseudonyms(b"k" * 32)
NAME = "Quixote^Dulcinea"
SECRETS = (b"quixote", b"dulcinea", b"id-4711", b"19570214", b"toboso", b"cervantes", b"acc-99", b"sn-1605")


class Blind:
    """A reader that reads nothing: Tesseract takes seconds on speckle."""

    name = "nobody"

    def read(self, _picture: np.ndarray) -> tuple[str, ...]:
        return ()


@pytest.fixture
def patient_slice(slice_maker: Callable[..., FileDataset]) -> Callable[..., FileDataset]:
    """One CT slice that names its patient in every way; more attributes by keyword."""

    def make(**attributes: Any) -> FileDataset:
        pixels = np.arange(20 * 16, dtype=np.uint16).reshape(20, 16)
        dataset = slice_maker(pixels, (0.0, 0.0, 0.0))
        dataset.PatientName, dataset.PatientID = NAME, "ID-4711"
        dataset.PatientBirthDate, dataset.PatientAge = "19570214", "067Y"
        dataset.OtherPatientIDs = ["ID-4711-B"]
        dataset.PatientAddress = "Calle Toboso 1"
        dataset.InstitutionName = "Hospital Toboso"
        dataset.ReferringPhysicianName = "Cervantes^Miguel"
        dataset.AccessionNumber, dataset.DeviceSerialNumber = "ACC-99", "SN-1605"
        dataset.StudyDate = dataset.SeriesDate = "20240310"
        dataset.StudyTime = "101500"
        dataset.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.1001"
        dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.1001.1"
        dataset.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.498.1001.9"
        dataset.SeriesDescription = "Lumbar of Quixote"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        return dataset

    return make


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[Report, list[FileDataset]]]:
    """De-identify datasets: the report, and what was written in the order of its numbers."""

    def call(*datasets: FileDataset, **settings: Any) -> tuple[Report, list[FileDataset]]:
        source, target = tmp_path / "in", tmp_path / f"out{len(list(tmp_path.glob('out*')))}"
        source.mkdir(exist_ok=True)
        for n, dataset in enumerate(datasets):
            dataset.save_as(source / f"{n:03d}", enforce_file_format=True)
        finder, reader = settings.pop("finder", None), settings.pop("reader", Blind())
        report = deidentify(
            source, target, Settings(**settings), pseudonyms=KEY, finder=finder, reader=reader
        )
        return report, [dcmread(file) for file in sorted(target.rglob("*.dcm"))]

    return call


def item(**attributes: Any) -> Sequence:
    """A sequence of one item."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return Sequence([dataset])
