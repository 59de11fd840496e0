"""From a file or series without slices to frames and cines: X-ray, ultrasound, secondary capture."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

from procguide.dicom.decode import PIXEL_TAGS, decoded_frames, explained, quietly, read_pixels
from procguide.dicom.elements import first_text, numbers, tags_of, whole
from procguide.dicom.frame_view import VIEW_TAGS, times_of, views_of
from procguide.dicom.guard import check_segmented_palette, check_series
from procguide.dicom.parse import parse_header
from procguide.dicom.pictures import read_pictures
from procguide.dicom.pixels import output_units, padding_of, within_stored_bits
from procguide.dicom.study import Series
from procguide.errors import InputUnfitError, InputUnreadableError
from procguide.imaging import Cine, Frame, View

__all__ = ["describe_frames", "read_frames"]

_SEGMENTED = (
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    "SegmentedAlphaPaletteColorLookupTableData",
)
_PALETTE_TAGS = tags_of(
    "ModalityLUTSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "AlphaPaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "AlphaPaletteColorLookupTableData",
    "PaletteColorLookupTableUID",
    *_SEGMENTED,
)
_TAGS = tuple(sorted({*PIXEL_TAGS, *VIEW_TAGS, *_PALETTE_TAGS}))
_INTENSITY_ONLY = frozenset(("XA", "RF"))
"""Their modality table leads back to X-ray intensity and is not for showing (PS3.3 C.8.7.1.1.2)."""


def describe_frames(file: Path) -> tuple[View, NDArray[np.float64] | None]:
    """The first frame's view and all frames' times in s (None where unknown), from the header alone."""
    with quietly():
        parsed = parse_header(file, VIEW_TAGS)
        if parsed is None:
            raise InputUnreadableError("a file is no longer DICOM; read the folder again")
        dataset = parsed.dataset
        frames = max(whole(dataset, "NumberOfFrames", 1), 1)
        times = times_of(dataset, frames) if frames > 1 else None
        return views_of(dataset, first_only=True)[0], times


def read_frames(
    series: Series, on_progress: Callable[[float], None] | None = None
) -> tuple[Frame | Cine, ...]:
    """The images of ``series``, one for each file in its order: a frame, or a cine of several.

    Grey values are as after the modality transformation; colours are RGB, whatever they were stored as.
    """
    if series.pictures is not None:
        return read_pictures(series)
    if series.volume is not None or not all(series.shape):
        raise InputUnfitError(
            f"the {series.modality} series is {series.usable_for}: it has no frames to read"
        )
    colour = series.view is not None and series.view.colour
    check_series(prod(series.shape), 3 if colour else 2, series.files)
    images = []
    for file in series.files:
        images.append(_read(file))
        if on_progress is not None:
            on_progress(len(images) / len(series.files))
    return tuple(images)


def _read(file: Path) -> Frame | Cine:
    dataset: Dataset | None = None
    with quietly():
        try:
            dataset = read_pixels(file, _TAGS)
            frames = max(whole(dataset, "NumberOfFrames", 1), 1)
            pixels, padding = _all_frames(dataset, frames)
            views, times = views_of(dataset), times_of(dataset, frames)
        except Exception as error:  # pydicom and its decoders raise almost anything on damaged files
            raise explained(error, dataset) from error
    source = f"DICOM {views[0].modality}, {'x'.join(map(str, pixels.shape))}"
    if frames == 1:
        return Frame(pixels[0], views[0], None, source, None if padding is None else padding[0])
    return Cine(pixels, views if len(views) in (1, frames) else views[:1], times, source, padding)


def _all_frames(dataset: Dataset, frames: int) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Pixels ``(t, j, i)`` or ``(t, j, i, 3)``, and where any frame has padding, ``(t, j, i)``."""
    pixels: NDArray[Any] | None = None
    padding: NDArray[np.bool_] | None = None
    found = 0
    for found, stored in enumerate(decoded_frames(dataset), start=1):
        values, blank = _grey_or_colour(stored, dataset)
        if pixels is None:
            pixels = np.empty((frames, *values.shape), values.dtype)
        pixels = pixels.astype(np.result_type(pixels, values), copy=False)
        pixels[found - 1] = values
        if blank is not None:
            padding = np.zeros(pixels.shape[:3], np.bool_) if padding is None else padding
            padding[found - 1] = blank
    if pixels is None or found != frames:
        raise ValueError(f"{frames - found} frames are missing")
    return pixels, padding


def _through_palette(stored: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """RGB by the file's palette (PS3.3 C.7.6.3.1.5, C.7.9.2)."""
    descriptor = numbers(dataset, "RedPaletteColorLookupTableDescriptor")
    bits = int(descriptor[2]) if len(descriptor) == 3 else 16
    for keyword in _SEGMENTED:
        data = dataset.get(keyword)
        if isinstance(data, bytes):
            entries = np.frombuffer(data, "u1" if bits == 8 else "<u2", len(data) // (bits // 8))
            check_segmented_palette(tuple(entries.tolist()), eight_bits=bits == 8)
    colours = np.asarray(apply_color_lut(stored, dataset))[..., :3]
    return colours.astype(np.uint8) if bits == 8 else colours  # entries of 8 bits may stand in 16


def _grey_or_colour(stored: NDArray[Any], dataset: Dataset) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """RGB, or grey values after the modality transformation with where there is padding; may be a view."""
    if stored.ndim == 3:
        return stored[..., :3], None
    if first_text(dataset, "PhotometricInterpretation") == "PALETTE COLOR":
        return _through_palette(stored, dataset), None
    padding = padding_of(stored, dataset)
    values = within_stored_bits(stored, dataset, padding)
    if first_text(dataset, "Modality") not in _INTENSITY_ONLY and dataset.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(values, dataset)), padding
    slope, intercept = numbers(dataset, "RescaleSlope"), numbers(dataset, "RescaleIntercept")
    if slope and intercept and (slope[0], intercept[0]) != (1.0, 0.0):
        return output_units(values, slope[0] or 1.0, intercept[0]), padding
    return values, padding
