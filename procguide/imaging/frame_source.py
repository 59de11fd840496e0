"""Where frames come from while something is live: a recorded run, pictures, a folder that fills, a video."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from procguide.errors import InputUnreadableError, MissingPartError, ProcguideError
from procguide.imaging.frame import Frame, View

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "PICTURE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "FilledFolder",
    "FrameList",
    "FrameSource",
    "Pictures",
    "VideoFile",
    "in_order",
    "picture_size",
]

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".mpg", ".mpeg", ".webm")
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
_MOST_PIXELS = 2**26
"""Of one picture or video frame, 8192 x 8192: no detector or screen has as many. Assumed."""
_UNSAID = "a picture or video does not say how large its pixels are"


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


@dataclass(frozen=True, eq=False)
class FrameList:
    """Frames that are at hand already."""

    frames: tuple[Frame, ...]
    rate_hz: float | None = None

    def __iter__(self) -> Iterator[Frame]:
        """One after the other."""
        return iter(self.frames)


@dataclass(frozen=True)
class Pictures:
    """Picture files, grey or RGB, one after the other. ``modality`` is DICOM's word, OT where not known."""

    files: tuple[Path, ...]
    modality: str = "OT"
    rate_hz: float | None = None

    @classmethod
    def of_folder(cls, folder: Path, modality: str = "OT", rate_hz: float | None = None) -> Pictures:
        """The pictures that lie in a folder, by :func:`in_order`."""
        return cls(_pictures_in(folder), modality, rate_hz)

    def __iter__(self) -> Iterator[Frame]:
        """Read one after the other."""
        view = View(self.modality, why_unmeasurable=_UNSAID)
        for n, file in enumerate(self.files):
            when = None if self.rate_hz is None else n / self.rate_hz
            yield Frame(_read(file), view, when, f"picture {n}")


@dataclass(frozen=True)
class FilledFolder:
    """A folder that a frame grabber writes pictures into; it ends when none has come for ``patience_s``.

    Pictures that are there at the start come first. One that cannot be read, as it is not written to its end
    yet, is tried again and does not hold up the others. Times are those at which a picture was found, from
    the first.
    """

    folder: Path
    modality: str = "OT"
    patience_s: float = 5.0
    pause_s: float = 0.01
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    def rate_hz(self) -> float | None:
        """Not known before they come."""
        return None

    def __iter__(self) -> Iterator[Frame]:
        """Wait for one after the other."""
        view = View(self.modality, why_unmeasurable=_UNSAID)
        seen: set[Path] = set()
        start = last = self.clock()
        while True:
            fresh = [file for file in _pictures_in(self.folder) if file not in seen]
            found = next(_readable(fresh), None)
            now = self.clock()
            if found is not None:
                file, pixels = found
                start = now if not seen else start
                yield Frame(pixels, view, now - start, f"picture {len(seen)}")
                seen.add(file)
                last = self.clock()
            elif now - last > self.patience_s:
                if fresh and not seen:
                    _read(fresh[0])  # says what is wrong with it
                return
            else:
                self.sleep(self.pause_s)


def _readable(files: Iterable[Path]) -> Iterator[tuple[Path, NDArray[Any]]]:
    for file in files:
        with suppress(InputUnreadableError):
            yield file, _read(file)


def in_order(files: Iterable[Path]) -> tuple[Path, ...]:
    """By folder and name, numbers in names as numbers: ``frame 2`` before ``frame 10``."""

    def key(file: Path) -> tuple[str, list[str | int]]:
        parts = re.split(r"([0-9]+)", file.name.lower())
        return str(file.parent), [int(part) if n % 2 else part for n, part in enumerate(parts)]

    return tuple(sorted(files, key=key))


def _pictures_in(folder: Path) -> tuple[Path, ...]:
    return in_order(file for file in folder.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)


def picture_size(file: Path) -> tuple[int, int]:
    """Rows and columns by the file's header, within what is read."""
    with _opened(file) as picture:
        return picture.height, picture.width


def _read(file: Path) -> NDArray[Any]:
    """Grey ``(j, i)`` or RGB ``(j, i, 3)``."""
    with _opened(file) as picture:
        kept = picture if picture.mode in ("L", "RGB", "I;16") else picture.convert("RGB")
        return _grey_if_grey(np.asarray(kept))


@contextmanager
def _opened(file: Path) -> Iterator[Image]:
    """A picture whose header was read and found within bounds; its pixels are not decoded yet."""
    from PIL import Image

    try:
        with Image.open(file, formats=_FORMATS) as picture:
            _check_size(picture.height, picture.width)
            yield picture
    except ProcguideError:
        raise
    except Exception as error:  # Pillow raises almost anything on damaged files
        raise InputUnreadableError(
            f"the picture {file.name!r} cannot be read ({type(error).__name__}); get it again from its source"
        ) from error


def _check_size(rows: int, columns: int) -> None:
    if min(rows, columns) < 1 or rows * columns > _MOST_PIXELS:
        raise InputUnreadableError(
            f"a picture claims {columns} x {rows} pixels, and at most {_MOST_PIXELS} are read; "
            "it is damaged, or must be made smaller first"
        )


def _grey_if_grey(pixels: NDArray[Any]) -> NDArray[Any]:
    """One channel where all three are the same."""
    if pixels.ndim == 3 and bool((pixels[..., :1] == pixels).all()):
        return np.ascontiguousarray(pixels[..., 0])
    return pixels


@dataclass(frozen=True)
class VideoFile:
    """A video's frames as RGB, or grey where they are. Needs OpenCV. ``modality`` is DICOM's word."""

    path: Path
    modality: str = "OT"

    @property
    def rate_hz(self) -> float | None:
        """As the file says it."""
        rate = self._said("CAP_PROP_FPS")
        return rate if 0 < rate < 1000 else None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, rows and columns as the file claims them; of the frames often an estimate."""
        frames, rows, columns = (
            int(max(self._said(f"CAP_PROP_FRAME_{name}"), 1)) for name in ("COUNT", "HEIGHT", "WIDTH")
        )
        return frames, rows, columns

    def _said(self, name: str) -> float:
        capture = self._open()
        try:
            return float(capture.get(getattr(_opencv(), name)))
        finally:
            capture.release()

    def _open(self) -> Any:
        cv2 = _opencv()
        capture = cv2.VideoCapture(str(self.path))
        if not capture.isOpened():
            raise InputUnreadableError(
                f"the video {self.path.name!r} cannot be read; give MP4, AVI or a folder of pictures"
            )
        _check_size(int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)))
        return capture

    def __iter__(self) -> Iterator[Frame]:
        """Decode one after the other."""
        view = View(self.modality, why_unmeasurable=_UNSAID)
        rate, capture, n = self.rate_hz, self._open(), 0
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
