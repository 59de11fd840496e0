"""The posterior epidural space between two laminae."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import CANAL_CONTENT, Vertebra
from procguide.geometry import AnatomicalFrame, Vector
from procguide.planning.site import LocalLabels, Site, required
from procguide.planning.structures import dura
from procguide.planning.structures.dura import interlaminar_line, uncovered
from procguide.planning.structures.nouns import Solid
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]

_DEPTHS = 3
_HALF_SEGMENT_MM = 16
_LEAST_SLOPE = 0.6
_STEEP, _FLAT_ENOUGH = 0.7, 0.8
"""Share of the distance along y behind the sac that is left square to it: below the first all of the rest is
made up for, above the second nothing. Assumed: making up for all of it everywhere put tips of development
phantoms 0.5 to 1 mm into the flavum."""
_KEPT_DEVIATIONS, _KEPT_DEVIATIONS_DRAWN = 1.0, 0.5
"""Of the sac's place, beyond the margin: with labels that networks found, whose canal lies some 0.6 to 0.9 mm
off by itself (docs/planning.md), and with drawn ones. A whole one with drawn labels left a tenth of the tips
of 22 phantoms in the flavum (half: 2 %)."""


def centre(site: Site) -> Vector:
    """Half-way between the canal's centres at the two bones."""
    upper, lower = site.upper, site.below
    below = lower.canal_centre if isinstance(lower, Vertebra) else None
    canal = np.asarray(required(upper.canal_centre, "canal centre", upper.level))
    if below is None:
        required(site.spine.canal[-1] if site.spine.canal else None, "canal", "the sacrum")
        disc = np.asarray(upper.inferior_endplate.centre)
        x, y, z = canal + (disc - np.asarray(upper.frame.origin))
        return (float(x), float(y), float(z))
    x, y, z = 0.5 * (canal + np.asarray(below))
    return (float(x), float(y), float(z))


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """Between flavum and sac where no lamina covers the canal, midline or paramedian.

    In each open column the epidural space is what is left between the ligamentum flavum (so far past the
    ventral interlaminar line) and the modelled sac. The tip lies a standard deviation of the sac's place
    (half of one with drawn labels) farther off it than the margin asks, or where the space is deep, as at
    L5-S1, no farther past that line than it must, but never farther off the sac than the space is deep: a
    deeper gap is flavum. Best in the window's middle and where room is enough.
    """
    window = _window(site, labels)
    if not len(window.line):
        return TargetZone(np.empty((0, 3)), np.empty(0))
    number = site.number
    low = (number("off_dura_low_mm") + window.kept_mm) / window.square
    high = np.maximum(number("off_dura_high_mm") + window.kept_mm, low)
    room = window.line[:, 1] - window.sac
    deepest = np.clip(room - number("past_line_low_mm"), low, high)
    # Distances here run along y; the canal may slope, and its depth counts square to it.
    most = number("off_dura_most_mm") / max(site.level_frame.posterior[1], _LEAST_SLOPE)
    onward = np.clip(room - number("past_line_high_mm") - low, 0, np.maximum(most - high, 0))
    height = window.line[:, 2]
    middle, half = (height.min() + height.max()) / 2, max(np.ptp(height) / 2, 1.0)
    place = 0.3 * np.abs(height - middle) / half + 0.25 * window.off_best
    place += 0.3 * (1 - np.minimum(room / (number("past_line_low_mm") + most), 1))
    points, misfit = [], []
    for share in np.linspace(0.0, 1.0, _DEPTHS):
        off = low + onward + share * (deepest - low)
        points.append(np.column_stack([window.line[:, 0], window.sac + off, height]))
        misfit.append(place + 0.15 * abs(share - 0.5))
    return TargetZone(np.concatenate(points), np.clip(np.concatenate(misfit), 0, 1))


@dataclass(frozen=True, eq=False)
class _Window:
    """Open columns of the canal.

    ``line`` ``(n, 3)`` LPS mm lies on the ventral interlaminar line, ``sac`` ``(n,)`` is the y of the sac's
    back, ``off_best`` ``(n,)`` how many mm beside the best column of its row a column is.
    ``kept_mm`` is kept off the sac beyond the margin, for it may lie nearer than it is drawn. A mm
    along y behind the sac counts as ``square`` ``(n,)`` off it: less where its back is steep or round.
    """

    line: NDArray[np.float64]
    sac: NDArray[np.float64]
    off_best: NDArray[np.float64]
    kept_mm: float
    square: NDArray[np.float64]


