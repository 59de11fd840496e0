"""From a series to a volume: decoding, HU, padding, and the even lattice."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import ImplicitVRLittleEndian

from procguide.dicom.study import Series
from procguide.errors import InputUnfitError, InputUnreadableError
from procguide.imaging import Modality, Volume

__all__ = ["as_scanner_units", "read_volume"]

AIR_HU = -1024


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
    planes = []
    for plane in _planes(series):
        planes.append(plane)
        if on_progress is not None:
            on_progress(len(planes) / len(series.slices))
    voxels = _on_lattice(np.stack(planes), np.array([s.index for s in series.slices]), series.shape[0])
    if series.modality == "CT":
        voxels = np.maximum(voxels, AIR_HU)
    kind = Modality(series.modality) if series.modality in ("CT", "MR") else Modality.OTHER
    shape = "x".join(str(n) for n in voxels.shape)
    return Volume(voxels, series.grid.affine, kind, f"DICOM {series.modality} series, {shape} voxels")


def _planes(series: Series) -> Iterator[NDArray[Any]]:
    """Each slice in order, rescaled, ``(j, i)``; a file with several frames is decoded once a run."""
    for file, references in groupby(series.slices, key=lambda reference: reference.file):
        how = "damaged file"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pydicom's remarks on odd values; size is checked below
                dataset = _dataset(file)
                how = dataset.file_meta.TransferSyntaxUID.name
                pixels = dataset.pixel_array
                planes = [
                    _rescaled(
                        pixels[n] if pixels.ndim == 3 else pixels, dataset, n, ct=series.modality == "CT"
                    )
                    for n in (reference.frame for reference in references)
                ]
        except Exception as error:  # pydicom and its decoders raise almost anything on damaged files
            raise InputUnreadableError(
                f"the pixels of a slice cannot be decoded ({how}); export the series again, "
                "uncompressed if it can be"
            ) from error
        for plane in planes:
            if plane.shape != series.shape[1:]:
                raise InputUnreadableError(
                    "a slice has another size than its header says; export the series again"
                )
            yield plane


def _dataset(file: Path) -> FileDataset:
    """The whole file; a bare dataset of old, without the prefix of PS3.10, is implicit little endian."""
    dataset = dcmread(file, force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return dataset


def _rescaled(plane: NDArray[Any], dataset: Dataset, frame: int, *, ct: bool) -> NDArray[Any]:
    """Stored values to output units (PS3.3 C.11.1), padding (C.7.5.1.1.2) to air."""
    slope, intercept = _rescale(dataset, frame)
    if slope.is_integer() and intercept.is_integer():
        values = plane.astype(np.int32) * int(slope) + int(intercept)
    else:
        values = (plane * np.float64(slope) + intercept).astype(np.float32)
    padding = _padding(plane, dataset)
    if padding is not None and padding.any() and not padding.all():
        values[padding] = AIR_HU if ct else values[~padding].min()
    return _narrow(values)


def _rescale(dataset: Dataset, frame: int) -> tuple[float, float]:
    groups: list[Dataset] = []
    for keyword, item in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        sequence = dataset.get(keyword)
        if sequence and len(sequence) > item:
            groups += sequence[item].get("PixelValueTransformationSequence") or []
    for group in (*groups, dataset):
        slope, intercept = group.get("RescaleSlope"), group.get("RescaleIntercept")
        if slope not in (None, "") and intercept not in (None, ""):
            return float(slope) or 1.0, float(intercept)
    return 1.0, 0.0


def _padding(plane: NDArray[Any], dataset: Dataset) -> NDArray[np.bool_] | None:
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
    padding = (plane >= ends.min()) & (plane <= ends.max())
    return np.asarray(padding) if padding[[0, 0, -1, -1], [0, -1, 0, -1]].any() else None


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers as int16 where it holds them, else int32; others as float32."""
    if values.dtype.kind == "f":
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
