"""What one plan gains and gives up against another, in plain words and real units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from procguide.planning.catalogue import StructureRule
from procguide.planning.names import Objective
from procguide.planning.nouns import Plan

__all__ = ["with_trade_offs"]

_NEAR_MM = 12.0
"""Beyond it nobody cares whether a structure is nearer or farther."""
_WORTH_MM = 1.0
_WORTH_LENGTH_MM = 3.0
_WORTH_RISK = 0.01
_WORTH_SCORE = 0.05
_WORTH_VIEW = 0.1
_MOST_WORDS = 4


@dataclass(frozen=True)
class _Change:
    """One difference against another plan: better or worse, how much it matters, in words."""

    better: bool
    weight: float
    words: str


def with_trade_offs(plans: Sequence[Plan], rules: Sequence[StructureRule]) -> tuple[Plan, ...]:
    """The plans with their trade-offs: the first against all others, each other against the first."""
    if not plans:
        return ()
    first = plans[0]
    others = tuple(replace(plan, trade_offs=_against(plan, first, rules)) for plan in plans[1:])
    return (replace(first, trade_offs=_of_the_first(first, others, rules)), *others)


def _against(plan: Plan, first: Plan, rules: Sequence[StructureRule]) -> tuple[str, ...]:
    changes = sorted(_changes(plan, first, rules), key=lambda change: -change.weight)
    gains = [change.words for change in changes if change.better][:_MOST_WORDS]
    losses = [change.words for change in changes if not change.better][:_MOST_WORDS]
    if not gains and not losses:
        return ("much like plan 1, another way in",)
    said = ("better than plan 1: " + ", ".join(gains)) if gains else "another way in, nothing better"
    return (said, "worse: " + ", ".join(losses)) if losses else (said,)


def _of_the_first(first: Plan, others: Sequence[Plan], rules: Sequence[StructureRule]) -> tuple[str, ...]:
    """Why it is the first, and which of the others would be better in what."""
    if not others:
        return ("the only way in that was found",)
    said = []
    best_in = [
        row.objective.value
        for row in first.objectives
        if row.weight > 0 and all(row.score > _score(plan, row.objective) + 1e-3 for plan in others)
    ]
    if best_in:
        said.append("best of the plans in: " + ", ".join(best_in))
    for plan in others:
        gains = [change for change in _changes(plan, first, rules) if change.better]
        if gains:
            most = max(gains, key=lambda change: change.weight)
            said.append(f"plan {plan.rank} would be {most.words}")
    return tuple(said) or ("no other plan is better in anything that counts",)


def _score(plan: Plan, objective: Objective) -> float:
    return next((row.score for row in plan.objectives if row.objective is objective), 0.0)


def _changes(plan: Plan, other: Plan, rules: Sequence[StructureRule]) -> list[_Change]:
    """How ``plan`` differs from ``other`` where it matters, each with how far it moves the total."""
    return [*_scored(plan, other), *_distances(plan, other, rules)]


def _scored(plan: Plan, other: Plan) -> list[_Change]:
    weights = {row.objective: row.weight for row in plan.objectives}
    gain = {row.objective: row.score - _score(other, row.objective) for row in plan.objectives}
    changes = []

    def add(objective: Objective, worth: bool, better: bool, words: str) -> None:
        if worth:
            changes.append(_Change(better, abs(gain[objective]) * weights[objective], words))

    longer = plan.trajectory.length_mm - other.trajectory.length_mm
    add(
        Objective.LENGTH,
        abs(longer) >= _WORTH_LENGTH_MM,
        longer < 0,
        f"{abs(longer):.0f} mm {'longer' if longer > 0 else 'shorter'}",
    )
    risk = plan.robustness.p_violation - other.robustness.p_violation
    add(
        Objective.ROBUSTNESS,
        abs(risk) >= _WORTH_RISK,
        risk < 0,
        f"at {'higher' if risk > 0 else 'lower'} risk of a broken margin "
        f"({100 * plan.robustness.p_violation:.0f} instead of {100 * other.robustness.p_violation:.0f} %)",
    )
    for objective, worse, better, worth in (
        (Objective.VIEW, "farther from the preferred angles", "nearer to the preferred angles", _WORTH_VIEW),
        (Objective.TARGET, "less central in the zone", "more central in the zone", _WORTH_SCORE),
        (Objective.BACKSTOP, "with less to stop it", "with bone to stop it", 2 * _WORTH_VIEW),
        (Objective.SKIN, "with a worse place on the skin", "with a better place on the skin", _WORTH_VIEW),
        (Objective.CARM, "harder for the C-arm", "easier for the C-arm", _WORTH_VIEW),
    ):
        change = gain.get(objective, 0.0)
        add(objective, abs(change) >= worth, change > 0, better if change > 0 else worse)
    return changes


def _distances(plan: Plan, other: Plan, rules: Sequence[StructureRule]) -> list[_Change]:
    """Structures that are clearly nearer or farther, if they are near at all."""
    weight = next((row.weight for row in plan.objectives if row.objective is Objective.CLEARANCE), 0.0)
    changes = []
    for rule in rules:
        name = str(rule.name)
        if name not in plan.clearance_mm or name not in other.clearance_mm or rule.harmless:
            continue
        ours, theirs = plan.clearance_mm[name], other.clearance_mm[name]
        gain = min(ours, _NEAR_MM) - min(theirs, _NEAR_MM)
        if abs(gain) >= _WORTH_MM:
            where = "farther from" if gain > 0 else "nearer to"
            words = f"{where} the {name.replace('_', ' ')} ({ours:.1f} instead of {theirs:.1f} mm)"
            changes.append(_Change(gain > 0, abs(gain) / _NEAR_MM * weight, words))
    return changes
