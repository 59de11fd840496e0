"""Whether the truth has a needle for what is asked; used by planner_population.py.

Needles are drawn at random to within 2 mm of the true zone, in the catalogue's angles, lengths and distances
from the midline, stepped along by 0.6 mm through the true tissues and, if they pass so, measured along their
own line. Nothing here reads a plan's own scene, fields or zones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from planner_truth import (
    IN_ZONE_MM,
    REACH_MM,
    SPACING_MM,
    Truth,
    Wanted,
    clearance,
    segment_distance,
)
from planner_zones import true_zone

from procguide.anatomy import Side
from procguide.phantom import sample_parameters
from procguide.phantom.assemble import assemble

STEP_MM = 0.6
TRIALS = 12000
BATCH = 1500
TRIED_EXACTLY = 150
CONFIRMED = 3
DEEP_MM = 60.0
"""Of needles that pass on voxels of 1.2 mm by less than half of one, so many are measured again at 0.5 mm, so
far from the tip: of thousands that are drawn into a narrow way, those pass that are rounded in their favour.
"""


def draw_needles(wanted: Wanted, points: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of targets within 2 mm of the true zone and directions out of the body that are allowed."""
    random = np.random.default_rng(seed)
    limits = wanted.approach
    for _ in range(0, TRIALS, BATCH):
        beside = random.normal(size=(BATCH, 3))
        beside *= IN_ZONE_MM * np.cbrt(random.random((BATCH, 1))) / np.linalg.norm(beside, axis=1)[:, None]
        targets = points[random.integers(len(points), size=BATCH)] + beside
        oblique = np.radians(random.uniform(limits.oblique_deg.low, limits.oblique_deg.high, BATCH))
        tilt = np.radians(random.uniform(limits.tilt_deg.low, limits.tilt_deg.high, BATCH))
        left, back = np.sin(oblique * wanted.sign) * np.cos(tilt), np.cos(oblique) * np.cos(tilt)
        outward = np.stack([left, back, np.sin(tilt)], axis=1) @ wanted.reference.T
        upright = np.abs(outward[:, 2]) <= wanted.steepest
        yield targets[upright], outward[upright]


@dataclass(frozen=True, eq=False)
class Room:
    """What is forbidden to a needle's line in the truth, on the tissues' own lattice about the zone.

    ``forbidden_at_tip`` holds within ``free_mm`` of the tip, where some procedures touch bone.
    """

    air: np.ndarray
    forbidden: np.ndarray
    forbidden_at_tip: np.ndarray
    start: np.ndarray
    free_mm: float

    def passes(self, truth: Truth, wanted: Wanted, targets: np.ndarray, outward: np.ndarray) -> np.ndarray:
        """Which needles reach the skin, where and as far as is allowed, without meeting what is forbidden."""
        depth = np.arange(0.0, wanted.longest_mm + 12.0, STEP_MM)
        points = targets[:, None] + depth[None, :, None] * outward[:, None]
        index = np.round(truth.tissues.to_index(points)).astype(int) - self.start
        inside = ((index >= 0) & (index < self.air.shape)).all(axis=2)
        at = tuple(np.moveaxis(np.clip(index, 0, np.array(self.air.shape) - 1), -1, 0))
        air = self.air[at] & inside
        skin = np.where(air.any(axis=1), depth[np.argmax(air, axis=1)], np.inf)
        met = np.where(depth < self.free_mm, self.forbidden_at_tip[at], self.forbidden[at])
        before = depth[None] < skin[:, None]
        free = (skin <= wanted.longest_mm) & ~(met & before).any(axis=1) & (inside | ~before).all(axis=1)
        if (lateral := wanted.approach.lateral_mm) is not None:
            across = wanted.lateral_mm(targets + np.minimum(skin, 1e3)[:, None] * outward)
            free &= (across >= lateral.low) & (across <= lateral.high)
        return free


