"""Where frames come from while something is live: a recorded run, a folder of pictures, a video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from procguide.errors import InputUnreadableError, MissingPartError
from procguide.imaging.frame import Frame, View

__all__ = [
    "PICTURE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "FrameSource",
    "PictureFolder",
    "VideoFile",
]

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".mpg", ".mpeg", ".webm")


@runtime_checkable
class FrameSource(Protocol):
    """Frames in the order of their time; a :class:`~procguide.imaging.Cine` is one.

    Iterating may block until the next frame is there and ends where the source does; a frame's pixels stay
    as they are after the next has come. ``rate_hz`` is the frames a second, None where it is not known.
    A source is used from one thread. What cannot be read raises a
    :class:`~procguide.errors.ProcguideError`.
    """

    @property
    def rate_hz(self) -> float | None:
        """Frames a second, or None."""

    def __iter__(self) -> Iterator[Frame]:
        """Each frame, from the first."""


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a folder in the order of their names, grey or RGB. ``modality`` is DICOM's word."""

    folder: Path
    modality: str
    rate_hz: float | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The pictures, in order."""
        return tuple(sorted(f for f in self.folder.iterdir() if f.suffix.lower() in PICTURE_SUFFIXES))

    def __iter__(self) -> Iterator[Frame]:
        """Read one after the other."""
        view = View(self.modality, why_unmeasurable="a picture file does not say how large its pixels are")
        for n, file in enumerate(self.files):
            time = None if self.rate_hz is None else n / self.rate_hz
            yield Frame(_picture(file), view, time, f"picture {n}")


def _picture(file: Path) -> NDArray[Any]:
    from PIL import Image

    try:
        with Image.open(file) as picture:
            kept = picture if picture.mode in ("L", "RGB", "I;16") else picture.convert("RGB")
            pixels = np.asarray(kept)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputUnreadableError(f"a picture cannot be read ({type(error).__name__})") from error
    return _grey_if_grey(pixels)


def _grey_if_grey(pixels: NDArray[Any]) -> NDArray[Any]:
    """One channel where all three are the same."""
    if pixels.ndim == 3 and bool((pixels[..., :1] == pixels).all()):
        return np.ascontiguousarray(pixels[..., 0])
    return pixels


@dataclass(frozen=True)
class VideoFile:
    """A video's frames as RGB, or grey where they are. Needs OpenCV. ``modality`` is DICOM's word."""

    path: Path
    modality: str

    @property
    def rate_hz(self) -> float | None:
        """As the file says it."""
        cv2 = _opencv()
        rate = float(self._open().get(cv2.CAP_PROP_FPS))
        return rate if 0 < rate < 1000 else None

    def _open(self) -> Any:
        capture = _opencv().VideoCapture(str(self.path))
        if not capture.isOpened():
            raise InputUnreadableError("the video cannot be read; give MP4, AVI or a folder of pictures")
        return capture

    def __iter__(self) -> Iterator[Frame]:
        """Decode one after the other."""
        view = View(self.modality, why_unmeasurable="a video does not say how large its pixels are")
        capture, rate, n = self._open(), self.rate_hz, 0
        try:
            while True:
                there, blue_first = capture.read()
                if not there:
                    break
                pixels = _grey_if_grey(np.ascontiguousarray(blue_first[..., ::-1]))
                yield Frame(pixels, view, None if rate is None else n / rate, f"video frame {n}")
                n += 1
        finally:
            capture.release()
        if n == 0:
            raise InputUnreadableError("the video holds no frame that can be read")


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise MissingPartError("videos need OpenCV: pip install 'procguide[video]'") from error
    return cv2
