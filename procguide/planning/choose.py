"""Soft objectives kept apart, and a few needles that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.geometry import vector
from procguide.planning.candidates import Candidates
from procguide.planning.catalogue import Procedure, StructureRule
from procguide.planning.nouns import CArmReach, Needle, Plan, Robustness, Trajectory, View
from procguide.planning.scene import Scene
from procguide.planning.search import Judged, exact_clearance

__all__ = ["Choice", "choose", "objectives", "probability_of_violation"]

_MOST_PLANS = 5
_MOST_TRIALS = 600
_APART_ENTRY_MM = 10.0
_APART_TARGET_MM = 4.0
_ALIKE_ENTRY_MM = 5.0
_ALIKE_TARGET_MM = 1.0
_COMFORTABLE_MM = 5.0
_COMFORTABLE_HARMLESS_MM = 2.0
_HARMLESS_SHARE = 0.3
_LONG_MM = 150.0
_LITTLE_ROOM = 0.25
_KEPT_AWAY = ((2.0, 0.5), (1.0, 0.5), (0.0, 0.5), (0.0, 0.0))
"""Beyond the margins, tried one after the other: from modelled structures in standard deviations of their
place, and from harmless ones (bone) in mm. Assumed."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """The plans, how many candidates had the exact check, and how many of them each structure refused."""

    plans: tuple[Plan, ...]
    tried: int
    refused: Mapping[str, int]


def objectives(
    scene: Scene, procedure: Procedure, rules: Sequence[StructureRule], judged: Judged
) -> dict[str, Floats]:
    """Each objective of every candidate, 0 (poor) to 1, and ``total``, their weighted mean.

    clearance: the least room beyond a margin of a structure that could be harmed, 5 mm counts full, and
    for three tenths that of the harmless ones, 2 mm counts full (bone turns a needle aside);
    robustness: chance that no margin is broken; view: nearness to the preferred angles (30 degrees off
    counts nothing); target: place within the zone; length: 150 mm counts nothing.
    """
    candidates, clearances = judged.candidates, judged.clearances
    harmful = [rule for rule in rules if not rule.harmless]
    chance = probability_of_violation(
        {rule.name: clearances[rule.name] for rule in harmful},
        {rule.name: rule.margin_mm.value for rule in harmful},
        {name: structure.spread_mm for name, structure in scene.structures.items()},
        procedure.uncertainty.tip_sd_mm.value,
    )
    full = np.ones(len(candidates))
    safe = _room(harmful, clearances, _COMFORTABLE_MM, full)
    free = _room([rule for rule in rules if rule.harmless], clearances, _COMFORTABLE_HARMLESS_MM, full)
    scores = {
        "clearance": (1 - _HARMLESS_SHARE) * safe + _HARMLESS_SHARE * free,
        "robustness": full - chance,
        "view": 1 - candidates.view_misfit,
        "target": 1 - candidates.target_misfit,
        "length": np.clip(1 - candidates.depth_mm / _LONG_MM, 0, 1),
    }
    weights = procedure.objectives
    total = sum(weights[name] * scores[name] for name in weights) / sum(weights.values())
    return {name: scores[name] for name in weights} | {"total": np.asarray(total)}


def _room(
    rules: Sequence[StructureRule], clearances: Mapping[str, Floats], comfortable_mm: float, none: Floats
) -> Floats:
    """The least room beyond a margin as a share of what is comfortable, 0 to 1; ``none`` without rules."""
    rooms = [(clearances[rule.name] - rule.margin_mm.value) / comfortable_mm for rule in rules]
    return np.clip(np.min(rooms, axis=0), 0, 1) if rooms else none


def probability_of_violation(
    clearances: Mapping[str, ArrayLike],
    margins: Mapping[str, float],
    spreads: Mapping[str, float],
    placement_sd_mm: float,
) -> Floats:
    """Chance that at least one structure comes nearer than its margin, shaped as the clearances are.

    The clearance of each is Gaussian about its nominal value with the placement error and the
    structure's own spread added in quadrature; structures are taken as independent. The needle is
    taken to err along the line of nearest approach, so this overstates where that point lies far up
    the shaft.
    """
    from scipy.special import ndtr

    safe = np.float64(1.0)
    for name, clearance in clearances.items():
        sd = float(np.hypot(placement_sd_mm, spreads.get(name, 0.0)))
        safe = safe * ndtr((np.asarray(clearance) - margins[name]) / sd)
    return np.asarray(1 - safe)


def choose(
    scene: Scene,
    procedure: Procedure,
    rules: Sequence[StructureRule],
    judged: Judged,
    reach: CArmReach,
) -> Choice:
    """The best feasible candidates that lie apart, each confirmed by its exact clearance.

    Structures that are modelled may lie nearer than they are drawn, and labels of bone are off by a little:
    the needle keeps farther away than the margins where any needle can, two standard deviations first.
    """
    spreads = {name: structure.spread_mm for name, structure in scene.structures.items()}
    choice = Choice((), 0, {})
    for deviations, free_mm in _KEPT_AWAY:
        margins = {
            str(rule.name): rule.margin_mm.value
            + (free_mm if rule.harmless else deviations * spreads[rule.name])
            for rule in rules
        }
        away = [judged.clearances[rule.name] >= margins[rule.name] for rule in rules]
        allowed = judged.feasible & np.logical_and.reduce(away)
        choice = _choose(scene, procedure, judged, (rules, margins, allowed), reach)
        if choice.plans:
            break
    return choice


def _choose(
    scene: Scene,
    procedure: Procedure,
    judged: Judged,
    limits: tuple[Sequence[StructureRule], Mapping[str, float], NDArray[np.bool_]],
    reach: CArmReach,
) -> Choice:
    """The best of the allowed candidates whose exact clearances keep the margins.

    Apart: entries by 10 mm or targets by 4 mm. At most five. Where the exact check refuses one, those
    like it (entry within 5 mm, target within 1 mm) wait until all others had their turn.
    """
    rules, margins, allowed = limits
    candidates = judged.candidates
    scores = objectives(scene, procedure, rules, judged)
    order = np.flatnonzero(allowed)
    order = order[np.argsort(-scores["total"][order], kind="stable")]
    waiting = np.zeros(len(candidates), bool)
    plans: list[Plan] = []
    refused: Counter[str] = Counter()
    tried = 0
    while len(order) and len(plans) < _MOST_PLANS and tried < _MOST_TRIALS:
        tried += 1
        best = int(order[np.argmin(waiting[order])])
        entry, target = candidates.entries[best], candidates.targets[best]
        exact = _exact_clearances(scene, procedure, rules, entry, target)
        broken = [name for name, margin in margins.items() if exact.get(name, np.inf) < margin]
        if broken:
            refused.update(broken)
            order = order[order != best]
            waiting[order[_near(candidates, best, order, _ALIKE_ENTRY_MM, _ALIKE_TARGET_MM)]] = True
            continue
        trajectory = _trajectory(procedure, entry, target)
        chosen = {name: float(values[best]) for name, values in scores.items()}
        plans.append(_plan(0, trajectory, procedure, scene, exact, chosen, reach))
        order = order[~_near(candidates, best, order, _APART_ENTRY_MM, _APART_TARGET_MM)]
    plans.sort(key=lambda plan: -plan.scores["total"])
    return Choice(tuple(replace(plan, rank=n + 1) for n, plan in enumerate(plans)), tried, refused)


def _near(
    candidates: Candidates, one: int, others: NDArray[np.intp], entry_mm: float, target_mm: float
) -> NDArray[np.bool_]:
    """Which of ``others`` start and end near ``one``."""
    entries = np.linalg.norm(candidates.entries[others] - candidates.entries[one], axis=1) < entry_mm
    targets = np.linalg.norm(candidates.targets[others] - candidates.targets[one], axis=1) < target_mm
    return np.asarray(entries & targets)


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
    sd = procedure.uncertainty.tip_sd_mm.value
    chance = float(
        probability_of_violation({name: clearance[name] for name in margins}, margins, spreads, sd)
    )
    warnings = [] if view.reachable else ["the view down the needle is beyond a usual C-arm's range"]
    if chance > _LITTLE_ROOM:
        tightest = min(margins, key=lambda name: clearance[name] - margins[name])
        warnings.append(
            f"little room: with a placement error of {sd:g} mm (sd) a margin is broken with probability "
            f"{chance:.2f}; nearest to its margin: {tightest.replace('_', ' ')}"
        )
    return Plan(rank, trajectory, clearance, Robustness(sd, chance), view, scores, tuple(warnings))
