"""A few needles of a frontier that differ, ranked by weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from procguide.planning.assess import assess, exact_clearances
from procguide.planning.candidates import Candidates
from procguide.planning.catalogue import StructureRule
from procguide.planning.frontier import Frontier, Weights
from procguide.planning.names import StructureName
from procguide.planning.nouns import Plan, StructureOrigin
from procguide.planning.objectives import total
from procguide.planning.scene import Structure
from procguide.planning.trade_offs import with_trade_offs

__all__ = ["Choice", "rank"]

_MOST_PLANS = 5
_ENOUGH_PLANS = 3
"""With fewer, ways that keep less far from modelled structures are offered after them."""
_MOST_TRIALS = 600
_APART_ENTRY_MM = 10.0
_APART_TARGET_MM = 4.0
_ALIKE_ENTRY_MM = 5.0
_ALIKE_TARGET_MM = 1.0
_KEPT_AWAY = ((2.0, 0.5), (1.5, 0.5), (1.0, 0.5), (0.5, 0.5), (0.0, 0.5), (0.0, 0.0))
"""Beyond the margins, tried one after the other: from modelled structures in standard deviations of their
place, and from harmless ones (bone) in mm. Assumed."""
_MOST_LABELLED_MM = 2.0
"""Of a labelled structure no more spread than this is kept away from, so that a coarse label of an organ does
not close all ways; the chance of a broken limit knows it in full. So with a nerve under the ribs or in the
psoas, whose place is known as roughly: a needle led round it would leave the usual way. Not so where the
procedure's rule asks for the whole spread. Assumed."""

Truths = NDArray[np.bool_]
Ends = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Choice:
    """The plans, how many candidates had the exact check, and how many of them each structure refused.

    ``efficient``: feasible candidates that no other beats in everything. ``kept_away`` says how
    far beyond the margins the plans stay.
    """

    plans: tuple[Plan, ...]
    tried: int
    refused: Mapping[str, int]
    efficient: int = 0
    kept_away: str = ""


def rank(frontier: Frontier, weights: Weights | None = None) -> Choice:
    """The best feasible candidates that lie apart, each confirmed by its exact clearance; at most five.

    ``weights`` (see :func:`~procguide.planning.frontier.read_weights`) take the place of the procedure's
    own; nothing is searched again. Candidates that another one beats in everything come only where there
    are not enough others. Structures that are modelled may lie nearer than they are drawn, and
    labels of bone are off by a little: the needle keeps farther away than the margins where any needle can,
    two standard deviations first. Where fewer than three plans do, plans that keep less follow them.
    """
    weights = weights or frontier.case.procedure.objectives
    efficient = frontier.efficient(weights)
    merit = total(frontier.scores, weights)
    order = np.lexsort((-merit, ~efficient))
    plans: list[Plan] = []
    words: list[str] = []
    tried, refused = 0, Counter[str]()
    for deviations, free_mm in _KEPT_AWAY:
        margins = _margins(frontier, deviations, free_mm)
        kept = order[_keeping(frontier, margins)[order]]
        found = _choose(frontier, weights, kept, margins, plans)
        if found.plans and plans:
            words.append(f"from plan {len(plans) + 1} on {_kept_words(deviations, free_mm)}")
        elif found.plans or not plans:
            tried, refused = found.tried, Counter(found.refused)
            words = [f"the plans keep {_kept_words(deviations, free_mm)}"] if found.plans else []
        plans += found.plans
        if len(plans) >= _ENOUGH_PLANS:
            break
    ranked = tuple(replace(plan, rank=n + 1) for n, plan in enumerate(plans))
    ranked = with_trade_offs(ranked, frontier.case.rules)
    return Choice(ranked, tried, refused, int(efficient.sum()), ", ".join(words))


def _margins(frontier: Frontier, deviations: float, free_mm: float) -> dict[str, float]:
    structures = frontier.case.scene.structures

    def beyond(rule: StructureRule) -> float:
        if rule.harmless:
            return free_mm
        return deviations * _kept_spread_mm(rule, structures[rule.name]) if rule.kept_beyond else 0.0

    return {str(rule.name): rule.margin_mm.value + beyond(rule) for rule in frontier.case.rules}


def _kept_spread_mm(rule: StructureRule, structure: Structure) -> float:
    modelled = structure.origin is StructureOrigin.MODELLED and structure.name != StructureName.VENTRAL_RAMUS
    if modelled or rule.whole_spread:
        return structure.spread_mm
    return min(structure.spread_mm, _MOST_LABELLED_MM)


def _keeping(frontier: Frontier, margins: Mapping[str, float]) -> Truths:
    """Which candidates keep the margins by the search's own distances."""
    kept = [frontier.clearances[name] >= margin for name, margin in margins.items()]
    return np.asarray(np.logical_and.reduce([np.ones(len(frontier), bool), *kept]))


def _kept_words(deviations: float, free_mm: float) -> str:
    said = []
    if deviations:
        said.append(f"{deviations:g} standard deviations more than the margin from modelled structures")
    if free_mm:
        said.append(f"{free_mm:g} mm more from harmless ones (bone)")
    return " and ".join(said) if said else "no more than the margins"


def _choose(
    frontier: Frontier,
    weights: Weights,
    order: NDArray[np.intp],
    margins: Mapping[str, float],
    before: Sequence[Plan],
) -> Choice:
    """The first in ``order`` whose exact clearances keep the margins, apart from each other and ``before``.

    Apart: entries by 10 mm or targets by 4 mm. Where the exact check refuses one, those like it (entry
    within 5 mm, target within 1 mm) wait until all others had their turn.
    """
    case, candidates = frontier.case, frontier.candidates
    waiting = np.zeros(len(frontier), bool)
    plans: list[Plan] = []
    refused: Counter[str] = Counter()
    tried = 0
    for plan in before:
        order = order[~_near(candidates, _ends(plan), order, _APART_ENTRY_MM, _APART_TARGET_MM)]
    while len(order) and len(before) + len(plans) < _MOST_PLANS and tried < _MOST_TRIALS:
        tried += 1
        best = int(order[np.argmin(waiting[order])])
        entry, target = candidates.entries[best], candidates.targets[best]
        exact = exact_clearances(case, entry, target)
        broken = [name for name, margin in margins.items() if exact.get(name, np.inf) < margin]
        if broken:
            refused.update(broken)
            order = order[order != best]
            waiting[order[_near(candidates, (entry, target), order, _ALIKE_ENTRY_MM, _ALIKE_TARGET_MM)]] = (
                True
            )
            continue
        misfit = float(candidates.target_misfit[best])
        plans.append(assess(case, entry, target, exact, misfit, weights, frontier.reach))
        order = order[~_near(candidates, (entry, target), order, _APART_ENTRY_MM, _APART_TARGET_MM)]
    plans.sort(key=lambda plan: -plan.scores["total"])
    return Choice(tuple(plans), tried, refused)


def _ends(plan: Plan) -> Ends:
    return np.array(plan.trajectory.entry), np.array(plan.trajectory.target)


def _near(
    candidates: Candidates,
    needle: Ends,
    others: NDArray[np.intp],
    entry_mm: float,
    target_mm: float,
) -> Truths:
    """Which of ``others`` start and end near a needle's entry and target, LPS mm."""
    entries = np.linalg.norm(candidates.entries[others] - needle[0], axis=1) < entry_mm
    targets = np.linalg.norm(candidates.targets[others] - needle[1], axis=1) < target_mm
    return np.asarray(entries & targets)
