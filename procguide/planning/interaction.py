"""A needle that a person drags: judged at once, by the same rules as a planned one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.planning.assess import assess, exact_clearances
from procguide.planning.candidates import ANGLES, GATE, LATERAL, STEEP, generate
from procguide.planning.frontier import Weights, usual_reach
from procguide.planning.nouns import CArmReach, Plan
from procguide.planning.search import LENGTH, SKIN, judge
from procguide.planning.skin import skin_points
from procguide.planning.zones import TargetZone

if TYPE_CHECKING:
    from procguide.planning.planner import Case

__all__ = ["Breach", "Evaluation", "evaluate"]

ZONE = "target zone"
_DRAWS = 256
_LONGEST_MM = 250.0
_LEAST_STEP_MM = 1.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Breach:
    """A limit that a needle breaks: its name as in a search's exclusions, and in words by how much."""

    constraint: str
    words: str


@dataclass(frozen=True)
class Evaluation:
    """A dragged needle: ``plan`` (rank 0) with all that a planned one is told by, and what it breaks.

    ``oblique_deg`` and ``tilt_deg`` count as the procedure's approach does (own side and cranial
    positive), ``lateral_mm`` is the entry's distance from the midline. ``off_zone_mm``: from the tip to the
    nearest place of the target zone.
    """

    plan: Plan
    breaches: tuple[Breach, ...]
    oblique_deg: float
    tilt_deg: float
    lateral_mm: float
    off_zone_mm: float

    @property
    def acceptable(self) -> bool:
        """Whether the search would have let it pass."""
        return not self.breaches


def evaluate(
    case: Case,
    hub: ArrayLike,
    tip: ArrayLike,
    *,
    reach: CArmReach | None = None,
    weights: Weights | None = None,
) -> Evaluation:
    """Judge the straight needle from ``hub`` to ``tip``, patient LPS mm.

    The hub may lie anywhere on the needle's line: the entry is where that line meets the skin. Where it
    meets none the hub stands for the entry, and that is said. Takes some milliseconds.
    """
    target = np.array(tip, dtype=np.float64)
    outward = np.array(hub, dtype=np.float64) - target
    outward /= max(float(np.linalg.norm(outward)), 1e-6)
    depth = float(skin_points(case.scene.body, target[None], outward[None], _LONGEST_MM)[0])
    entry = target + outward * depth if depth > 0 else np.array(hub, dtype=np.float64)
    off_zone, misfit, step = _in_zone(case.zone, target)
    clearance = exact_clearances(case, entry, target)
    plan = assess(
        case,
        entry,
        target,
        clearance,
        misfit,
        weights or case.procedure.objectives,
        reach or usual_reach(case),
        draws=_DRAWS,
    )
    oblique, tilt = case.bearings.angles(-outward[None])
    lateral = float(case.bearings.lateral_mm(entry[None])[0])
    found = Evaluation(plan, (), float(oblique[0]), float(tilt[0]), lateral, off_zone)
    broken = _broken(case, entry, target) if depth > 0 else {SKIN: True}
    broken |= _too_near(case, clearance)
    if off_zone > step and case.request.target is None:
        broken[ZONE] = True
    breaches = tuple(Breach(name, words) for name, words in _said(case, found, broken))
    return Evaluation(plan, breaches, found.oblique_deg, found.tilt_deg, lateral, off_zone)


def _in_zone(zone: TargetZone, target: Floats) -> tuple[float, float, float]:
    """From ``target`` to the nearest of the zone's points, that one's misfit, and how far these lie apart."""
    from scipy.spatial import cKDTree

    if not len(zone.points):
        return float("inf"), 1.0, 0.0
    tree = cKDTree(zone.points)
    distance, nearest = tree.query(target)
    step = _LEAST_STEP_MM
    if len(zone.points) > 1:
        step = max(step, float(np.median(tree.query(zone.points, k=2)[0][:, 1])))
    return float(distance), float(zone.misfit[nearest]) if distance <= step else 1.0, step


def _broken(case: Case, entry: Floats, target: Floats) -> dict[str, bool]:
    """What the search would say of this one needle."""
    zone = TargetZone(target[None], np.zeros(1), case.zone.gates)
    candidates = generate(case.scene.body, zone, case.bearings, (entry[0], entry[1], entry[2]))
    judged = judge(case.scene, case.procedure, case.rules, candidates)
    return {str(name): True for name, broken in judged.broken.items() if broken[0]}


def _too_near(case: Case, clearance: Mapping[str, float]) -> dict[str, bool]:
    """The structures whose margin is broken: a search does not measure what its angles have ruled out."""
    margins = {str(rule.name): rule.margin_mm.value for rule in case.rules}
    return {name: True for name, margin in margins.items() if clearance.get(name, np.inf) < margin}


def _said(case: Case, found: Evaluation, broken: Mapping[str, bool]) -> Iterator[tuple[str, str]]:
    """Every broken limit with what it is broken by."""
    margins = {str(rule.name): rule.margin_mm.value for rule in case.rules}
    approach, needle = case.bearings.approach, case.procedure.needle
    for name in broken:
        words = name.replace("_", " ")
        if name in margins and name in found.plan.clearance_mm:
            words = f"{words}: {found.plan.clearance_mm[name]:.1f} mm, margin {margins[name]:g}"
        elif name == SKIN:
            words = "the needle's line meets no skin in view, or a fold"
        elif name == LENGTH:
            needed = found.plan.trajectory.length_mm + needle.reserve_mm.value
            words = f"needs {needed:.0f} mm of needle; the longest has {max(needle.lengths_mm):g}"
        elif name == ANGLES:
            oblique, tilt = approach.oblique_deg, approach.tilt_deg
            words = (
                f"oblique {found.oblique_deg:.0f} ({oblique.low:g} to {oblique.high:g} allowed), "
                f"tilt {found.tilt_deg:.0f} ({tilt.low:g} to {tilt.high:g})"
            )
        elif name == LATERAL and approach.lateral_mm is not None:
            limit = approach.lateral_mm
            words = (
                f"enters {found.lateral_mm:.0f} mm from the midline ({limit.low:g} to {limit.high:g} allowed)"
            )
        elif name == STEEP:
            words = f"leans to head or feet by more than {case.bearings.steepest_deg:g} degrees"
        elif name == GATE:
            words = "does not pass through the bony passage to the target"
        elif name == ZONE:
            words = f"tip {found.off_zone_mm:.1f} mm outside the target zone"
        yield name, words
