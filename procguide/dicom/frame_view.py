"""What a header says of a 2D image: what its pixels measure, C-arm, ultrasound regions, windows, times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import DT

from procguide.dicom.elements import first_text, items, numbers, tags_of, texts, whole, words
from procguide.dicom.ultrasound import regions_of
from procguide.imaging import CarmView, LookupTable, PixelSize, SpacingPlane, UltrasoundRegion, View, Window

__all__ = ["PROJECTIONS", "VIEW_TAGS", "is_secondary_capture", "times_of", "views_of"]

PROJECTIONS = frozenset(("XA", "RF", "CR", "DX", "MG", "IO", "PX", "RG", "DR"))
"""Modalities (PS3.3 C.7.3.1.1.1) that project the patient onto a detector or film."""

_TOMOGRAPHIC = frozenset(("CT", "MR", "PT", "NM"))
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""Secondary Capture and its four multi-frame kinds begin so."""
_SAME = 1e-3

VIEW_TAGS = tags_of(
    "SpecificCharacterSet",
    "SOPClassUID",
    "Modality",
    "ImageType",
    "PatientOrientation",
    "ImageLaterality",
    "Laterality",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "EstimatedRadiographicMagnificationFactor",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
    "DistanceSourceToIsocenter",
    "PositionerPrimaryAngle",
    "PositionerSecondaryAngle",
    "PositionerPrimaryAngleIncrement",
    "PositionerSecondaryAngleIncrement",
    "DetectorPrimaryAngle",
    "DetectorSecondaryAngle",
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
    "VOILUTFunction",
    "VOILUTSequence",
    "SequenceOfUltrasoundRegions",
    "FrameIncrementPointer",
    "FrameTime",
    "FrameTimeVector",
    "CineRate",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)


def is_secondary_capture(sop_class: str) -> bool:
    """Whether these are pictures of a screen or film, not what the device measured (PS3.3 A.8)."""
    return sop_class == _SECONDARY_CAPTURE or sop_class.startswith(f"{_SECONDARY_CAPTURE}.")


def views_of(dataset: Dataset, *, first_only: bool = False) -> tuple[View, ...]:
    """One view for all frames, or one for each where the C-arm moved; the first alone if that is enough."""
    per_frame = items(dataset, "PerFrameFunctionalGroupsSequence")[: 1 if first_only else None]
    shared = items(dataset, "SharedFunctionalGroupsSequence")[:1]
    if per_frame:
        views = [_view(dataset, list(_flattened((group, *shared)))) for group in per_frame]
        return (views[0],) if all(view.carm == views[0].carm for view in views) else tuple(views)
    return _turned(_view(dataset, []), dataset)


def _flattened(groups: Iterable[Dataset]) -> Iterator[Dataset]:
    """Every macro's first item: multi-frame objects differ in which macro holds an attribute."""
    for group in groups:
        for element in group:
            if isinstance(element.value, Sequence) and element.value:
                yield element.value[0]


def _view(dataset: Dataset, macros: list[Dataset]) -> View:
    places = [*macros, dataset]
    modality = first_text(dataset, "Modality") or "OT"
    size = _pixel_size(places, modality)
    regions = regions_of(dataset)
    colour = whole(dataset, "SamplesPerPixel", 1) > 1
    photometric = first_text(dataset, "PhotometricInterpretation")
    return View(
        modality=modality,
        pixel_size=size,
        imager_size=_size(places, "ImagerPixelSpacing", SpacingPlane.DETECTOR),
        carm=_carm(places),
        regions=regions,
        windows=tuple(_windows(places)),
        inverted=photometric == "MONOCHROME1",
        colour=colour or photometric == "PALETTE COLOR",
        why_unmeasurable=_why_unmeasurable(dataset, size, regions),
        laterality=first_text(dataset, "ImageLaterality") or first_text(dataset, "Laterality"),
        orientation=texts(dataset, "PatientOrientation"),
    )


def _why_unmeasurable(dataset: Dataset, size: PixelSize | None, regions: tuple[UltrasoundRegion, ...]) -> str:
    rows, columns = whole(dataset, "Rows"), whole(dataset, "Columns")
    if is_secondary_capture(first_text(dataset, "SOPClassUID")):
        return "a picture of a screen or film: its pixels measure nothing"
    if any(region.right > columns or region.bottom > rows for region in regions):
        return "its calibrated regions reach beyond the image: it was scaled or cut after they were written"
    if size is None and not regions:
        return "the file does not say how large its pixels are"
    return ""


def _first(places: Iterable[Dataset], keyword: str) -> tuple[float, ...]:
    return next((found for place in places if (found := numbers(place, keyword))), ())


def _one(places: Iterable[Dataset], keyword: str) -> float | None:
    found = _first(places, keyword)
    return found[0] if found else None


def _size(
    places: Iterable[Dataset], keyword: str, plane: SpacingPlane, calibration: str = ""
) -> PixelSize | None:
    steps = _first(places, keyword)
    if len(steps) != 2 or min(steps) <= 0:
        return None
    return PixelSize(steps[0], steps[1], plane, calibration)


