"""One ultrasound picture made ready for its checks: its sector as scan lines by depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.imaging import Frame, UltrasoundRegion
from procguide.quality.nouns import Box, Examined
from procguide.quality.planar import Planar, planar_of

__all__ = ["Sector", "sector_of", "sector_seen"]

DEPTHS, LINES = 160, 128
_ONE_GREY = 0.5 / 255
_LARGE = 0.05
"""Share of the picture that a part of the sector has at least; words beside it have less. Assumed."""
_FILLED = 0.95
"""Share of its bounding box that a sector in a flat frame fills at least. Assumed."""
_SEEN = 0.05
"""Blocks whose brightest is below this share of white are taken for the frame round the sector."""


@dataclass(frozen=True, eq=False)
class Sector:
    """Echoes 0..1 as ``(depth, line)``, ``DEPTHS`` x ``LINES``: depth 0 is at the probe.

    ``box`` is the sector in pixels ``(top, left, bottom, right)``, ends excluded. ``depth_mm`` is its depth,
    where the file says it. ``curved`` is whether the probe is: then lines fan out.
    """

    planar: Planar
    echoes: NDArray[np.float32]
    box: tuple[int, int, int, int]
    depth_mm: float | None = None
    curved: bool = False

    def to_pixels(self, mask: NDArray[np.bool_]) -> Box | None:
        """The box in pixels round a mask of ``echoes``; the whole sector's where the probe is curved."""
        top, left, bottom, right = self.box
        if not mask.any():
            return None
        if self.curved:
            return Box((top, left), (bottom, right))
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        deep, wide = (bottom - top) / DEPTHS, (right - left) / LINES
        return Box(
            (top + int(rows[0] * deep), left + int(columns[0] * wide)),
            (top + int((rows[-1] + 1) * deep), left + int((columns[-1] + 1) * wide)),
        )


def sector_seen(examined: Examined) -> Sector | None:
    """The examined frame's sector, worked out once; None where there is none to speak of."""

    def work(given: Examined) -> Sector | None:
        assert given.frame is not None  # noqa: S101
        return sector_of(given.frame)

    found: Sector | None = examined.once("ultrasound sector", work)
    return found


def sector_of(frame: Frame) -> Sector | None:
    """The 2D tissue region that the file names, else the largest part of the picture that is not black."""
    planar = planar_of(frame)
    region = _tissue(frame)
    box = _seen(planar) if region is None else _clipped(region, planar)
    if box is None or box[2] - box[0] < 48 or box[3] - box[1] < 48:
        return None
    fan = _fan(planar, box)
    echoes = _straight(planar, box) if fan is None else _fanned(planar, fan)
    return Sector(planar, echoes, box, _depth_mm(region), fan is not None)


def _tissue(frame: Frame) -> UltrasoundRegion | None:
    found = [r for r in frame.view.regions if r.spatial_format == "2D" and r.data_type in ("tissue", "none")]
    return max(found, key=lambda r: (r.bottom - r.top) * (r.right - r.left), default=None)


def _depth_mm(region: UltrasoundRegion | None) -> float | None:
    size = None if region is None else region.pixel_size
    return None if size is None or region is None else (region.bottom - region.top + 1) * size.rows_mm


def _clipped(region: UltrasoundRegion, planar: Planar) -> tuple[int, int, int, int]:
    rows, columns = planar.values.shape
    bottom, right = min(region.bottom + 1, rows), min(region.right + 1, columns)
    return (max(region.top, 0), max(region.left, 0), bottom, right)


def _seen(planar: Planar) -> tuple[int, int, int, int] | None:
    """What is inside the frame and what is bright, together."""
    framed, bright = _framed(planar), _brighter(planar)
    if framed is None or bright is None:
        return framed or bright
    low = np.minimum(framed[:2], bright[:2]).tolist()
    high = np.maximum(framed[2:], bright[2:]).tolist()
    return (low[0], low[1], high[0], high[1])


def _framed(planar: Planar) -> tuple[int, int, int, int] | None:
    """The rectangle inside a frame of one flat value, where the machine's black is another one.

    So a lower half without echoes still counts as depth.
    """
    from scipy.ndimage import find_objects, label

    mean = planar.mean
    least = float(min(mean[0].min(), mean[-1].min(), mean[:, 0].min(), mean[:, -1].min()))
    inside = (mean > least + _ONE_GREY) | (planar.span > _ONE_GREY)
    parts, count = label(inside)
    if not count:
        return None
    large = np.bincount(parts[inside], minlength=count + 1) > _LARGE * inside.size
    places = [place for place, here in zip(find_objects(parts), large[1:], strict=True) if here]
    if not places:
        return None
    top, left = (min(place[axis].start for place in places) for axis in (0, 1))
    bottom, right = (max(place[axis].stop for place in places) for axis in (0, 1))
    if inside[top:bottom, left:right].mean() < _FILLED:
        return None
    f = planar.factor
    return (top * f, left * f, bottom * f, right * f)


