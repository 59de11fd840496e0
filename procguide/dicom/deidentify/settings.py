"""What a person decides about de-identification, and the options of PS3.15 Annex E that follow from it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydicom.datadict import dictionary_VR, tag_for_keyword

from procguide.settings import read_settings_file

if TYPE_CHECKING:
    from pydicom.sr.coding import Code

__all__ = ["Dates", "Pixels", "PrivateElement", "Settings", "options_of", "read_settings"]

_NEVER_KEPT = frozenset({"PatientID", "PatientBirthDate", "OtherPatientIDs", "AccessionNumber"})


class Dates(StrEnum):
    """Moved by one number of days for all of a patient's studies, or taken away."""

    SHIFT = "shift"
    REMOVE = "remove"


class Pixels(StrEnum):
    """What happens to an image that may show burnt-in text."""

    CLEAN = "clean"
    LEAVE_OUT = "leave-out"


class PrivateElement(BaseModel):
    """One private element that may stay (PS3.5 7.8.1).

    ``element`` is the low byte alone, such as 0x0c: the block it lies in differs from file to file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator: str = Field(min_length=1)
    group: int = Field(ge=0x0009, le=0xFFFF)
    element: int = Field(ge=0x00, le=0xFF)

    @field_validator("group")
    @classmethod
    def _odd(cls, group: int) -> int:
        if group % 2 == 0:
            raise ValueError("a private group is odd, such as 0x0019")
        return group


class Settings(BaseModel):
    """The choices that PS3.15 Annex E leaves open.

    ``keep`` names attributes by keyword that stay as they are beside what the profile lets stay;
    ``words`` are more words that must not come out, such as the hospital's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dates: Dates = Dates.SHIFT
    pixels: Pixels = Pixels.CLEAN
    remove_face: bool = False
    keep: tuple[str, ...] = ()
    private: tuple[PrivateElement, ...] = ()
    words: tuple[str, ...] = ()

    @field_validator("keep")
    @classmethod
    def _known(cls, keywords: tuple[str, ...]) -> tuple[str, ...]:
        for keyword in keywords:
            tag = tag_for_keyword(keyword)
            if tag is None:
                raise ValueError(f"{keyword!r} is no keyword of the DICOM dictionary (PS3.6)")
            if keyword in _NEVER_KEPT or dictionary_VR(tag) in ("PN", "UI", "SQ"):
                raise ValueError(f"{keyword} names a person or an object, and is never kept")
        return keywords


def read_settings(path: Path) -> Settings:
    """Settings from a YAML file; what is wrong in it is said with its place."""
    return read_settings_file(path, Settings, "a file of settings as docs/privacy.md shows it")


def options_of(settings: Settings, *, pixels: bool, face: bool) -> tuple[Code, ...]:
    """The profile and its options (PS3.16 CID 7050) that hold for one object.

    ``pixels`` and ``face`` are whether this object's pixels were cleaned, and its face removed.
    """
    from pydicom.sr.codedict import codes

    claimed = [codes.DCM.BasicApplicationConfidentialityProfile]
    if pixels:
        claimed.append(codes.DCM.CleanPixelDataOption)
    if face:
        claimed.append(codes.DCM.CleanRecognizableVisualFeaturesOption)
    if settings.dates is Dates.SHIFT:
        claimed.append(codes.DCM.RetainLongitudinalTemporalInformationModifiedDatesOption)
    if settings.private:
        claimed.append(codes.DCM.RetainSafePrivateOption)
    return tuple(claimed)
