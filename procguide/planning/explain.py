"""What excluded how many candidates, and by how little."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.planning.catalogue import StructureRule
from procguide.planning.choose import Choice
from procguide.planning.clearance import clearance_along
from procguide.planning.frontier import Frontier
from procguide.planning.nouns import Exclusion, Explanation
from procguide.planning.search import LENGTH

__all__ = ["explain"]

Truths = NDArray[np.bool_]


def explain(frontier: Frontier, choice: Choice) -> Explanation:
    """How the candidates of a frontier became the plans of a choice."""
    judged = frontier.judged
    times = np.sum([broken.astype(np.int16) for broken in judged.broken.values()], axis=0)
    exclusions = [_exclusion(frontier, name, times == 1) for name in judged.broken]
    return Explanation(
        exclusions=tuple(sorted(exclusions, key=lambda one: (-one.excluded, -one.alone))),
        considered=len(judged.candidates),
        feasible=len(frontier),
        efficient=choice.efficient,
        tried=choice.tried,
        refused=dict(choice.refused),
        kept_away=choice.kept_away,
    )


def _exclusion(frontier: Frontier, name: str, once: Truths) -> Exclusion:
    broken = frontier.judged.broken[name]
    alone = broken & once
    rule = next((rule for rule in frontier.case.rules if rule.name == name), None)
    shortfall = None
    if alone.any() and not len(frontier):
        shortfall = _shortfall(frontier, name, rule, np.flatnonzero(alone))
    margin = rule.margin_mm.value if rule else None
    return Exclusion(str(name), int(broken.sum()), int(alone.sum()), shortfall, margin)


def _shortfall(
    frontier: Frontier, name: str, rule: StructureRule | None, which: NDArray[np.intp]
) -> float | None:
    """By how much the best of the candidates ``which`` misses the limit; None where it is no length."""
    case, candidates = frontier.case, frontier.judged.candidates
    needle = case.procedure.needle
    if name == LENGTH:
        return float(candidates.depth_mm[which].min()) - max(needle.lengths_mm) + needle.reserve_mm.value
    if rule is None:
        return None
    ends = candidates.entries[which], candidates.targets[which]
    trim = rule.contact_mm.value if rule.contact_mm else 0.0
    distance = clearance_along(case.scene, case.scene.structures[rule.name], *ends, trim)
    missing = rule.margin_mm.value + needle.radius_mm - float(distance.max())
    return missing if missing > 0 else None  # else held against another rule than its margin
