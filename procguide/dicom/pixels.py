"""From a series to a volume: decoding, HU, padding, and the even lattice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from procguide.dicom.decode import decoded_frames, explained, quietly, read_pixels
from procguide.dicom.elements import items, numbers, whole
from procguide.dicom.guard import check_series
from procguide.dicom.study import Series
from procguide.errors import InputUnfitError, InputUnreadableError
from procguide.imaging import Modality, Volume

__all__ = ["as_scanner_units", "output_units", "padding_of", "read_volume", "within_stored_bits"]

AIR_HU = -1024
_BYTES_EACH = 2
_MOST_GAPS = 4
_FREE_GAPS = 64
"""A lattice of more than four times the slices, and some, is no stack with gaps. Assumed."""


def read_volume(series: Series, on_progress: Callable[[float], None] | None = None) -> Volume:
    """The series' voxels ``(k, j, i)`` on its lattice: CT in HU, others in the scanner's units.

    Whole numbers stay int16 (int32 if they must). Padding outside the scan field becomes -1024 HU, and
    nothing in CT is below that. Missing and uneven slices are interpolated linearly along k; the
    series' findings say so, and forbid planning where it is too much.
    """
    if series.volume is not None:
        return series.volume
    if series.grid is None:
        raise InputUnfitError(
            f"the {series.modality} series is {series.usable_for}; choose a CT or MR series"
        )
    count = len(series.slices)
    if series.shape[0] > _MOST_GAPS * count + _FREE_GAPS:
        raise InputUnfitError(
            f"{count} slices lie over {max(series.extent_mm):.0f} mm: too far apart for one stack; "
            "export the series again"
        )
    check_series(prod(series.shape), _BYTES_EACH, series.files)
    planes = np.empty((count, *series.shape[1:]), np.int16)
    with quietly():
        for done, (n, plane) in enumerate(_planes(series), start=1):
            planes = planes.astype(np.result_type(planes, plane), copy=False)
            planes[n] = plane
            if on_progress is not None:
                on_progress(done / count)
    voxels = _on_lattice(planes, np.array([s.index for s in series.slices]), series.shape[0])
    kind = Modality(series.modality) if series.modality in ("CT", "MR") else Modality.OTHER
    shape = "x".join(str(n) for n in voxels.shape)
    return Volume(voxels, series.grid.affine, kind, f"DICOM {series.modality} series, {shape} voxels")


def _planes(series: Series) -> Iterator[tuple[int, NDArray[Any]]]:
    """Each slice's number in the series and its values ``(j, i)``; a file is read and decoded once."""
    wanted: dict[Path, dict[int, int]] = {}
    for n, reference in enumerate(series.slices):
        wanted.setdefault(reference.file, {})[reference.frame] = n
    for file, numbers_of in wanted.items():
        found = 0
        for frame, plane in _values(file, series, frozenset(numbers_of)):
            if plane.shape != series.shape[1:]:
                raise InputUnreadableError(
                    "a slice has another size than its header says; export the series again"
                )
            found += 1
            yield numbers_of[frame], plane
        if found != len(numbers_of):
            raise InputUnreadableError("a file has fewer frames than it had; export the series again")


def _values(file: Path, series: Series, frames: frozenset[int]) -> Iterator[tuple[int, NDArray[Any]]]:
    """The ``frames`` of a file in output units."""
    dataset: Dataset | None = None
    try:
        dataset = read_pixels(file)
        for frame, stored in enumerate(decoded_frames(dataset)):
            if frame in frames:
                yield frame, _rescaled(stored, dataset, frame, ct=series.modality == "CT")
    except Exception as error:  # pydicom and its decoders raise almost anything on damaged files
        reason = explained(error, dataset)
        reason.file = file
        raise reason from error


def _rescaled(stored: NDArray[Any], dataset: Dataset, frame: int, *, ct: bool) -> NDArray[Any]:
    """Stored values to output units (PS3.3 C.11.1), padding (C.7.5.1.1.2) to air."""
    padding = padding_of(stored, dataset)
    values = output_units(within_stored_bits(stored, dataset, padding), *_rescale(dataset, frame))
    if padding is not None and not padding.all():
        values[padding] = AIR_HU if ct else values[~padding].min()
        values = _narrow(values)
    return np.maximum(values, AIR_HU, out=values) if ct else values