def _brighter(planar: Planar) -> tuple[int, int, int, int] | None:
    """The bounding box of the largest connected part with any echo; small gaps are bridged.

    What lies above or below and is half as wide belongs to it: a reflector beyond water or a shadow.
    """
    from scipy.ndimage import find_objects, label, maximum_filter1d

    lit = (planar.mean > 0.012) | (planar.span > _SEEN)
    near = max(planar.shape[1] // 40, 3) | 1
    joined = maximum_filter1d(maximum_filter1d(lit.astype(np.uint8), near, axis=0), near, axis=1)
    parts, count = label(joined)
    if not count:
        return None
    places = [place[1] for place in find_objects(parts)]
    sizes = np.bincount(parts[lit], minlength=count + 1)
    sizes[0] = 0
    widest = int(sizes.argmax())
    whose = [n == widest or _in_line(place, places[widest - 1]) for n, place in enumerate(places, start=1)]
    mine = np.array([False, *whose])[parts] & lit
    rows, columns = np.flatnonzero(mine.mean(axis=1) > 0.02), np.flatnonzero(mine.mean(axis=0) > 0.006)
    if not len(rows) or not len(columns):
        return None
    f = planar.factor
    return (int(rows[0]) * f, int(columns[0]) * f, (int(rows[-1]) + 1) * f, (int(columns[-1]) + 1) * f)


def _in_line(part: slice, main: slice) -> bool:
    """Whether columns lie within those of the main part and are half as many."""
    common: int = min(part.stop, main.stop) - max(part.start, main.start)
    return bool(common > 0.5 * (main.stop - main.start) and common > 0.9 * (part.stop - part.start))


def _straight(planar: Planar, box: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Linear array: columns are lines. Means over cells by running sums."""
    top, left, bottom, right = (n // planar.factor for n in box)
    part = planar.mean[top : max(bottom, top + 1), left : max(right, left + 1)]
    return _binned(_binned(part, DEPTHS, 0), LINES, 1)


def _binned(part: NDArray[np.float32], count: int, axis: int) -> NDArray[np.float32]:
    """Means of ``count`` equal shares along ``axis``; linear between samples where there are fewer."""
    moved = np.moveaxis(part, axis, 0)
    total = np.concatenate([np.zeros((1, moved.shape[1])), np.cumsum(moved, axis=0, dtype=np.float64)])
    edges = np.linspace(0, len(moved), count + 1)
    low = np.minimum(edges.astype(int), len(moved) - 1)
    at = total[low] + (edges - low)[:, None] * (total[low + 1] - total[low])
    return np.moveaxis((np.diff(at, axis=0) * (count / len(moved))).astype(np.float32), 0, axis)


@dataclass(frozen=True)
class Fan:
    """A curved probe's sector in blocks: lines from the apex (j, i), between two radii and two angles."""

    apex: tuple[float, float]
    radii: tuple[float, float]
    angles: tuple[float, float]


def _fan(planar: Planar, box: tuple[int, int, int, int]) -> Fan | None:
    """The fan whose straight sides bound the echoes; None where they are upright, as a linear array's."""
    top, left, bottom, right = (n // planar.factor for n in box)
    lit = planar.mean[top:bottom, left:right] > 0.02
    rows = np.flatnonzero(lit.sum(axis=1) > 2)
    rows = rows[(rows > 0.12 * len(lit)) & (rows < 0.6 * len(lit))]
    if len(rows) < 12:
        return None
    first = lit.argmax(axis=1)[rows]
    last = lit.shape[1] - 1 - lit[:, ::-1].argmax(axis=1)[rows]
    sides = [_line(rows, first), _line(rows, last)]
    (slope_left, start_left, miss_left), (slope_right, start_right, miss_right) = sides
    loose = max(miss_left, miss_right) > 0.02 * lit.shape[1]
    if loose or slope_left > -0.15 or slope_right < 0.15:
        return None
    apex_j = (start_right - start_left) / (slope_left - slope_right)
    apex = (top + apex_j, left + start_left + slope_left * apex_j)
    j, i = np.nonzero(lit)
    away = np.hypot(j + top - apex[0], i + left - apex[1])
    return Fan(
        apex,
        (float(np.percentile(away, 0.3)), float(np.percentile(away, 99.8))),
        (float(np.arctan(slope_left)), float(np.arctan(slope_right))),
    )


def _line(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[float, float, float]:
    """Slope, start and median miss of the line through most points (Theil and Sen's medians)."""
    half = len(rows) // 2
    few = len(rows) - half
    slope = float(np.median((columns[half:] - columns[:few]) / (rows[half:] - rows[:few])))
    start = float(np.median(columns - slope * rows))
    return slope, start, float(np.median(np.abs(columns - slope * rows - start)))


def _fanned(planar: Planar, fan: Fan) -> NDArray[np.float32]:
    from scipy.ndimage import map_coordinates

    radius = np.linspace(*fan.radii, DEPTHS)[:, None]
    angle = np.linspace(*fan.angles, LINES)[None]
    place = [fan.apex[0] + radius * np.cos(angle), fan.apex[1] + radius * np.sin(angle)]
    return np.asarray(map_coordinates(planar.mean, place, order=1, mode="nearest"), np.float32)
