"""Soft objectives kept apart, and a few needles that differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from procguide.geometry import vector
from procguide.planning.catalogue import Procedure, StructureRule
from procguide.planning.nouns import CArmReach, Needle, Plan, Robustness, Trajectory, View
from procguide.planning.scene import Scene
from procguide.planning.search import Judged, exact_clearance

__all__ = ["choose", "objectives", "probability_of_violation"]

_MOST_PLANS = 5
_MOST_TRIALS = 200
_APART_ENTRY_MM = 10.0
_APART_TARGET_MM = 4.0
_COMFORTABLE_MM = 5.0
_LONG_MM = 150.0
_LITTLE_ROOM = 0.25


def objectives(
    procedure: Procedure, rules: Sequence[StructureRule], judged: Judged
) -> dict[str, NDArray[np.float64]]:
    """Each objective of every candidate, 0 (poor) to 1, and ``total``, their weighted mean.

    clearance: the least room beyond a margin of a structure that could be harmed, 5 mm counts full;
    view: nearness to the preferred angles (30 degrees off counts nothing); target: place within the
    zone; length: 150 mm counts nothing.
    """
    candidates, clearances = judged.candidates, judged.clearances
    rooms = [clearances[rule.name] - rule.margin_mm.value for rule in rules if not rule.harmless] or [
        np.full(len(candidates), _COMFORTABLE_MM)
    ]
    scores = {
        "clearance": np.clip(np.min(rooms, axis=0) / _COMFORTABLE_MM, 0, 1),
        "view": 1 - candidates.view_misfit,
        "target": 1 - candidates.target_misfit,
        "length": np.clip(1 - candidates.depth_mm / _LONG_MM, 0, 1),
    }
    weights = procedure.objectives
    total = sum(weights[name] * scores[name] for name in weights) / sum(weights.values())
    return {name: scores[name] for name in weights} | {"total": np.asarray(total)}


def probability_of_violation(
    clearances: Mapping[str, float],
    margins: Mapping[str, float],
    spreads: Mapping[str, float],
    placement_sd_mm: float,
) -> float:
    """Chance that at least one structure comes nearer than its margin.

    The clearance of each is Gaussian about its nominal value with the placement error and the
    structure's own spread added in quadrature; structures are taken as independent. The needle is
    taken to err along the line of nearest approach, so this overstates where that point lies far up
    the shaft.
    """
    safe = 1.0
    for name, clearance in clearances.items():
        sd = float(np.hypot(placement_sd_mm, spreads.get(name, 0.0)))
        safe *= 1 - 0.5 * math.erfc((clearance - margins[name]) / (sd * math.sqrt(2)))
    return 1 - safe


def choose(
    scene: Scene,
    procedure: Procedure,
    rules: Sequence[StructureRule],
    judged: Judged,
    reach: CArmReach,
) -> tuple[Plan, ...]:
    """The best feasible candidates that lie apart, each confirmed by its exact clearance.

    Apart: entries by 10 mm or targets by 4 mm. At most five.
    """
    candidates = judged.candidates
    scores = objectives(procedure, rules, judged)
    order = np.flatnonzero(judged.feasible)
    order = order[np.argsort(-scores["total"][order], kind="stable")]
    plans: list[Plan] = []
    trials = 0
    while len(order) and len(plans) < _MOST_PLANS and trials < _MOST_TRIALS:
        best, trials = int(order[0]), trials + 1
        entry, target = candidates.entries[best], candidates.targets[best]
        exact = _exact_clearances(scene, procedure, rules, entry, target)
        if any(exact[rule.name] < rule.margin_mm.value for rule in rules if rule.name in exact):
            order = order[1:]
            continue
        trajectory = _trajectory(procedure, entry, target)
        chosen = {name: float(values[best]) for name, values in scores.items()}
        plans.append(_plan(len(plans) + 1, trajectory, procedure, scene, exact, chosen, reach))
        near = (
            np.linalg.norm(candidates.entries[order] - candidates.entries[best], axis=1) < _APART_ENTRY_MM
        ) & (np.linalg.norm(candidates.targets[order] - candidates.targets[best], axis=1) < _APART_TARGET_MM)
        order = order[~near]
    return tuple(plans)


def _exact_clearances(
    scene: Scene,
    procedure: Procedure,
    rules: Sequence[StructureRule],
    entry: NDArray[np.float64],
    target: NDArray[np.float64],
) -> dict[str, float]:
    """From the needle's surface; a structure that is labelled but nowhere near is left out."""
    exact: dict[str, float] = {}
    for rule in rules:
        structure = scene.structures[rule.name]
        if structure.field is None and not structure.tubes:
            continue
        trim = rule.contact_mm.value if rule.contact_mm else 0.0
        exact[rule.name] = exact_clearance(scene, structure, entry, target, trim) - procedure.needle.radius_mm
    return exact


def _trajectory(procedure: Procedure, entry: NDArray[np.float64], target: NDArray[np.float64]) -> Trajectory:
    """With the shortest needle on the shelf that leaves its reserve outside the skin."""
    choice = procedure.needle
    needed = float(np.linalg.norm(target - entry)) + choice.reserve_mm.value - 1e-6
    length = min(length for length in choice.lengths_mm if length >= needed)
    return Trajectory(vector(entry), vector(target), Needle(choice.gauge, 2 * choice.radius_mm, length))


def _plan(
    rank: int,
    trajectory: Trajectory,
    procedure: Procedure,
    scene: Scene,
    clearance: Mapping[str, float],
    scores: Mapping[str, float],
    reach: CArmReach,
) -> Plan:
    view = View.down(trajectory, reach)
    margins = {
        str(rule.name): rule.margin_mm.value
        for rule in procedure.structures
        if not rule.harmless and rule.name in clearance
    }
    spreads = {name: structure.spread_mm for name, structure in scene.structures.items()}
    sd = procedure.placement_sd_mm.value
    chance = probability_of_violation({name: clearance[name] for name in margins}, margins, spreads, sd)
    warnings = [] if view.reachable else ["the view down the needle is beyond a usual C-arm's range"]
    if chance > _LITTLE_ROOM:
        tightest = min(margins, key=lambda name: clearance[name] - margins[name])
        warnings.append(
            f"little room: with a placement error of {sd:g} mm (sd) a margin is broken with probability "
            f"{chance:.2f}; nearest to its margin: {tightest.replace('_', ' ')}"
        )
    return Plan(rank, trajectory, clearance, Robustness(sd, chance), view, scores, tuple(warnings))