def _window(site: Site, labels: LocalLabels) -> _Window:
    """The window nearest to the site, where there is room for a tip between flavum and sac."""
    levels, grid = labels.levels, labels.levels.affine
    canal, bone = labels.regions.mask(*CANAL_CONTENT), levels.voxels > 0
    spacing = [float(mm) for mm in grid.spacing]
    is_open = uncovered(canal, bone, spacing[1])
    line = interlaminar_line(canal, bone, spacing[1])
    solid = dura(site, labels)
    sac = _sac_back(labels, solid)
    least = site.number("past_line_low_mm") / 2 + site.number("off_dura_low_mm")
    is_open &= (line - sac) * spacing[1] >= least
    about = float(levels.to_index(centre(site))[0])
    half = round(_HALF_SEGMENT_MM / spacing[0])
    rows = range(max(int(about) - half, 0), min(int(about) + half + 1, levels.shape[0]))
    offsets, best = _offsets(site)
    found: list[tuple[int, int, float]] = []
    for k in rows:
        middle = _midline_x(site, grid.origin[2] + k * spacing[0], site.upper.frame)
        for offset in offsets:
            i = round((middle + offset - float(grid.origin[0])) / spacing[2])
            if 0 <= i < levels.shape[2] and is_open[k, i]:
                found.append((k, i, abs(offset - best)))
    found = _nearest_window(found, about)
    rows_at, columns = (np.array([one[axis] for one in found], dtype=np.intp) for axis in (0, 1))
    on_line = line[rows_at, columns]
    border = grid.apply(np.column_stack([rows_at, on_line, columns]))
    sac_y = border[:, 1] - (on_line - sac[rows_at, columns]) * spacing[1]
    deviations = _KEPT_DEVIATIONS if labels.coarse_organs else _KEPT_DEVIATIONS_DRAWN
    kept = deviations * solid.spread_mm if solid is not None else 0.0
    behind = sac[rows_at, columns] + (site.number("off_dura_low_mm") + kept) / spacing[1]
    square = np.ones(len(found))
    if not isinstance(site.below, Vertebra):  # elsewhere it led leads nearer to the sac
        square = _square(solid, np.array([rows_at, behind, columns]), sac[rows_at, columns], spacing)
    return _Window(border, sac_y, np.array([one[2] for one in found]), kept, square)


def _square(
    solid: Solid | None, points: NDArray[np.float64], sac: NDArray[np.float64], spacing: Sequence[float]
) -> NDArray[np.float64]:
    """How far ``points`` ``(3, n)``, voxels (k, j, i), are off the sac, over that along j from its back."""
    from scipy.ndimage import map_coordinates

    from procguide.planning._kernels import distance_squared

    if solid is None or solid.mask is None or not points.size:
        return np.ones(points.shape[1])
    off = np.sqrt(distance_squared(np.ascontiguousarray(solid.mask), np.asarray(spacing)))
    away = map_coordinates(off, points, order=1, mode="nearest")
    square = away / ((points[1] - sac) * spacing[1])
    counted = np.interp(square, (_LEAST_SLOPE, _STEEP, _FLAT_ENOUGH), (_LEAST_SLOPE, _STEEP, 1.0))
    return np.asarray(counted, dtype=np.float64)


def _sac_back(labels: LocalLabels, solid: Solid | None) -> NDArray[np.float64]:
    """The back of the sac's hindmost voxel in each column ``(k, i)``, voxels; NaN without sac."""
    if solid is None or solid.mask is None:
        return np.full((labels.levels.shape[0], labels.levels.shape[2]), np.nan)
    last = solid.mask.shape[1] - 0.5 - np.argmax(solid.mask[:, ::-1], axis=1)
    return np.where(solid.mask.any(axis=1), last, np.nan)


def _offsets(site: Site) -> tuple[NDArray[np.float64], float]:
    """From the midline to the left, mm: where to look in a row, and the best."""
    number = site.number
    if site.side is None:
        half = number("midline_half_width_mm")
        return np.linspace(-half, half, 5), 0.0
    offsets = site.side.sign * np.linspace(number("paramedian_low_mm"), number("paramedian_high_mm"), 3)
    return offsets, float(offsets[1])


def _nearest_window(found: list[tuple[int, int, float]], middle: float) -> list[tuple[int, int, float]]:
    """Of the runs of slices with samples (gaps up to two), the one whose middle is nearest to ``middle``."""
    if not found:
        return []
    slices = np.unique([row[0] for row in found])
    runs = np.split(slices, np.flatnonzero(np.diff(slices) > 2) + 1)
    run = min((run for run in runs), key=lambda run: abs(run.mean() - middle))
    return [row for row in found if run[0] <= row[0] <= run[-1]]


def _midline_x(site: Site, z: float, frame: AnatomicalFrame) -> float:
    """The x of the canal's centre line at height z."""
    line = np.array(site.spine.canal)
    if len(line) < 2:
        return float(frame.origin[0])
    order = np.argsort(line[:, 2])
    return float(np.interp(z, line[order, 2], line[order, 0]))
