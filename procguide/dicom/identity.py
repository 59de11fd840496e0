"""Whose images these are: read only when a person asks, never stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from procguide.dicom.decode import quietly
from procguide.dicom.elements import tags_of, words
from procguide.dicom.parse import parse_header

__all__ = ["Identity", "identity_of"]

_TAGS = tags_of(
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "StudyDate",
    "StudyDescription",
    "SeriesDescription",
)


@dataclass(frozen=True)
class Identity:
    """A patient and a scan as the file names them, in its character set, without control characters.

    ``patient_name`` keeps DICOM's parts: family name ^ given name, and = before ideographic and phonetic
    ones. Show it to the person who asked; do not log or store it.
    """

    patient_name: str
    patient_id: str
    birth_date: str
    study_date: str
    study_description: str
    series_description: str


def identity_of(file: Path) -> Identity:
    """The identity in one DICOM file; empty where there is none."""
    with quietly():
        parsed = parse_header(file, _TAGS)
        if parsed is None:
            return Identity("", "", "", "", "", "")
        dataset = parsed.dataset
        return Identity(
            _printable(words(dataset, "PatientName")),
            _printable(words(dataset, "PatientID")),
            _printable(words(dataset, "PatientBirthDate")),
            _printable(words(dataset, "StudyDate")),
            _printable(words(dataset, "StudyDescription")),
            _printable(words(dataset, "SeriesDescription")),
        )


def _printable(text: str) -> str:
    """Without what could steer a terminal."""
    return "".join(character for character in text if character.isprintable())
