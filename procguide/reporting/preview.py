"""``preview.png``: a segmentation at a glance, on planes that follow the spine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, gaussian_filter, map_coordinates

from procguide.anatomy import VERSE_LABELS, VERSE_NAMES, Spine
from procguide.imaging import LabelMap, Volume
from procguide.imaging.files import replacing
from procguide.reporting.palette import rgb
from procguide.reporting.slices import BONE_WINDOW, DISCLAIMER, encode, text

__all__ = ["LEVEL_COLOURS", "curved_planes", "write_preview"]

LEVEL_COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#5A9BFF")
"""Neighbours differ; Okabe and Ito's set, its dark blue lightened for dark ground."""

_PIXEL_MM = 0.8
_DEPTH_MM = 150.0
_WIDTH_MM = 190.0


def write_preview(path: Path, volume: Volume, levels: LabelMap, spine: Spine) -> None:
    """Mid-sagittal and coronal reformats through the vertebral bodies with the levels coloured and named."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sagittal, coronal, heights = curved_planes(levels, spine)
    tall = float(heights[0] - heights[-1])
    wide = _DEPTH_MM + _WIDTH_MM
    scale = 9.0 / max(tall, wide * 0.6)
    figure = Figure(figsize=(wide * scale, tall * scale), dpi=100, facecolor="black")
    FigureCanvasAgg(figure)
    share = _DEPTH_MM / wide
    boxes = ((0.0, 0.0, share, 1.0), (share, 0.0, 1.0 - share, 1.0))
    names = ("Sagittal, follows the spine", "Coronal, follows the spine")
    for box, points, letters, name in zip(boxes, (sagittal, coronal), ("AP", "RL"), names, strict=True):
        axes = figure.add_axes(box)
        _panel(axes, volume, levels, points, heights)
        _name_vertebrae(axes, levels, points, heights)
        _furnish(axes, points, heights, letters, name)
    with replacing(Path(path), make_folder=False) as temporary:
        temporary.write_bytes(encode(figure, "png"))


def curved_planes(
    levels: LabelMap, spine: Spine
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sample points ``(rows, columns, 3)`` LPS mm of both planes, and each row's height (superior first).

    Row by row the sagittal plane stands at the bodies' own left-right place, the coronal one at their
    depth, so that a curved spine stays within both. Columns run to posterior, and to the left.
    """
    low, high = levels.grid.corners.min(axis=0), levels.grid.corners.max(axis=0)
    path = _body_path(levels, spine)
    heights = np.arange(high[2], low[2], -_PIXEL_MM)
    order = np.argsort(path[:, 2])
    x, y = (np.interp(heights, path[order, 2], path[order, axis]) for axis in (0, 1))
    depth = np.arange(-60.0, _DEPTH_MM - 60.0, _PIXEL_MM)
    across = np.arange(-_WIDTH_MM / 2, _WIDTH_MM / 2, _PIXEL_MM)
    middle = float(np.median(y))
    sagittal = np.stack(np.broadcast_arrays(x[:, None], middle + depth[None, :], heights[:, None]), axis=-1)
    centre = float(np.median(x))
    coronal = np.stack(np.broadcast_arrays(centre + across[None, :], y[:, None], heights[:, None]), axis=-1)
    return sagittal, coronal, heights


def _body_path(levels: LabelMap, spine: Spine) -> NDArray[np.float64]:
    """Body centres, and the sacrum's endplate; without any, the middle of the labels."""
    points = [vertebra.frame.origin for vertebra in spine.vertebrae]
    if spine.sacrum is not None:
        points.append(spine.sacrum.frame.origin)
    if points:
        return np.array(points, dtype=np.float64)
    labelled = np.argwhere(levels.voxels > 0)
    index = labelled.mean(axis=0) if len(labelled) else (np.array(levels.shape) - 1) / 2
    return np.asarray(levels.to_patient(index)[None])


def _panel(
    axes: Any, volume: Volume, levels: LabelMap, points: NDArray[np.float64], heights: NDArray[np.float64]
) -> None:
    """Grey image with the labels laid over it in colour, and their edges stronger."""
    grey = _look_up(volume, points, order=1, fill=-1000.0 if volume.modality == "CT" else 0.0)
    low, high = (
        (BONE_WINDOW.low, BONE_WINDOW.high) if volume.modality == "CT" else np.percentile(grey, (1, 99.5))
    )
    base = np.clip((grey - (low or 0.0)) / max((high or 1.0) - (low or 0.0), 1e-6), 0, 1)
    half = points.shape[1] * _PIXEL_MM / 2
    axes.set_axis_off()
    axes.set_xlim(-half, half)
    axes.set_ylim(heights[-1], heights[0])
    axes.set_autoscale_on(False)
    extent = (-half, half, heights[-1], heights[0])
    axes.imshow(base, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="bicubic", aspect="auto")
    colours = _palette(levels)
    columns = _columns(points)
    for value, field in _fields(levels, points):
        axes.contourf(columns, heights, field, levels=[0.5, 2.0], colors=[colours[value]], alpha=0.32)
        axes.contour(columns, heights, field, levels=[0.5], colors=[colours[value]], linewidths=1.6)


