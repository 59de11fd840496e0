"""What every object derived from a study shares: whose it is, what made it, what it must not be used for."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import DA, TM

from procguide import DISCLAIMER, __version__
from procguide.dicom.parse import parse_header
from procguide.dicom.study import Series
from procguide.dicom.write_common import code_item, item
from procguide.errors import InputUnfitError, InputUnreadableError, UsageError
from procguide.imaging.files import replacing

if TYPE_CHECKING:
    import highdicom

__all__ = [
    "NOT_APPROVED",
    "Sources",
    "equipment",
    "mark",
    "new_object",
    "quiet",
    "read_sources",
    "reference",
    "references",
    "save_derived",
]

NOT_APPROVED = "not approved"
"""What every object of a plan says of itself until a named person has approved the plan."""

_TYPE_2 = (
    "AccessionNumber",
    "PatientBirthDate",
    "PatientID",
    "PatientName",
    "PatientSex",
    "ReferringPhysicianName",
    "StudyDate",
    "StudyID",
    "StudyTime",
)
"""Attributes that must be there but may be empty; some de-identified files have dropped them."""


@contextmanager
def quiet() -> Iterator[None]:
    """No remarks of pydicom's and highdicom's: on odd values they quote them, the patient's name, too."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "highdicom")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@dataclass(frozen=True, eq=False)
class Sources:
    """Headers of the images of one series, without pixels, in the order of its files.

    Attributes that derived objects must carry are there, if need be empty. Text of the first, which
    derived objects inherit, is in UTF-8. All share a frame of reference, made up where they name none.
    """

    headers: tuple[Dataset, ...]
    series: Series

    @property
    def first(self) -> Dataset:
        """The header that patient and study are taken from."""
        return self.headers[0]

    @property
    def frame_of_reference_uid(self) -> str:
        """Of patient coordinates in derived objects."""
        return str(self.first.FrameOfReferenceUID)


def read_sources(series: Series) -> Sources:
    """The headers of ``series``; an error where it is not DICOM."""
    if not series.uid or series.grid is None:
        raise UsageError("DICOM objects refer to DICOM images, and this series is none; write NIfTI")
    with quiet():
        headers = tuple(_header(file) for file in series.files)
        frame_of_reference = str(generate_uid())
        for header in headers:
            _complete(header, frame_of_reference)
        if not headers[0].get("StudyInstanceUID"):
            raise InputUnfitError("the images name no study that an object could be added to; write NIfTI")
        headers[0].decode()
        headers[0].SpecificCharacterSet = "ISO_IR 192"
    return Sources(headers, series)


def _header(file: Path) -> Dataset:
    parsed = parse_header(file)
    if parsed is None:
        raise InputUnreadableError("an image of the series is no DICOM any more; read the folder again")
    return parsed.dataset


def _complete(header: Dataset, frame_of_reference: str) -> None:
    for keyword in _TYPE_2:
        if keyword not in header or not _is_valid(header, keyword):
            setattr(header, keyword, "")
    if not header.get("FrameOfReferenceUID"):
        header.FrameOfReferenceUID = frame_of_reference
    removed = header.get("PatientIdentityRemoved") == "YES"
    if removed and not (
        header.get("DeidentificationMethod") or header.get("DeidentificationMethodCodeSequence")
    ):
        header.DeidentificationMethod = "not stated in the images"  # Type 1C (PS3.3 C.7.1.1)


def _is_valid(header: Dataset, keyword: str) -> bool:
    """Whether what the source says can stand in a new object; scanners and anonymizers write odd dates."""
    try:
        value = header.get(keyword)
        if keyword.endswith("Date"):
            DA(value)
        elif keyword.endswith("Time"):
            TM(value)
        elif keyword == "PatientSex":
            return value in ("M", "F", "O", "", None)
    except (ValueError, TypeError):
        return False
    return True


def new_object(
    sources: Sources, sop_class: str, modality: str, *, number: int, description: str
) -> highdicom.SOPClass:
    """An object without content yet, in the patient's study, as a series of its own.

    ``description`` becomes Series Description, at most 64 characters.
    """
    import highdicom

    first = sources.first
    with quiet():
        dataset = highdicom.SOPClass(
            study_instance_uid=first.StudyInstanceUID,
            series_instance_uid=generate_uid(),
            series_number=number,
            sop_instance_uid=generate_uid(),
            sop_class_uid=sop_class,
            instance_number=1,
            modality=modality,
            transfer_syntax_uid=ExplicitVRLittleEndian,
            patient_id=first.PatientID,
            patient_name=first.PatientName,
            patient_birth_date=first.PatientBirthDate,
            patient_sex=first.PatientSex,
            accession_number=first.AccessionNumber,
            study_id=first.StudyID,
            study_date=first.StudyDate,
            study_time=first.StudyTime,
            referring_physician_name=first.ReferringPhysicianName,
            series_description=description,
            specific_character_set="ISO_IR 192",
            **equipment(),
        )
        dataset.copy_patient_and_study_information(first)
    mark(dataset)
    return dataset


def equipment() -> dict[str, Any]:
    """What made the object (PS3.3 C.7.5.1 and C.7.5.2)."""
    return {
        "manufacturer": "procguide",
        "manufacturer_model_name": "procguide",
        "software_versions": __version__,
        "device_serial_number": "0",
    }


def mark(dataset: Dataset) -> None:
    """Say in the object that it is for research only (SOP Common, PS3.3 C.12.1)."""
    dataset.ContentQualification = "RESEARCH"
    said = item(
        PurposeOfReferenceCodeSequence=code_item(codes.DCM.ProcessingEquipment),
        Manufacturer="procguide",
        ManufacturerModelName="procguide",
        SoftwareVersions=__version__,
        ContributionDescription=DISCLAIMER,
    )
    dataset.ContributingEquipmentSequence = [*dataset.get("ContributingEquipmentSequence", ()), *said]


def reference(header: Dataset) -> Dataset:
    """A SOP Instance Reference (PS3.3 table 10-11)."""
    (one,) = item(ReferencedSOPClassUID=header.SOPClassUID, ReferencedSOPInstanceUID=header.SOPInstanceUID)
    return one


def references(headers: Iterable[Dataset]) -> list[Dataset]:
    """Referenced Series Sequence of the Common Instance Reference module (PS3.3 C.12.2)."""
    found: dict[str, Dataset] = {}
    for header in headers:
        series = found.setdefault(
            str(header.SeriesInstanceUID),
            item(SeriesInstanceUID=header.SeriesInstanceUID, ReferencedInstanceSequence=[])[0],
        )
        series.ReferencedInstanceSequence.append(reference(header))
    return list(found.values())


def save_derived(dataset: Dataset, path: Path) -> Path:
    """Write one object, whole or not at all."""
    with quiet(), replacing(Path(path)) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)
    return Path(path)
