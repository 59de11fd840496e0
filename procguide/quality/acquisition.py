"""How an image was made, by its DICOM headers: what the checks may lean on."""

from __future__ import annotations

from pydicom.dataset import Dataset

from procguide.dicom.elements import first_text, items, numbers, tags_of, texts, words
from procguide.dicom.parse import parse_header
from procguide.dicom.study import Series
from procguide.quality.nouns import Acquisition

__all__ = ["acquisition_of"]

_KEYWORDS = (
    "ImageType",
    "ConvolutionKernel",
    "SliceThickness",
    "KVP",
    "Exposure",
    "GantryDetectorTilt",
    "DataCollectionDiameter",
    "AcquisitionMatrix",
    "InPlanePhaseEncodingDirection",
    "PartialFourier",
    "ScanOptions",
    "ScanningSequence",
    "SequenceName",
    "PulseSequenceName",
    "SpectrallySelectedSuppression",
    "MagneticFieldStrength",
    "EchoTime",
    "EffectiveEchoTime",
    "RepetitionTime",
    "InversionTime",
)
_TAGS = tags_of(*_KEYWORDS, "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_FAT_NULL_MS = (80.0, 300.0)
"""Inversion times that null fat, from 0.3 T to 3 T: T1 of fat is about 200 to 380 ms, times ln 2."""


def acquisition_of(series: Series) -> Acquisition:
    """What the first file's header says; an empty record for images that are not DICOM."""
    if series.volume is not None or series.pictures is not None or not series.files:
        return Acquisition()
    parsed = parse_header(series.files[0], _TAGS)
    if parsed is None:
        return Acquisition()
    places = _places(parsed.dataset)
    options = _texts(places, "ScanOptions")
    return Acquisition(
        kernel=_words(places, "ConvolutionKernel"),
        thickness_mm=_one(places, "SliceThickness"),
        tube_kv=_one(places, "KVP"),
        exposure_mas=_one(places, "Exposure"),
        gantry_tilt_deg=_one(places, "GantryDetectorTilt"),
        field_diameter_mm=_one(places, "DataCollectionDiameter"),
        matrix=_matrix(places),
        phase_axis=_phase_axis(places),
        partial_fourier=_partial_fourier(places, options),
        scan_options=options,
        sequence=_words(places, "SequenceName") or _words(places, "PulseSequenceName"),
        fat_suppressed=_fat_suppressed(places, options),
        field_strength_t=_one(places, "MagneticFieldStrength"),
        echo_ms=_one(places, "EchoTime") or _one(places, "EffectiveEchoTime"),
        repetition_ms=_one(places, "RepetitionTime"),
        image_type=_texts(places, "ImageType"),
    )


def _places(dataset: Dataset) -> list[Dataset]:
    """Where an attribute may stand: the dataset, and the macros of the first frame (PS3.3 C.7.6.16)."""
    found = [dataset]
    for groups in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for group in items(dataset, groups)[:1]:
            for element in group:
                found += items(group, element.keyword)[:1] if element.VR == "SQ" and element.keyword else []
    return found


def _one(places: list[Dataset], keyword: str) -> float | None:
    return next((found[0] for place in places if (found := numbers(place, keyword))), None)


def _texts(places: list[Dataset], keyword: str) -> tuple[str, ...]:
    return next((found for place in places if (found := texts(place, keyword))), ())


def _text(places: list[Dataset], keyword: str) -> str:
    return next((found for place in places if (found := first_text(place, keyword))), "")


def _words(places: list[Dataset], keyword: str) -> str:
    return next((found for place in places if (found := words(place, keyword))), "")


def _matrix(places: list[Dataset]) -> tuple[int, int] | None:
    """Samples along j and i: frequency rows, frequency columns, phase rows, phase columns in the file."""
    values = next((found for place in places if len(found := numbers(place, "AcquisitionMatrix")) == 4), ())
    if not values:
        return None
    rows, columns = int(values[0] or values[2]), int(values[1] or values[3])
    return (rows, columns) if rows > 0 and columns > 0 else None


def _phase_axis(places: list[Dataset]) -> str:
    """``"ROW"`` or ``"COL"``; empty where the file says nothing, or its matrix says the other."""
    said = _text(places, "InPlanePhaseEncodingDirection").replace("COLUMN", "COL")
    values = next((found for place in places if len(found := numbers(place, "AcquisitionMatrix")) == 4), ())
    if values and bool(values[2]) != bool(values[3]):
        return said if said == ("COL" if values[2] else "ROW") else ""
    return said


def _partial_fourier(places: list[Dataset], options: tuple[str, ...]) -> bool | None:
    """PS3.3 C.8.3.1: PFP and PFF of Scan Options; (0018,9081) of enhanced objects."""
    said = _text(places, "PartialFourier")
    if said:
        return said == "YES"
    return True if {"PFP", "PFF"} & set(options) else None if not options else False


def _fat_suppressed(places: list[Dataset], options: tuple[str, ...]) -> bool | None:
    """By the options, an inversion time that nulls fat, or a water image; None where nothing is said."""
    if _text(places, "SpectrallySelectedSuppression") == "FAT" or "FS" in options:
        return True
    inversion = _one(places, "InversionTime")
    if inversion is not None and _FAT_NULL_MS[0] <= inversion <= _FAT_NULL_MS[1]:
        return True
    kinds = _texts(places, "ImageType")
    if "WATER" in kinds:
        return True
    return False if kinds and ("FAT" in kinds or options) else None
