"""Kambin's triangle: behind the disc, above the lower vertebra, below and behind the exiting root."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Sacrum
from procguide.geometry import AnatomicalFrame, Vector
from procguide.planning.site import LocalLabels, Site, required
from procguide.planning.structures.foramen import pedicle_of
from procguide.planning.zones.nouns import TargetZone
from procguide.planning.zones.patch import STEP_MM, SidePatch

__all__ = ["centre", "sample"]

_WIDE_MM = 3.0
_LEAST_MM = 2.0


def centre(site: Site) -> Vector:
    """The foramen's centre."""
    side = site.own_side
    return required(site.upper.foramina.get(side), f"{side} foramen", site.upper.level)


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """In the axes of the lower endplate, under the upper pedicle: a little behind the disc's back edge.

    Each height and width is read from the labels by itself: from the disc's (or body's) back edge
    backward as far as the articular process leaves room.
    """
    side, number, pedicle = site.own_side, site.number, pedicle_of(site.upper, site.own_side)
    plate, frame = _endplate_axes(site)
    patch = SidePatch.around(labels, frame, side, centre(site), (-14, -16, -24), (14, 16, 16))
    bone = (patch.levels > 0) | np.isin(patch.regions, (Region.SACRUM,))
    solid = bone | (patch.regions == Region.DISC)
    across, start, _ = patch.index(patch.from_patient(pedicle.centre))
    start = patch.index(patch.from_patient(centre(site)))[1]
    half = number("pedicle_fraction") * pedicle.width_mm / 2
    base, _ = plate
    best = number("above_endplate_best_mm")
    behind = np.linspace(number("behind_disc_low_mm"), number("behind_disc_high_mm"), 4)
    points, misfit = [], []
    for above in np.arange(number("above_endplate_low_mm"), number("above_endplate_high_mm") + 0.1, 1.0):
        row = round(float(patch.index((0, 0, base + above))[2]))
        for off in np.linspace(-half, half, 5):
            column = round(float(across + off / STEP_MM))
            if not (0 <= row < solid.shape[2] and 0 <= column < solid.shape[0]):
                continue
            run = _free_run(solid[column, :, row], start)
            if run is None:
                continue
            for depth in behind[behind <= (run[1] - run[0]) * STEP_MM - 1.0]:
                points.append(patch.local((column, run[0] - 0.5 + depth / STEP_MM, row)))
                misfit.append(abs(above - best) / 8 + abs(off) / 8 + abs(depth - behind[1:3].mean()) / 8)
    if not points:
        return TargetZone(np.empty((0, 3)), np.empty(0))
    return TargetZone(patch.to_patient(np.array(points)), np.clip(np.array(misfit), 0, 1))


def _endplate_axes(site: Site) -> tuple[tuple[float, float], AnatomicalFrame]:
    """Height and back edge of the lower bone's upper endplate in its own squared axes, and these axes."""
    bone = site.below
    plate = bone.endplate if isinstance(bone, Sacrum) else bone.superior_endplate
    frame = AnatomicalFrame.from_axes(plate.centre, plate.normal, site.upper.frame.left)
    return (0.0, plate.depth_mm / 2), frame


def _free_run(line: NDArray[np.bool_], start: float) -> tuple[int, int] | None:
    """First and one past the last free sample of the run nearest to ``start``; None below 2 mm."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (~line).astype(int), [0]])))
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    runs = [run for run in runs if run[0] > 0 and (run[1] - run[0]) * STEP_MM >= _LEAST_MM]
    if not runs:
        return None
    nearest = min(runs, key=lambda run: max(run[0] - start, start - run[1], 0))
    return nearest if max(nearest[0] - start, start - nearest[1], 0) * STEP_MM <= _WIDE_MM else None
