"""Pictures, videos and tracked sequences as series: no header says how large their pixels are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from math import prod
from pathlib import Path

import numpy as np

from procguide.dicom.fitness import usable_for
from procguide.dicom.study import Series
from procguide.errors import InputUnfitError, InputUnreadableError
from procguide.findings import Finding, Severity
from procguide.imaging import Cine, Frame, View
from procguide.imaging.frame_source import (
    PICTURE_SUFFIXES,
    VIDEO_SUFFIXES,
    Pictures,
    VideoFile,
    in_order,
    picture_size,
)
from procguide.imaging.tracked import TrackedSequence, is_tracked_sequence

__all__ = ["is_picture", "read_pictures", "series_of_pictures"]

_MOST_BYTES = 2**31
"""Of a series decoded at once: 2 GiB. Assumed."""


def is_picture(path: Path) -> bool:
    """Whether the name is a picture's or a video's, or the file a tracked sequence of frames."""
    return path.suffix.lower() in (*PICTURE_SUFFIXES, *VIDEO_SUFFIXES) or is_tracked_sequence(path)


def series_of_pictures(files: Iterable[Path]) -> tuple[list[Series], int]:
    """A series for each video or sequence, and for pictures of one size in one folder; how many are damaged.

    Only headers are read. Where every file is damaged, what is wrong with the first is raised.
    """
    sizes: dict[tuple[Path, int, int], list[Path]] = defaultdict(list)
    series, wrong = [], []
    for file in in_order(filter(is_picture, files)):
        try:
            recorded = _recorded(file)
            if recorded is not None:
                series.append(_series(recorded, (file,), recorded.shape))
            else:
                sizes[file.parent, *picture_size(file)].append(file)
        except InputUnreadableError as error:
            wrong.append(error)
    for (_, rows, columns), alike in sizes.items():
        series.append(_series(Pictures(tuple(alike)), tuple(alike), (len(alike), rows, columns)))
    if wrong and not series:
        raise wrong[0]
    return series, len(wrong)


def _recorded(file: Path) -> VideoFile | TrackedSequence | None:
    """The file as frames one after the other; None for a single picture."""
    if file.suffix.lower() in VIDEO_SUFFIXES:
        return VideoFile(file)
    return TrackedSequence(file) if is_tracked_sequence(file) else None


def _series(
    pictures: Pictures | VideoFile | TrackedSequence, files: tuple[Path, ...], shape: tuple[int, int, int]
) -> Series:
    tracked = isinstance(pictures, TrackedSequence)
    finding = Finding(
        "picture",
        Severity.STOP,
        "A tracked sequence does not say how large its pixels are."
        if tracked
        else "A picture or video says neither what made it nor how large its pixels are.",
        "Give the DICOM originals to plan or measure on.",
    )
    return Series(
        uid="",
        modality=pictures.modality,
        description="",
        files=files,
        shape=shape,
        grid=None,
        findings=(finding,),
        usable_for=usable_for([finding]),
        view=View(
            pictures.modality, why_unmeasurable="a picture or video does not say how large its pixels are"
        ),
        pictures=pictures,
    )


def read_pictures(series: Series) -> tuple[Frame | Cine, ...]:
    """Each picture as a frame; a video or sequence as one cine, in colour if any of its frames is."""
    assert series.pictures is not None  # noqa: S101
    if 3 * prod(series.shape) > _MOST_BYTES:
        raise InputUnfitError(
            f"{series.shape[0]} frames of {series.shape[2]} x {series.shape[1]} pixels are too many to hold "
            "at once; give fewer, or use procguide watch, which takes one after the other"
        )
    if isinstance(series.pictures, Pictures):
        return tuple(series.pictures)
    return (_cine(series.pictures),)


def _cine(video: VideoFile | TrackedSequence) -> Cine:
    frames, held = [], 0
    for frame in video:
        frames.append(frame)
        held += frame.pixels.nbytes
        if held > _MOST_BYTES:
            raise InputUnfitError("the video holds more frames than it claims, too many to hold at once")
    if len({frame.pixels.ndim for frame in frames}) > 1:
        pixels = np.stack([_coloured(frame) for frame in frames])
    else:
        pixels = np.stack([frame.pixels for frame in frames])
    said = [frame.time_s for frame in frames if frame.time_s is not None]
    times = np.array(said) if len(said) == len(frames) else None
    kind = "video" if isinstance(video, VideoFile) else "tracked sequence"
    return Cine(pixels, (frames[0].view,), times, f"{kind}, {'x'.join(map(str, pixels.shape))}")


def _coloured(frame: Frame) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    pixels = frame.pixels if frame.pixels.ndim == 3 else np.repeat(frame.pixels[..., None], 3, axis=2)
    return np.asarray(pixels, np.uint8)
