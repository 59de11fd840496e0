"""Reading studies, writing CT and MR series and segmentations."""

from procguide.dicom.frames import read_frames
from procguide.dicom.pixels import read_volume
from procguide.dicom.read import read_study
from procguide.dicom.study import Series, SliceReference, Study
from procguide.dicom.write_common import Compression
from procguide.dicom.write_facts import CtAcquisition, MrAcquisition, SeriesIdentity, StudyIdentity
from procguide.dicom.write_segmentation import write_segmentation
from procguide.dicom.write_series import write_series

__all__ = [
    "Compression",
    "CtAcquisition",
    "MrAcquisition",
    "Series",
    "SeriesIdentity",
    "SliceReference",
    "Study",
    "StudyIdentity",
    "read_frames",
    "read_study",
    "read_volume",
    "write_segmentation",
    "write_series",
]
