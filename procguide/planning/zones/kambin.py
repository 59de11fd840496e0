"""Kambin's triangle: behind the disc, above the lower vertebra, below and behind the exiting root."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Sacrum
from procguide.geometry import AnatomicalFrame, Vector
from procguide.planning.site import LocalLabels, Site, required
from procguide.planning.structures.foramen import pedicle_of
from procguide.planning.structures.quadrants import foramen_frame
from procguide.planning.zones.nouns import TargetZone
from procguide.planning.zones.patch import STEP_MM, SidePatch

__all__ = ["centre", "sample"]

_WIDE_MM = 3.0
_LEAST_MM = 2.0
_BEFORE_JOINT_MM = 1.0
_FINER_MM = 0.6
_POOR_MM = 4.0
"""From this distance from the best place on, one is as good as the next (assumed)."""


def centre(site: Site) -> Vector:
    """The foramen's centre."""
    side = site.own_side
    return required(site.upper.foramina.get(side), f"{side} foramen", site.upper.level)


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """In the axes of the lower endplate, under the upper pedicle: a little behind the disc's back edge.

    Each height and width is read from the labels by itself: from the disc's (or body's) back edge
    backward as far as the articular process leaves room. The disc's edge turns forward at its sides; on the
    lateral view it is the endplate's back border that is seen, and no point lies far before or behind that,
    nor in the foramen's upper half, where the root is.
    """
    return replace(_sampled(site, labels, 1.0, 6), finer=partial(_sampled, site, labels, _FINER_MM, 9))


def _sampled(site: Site, labels: LocalLabels, step_mm: float, columns: int) -> TargetZone:
    """The zone's points at steps of height and depth, in so many columns under the pedicle."""
    side, number, pedicle = site.own_side, site.number, pedicle_of(site.upper, site.own_side)
    rim, frame = _endplate_axes(site)
    patch = SidePatch.around(labels, frame, side, centre(site), (-14, -16, -24), (14, 16, 16))
    bone = (patch.levels > 0) | np.isin(patch.regions, (Region.SACRUM,))
    solid = bone | (patch.regions == Region.DISC)
    across = patch.index(patch.from_patient(pedicle.centre))[0]
    start = patch.index(patch.from_patient(centre(site)))[1]
    best = np.array([number(f"{name}_best_mm") for name in ("behind_endplate", "above_endplate")])
    points, misfit = [], []
    low, high = number("above_endplate_low_mm"), number("above_endplate_high_mm")
    for above in np.arange(low, high + 0.1, step_mm):
        row = round(float(patch.index((0, 0, above))[2]))
        for off in np.linspace(-number("medial_mm"), number("lateral_mm"), columns):
            column = round(float(across + off / STEP_MM))
            if not (0 <= row < solid.shape[2] and 0 <= column < solid.shape[0]):
                continue
            run = _free_run(solid[column, :, row], start)
            if run is None:
                continue
            edge, rear = (patch.local((0, at - 0.5, 0))[1] for at in run)
            first = max(edge + number("behind_disc_mm"), rim + number("behind_endplate_low_mm"))
            last = min(rear - _BEFORE_JOINT_MM, rim + number("behind_endplate_high_mm"))
            for y in np.arange(first, last + 1e-6, step_mm):
                x, _, z = patch.local((column, 0, row))
                points.append((x, y, z))
                misfit.append(np.linalg.norm((off, y - rim - best[0], above - best[1])) / _POOR_MM)
    if not points:
        return TargetZone(np.empty((0, 3)), np.empty(0))
    places = patch.to_patient(np.array(points))
    lower = foramen_frame(site.upper, site.below, side).to_local(places)[:, 2] <= 0
    return TargetZone(places[lower], np.clip(np.array(misfit)[lower], 0, 1))


def _endplate_axes(site: Site) -> tuple[float, AnatomicalFrame]:
    """Back border of the lower bone's upper endplate in its own squared axes (y), and these axes."""
    bone = site.below
    plate = bone.endplate if isinstance(bone, Sacrum) else bone.superior_endplate
    frame = AnatomicalFrame.from_axes(plate.centre, plate.normal, site.upper.frame.left)
    return plate.depth_mm / 2, frame


def _free_run(line: NDArray[np.bool_], start: float) -> tuple[int, int] | None:
    """First and one past the last free sample of the run nearest to ``start``; None below 2 mm."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (~line).astype(int), [0]])))
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    runs = [run for run in runs if run[0] > 0 and (run[1] - run[0]) * STEP_MM >= _LEAST_MM]
    if not runs:
        return None
    nearest = min(runs, key=lambda run: max(run[0] - start, start - run[1], 0))
    return nearest if max(nearest[0] - start, start - nearest[1], 0) * STEP_MM <= _WIDE_MM else None
