"""Candidate needles judged against every limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.planning.candidates import Candidates
from procguide.planning.catalogue import Procedure, StructureRule
from procguide.planning.nouns import Tube
from procguide.planning.scene import Scene, Structure

__all__ = [
    "Judged",
    "clearance_along",
    "exact_clearance",
    "judge",
    "tube_distance",
]

_EXACT_WITHIN_MM = 8.0


@dataclass(frozen=True, eq=False)
class Judged:
    """``candidates`` with their clearance from the needle's surface by structure, ``(n,)`` mm each.

    ``broken`` says by constraint which candidates break it.
    """

    candidates: Candidates
    clearances: Mapping[str, NDArray[np.float64]]
    broken: Mapping[str, NDArray[np.bool_]]

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """Which candidates break nothing."""
        return np.asarray(~np.logical_or.reduce(list(self.broken.values())))


def clearance_along(
    scene: Scene,
    structure: Structure,
    entries: NDArray[np.float64],
    targets: NDArray[np.float64],
    trim_mm: float,
) -> NDArray[np.float64]:
    """Distance of each needle's centre line to one structure, ``(n,)`` mm; large where it is far away.

    For voxels, from the interpolated field by sphere tracing: off from the distance to the voxel cells
    by a tenth of a voxel or so either way (benchmarks/clearance.py); :func:`exact_clearance` settles what
    is chosen. For tubes, exact.
    """
    from procguide.planning._kernels import trace_minimum

    if structure.tubes:
        distances = [tube_distance(tube, entries, targets) for tube in structure.tubes]
        return np.asarray(np.min(distances, axis=0))
    if structure.field is None:
        return np.full(len(entries), 1e3)
    spacing = scene.grid.affine.spacing
    starts, ends = scene.to_lattice(entries), scene.to_lattice(targets)
    field = structure.field

    def part(window: slice) -> NDArray[np.float64]:
        return np.asarray(trace_minimum(field, spacing, starts[window], ends[window], trim_mm, 0.4))

    middle = len(entries) // 2
    with ThreadPoolExecutor(2) as pool:
        return np.concatenate(list(pool.map(part, (slice(0, middle), slice(middle, None)))))


def exact_clearance(
    scene: Scene,
    structure: Structure,
    entry: NDArray[np.float64],
    target: NDArray[np.float64],
    trim_mm: float,
) -> float:
    """Distance of one centre line to a structure's voxel cells (or tubes), mm.

    Never optimistic by more than 0.05 mm up to 8 mm; farther away the field's value less 0.4 voxel.
    """
    from procguide.planning._kernels import exact_minimum

    nominal = float(clearance_along(scene, structure, entry[None], target[None], trim_mm)[0])
    spacing = scene.grid.affine.spacing
    if structure.field is None or structure.mask is None:
        return nominal
    if nominal > _EXACT_WITHIN_MM:
        return nominal - 0.4 * float(spacing.max())
    start, end = scene.to_lattice(entry), scene.to_lattice(target)
    slack = 1.3 * float(spacing.max())
    return float(exact_minimum(structure.mask, structure.field, spacing, start, end, trim_mm, slack))


def tube_distance(
    tube: Tube, entries: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance of segments to a tube's surface, ``(n,)`` mm, exact; negative inside."""
    parts = zip(tube.points, tube.points[1:], tube.radii_mm, strict=False)
    distances = [
        _segment_distance(entries, targets, np.array(a), np.array(b)) - radius for a, b, radius in parts
    ]
    return np.asarray(np.min(distances, axis=0))


def _segment_distance(
    starts: NDArray[np.float64], ends: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Between segments ``starts``-``ends`` ``(n, 3)`` and one segment (Ericson 2005, 5.1.9)."""
    along, other, between = ends - starts, b - a, starts - a
    aa, ee = (along * along).sum(axis=1), float(other @ other)
    f, c, ab = between @ other, (along * between).sum(axis=1), along @ other
    denominator = aa * ee - ab * ab
    s = np.clip(np.where(denominator > 1e-9, (ab * f - c * ee) / np.maximum(denominator, 1e-9), 0.0), 0, 1)
    t = (ab * s + f) / ee
    s = np.where(t < 0, np.clip(-c / aa, 0, 1), np.where(t > 1, np.clip((ab - c) / aa, 0, 1), s))
    t = np.clip(t, 0, 1)
    return np.asarray(np.linalg.norm(between + along * s[:, None] - other * t[:, None], axis=1))


def judge(
    scene: Scene, procedure: Procedure, rules: Sequence[StructureRule], candidates: Candidates
) -> Judged:
    """Hold every candidate against every limit.

    A structure that the tip may touch must also lie behind it: a backstop within ``contact_mm``.
    What has no entry, or breaks the limits of where a needle comes from, is judged no further.
    """
    radius, needle = procedure.needle.radius_mm, procedure.needle
    longest = max(needle.lengths_mm) - needle.reserve_mm.value
    no_skin = candidates.depth_mm < 0
    broken: dict[str, NDArray[np.bool_]] = {
        "skin in view": no_skin,
        "needle length": ~no_skin & (candidates.depth_mm > longest),
    } | dict(candidates.excluded)
    clearances: dict[str, NDArray[np.float64]] = {}
    reached = ~np.logical_or.reduce([no_skin, *candidates.excluded.values()])
    for rule in rules:
        structure = scene.structures[rule.name]
        trim = rule.contact_mm.value if rule.contact_mm else 0.0
        distance = np.full(len(candidates), 1e3)
        entries, targets = candidates.entries[reached], candidates.targets[reached]
        distance[reached] = clearance_along(scene, structure, entries, targets, trim)
        clearances[rule.name] = distance - radius
        outside = clearances[rule.name] < rule.margin_mm.value
        if trim:
            whole = clearance_along(scene, structure, entries, targets, 0.0)
            outside[reached] |= whole < -0.3
            onward = targets + (targets - entries) * (trim / candidates.depth_mm[reached])[:, None]
            behind = clearance_along(scene, structure, targets, onward, 0.0)
            broken[f"{rule.name} behind the tip"] = np.zeros(len(candidates), bool)
            broken[f"{rule.name} behind the tip"][reached] = behind > -0.2
        broken[rule.name] = outside & reached
    return Judged(candidates, clearances, broken)
