"""Needles worth judging: from the skin to the target zone, within what the approach allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from procguide.errors import UsageError
from procguide.geometry import Vector
from procguide.planning.bearings import COARSE_DEG, Bearings
from procguide.planning.skin import Body, depth_inside, skin_points
from procguide.planning.zones import TargetZone

__all__ = ["ANGLES", "GATE", "LATERAL", "MANY", "STEEP", "Candidates", "generate"]

ANGLES = "angles of the approach"
GATE = "passage to the target"
LATERAL = "entry from the midline"
STEEP = "tilt from straight down"
_LONGEST_MM = 250.0
MANY = 100_000
_FINE_DEG = 1.0
_OFF_SKIN_MM = 10.0
_FOLD_MM = 5.0
_GATE_MM = 1.0
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Needles as columns: ``entries``, ``targets`` ``(n, 3)`` LPS mm; angles off the preferred view.

    ``depth_mm`` is -1 where no skin was met. ``view_misfit`` and ``target_misfit`` are 0 (best) to 1.
    ``excluded`` says by constraint which of them the approach rules out before any structure is judged.
    """

    entries: Floats
    targets: Floats
    depth_mm: Floats
    view_misfit: Floats
    target_misfit: Floats
    excluded: Mapping[str, Truths] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.depth_mm)


def generate(
    body: Body, zone: TargetZone, bearings: Bearings, entry: Vector | None = None, many: int = MANY
) -> Candidates:
    """Every needle to the zone: on a grid of angles, through its gates, or from a given ``entry``.

    Each is followed back to the skin; with an ``entry``, it starts there. The grid is as fine as gives about
    ``many`` needles.
    """
    excluded: dict[str, Truths] = {}
    if entry is not None:
        start = _on_skin(body, np.array(entry, dtype=np.float64), zone.points.mean(axis=0))
        which, along = np.arange(len(zone.points)), zone.points - start
    elif zone.gates is not None:
        which = np.repeat(np.arange(len(zone.points)), len(zone.gates))
        along = (zone.points[:, None] - zone.gates[None]).reshape(-1, 3)
    else:
        inward = _grid(bearings, len(zone.points), many)
        which = np.repeat(np.arange(len(zone.points)), len(inward))
        along = np.tile(inward, (len(zone.points), 1))
    targets = zone.points[which]
    length = np.linalg.norm(along, axis=1)
    inward = along / np.maximum(length, 1e-6)[:, None]
    depth = skin_points(body, targets, -inward, _LONGEST_MM)
    if entry is not None:
        depth = np.where((depth < 0) | (np.abs(depth - length) > _FOLD_MM), -1.0, length)
        if zone.gates is not None:
            excluded[GATE] = _past_gates(zone.gates, targets, inward)
    if entry is not None or zone.gates is not None:
        excluded[ANGLES] = bearings.beyond(inward)
    if (steep := bearings.too_steep(inward)).any():
        excluded[STEEP] = steep
    entries = targets - inward * np.maximum(depth, 1.0)[:, None]
    if (lateral := bearings.approach.lateral_mm) is not None:
        off = bearings.lateral_mm(entries)
        excluded[LATERAL] = (depth >= 0) & ((off < lateral.low) | (off > lateral.high))
    return Candidates(entries, targets, depth, bearings.misfit(inward), zone.misfit[which], excluded)


def _grid(bearings: Bearings, count: int, many: int) -> Floats:
    """Directions ``(n, 3)`` for each of ``count`` points: as fine as 1 degree if needles stay few enough."""
    coarse = len(bearings.inward) * count
    step = max(COARSE_DEG * np.sqrt(coarse / many), _FINE_DEG)
    return bearings.directions(step) if step < COARSE_DEG else bearings.inward


def _on_skin(body: Body, entry: Floats, middle: Floats) -> Floats:
    """The point of the skin that ``entry`` means, on the line to the zone's ``middle``."""
    off = depth_inside(body, entry)
    if abs(off) > _OFF_SKIN_MM:
        where = "under" if off > 0 else "outside"
        raise UsageError(
            f"the entry {tuple(float(round(value, 1)) for value in entry)} lies {abs(off):.0f} mm {where} "
            "the skin; give a point on the skin, patient LPS mm as X,Y,Z"
        )
    outward = entry - middle
    outward /= max(float(np.linalg.norm(outward)), 1e-6)
    depth = float(skin_points(body, middle[None], outward[None], _LONGEST_MM)[0])
    snapped = middle + outward * depth
    near = depth >= 0 and np.linalg.norm(snapped - entry) <= 2 * _OFF_SKIN_MM
    return np.asarray(snapped if near else entry)


def _past_gates(gates: Floats, targets: Floats, inward: Floats) -> Truths:
    """Which lines pass none of the gates, nearer than the gates lie to each other (at least 1 mm)."""
    from scipy.spatial import cKDTree

    reach = _GATE_MM
    if len(gates) > 1:
        reach = max(reach, float(np.median(cKDTree(gates).query(gates, k=2)[0][:, 1])))
    between = gates[None] - targets[:, None]
    along = (between * inward[:, None]).sum(axis=-1)
    off = np.linalg.norm(between - along[..., None] * inward[:, None], axis=-1)
    return np.asarray(~((off <= reach) & (along < 0)).any(axis=1))
