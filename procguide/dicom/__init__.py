"""Reading studies, writing CT series and segmentations."""

from procguide.dicom.pixels import read_volume
from procguide.dicom.read import read_study
from procguide.dicom.study import Series, SliceReference, Study
from procguide.dicom.write_ct import Compression, write_ct_series
from procguide.dicom.write_segmentation import write_segmentation

__all__ = [
    "Compression",
    "Series",
    "SliceReference",
    "Study",
    "read_study",
    "read_volume",
    "write_ct_series",
    "write_segmentation",
]
