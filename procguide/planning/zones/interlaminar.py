"""The posterior epidural space between two laminae."""

from __future__ import annotations

import numpy as np

from procguide.anatomy import CANAL_CONTENT, Vertebra
from procguide.geometry import AnatomicalFrame, Vector
from procguide.planning.site import LocalLabels, Site, required
from procguide.planning.structures.dura import interlaminar_line, uncovered
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]


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
    """Just past the ventral interlaminar line where no lamina covers the canal, midline or paramedian."""
    number, side, levels, regions = site.number, site.side, labels.levels, labels.regions
    canal = regions.mask(*CANAL_CONTENT)
    grid = levels.affine
    spacing = grid.spacing
    about = levels.to_index(centre(site))
    half = round(16 / spacing[0])
    rows = range(max(int(about[0]) - half, 0), min(int(about[0]) + half + 1, levels.shape[0]))
    if side is None:
        offsets = np.linspace(-number("midline_half_width_mm"), number("midline_half_width_mm"), 5)
        best_offset = 0.0
    else:
        offsets = side.sign * np.linspace(number("paramedian_low_mm"), number("paramedian_high_mm"), 3)
        best_offset = float(offsets[1])
    frame = site.upper.frame
    bone = levels.voxels > 0
    window = uncovered(canal, bone, float(spacing[1]))
    line = interlaminar_line(canal, bone, float(spacing[1]))
    found: list[tuple[int, float, int, float]] = []
    for k in rows:
        middle = _midline_x(site, grid.origin[2] + k * spacing[0], frame)
        for offset in offsets:
            i = round(float(middle + offset - grid.origin[0]) / float(spacing[2]))
            if 0 <= i < levels.shape[2] and window[k, i] and np.isfinite(line[k, i]):
                found.append((k, float(line[k, i]), i, abs(offset - best_offset)))
    if not found:
        return TargetZone(np.empty((0, 3)), np.empty(0))
    found = _nearest_window(found, float(about[0]))
    index = np.array([row[:3] for row in found], dtype=np.float64)
    border = grid.apply(index)
    window_middle = (border[:, 2].min() + border[:, 2].max()) / 2
    half_window = max(border[:, 2].max() - window_middle, 1.0)
    points, misfit = [], []
    depths = np.linspace(number("past_line_low_mm"), number("past_line_high_mm"), 4)
    for past in depths:
        points.append(border - (0.0, past, 0.0))
        off_middle = np.abs(border[:, 2] - window_middle) / half_window
        misfit.append(
            0.5 * off_middle + 0.25 * np.array([row[3] for row in found]) + 0.15 * abs(past - depths.mean())
        )
    return TargetZone(np.concatenate(points), np.clip(np.concatenate(misfit), 0, 1))


def _nearest_window(
    found: list[tuple[int, float, int, float]], middle: float
) -> list[tuple[int, float, int, float]]:
    """Of the runs of slices with samples (gaps up to two), the one whose middle is nearest to ``middle``."""
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
