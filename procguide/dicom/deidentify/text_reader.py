"""Reads the text that is still in written pictures: Tesseract, where it is installed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.pixels.utils import pixel_array

from procguide.dicom.deidentify.burnt_in import viewable_frames

__all__ = ["TesseractReader", "TextReader", "pictures_of", "tesseract"]

_SURE = 60
_SCATTERED = "--psm 11"


class TextReader(Protocol):
    """Another pair of eyes than the finder's. It blocks, keeps nothing, and reaches no network."""

    name: str

    def read(self, picture: NDArray[np.uint8]) -> tuple[str, ...]:
        """Words in ``picture`` ``(j, i, 3)`` that it is sure of."""
        ...


class TesseractReader:
    """Tesseract's own program, on text that lies anywhere."""

    name = "Tesseract"

    def read(self, picture: NDArray[np.uint8]) -> tuple[str, ...]:
        """Words of any length read with a confidence of 60 of 100 or more."""
        import pytesseract
        from PIL import Image

        image = Image.fromarray(picture)
        table = pytesseract.image_to_data(image, config=_SCATTERED, output_type=pytesseract.Output.DICT)
        sure = zip(table["text"], table["conf"], strict=True)
        return tuple(word.strip() for word, confidence in sure if word.strip() and float(confidence) >= _SURE)


def tesseract() -> TesseractReader | None:
    """The reader, where both the program and its Python binding are installed."""
    try:
        import pytesseract  # noqa: F401 (whether it is there)
    except ImportError:
        return None
    return TesseractReader() if shutil.which("tesseract") else None


def pictures_of(file: Path) -> tuple[NDArray[np.uint8], ...]:
    """First, middle and last frame of a written image as they are shown."""
    dataset = dcmread(file)
    frames = pixel_array(dataset)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    frames = frames.reshape(-1, int(dataset.Rows), int(dataset.Columns), samples)
    chosen = sorted({0, len(frames) // 2, len(frames) - 1})
    return tuple(viewable_frames(dataset, frames[chosen]))
