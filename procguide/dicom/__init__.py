"""Reading studies, writing CT series and segmentations."""

from procguide.dicom.write_ct import Compression, write_ct_series

__all__ = ["Compression", "write_ct_series"]
