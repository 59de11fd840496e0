"""Reading studies, writing CT and MR series and what is derived from them."""

from procguide.dicom.derived import Sources, read_sources
from procguide.dicom.frames import read_frames
from procguide.dicom.pixels import read_volume
from procguide.dicom.read import read_study
from procguide.dicom.read_report import read_plan_report, read_sitting_report
from procguide.dicom.study import Series, SliceReference, Study
from procguide.dicom.write_common import Compression
from procguide.dicom.write_facts import CtAcquisition, MrAcquisition, SeriesIdentity, StudyIdentity
from procguide.dicom.write_report import write_plan_report
from procguide.dicom.write_segmentation import write_fractional_segmentation, write_segmentation
from procguide.dicom.write_series import write_series
from procguide.dicom.write_sitting_report import write_sitting_report

__all__ = [
    "Compression",
    "CtAcquisition",
    "MrAcquisition",
    "Series",
    "SeriesIdentity",
    "SliceReference",
    "Sources",
    "Study",
    "StudyIdentity",
    "read_frames",
    "read_plan_report",
    "read_sitting_report",
    "read_sources",
    "read_study",
    "read_volume",
    "write_fractional_segmentation",
    "write_plan_report",
    "write_segmentation",
    "write_series",
    "write_sitting_report",
]
