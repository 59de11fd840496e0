"""Pictures of what a quality check found: the worst slice or frame, with the place marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.imaging import Frame, Volume
from procguide.quality import Box, Examined, Kind
from procguide.quality.assess import Answer
from procguide.quality.planes import slice_axis

__all__ = ["write_fault_picture"]

_WINDOW_HU = (-160.0, 240.0)
_INCHES = 5.0


def write_fault_picture(path: Path, examined: Examined, answer: Answer) -> None:
    """A PNG of the place that ``answer`` is worst at, under its words."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    if answer.finding is None:
        raise ValueError("only what was judged has a picture")
    image, aspect, mark = _picture(examined, answer)
    figure = Figure(figsize=(_INCHES, _INCHES * 1.15), layout="constrained")
    axes = figure.subplots()
    low, high = _WINDOW_HU if examined.kind is Kind.CT else np.percentile(image, [0.5, 99.5])
    axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-3), aspect=aspect)
    if mark is not None:
        (top, left), (bottom, right) = mark
        axes.add_patch(
            Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, edgecolor="#e69f00")
        )
    if _is_upside_down(examined, answer):
        axes.invert_yaxis()
    axes.set_axis_off()
    axes.set_title(f"{answer.finding.severity}: {answer.finding.words}", fontsize=8, wrap=True)
    figure.savefig(path, dpi=100)


Corner = tuple[int, int]


def _is_upside_down(examined: Examined, answer: Answer) -> bool:
    """Whether rows run toward the head, or toward the front: a viewer shows both at the top."""
    if examined.volume is None:
        return False
    row = examined.volume.affine.directions[:, 0 if _axis(examined.volume, _box(answer)) else 1]
    nearest = int(np.argmax(np.abs(row)))
    return bool((nearest == 2 and row[2] > 0) or (nearest == 1 and row[1] < 0))


def _box(answer: Answer) -> Box | None:
    """The place of a score as a box; None for all of the image."""
    where = None if answer.score is None else answer.score.where
    if not isinstance(where, np.ndarray):
        return where
    index = np.argwhere(where)
    if not len(index):
        return None
    return Box(tuple(int(n) for n in index.min(0)), tuple(int(n) + 1 for n in index.max(0)))


def _axis(volume: Volume, where: Box | None) -> int:
    """The axis that is looked along: that along which the place is the smallest part of the whole."""
    if where is None:
        return slice_axis(volume.spacing)
    return int(np.argmin(np.subtract(where.high, where.low) / np.asarray(volume.shape)))


def _picture(examined: Examined, answer: Answer) -> tuple[NDArray[Any], float, tuple[Corner, Corner] | None]:
    """Pixels, height over width of one, and the corners of the place in it (None: all of it)."""
    where = _box(answer)
    if examined.volume is None:
        return _frame_picture(examined, answer, where)
    volume = examined.volume
    box = where or Box((0, 0, 0), volume.shape)
    axis = _axis(volume, where)
    number = (box.low[axis] + box.high[axis]) // 2 if where is not None else volume.shape[axis] // 2
    number = min(number, volume.shape[axis] - 1)
    image = np.take(volume.voxels, number, axis=axis)
    steps = np.delete(volume.spacing, axis)
    corners = [tuple(int(n) for n in np.delete(end, axis)) for end in (box.low, box.high)]
    whole = np.allclose(np.subtract(corners[1], corners[0]), image.shape)
    mark = None if whole else ((corners[0][0], corners[0][1]), (corners[1][0], corners[1][1]))
    return image, float(steps[0] / steps[1]), mark


def _frame_picture(
    examined: Examined, answer: Answer, where: Box | None
) -> tuple[NDArray[Any], float, tuple[Corner, Corner] | None]:
    """As :func:`_picture`, of a frame or the worst frame of a cine."""
    number = (answer.score.frame if answer.score is not None else None) or 0
    frame = examined.frame if examined.cine is None else examined.cine.frame(number)
    if not isinstance(frame, Frame):
        raise ValueError("neither a volume, a frame nor a cine was examined")
    shown = frame.shown()
    grey = shown.mean(axis=2) if shown.ndim == 3 else shown
    mark = None if where is None else ((where.low[0], where.low[1]), (where.high[0], where.high[1]))
    return grey, 1.0, mark
