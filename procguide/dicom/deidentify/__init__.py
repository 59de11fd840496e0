"""Images without their patients: DICOM PS3.15 Annex E, dates and UIDs consistent, pixels too."""

from procguide.dicom.deidentify.pseudonyms import Pseudonyms, read_key
from procguide.dicom.deidentify.report import Report, report_to_json
from procguide.dicom.deidentify.run import deidentify
from procguide.dicom.deidentify.settings import Dates, Pixels, PrivateElement, Settings, read_settings

__all__ = [
    "Dates",
    "Pixels",
    "PrivateElement",
    "Pseudonyms",
    "Report",
    "Settings",
    "deidentify",
    "read_key",
    "read_settings",
    "report_to_json",
]