def _pixel_size(places: list[Dataset], modality: str) -> PixelSize | None:
    """Pixel Spacing and where it holds (PS3.3 10.7.1.3): equal to the imager's, it is the detector's."""
    calibration = next((t for p in places if (t := first_text(p, "PixelSpacingCalibrationType"))), "")
    stated = _size(places, "PixelSpacing", SpacingPlane.UNSTATED, calibration)
    imager = _size(places, "ImagerPixelSpacing", SpacingPlane.DETECTOR)
    if stated is None:
        return imager or _size(places, "NominalScannedPixelSpacing", SpacingPlane.FILM)
    if modality not in PROJECTIONS:
        return replace(stated, plane=SpacingPlane.PATIENT) if modality in _TOMOGRAPHIC else stated
    if calibration in ("GEOMETRY", "FIDUCIAL"):
        return replace(stated, plane=SpacingPlane.PATIENT)
    if imager is None:
        return stated
    same = math.isclose(stated.rows_mm, imager.rows_mm, rel_tol=_SAME)
    return imager if same else replace(stated, plane=SpacingPlane.PATIENT)


def _carm(places: list[Dataset]) -> CarmView | None:
    """Angles in degrees and distances in mm; a distance or factor that is not positive is none."""

    def positive(keyword: str) -> float | None:
        value = _one(places, keyword)
        return value if value is not None and value > 0 else None

    carm = CarmView(
        primary_deg=_one(places, "PositionerPrimaryAngle"),
        secondary_deg=_one(places, "PositionerSecondaryAngle"),
        detector_primary_deg=_one(places, "DetectorPrimaryAngle"),
        detector_secondary_deg=_one(places, "DetectorSecondaryAngle"),
        source_to_detector_mm=positive("DistanceSourceToDetector"),
        source_to_patient_mm=positive("DistanceSourceToPatient") or positive("DistanceSourceToIsocenter"),
        stated_magnification=positive("EstimatedRadiographicMagnificationFactor"),
    )
    return carm if carm != CarmView() else None


def _turned(view: View, dataset: Dataset) -> tuple[View, ...]:
    """The view of each frame of a rotational run: one step for all, or offsets from the first angle each.

    PS3.3 C.8.7.5.1.3.
    """
    frames = whole(dataset, "NumberOfFrames", 1)
    carm = view.carm
    primary = _offsets(numbers(dataset, "PositionerPrimaryAngleIncrement"), frames)
    secondary = _offsets(numbers(dataset, "PositionerSecondaryAngleIncrement"), frames)
    if frames < 2 or carm is None or not (any(primary) or any(secondary)):
        return (view,)
    return tuple(
        replace(
            view,
            carm=replace(
                carm,
                primary_deg=_sum(carm.primary_deg, primary[n]),
                secondary_deg=_sum(carm.secondary_deg, secondary[n]),
            ),
        )
        for n in range(frames)
    )


def _offsets(increments: tuple[float, ...], frames: int) -> list[float]:
    if len(increments) == 1:
        return [increments[0] * n for n in range(frames)]
    return list(increments) if len(increments) == frames else [0.0] * frames


def _sum(angle: float | None, offset: float) -> float | None:
    return None if angle is None else angle + offset


def _windows(places: list[Dataset]) -> Iterator[Window | LookupTable]:
    """Window presets, else the file's tables."""
    for place in places:
        centres, widths = numbers(place, "WindowCenter"), numbers(place, "WindowWidth")
        if not centres:
            continue
        names = words(place, "WindowCenterWidthExplanation").split("\\")
        function = first_text(place, "VOILUTFunction") or "LINEAR"
        for centre, width, name in zip_longest(centres, widths, names[: len(centres)], fillvalue=""):
            if isinstance(centre, float) and isinstance(width, float) and width > 0:
                yield Window(centre, width, str(name).strip(), function)
        return
    for place in places:
        for item in items(place, "VOILUTSequence"):
            table = _table(item)
            if table is not None:
                yield table


def _table(item: Dataset) -> LookupTable | None:
    descriptor, data = numbers(item, "LUTDescriptor"), item.get("LUTData")
    if len(descriptor) != 3 or data is None:
        return None
    values = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.atleast_1d(np.asarray(data))
    count, bits = int(descriptor[0]) or 2**16, int(descriptor[2])
    if len(values) < count or not 0 < bits <= 16:
        return None
    shades = (values[:count].astype(np.float32) / (2**bits - 1)).clip(0, 1)
    return LookupTable(int(descriptor[1]), shades, words(item, "LUTExplanation"))


def times_of(dataset: Dataset, frames: int) -> NDArray[np.float64] | None:
    """When each frame was taken, ``(frames,)`` s from the first; None where the file does not say.

    Frame Time Vector, Frame Time (PS3.3 C.7.6.5), the frames' own date and time, or Cine Rate, in this order.
    """
    vector = numbers(dataset, "FrameTimeVector")
    if len(vector) == frames and min(vector) >= 0:
        return np.cumsum(vector) / 1000 - vector[0] / 1000
    step = numbers(dataset, "FrameTime")
    if step and step[0] > 0:
        return np.arange(frames) * step[0] / 1000
    stamped = _stamps(dataset)
    if len(stamped) == frames:
        return np.array(stamped) - stamped[0]
    rate = numbers(dataset, "CineRate")
    return np.arange(frames) / rate[0] if rate and rate[0] > 0 else None


def _stamps(dataset: Dataset) -> list[float]:
    found = []
    for group in items(dataset, "PerFrameFunctionalGroupsSequence"):
        for content in items(group, "FrameContentSequence")[:1]:
            stamp: Any = content.get("FrameAcquisitionDateTime") or content.get("FrameReferenceDateTime")
            moment = DT(stamp) if stamp else None
            if moment is not None:
                found.append(moment.timestamp())
    return found
