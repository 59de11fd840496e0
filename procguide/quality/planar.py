"""One 2D picture made ready for its checks: brightness, reduced, with where the light or the echoes are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.imaging import Frame, Window
from procguide.quality.nouns import Box, Examined, Kind, Score, Worse

__all__ = ["Planar", "XrayField", "each_frame", "planar_of", "to_box", "xray_field"]

_LONG_SIDE = 512
_LOOKED_AT = 12
"""Frames of a cine that are looked at, evenly spaced."""


@dataclass(frozen=True, eq=False)
class Planar:
    """A picture as shown, 0 black to 1 white, in blocks of ``factor`` pixels.

    ``mean``, ``span`` (brightest less darkest) and ``grain`` (standard deviation of noise, full resolution)
    are ``(j, i)`` of blocks. ``values`` are the pixels as they came, or the brightest of their colours;
    ``low`` and ``high`` are the values of black and white, the other way round where the file inverts.
    """

    values: NDArray[Any]
    low: float
    high: float
    factor: int
    mean: NDArray[np.float32]
    span: NDArray[np.float32]
    grain: NDArray[np.float32]
    coloured: NDArray[np.uint8] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        rows, columns = self.mean.shape
        return (rows, columns)


def planar_of(frame: Frame) -> Planar:
    """Make a frame ready."""
    from procguide.quality._planar_kernels import brightest_of_colours, reduced

    values, coloured = np.ascontiguousarray(frame.pixels), None
    if values.ndim == 3:
        values, coloured = brightest_of_colours(values)
    low, high = _range(values, frame)
    factor = max(round(max(values.shape) / _LONG_SIDE), 1)
    mean, span, grain = reduced(values, factor, low, high)
    if frame.view.inverted:
        mean = 1 - mean
        low, high = high, low
    return Planar(values, low, high, factor, mean, span, grain, coloured)


def _range(values: NDArray[Any], frame: Frame) -> tuple[float, float]:
    """The values shown black and white: the file's window, else what bytes can hold, else all there are."""
    window = next(iter(frame.view.windows), None)
    if isinstance(window, Window):
        return window.centre - window.width / 2, window.centre + window.width / 2
    if values.dtype == np.uint8:
        return 0.0, 255.0
    low, high = float(values.min()), float(values.max())
    return low, max(high, low + 1e-6)


@dataclass(frozen=True, eq=False)
class XrayField:
    """An X-ray picture's light: how much radiation came through, 0..1 by the display's scale.

    ``light`` and ``field`` are ``(j, i)`` of blocks of ``factor`` pixels; ``field`` is what shutters leave
    open (of a radiograph, without open air at its border, which is shown as black as they are).
    """

    planar: Planar
    light: NDArray[np.float32]
    field: NDArray[np.bool_]
    shut: bool

    @property
    def factor(self) -> int:
        """Pixels along one side of a block."""
        return self.planar.factor

    @cached_property
    def inner(self) -> NDArray[np.bool_]:
        """The field without a rim of 2 % of the picture, where the shutters' shadow falls."""
        from scipy.ndimage import binary_erosion

        rim = max(round(0.02 * max(self.light.shape)), 1)
        if not self.shut:
            return self.field
        return np.asarray(binary_erosion(self.field, iterations=rim, border_value=1))


_FLAT = 0.03
_DARK = 0.05


def xray_field(frame: Frame, kind: Kind) -> XrayField:
    """Where radiation fell. Fluoroscopy is shown bright where much came through, radiographs dark."""
    planar = planar_of(frame)
    outside = _outside(planar)
    shut = bool(outside.any())
    light = 1 - planar.mean if kind is Kind.RADIOGRAPH else planar.mean
    return XrayField(planar, light, ~outside, shut)


def _outside(planar: Planar) -> NDArray[np.bool_]:
    """Flat black that reaches the border and ends at an edge, as shutters' shadow does.

    Where it is nearly everything there is no field to speak of.
    """
    from scipy.ndimage import binary_closing, label

    black = (planar.mean < _DARK) & (planar.span < _FLAT)
    if not black.any():
        return black
    parts, count = label(black)
    border = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    keep = np.zeros(count + 1, bool)
    keep[border] = True
    keep[0] = False
    keep &= sizes > 0.002 * black.size
    for n in np.flatnonzero(keep):
        keep[n] = _ends_sharply(parts == n, planar.mean)
    found = np.asarray(keep[parts])
    if found.any():
        found = np.asarray(binary_closing(np.pad(found, 3, mode="edge"), iterations=2)[3:-3, 3:-3]) | found
    return found if found.mean() < 0.98 else np.zeros_like(found)


def _ends_sharply(part: NDArray[np.bool_], mean: NDArray[np.float32]) -> bool:
    """Whether it is bright a few blocks beyond the part's bounds: dense tissue darkens gradually instead."""
    from scipy.ndimage import binary_dilation

    near = np.asarray(binary_dilation(part, iterations=3))
    ring = np.asarray(binary_dilation(near)) & ~near
    return not ring.any() or float(np.median(mean[ring])) > 2.4 * _DARK


def each_frame(
    examined: Examined, measure: Callable[[Examined], Score | None], worse: Worse = Worse.ABOVE
) -> Score | None:
    """A frame's score; of a cine that of the frame which a quarter of its frames are as bad as or worse.

    ``measure`` is given an examined single frame.
    """
    if examined.frame is not None:
        return measure(examined)
    if examined.cine is None:
        return None
    scores = [(measure(part), n) for part, n in examined.once("frames of the cine", _parts)]
    known = [(score, n) for score, n in scores if score is not None]
    if not known:
        return None
    sign = -1 if worse is Worse.ABOVE else 1
    ordered = sorted(known, key=lambda entry: sign * entry[0].value)
    score, n = ordered[len(ordered) // 4]
    return Score(score.value, score.where, score.details, n)


def _parts(examined: Examined) -> list[tuple[Examined, int]]:
    assert examined.cine is not None  # noqa: S101
    numbers = np.unique(np.linspace(0, len(examined.cine) - 1, _LOOKED_AT).astype(int)).tolist()
    return [
        (Examined(examined.kind, frame=examined.cine.frame(n), labels=examined.labels, task=examined.task), n)
        for n in numbers
    ]


def to_box(mask: NDArray[np.bool_], factor: int, first: Iterable[int] = (0, 0)) -> Box | None:
    """The box in pixels round a mask of blocks, whose first block begins at pixel ``first``."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    j, i = first
    low = (int(rows[0]) * factor + j, int(columns[0]) * factor + i)
    return Box(low, ((int(rows[-1]) + 1) * factor + j, (int(columns[-1]) + 1) * factor + i))