def room(truth: Truth, wanted: Wanted) -> Room:
    """Grow every structure that the procedure keeps away from by its margin and the needle's radius."""
    from procguide.planning._kernels import distance_squared

    reach = np.array([110.0, 130.0, 130.0])
    middle = truth.tissues.to_index(np.asarray(wanted.zone.centre))
    front = 0.4 if wanted.procedure.entry.surface == "back" else 2.0
    low = np.maximum(np.floor(middle - reach / SPACING_MM * (1, front, 1)), 0).astype(int)
    high = np.minimum(np.ceil(middle + reach / SPACING_MM * (1, 2.4 - front, 1)) + 1, truth.tissues.shape)
    window = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    shape = truth.tissues.voxels[window].shape
    forbidden, at_tip, free = np.zeros(shape, bool), np.zeros(shape, bool), 0.0
    solids: dict[tuple[float, bool], np.ndarray] = {}
    for rule in wanted.procedure.structures:
        centres = wanted.centres(truth, rule.name)
        if centres is None:
            continue
        free = max(free, rule.contact_mm.value if rule.contact_mm else 0.0)
        mask = solids.setdefault((rule.margin_mm.value, rule.contact_mm is not None), np.zeros(shape, bool))
        index = np.round(truth.tissues.to_index(centres)).astype(int) - low
        mask[tuple(index[((index >= 0) & (index < shape)).all(axis=1)].T)] = True
    for (margin, touched), mask in solids.items():
        # Distances to the voxels' faces: half a voxel nearer than to their centres.
        reached = (margin + wanted.procedure.needle.radius_mm) ** 2
        grown = mask | (distance_squared(mask, truth.tissues.spacing) < reached)
        forbidden |= grown
        if not touched:
            at_tip |= grown
    return Room(truth.tissues.voxels[window] == 0, forbidden, at_tip, low, free)


def room_beyond_margins(
    truth: Truth, wanted: Wanted, target: np.ndarray, outward: np.ndarray, length_mm: float
) -> float:
    """By how much a needle of that length keeps its margins by its line's own distances, mm; else negative.

    :class:`Room` looks at the voxel next to each point, right to about a voxel.
    """
    entry, spacing, least = target + length_mm * outward, float(truth.tissues.spacing[0]), REACH_MM
    for rule in wanted.procedure.structures:
        centres = wanted.centres(truth, rule.name)
        if centres is None:
            continue
        end = target + outward * (rule.contact_mm.value if rule.contact_mm else 0.0)
        found = clearance(centres, entry, end, spacing)
        if found is not None:
            least = min(least, found - rule.margin_mm.value - wanted.procedure.needle.radius_mm)
        if rule.behind and _before(truth, wanted, entry, target):
            return -REACH_MM
    return least


@cache
def leaving_nerve(seed: int, level: str, side: Side) -> np.ndarray:
    """Root, ganglion and ventral ramus of that level's nerve as they were built, ``(n, 3)`` LPS mm."""
    kinds = ("root", "ganglion", "ventral ramus")
    names = [f"{side.value} {level} {kind}" for kind in kinds]
    courses = assemble(sample_parameters(seed)).nerves.courses
    return np.concatenate([one.points for one in courses if one.name in names])


def _before(truth: Truth, wanted: Wanted, entry: np.ndarray, target: np.ndarray) -> bool:
    """Whether the needle passes in front of the nerve that leaves here, lateral of the pedicle's middle.

    Of that nerve, not of whichever is nearest: beside a disc the next higher one runs on in the psoas, and a
    needle behind that one may yet pass in front of the one that the catalogue means.
    """
    assert wanted.side is not None
    pedicle = np.asarray(truth.spine.vertebra(wanted.upper).pedicles[wanted.side].centre)
    own = leaving_nerve(truth.seed, wanted.upper, wanted.side)
    own = own[wanted.lateral_mm(own) > wanted.lateral_mm(pedicle)]
    if not len(own):
        return False
    nearest = own[np.argmin(segment_distance(own, entry, target))]
    along = target - entry
    foot = entry + (nearest - entry) @ along / (along @ along) * along
    return bool(foot[1] < nearest[1])


def any_needle(truth: Truth, wanted: Wanted) -> bool:
    """Whether a needle within the catalogue's angles to the true zone keeps every margin in the truth."""
    space = room(truth, wanted)
    points = true_zone(truth, wanted.procedure.id, wanted.zone)
    tight: list[tuple[float, np.ndarray, np.ndarray]] = []
    for targets, outward in draw_needles(wanted, points, truth.seed):
        passing = np.flatnonzero(space.passes(truth, wanted, targets, outward))
        for n in passing[: TRIED_EXACTLY - len(tight)]:
            least = room_beyond_margins(truth, wanted, targets[n], outward[n], wanted.longest_mm)
            if least >= SPACING_MM / 2:
                return True
            tight.append((least, targets[n], outward[n]))
    tight.sort(key=lambda one: -one[0])
    return any(
        room_beyond_margins(
            truth.finely_about(target, target + DEEP_MM * away), wanted, target, away, DEEP_MM
        )
        >= 0
        for least, target, away in tight[:CONFIRMED]
        if least >= 0
    )
