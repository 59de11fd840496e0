"""Who a dataset is about: what tells patients apart, and the words that name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID

__all__ = ["DEEPEST", "elements", "identity_of", "is_registered", "naming_words", "pattern_of", "text_values"]

DEEPEST = 32
"""Sequences within sequences: no honest object has a third of it."""

_SHORTEST = 3
_NAMING = (
    "PatientID",
    "OtherPatientIDs",
    "AccessionNumber",
    "IssuerOfPatientID",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "PatientBirthDate",
    "InstitutionName",
    "InstitutionAddress",
    "AdmissionID",
)
_SPLIT = re.compile(r"[\^=,;\s]+")


def identity_of(dataset: Dataset) -> str:
    """What tells patients apart: the ID, or name and date of birth where there is none, or the study."""
    patient = str(dataset.get("PatientID", "") or "").strip()
    if patient:
        return patient
    named = f"{dataset.get('PatientName', '')}\n{dataset.get('PatientBirthDate', '')}".strip()
    return named or str(dataset.get("StudyInstanceUID", ""))


def elements(dataset: Dataset, depth: int = 0) -> Iterator[DataElement]:
    """All elements that can be read, those of sequences too, down to :data:`DEEPEST`."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            items = list(element.value) if element.VR == "SQ" else []
        except Exception:  # noqa: S112 (pydicom raises almost anything on damaged values)
            continue
        yield element
        for item in items if depth < DEEPEST else ():
            yield from elements(item, depth + 1)


def is_registered(uid: str) -> bool:
    """Whether the standard itself defines ``uid`` (PS3.6 Annex A): a class or a syntax, no object."""
    return bool(UID(uid).type)


def text_values(element: DataElement) -> tuple[str, ...]:
    """The element's values as text; none for numbers, bytes and sequences."""
    value = element.value
    if value is None or isinstance(value, bytes | int | float) or element.VR == "SQ":
        return ()
    if isinstance(value, MultiValue | list | tuple):
        return tuple(str(one) for one in value)
    return (str(value),)  # a PersonName too, whose letters could be gone through


def naming_words(dataset: Dataset) -> frozenset[str]:
    """Parts of every person's name in the dataset, and whole values of what else names the patient.

    In lower case; nothing shorter than three letters, which would be found in any text.
    """
    words: set[str] = set()
    for element in elements(dataset):
        if element.VR == "PN":
            for value in text_values(element):
                words.update(_SPLIT.split(value))
        elif element.keyword in _NAMING:
            words.update(text_values(element))
    stripped = (word.strip().casefold() for word in words)
    return frozenset(word for word in stripped if len(word) >= _SHORTEST)


def pattern_of(words: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of ``words`` standing alone, or anywhere if it has five letters or more."""
    parts = [
        re.escape(word) if len(word) >= 5 else rf"(?<!\w){re.escape(word)}(?!\w)"
        for word in sorted(words, key=lambda word: (-len(word), word))
    ]
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None