def output_units(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """``stored * slope + intercept`` as a new array: int16 where it holds them, else int32, else float32."""
    if stored.dtype.kind == "f" or not (slope.is_integer() and intercept.is_integer()):
        return (stored * np.float64(slope) + intercept).astype(np.float32)
    ends = sorted(int(end) * int(slope) + int(intercept) for end in (stored.min(), stored.max()))
    if slope == 1 and ends[0] >= -(2**15) and ends[1] < 2**15:
        values = stored.astype(np.int16)  # wraps, and so does the sum: back to where it belongs
        values += np.int16((int(intercept) + 2**15) % 2**16 - 2**15)
        return values
    wide = np.int32 if max(map(abs, (*ends, int(slope), int(intercept)))) < 2**31 else np.int64
    return _narrow(stored.astype(wide) * int(slope) + int(intercept))


def within_stored_bits(
    stored: NDArray[Any], dataset: Dataset, padding: NDArray[np.bool_] | None = None
) -> NDArray[Any]:
    """Without what stands in bits that are not the image's: overlays of old, missing signs (PS3.5 8.1.1)."""
    allocated, used = whole(dataset, "BitsAllocated"), whole(dataset, "BitsStored")
    spare = allocated - used
    if stored.dtype.kind not in "iu" or not 0 < used < allocated or stored.dtype.itemsize * 8 != allocated:
        return stored
    high, signed = whole(dataset, "HighBit", used - 1), stored.dtype.kind == "i"
    above = max(allocated - 1 - high, 0)
    low_end, high_end = (-(2 ** (used - 1)), 2 ** (used - 1)) if signed else (0, 2**used)
    if above == spare and low_end <= int(stored.min()) and int(stored.max()) < high_end:
        return stored
    cleaned = np.right_shift(np.left_shift(stored, above), spare)
    return cleaned if padding is None else np.where(padding, stored, cleaned)


def _rescale(dataset: Dataset, frame: int) -> tuple[float, float]:
    groups: list[Dataset] = []
    for keyword, item in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        sequence = items(dataset, keyword)
        if len(sequence) > item:
            groups += items(sequence[item], "PixelValueTransformationSequence")
    for group in (*groups, dataset):
        slope, intercept = numbers(group, "RescaleSlope"), numbers(group, "RescaleIntercept")
        if slope and intercept:
            return slope[0] or 1.0, intercept[0]
    return 1.0, 0.0


def padding_of(plane: NDArray[Any], dataset: Dataset) -> NDArray[np.bool_] | None:
    """Where the scanner filled in: the padding value, where a corner of the slice has it.

    A corner must have it because some files name a padding value that their tissue also has.
    """
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = np.array([value, limit if isinstance(limit, int) else value])
    if dataset.PixelRepresentation:  # written as unsigned by some
        ends[ends >= 2 ** (dataset.BitsAllocated - 1)] -= 2**dataset.BitsAllocated
    low, high = ends.min(), ends.max()
    corners = plane[[0, 0, -1, -1], [0, -1, 0, -1]]
    if not ((corners >= low) & (corners <= high)).any():
        return None
    return np.asarray(plane == low if low == high else (plane >= low) & (plane <= high))


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers as int16 where it holds them, else int32; others as float32."""
    if values.dtype.kind == "f" or values.dtype.itemsize > 4:
        return values.astype(np.float32, copy=False)
    fits = int(values.min()) >= -(2**15) and int(values.max()) < 2**15
    return values.astype(np.int16 if fits else np.int32, copy=False)


def as_scanner_units(volume: Volume) -> Volume:
    """An image file's volume as a DICOM series would give it: narrow integers, CT not below air."""
    voxels = _narrow(volume.voxels)
    if volume.modality is Modality.CT:
        voxels = np.maximum(voxels, AIR_HU)
    return volume.with_voxels(voxels)


def _on_lattice(planes: NDArray[Any], index: NDArray[np.float64], count: int) -> NDArray[Any]:
    """Slices at fractional ``index`` to whole k = 0..count-1, linearly between neighbours."""
    if len(planes) == count and np.allclose(index, np.arange(count), atol=1e-9):
        return planes
    upper = np.clip(np.searchsorted(index, np.arange(count)), 1, len(index) - 1)
    weight = np.clip((np.arange(count) - index[upper - 1]) / (index[upper] - index[upper - 1]), 0, 1)
    result = np.empty((count, *planes.shape[1:]), dtype=planes.dtype)
    for k in range(count):
        mixed = planes[upper[k] - 1] * (1 - weight[k]) + planes[upper[k]] * weight[k]
        result[k] = np.rint(mixed) if planes.dtype.kind == "i" else mixed
    return result
