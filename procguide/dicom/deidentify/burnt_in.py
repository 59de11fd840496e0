"""Text in the pixels: which images may show some, where it is, and how it goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    SegmentationStorage,
)

from procguide.dicom.decode import decoded_frames
from procguide.dicom.deidentify.regions import mask_of, ultrasound_regions
from procguide.dicom.deidentify.text_finder import TextFinder
from procguide.imaging.limits import MAX_VOXELS

__all__ = ["Blanked", "blank_text", "may_show_text", "store_frames", "stored_frames", "viewable_frames"]

_SLICES = frozenset(
    {
        CTImageStorage,
        EnhancedCTImageStorage,
        EnhancedMRImageStorage,
        LegacyConvertedEnhancedCTImageStorage,
        LegacyConvertedEnhancedMRImageStorage,
        MRImageStorage,
        PositronEmissionTomographyImageStorage,
        SegmentationStorage,
    }
)
_MARGIN = 2
_LOOKED_AT = 12
"""Pictures of a cine that are looked at: each is the brightest of its run of frames."""


@dataclass(frozen=True)
class Blanked:
    """What was taken from one object's pixels: boxes of text, and whether all outside the scan went too."""

    boxes: int
    frames: int
    outside_regions: bool


def may_show_text(dataset: Dataset) -> bool:
    """Whether burnt-in text is possible (PS3.3 C.7.6.1.1.7): all but plain slices, unless they say so."""
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        return True
    kinds = dataset.get("ImageType") or ()
    words = " ".join((kinds,) if isinstance(kinds, str) else (str(kind) for kind in kinds)).upper()
    return dataset.get("SOPClassUID") not in _SLICES or "SCREEN" in words


def blank_text(dataset: FileDataset, finder: TextFinder) -> Blanked:
    """Find text and blank it in every frame, in place; for ultrasound also all outside its regions.

    A box found in any frame is blanked in all. The pixels are stored uncompressed, so that the rest of
    the image stays as it was decoded.
    """
    frames = stored_frames(dataset)
    size = (frames.shape[1], frames.shape[2])
    regions = ultrasound_regions(dataset)
    mask = ~mask_of(regions, size) if regions else np.zeros(size, dtype=bool)
    outside = bool(regions) and bool(mask.any())
    blank = _blank_value(dataset, frames)
    frames[:, mask] = blank
    boxes = {box for picture in viewable_frames(dataset, frames) for box in finder.find(picture)}
    mask |= mask_of((box.grown(_MARGIN) for box in boxes), size)
    if boxes or outside:
        frames[:, mask] = blank
        store_frames(dataset, frames)
    return Blanked(len(boxes), len(frames) if boxes or outside else 0, outside)


def stored_frames(dataset: FileDataset) -> NDArray[Any]:
    """All decoded frames ``(n, j, i, samples)``, RGB where they are in any other colour space; a copy."""
    _refuse_too_large(dataset)
    stored = np.stack(list(decoded_frames(dataset)))
    return stored.reshape(_frames_shape(dataset, stored))


def _refuse_too_large(dataset: Dataset) -> None:
    values = int(dataset.Rows) * int(dataset.Columns)
    values *= max(int(dataset.get("NumberOfFrames") or 1), 1) * int(dataset.get("SamplesPerPixel") or 1)
    if not 0 < values <= MAX_VOXELS:
        raise ValueError(f"{values} values are more than can be looked through")


def _frames_shape(dataset: Dataset, stored: NDArray[Any]) -> tuple[int, int, int, int]:
    """``(n, j, i, samples)``."""
    samples = int(dataset.get("SamplesPerPixel") or 1)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    return stored.size // (rows * columns * samples), rows, columns, samples


def _blank_value(dataset: Dataset, frames: NDArray[Any]) -> int | NDArray[Any]:
    """What is shown black: the lowest stored value, the highest of MONOCHROME1, a palette's darkest."""
    photometric = dataset.PhotometricInterpretation
    if photometric == "PALETTE COLOR":
        present = np.unique(frames).reshape(-1, 1)
        return int(present[np.argmin(apply_color_lut(present, dataset).sum(axis=-1)), 0])
    return int(frames.max()) if photometric == "MONOCHROME1" else int(frames.min())


def viewable_frames(dataset: Dataset, frames: NDArray[Any]) -> Iterator[NDArray[np.uint8]]:
    """Pictures ``(j, i, 3)`` in which all text of the frames ``(n, j, i, samples)`` is to be seen.

    A few frames are shown one by one. Of a long cine, each picture is the brightest (for MONOCHROME1 the
    darkest) value of a run of frames, so that text shown for one frame alone is still there.
    """
    for run in np.array_split(np.arange(len(frames)), min(len(frames), _LOOKED_AT)):
        some = frames[run[0] : run[-1] + 1]
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            colours = np.stack([apply_color_lut(frame[..., 0], dataset) for frame in some])
            yield _as_bytes(colours.max(axis=0))
        elif dataset.PhotometricInterpretation == "MONOCHROME1":
            yield 255 - _as_bytes(some.min(axis=0))
        else:
            yield _as_bytes(some.max(axis=0))


def _as_bytes(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """``(j, i, 1 or 3)`` to 8 bits, from the 1st to the 99.9th percentile where there are more."""
    if picture.dtype != np.uint8:
        low, high = np.percentile(picture, (1.0, 99.9))
        scaled = (picture.astype(np.float32) - low) * (255 / max(float(high - low), 1.0))
        picture = np.clip(scaled, 0, 255).astype(np.uint8)
    return np.asarray(np.broadcast_to(picture, (*picture.shape[:2], 3)), dtype=np.uint8)


def store_frames(dataset: FileDataset, frames: NDArray[Any]) -> None:
    """The frames as native pixel data (PS3.5 8.1.1), RGB where they were in any other colour space."""
    samples = frames.shape[-1]
    if samples == 3:
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    bits = frames.dtype.itemsize * 8
    if bits != dataset.BitsAllocated:
        dataset.BitsAllocated = bits
    data = frames.astype(frames.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    dataset["PixelData"].is_undefined_length = False
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "PixelDataProviderURL"):
        dataset.pop(keyword, None)
