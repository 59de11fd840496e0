"""Ultrasound Region Calibration (PS3.3 C.8.5.5): which part of a frame measures what."""

from __future__ import annotations

from pydicom.dataset import Dataset

from procguide.dicom.elements import items, numbers, whole
from procguide.imaging import UltrasoundRegion

__all__ = ["regions_of"]

_SPATIAL_FORMATS = {0: "none", 1: "2D", 2: "M-mode", 3: "spectral", 4: "waveform", 5: "graphics"}
_DATA_TYPES = {
    0x0: "none",
    0x1: "tissue",
    0x2: "colour flow",
    0x3: "PW spectral Doppler",
    0x4: "CW spectral Doppler",
    0x5: "Doppler mean trace",
    0x6: "Doppler mode trace",
    0x7: "Doppler max trace",
    0x8: "volume trace",
    0xA: "ECG trace",
    0xB: "pulse trace",
    0xC: "phonocardiogram trace",
    0xD: "grey bar",
    0xE: "colour bar",
    0xF: "integrated backscatter",
    0x10: "area trace",
    0x11: "change of area",
    0x12: "other",
}
_UNITS = {
    0x0: "none",
    0x1: "percent",
    0x2: "dB",
    0x3: "cm",
    0x4: "s",
    0x5: "Hz",
    0x6: "dB/s",
    0x7: "cm/s",
    0x8: "cm2",
    0x9: "cm2/s",
    0xA: "cm3",
    0xB: "cm3/s",
    0xC: "degrees",
}


def regions_of(dataset: Dataset) -> tuple[UltrasoundRegion, ...]:
    """The calibrated regions of an ultrasound image, in the file's order; incomplete ones are left out."""
    found = (_region(item) for item in items(dataset, "SequenceOfUltrasoundRegions"))
    return tuple(region for region in found if region is not None)


def _region(item: Dataset) -> UltrasoundRegion | None:
    box = [numbers(item, f"RegionLocation{end}") for end in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    deltas = numbers(item, "PhysicalDeltaX")[:1] + numbers(item, "PhysicalDeltaY")[:1]
    if not all(box) or len(deltas) != 2:
        return None
    reference = numbers(item, "ReferencePixelX0")[:1] + numbers(item, "ReferencePixelY0")[:1]
    values = numbers(item, "ReferencePixelPhysicalValueX")[:1]
    values += numbers(item, "ReferencePixelPhysicalValueY")[:1]
    frequency = numbers(item, "TransducerFrequency")  # kHz
    left, top, right, bottom = (int(edge[0]) for edge in box)
    return UltrasoundRegion(
        left,
        top,
        right,
        bottom,
        _SPATIAL_FORMATS.get(whole(item, "RegionSpatialFormat"), "unknown"),
        _DATA_TYPES.get(whole(item, "RegionDataType"), "unknown"),
        (_unit(item, "PhysicalUnitsXDirection"), _unit(item, "PhysicalUnitsYDirection")),
        (deltas[0], deltas[1]),
        (int(reference[0]), int(reference[1])) if len(reference) == 2 else None,
        (values[0], values[1]) if len(values) == 2 else None,
        frequency[0] / 1000 if frequency else None,
    )


def _unit(item: Dataset, keyword: str) -> str:
    return _UNITS.get(whole(item, keyword), "unknown")
