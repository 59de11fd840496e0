"""Hot loops over one 2D picture ``(j, i)``, native or reduced."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["brightest_of_colours", "count_strokes", "edge_widths", "line_strengths", "reduced"]

_Floats = NDArray[np.float32]
_within = njit(nogil=True, inline="always")
"""For a part of a hot loop: inlined, so that the compiler knows that arrays do not overlap."""


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")  # type: ignore[untyped-decorator]
def reduced(
    values: NDArray[Any], factor: int, low: float, high: float
) -> tuple[_Floats, _Floats, _Floats]:  # pragma: no cover - compiled
    """Brightness 0..1 in blocks of ``factor``: mean, range, and fine grain.

    Grain is the mean magnitude of Immerkaer's mask (a second difference along both axes; Computer Vision
    and Image Understanding 1996;64:300) as the standard deviation of white noise that would give it, on one
    row of each block. Finite values only.
    """
    rows, columns = values.shape[0] // factor, values.shape[1] // factor
    mean, span = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
    grain = np.zeros((rows, columns), np.float32)
    scale, last = np.float32(1.0 / (high - low)), values.shape[1] - 1
    total, least = np.empty(columns * factor, np.float32), np.empty(columns * factor, np.float32)
    most, wild = np.empty(columns * factor, np.float32), np.zeros(columns * factor, np.float32)
    for block_j in range(rows):
        _gather(values, block_j * factor, factor, total, least, most)
        j = block_j * factor + (factor > 1)
        fine = 0 < j < values.shape[0] - 1
        if fine:
            _second_differences(values, j, wild)
        for block_i in range(columns):
            start, stop = block_i * factor, (block_i + 1) * factor
            light, dark, bright, rough = np.float32(0), least[start], most[start], np.float32(0)
            for i in range(start, stop):
                light += total[i]
                dark, bright = min(dark, least[i]), max(bright, most[i])
                rough += wild[i]
            mean[block_j, block_i] = min(max((light / (factor * factor) - low) * scale, 0.0), 1.0)
            span[block_j, block_i] = (bright - dark) * scale
            seen = factor - (start == 0) - (stop > last)
            if fine and seen > 0:  # 0.209 is sqrt(pi / 2) / 6
                grain[block_j, block_i] = np.float32(0.20888569) * rough * scale / seen
    return mean, span, grain


@_within  # type: ignore[untyped-decorator]
def _gather(
    values: NDArray[Any], first: int, count: int, total: _Floats, least: _Floats, most: _Floats
) -> None:  # pragma: no cover - compiled
    """Sum, least and most of each column of ``count`` rows."""
    for i in range(len(total)):
        value = np.float32(values[first, i])
        total[i], least[i], most[i] = value, value, value
    for j in range(first + 1, first + count):
        for i in range(len(total)):
            value = np.float32(values[j, i])
            total[i] += value
            least[i] = min(least[i], value)
            most[i] = max(most[i], value)


@_within  # type: ignore[untyped-decorator]
def _second_differences(values: NDArray[Any], j: int, wild: _Floats) -> None:  # pragma: no cover - compiled
    """Magnitude of Immerkaer's mask along a row; 0 at the picture's sides."""
    above, here, below = values[j - 1], values[j], values[j + 1]
    for i in range(1, min(len(wild), len(here) - 1)):
        corners = (
            np.float32(above[i - 1]) + np.float32(above[i + 1])
            + np.float32(below[i - 1]) + np.float32(below[i + 1])
        )  # fmt: skip
        sides = (
            np.float32(here[i - 1]) + np.float32(here[i + 1]) + np.float32(above[i]) + np.float32(below[i])
        )
        wild[i] = abs(corners - 2 * sides + 4 * np.float32(here[i]))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def brightest_of_colours(
    pixels: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[np.uint8]]:  # pragma: no cover - compiled
    """The brightest channel of each pixel, and where colours differ by more than an eighth of the range."""
    rows, columns = pixels.shape[0], pixels.shape[1]
    bright = np.empty((rows, columns), pixels.dtype)
    coloured = np.zeros((rows, columns), np.uint8)
    apart = 32 if pixels.itemsize == 1 else 8192
    for j in range(rows):
        for i in range(columns):
            a, b, c = int(pixels[j, i, 0]), int(pixels[j, i, 1]), int(pixels[j, i, 2])
            most = max(a, b, c)
            bright[j, i] = most
            coloured[j, i] = most - min(a, b, c) > apart
    return bright, coloured


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _across(picture: _Floats, j: int, i: int, a: int, b: int) -> Any:  # pragma: no cover - compiled
    """The mean of three pixels that lie across the direction (a, b)."""
    return (picture[j, i] + picture[j - b, i + a] + picture[j + b, i - a]) / np.float32(3)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def edge_widths(
    picture: _Floats, inside: NDArray[np.bool_], reach: int, strong: float
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """``(direction, tenths of a pixel)`` counts of edges by their width.

    An edge is where brightness changes by more than ``strong`` over ``reach`` pixels; its width is that
    change over the largest change from one pixel to the next on the way. Directions are 0, 45, 90 and 135
    degrees. Half of the pixels are taken.
    """
    counts = np.zeros((4, 10 * reach + 1), np.int64)
    rows, columns = picture.shape
    room = reach + 2
    for n in range(4):
        a = (0, 1, 1, 1)[n]
        b = (1, 1, 0, -1)[n]
        for j in range(room, rows - room):
            for i in range(room + j % 2, columns - room, 2):
                p, q = j + a * reach, i + b * reach
                if not inside[j, i] or not inside[p, q]:
                    continue
                far = abs(picture[p, q] - picture[j, i])
                if far < strong:
                    continue
                most = np.float32(1e-6)
                last = _across(picture, j, i, a, b)
                first = last
                for step in range(1, reach + 1):
                    value = _across(picture, j + a * step, i + b * step, a, b)
                    most = max(most, abs(value - last))
                    last = value
                counts[n, min(int(10 * abs(last - first) / most), 10 * reach)] += 1
    return counts


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def count_strokes(
    values: NDArray[Any], box: tuple[int, int, int, int], bright: float, step: float, cell: int
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """How many pixels of each ``cell`` were drawn.

    They are at least ``bright``, and to the left and the right, at most 3 pixels away, darker by ``step``,
    most of it in one pixel's step: no beam is as narrow.
    """
    first_j, first_i, stop_j, stop_i = box
    found = np.zeros(((stop_j - first_j) // cell + 1, (stop_i - first_i) // cell + 1), np.int64)
    for j in range(max(first_j, 4), min(stop_j, values.shape[0] - 4)):
        for i in range(max(first_i, 4), min(stop_i, values.shape[1] - 4)):
            here = float(values[j, i])
            if here < bright:
                continue
            sides = 0
            for way in (-1, 1):
                last, steep, fell = here, False, False
                for away in range(1, 4):
                    value = float(values[j, i + way * away])
                    steep = steep or last - value > 0.6 * step
                    fell = fell or (steep and here - value > step)
                    last = value
                sides += fell
            if sides == 2:
                found[(j - first_j) // cell, (i - first_i) // cell] += 1
    return found


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def line_strengths(
    ridge: _Floats, slopes: NDArray[np.float64], across: NDArray[np.int64], doubts: NDArray[np.float64]
) -> tuple[float, int, int, int]:  # pragma: no cover - compiled
    """The straight line with the highest mean of ``ridge``, less the doubt about its slope.

    ``slopes`` (rows a column), the columns that each line goes ``across`` and ``doubts`` are of one length.
    That mean, j and i of the line's left end, and the number of its slope.
    """
    rows, columns = ridge.shape
    best, best_j, best_i, best_n = -1e9, 0, 0, 0
    for n in range(slopes.size):
        slope, wide = slopes[n], across[n]
        for i in range(0, columns - wide + 1, 4):
            for j in range(rows):
                end = j + slope * (wide - 1)
                if end < 0 or end > rows - 1:
                    continue
                total = 0.0
                for k in range(0, wide, 3):
                    total += ridge[int(j + slope * k + 0.5), i + k]
                mean = total / ((wide + 2) // 3) - doubts[n]
                if mean > best:
                    best, best_j, best_i, best_n = mean, j, i, n
    return best, best_j, best_i, best_n