def _columns(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each column's place, mm from the picture's middle."""
    return np.asarray((np.arange(points.shape[1]) - (points.shape[1] - 1) / 2) * _PIXEL_MM)


def _fields(levels: LabelMap, points: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Every label that the plane meets, as a smooth field, inside above 0.5."""
    index = np.moveaxis(levels.to_index(points), -1, 0)
    for value, window in enumerate(find_objects(levels.voxels), start=1):
        if window is None:
            continue
        start = np.array([max(part.start - 2, 0) for part in window])
        part = levels.crop((start[0], start[1], start[2]), tuple(edge.stop + 2 for edge in window))
        mask = gaussian_filter((part.voxels == value).astype(np.float32), 0.55)
        local = index - start[:, None, None]
        field = map_coordinates(mask, local, order=1, cval=0.0, prefilter=False)
        if field.max() > 0.5:
            yield value, field


def _palette(levels: LabelMap) -> NDArray[np.float64]:
    """RGB by label."""
    order = {label: n for n, label in enumerate(VERSE_LABELS.values())}
    table = np.full((int(levels.voxels.max()) + 1, 3), 0.7)
    for label in levels.present():
        table[label] = rgb(LEVEL_COLOURS[order.get(label, label) % len(LEVEL_COLOURS)])
    return table


def _look_up(volume: Volume, points: NDArray[np.float64], *, order: int, fill: float) -> NDArray[np.float32]:
    index = np.moveaxis(volume.to_index(points), -1, 0)
    values = map_coordinates(volume.voxels, index, output=np.float32, order=order, cval=fill, prefilter=False)
    return np.asarray(values)


def _name_vertebrae(
    axes: Any, levels: LabelMap, points: NDArray[np.float64], heights: NDArray[np.float64]
) -> None:
    """Each level's name before its body, on the picture's left, with a thin line to it."""
    columns, colours = _columns(points), _palette(levels)
    lowest, highest = float(heights[-1]) + 20.0, float(heights[0]) - 16.0
    for value, field in _fields(levels, points):
        rows, across = np.nonzero(field > 0.5)
        if len(rows) * _PIXEL_MM**2 < 80:
            continue
        left = float(np.percentile(columns[across], 2))
        height = float(np.mean(heights[rows[columns[across] < left + 25.0]]))
        if abs(np.clip(height, lowest, highest) - height) > 14.0:
            continue
        name = VERSE_NAMES.get(value, str(value))
        at = max(left - 16.0, float(columns[0]) + 12.0)
        words_at = float(np.clip(height, lowest, highest))
        axes.plot([at + 3.0, left - 1.0], [words_at, height], color=colours[value], linewidth=1.0)
        size = 20 if len(name) < 4 else 15
        text(
            axes, at, height, name, size=size, colour=colours[value], ha="center", va="center", weight="bold"
        )


def _furnish(
    axes: Any, points: NDArray[np.float64], heights: NDArray[np.float64], letters: str, name: str
) -> None:
    half = points.shape[1] * _PIXEL_MM / 2
    top, bottom = heights[0], heights[-1]
    middle = (top + bottom) / 2
    yellow = "#FFE680"
    text(axes, -half + 4, middle, letters[0], size=26, colour=yellow, va="center", weight="bold")
    text(axes, half - 4, middle, letters[1], size=26, colour=yellow, ha="right", va="center", weight="bold")
    text(axes, -half + 4, top - 4, name, size=19, va="top", weight="bold")
    text(axes, -half + 4, bottom + 4, DISCLAIMER, size=15, colour="#FFB5A0", weight="bold")
    for width, colour in ((5.0, "black"), (2.4, "white")):
        axes.plot(
            [half - 26, half - 6],
            [bottom + 5, bottom + 5],
            color=colour,
            linewidth=width,
            solid_capstyle="butt",
        )
    text(axes, half - 16, bottom + 7, "20 mm", size=15, ha="center", va="bottom")
