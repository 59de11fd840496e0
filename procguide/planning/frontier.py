"""The feasible needles with their objectives kept apart, ready to be ranked by any weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.errors import UsageError
from procguide.planning.candidates import MANY, Candidates, generate
from procguide.planning.easing import eased
from procguide.planning.names import Objective
from procguide.planning.nouns import CArmReach
from procguide.planning.objectives import Measures, measure, score, total
from procguide.planning.posture import lying_of
from procguide.planning.search import Judged, judge
from procguide.planning.uncertainty import chance_of_violation
from procguide.planning.zones import TargetZone

if TYPE_CHECKING:
    from procguide.planning.planner import Case

__all__ = ["Frontier", "Weights", "explore", "read_weights", "usual_reach"]

_ALIKE = 0.04
_FINER = 4
"""So many times as many needles are searched where a zone that has a finer one leaves none (assumed)."""
Floats = NDArray[np.float64]
Weights = Mapping[Objective, float]


@dataclass(frozen=True, eq=False)
class Frontier:
    """All that a search found, kept in memory so that other weights need no new one.

    ``judged`` are all candidates, ``which`` the feasible ones among them; ``candidates``, ``clearances``
    (mm, from the needle's surface), ``measures`` and ``scores`` are of the feasible ones, ``(n,)`` each.
    """

    case: Case
    reach: CArmReach
    judged: Judged
    which: NDArray[np.intp]
    candidates: Candidates
    clearances: Mapping[str, Floats]
    measures: Measures
    scores: Mapping[Objective, Floats]

    def __len__(self) -> int:
        return len(self.which)

    def merit(self, weights: Weights | None = None) -> Floats:
        """Weighted mean of the scores of every candidate, NaN where it is not feasible."""
        merit = np.full(len(self.judged.candidates), np.nan)
        merit[self.which] = total(self.scores, weights or self.case.procedure.objectives)
        return merit

    def efficient(self, weights: Weights | None = None) -> NDArray[np.bool_]:
        """Which of the feasible no other one beats in all objectives, weighed or not, ``(n,)``.

        Scores are compared in steps of 0.04; of several alike the one of the best weighted mean stands
        for all.
        """
        columns = np.stack([self.scores[name] for name in Objective], axis=1)
        return _efficient(columns, total(self.scores, weights or self.case.procedure.objectives))


def explore(case: Case, reach: CArmReach | None = None) -> Frontier:
    """Search one case: every candidate judged, the feasible ones measured.

    Where none keeps the margins the case is eased, as far as the catalogue lets it be.
    """
    reach = reach or usual_reach(case)
    case, judged = _searched(case)
    which = np.flatnonzero(judged.feasible)
    feasible = _taken(judged.candidates, which)
    clearances = {name: values[which] for name, values in judged.clearances.items()}
    entries, targets = feasible.entries, feasible.targets
    chance = chance_of_violation(case.hazards, entries, targets)
    measures = measure(case, entries, targets, clearances, chance, feasible.target_misfit, reach)
    return Frontier(case, reach, judged, which, feasible, clearances, measures, score(measures))


def _searched(case: Case) -> tuple[Case, Judged]:
    """The case and its needles; with the margins eased where that is what lets one pass."""
    judged = _zone_searched(case)
    if not judged.feasible.any():
        for easier in eased(case):
            found = _zone_searched(easier)
            if found.feasible.any():
                return easier, found
    return case, judged


def _zone_searched(case: Case) -> Judged:
    """Needles to the zone; where none passes, more to its finer one."""
    judged = _judged(case, case.zone, MANY)
    if case.zone.finer is not None and not judged.feasible.any():
        judged = _judged(case, case.zone.finer(), _FINER * MANY)
    return judged


def _judged(case: Case, zone: TargetZone, many: int) -> Judged:
    """About ``many`` needles to a zone of the case, each held against every limit."""
    candidates = generate(case.scene.body, zone, case.bearings, case.request.entry, many)
    return judge(case.scene, case.procedure, case.rules, candidates)


def usual_reach(case: Case) -> CArmReach:
    """Of a C-arm of assumed size with the patient lying as the procedure has it."""
    return CArmReach(lying=lying_of(case.procedure.position, case.site.side))


def read_weights(given: Mapping[str, float]) -> dict[Objective, float]:
    """Weights by the objectives' names, none negative and not all zero; the error lists the names."""
    names = ", ".join(Objective)
    weights = {}
    for name, weight in given.items():
        if name not in set(Objective):
            raise UsageError(f"{name!r} is no objective; they are {names}")
        if not np.isfinite(weight) or weight < 0:
            raise UsageError(f"the weight of {name} is {weight:g}; give a number from 0 up")
        if weight > 0:
            weights[Objective(name)] = float(weight)
    if not weights:
        raise UsageError(f"no objective has a weight above 0; they are {names}")
    return weights


def _taken(candidates: Candidates, which: NDArray[np.intp]) -> Candidates:
    columns = {one.name: getattr(candidates, one.name) for one in fields(candidates)}
    return Candidates(
        **{name: {} if isinstance(column, Mapping) else column[which] for name, column in columns.items()}
    )


def _efficient(columns: Floats, merit: Floats) -> NDArray[np.bool_]:
    """Non-dominated rows of ``columns`` ``(n, m)`` on a grid; one row a cell, that of most merit."""
    from procguide.planning._robustness_kernels import undominated

    chosen = np.zeros(len(columns), bool)
    if not len(columns):
        return chosen
    steps = np.floor(columns / _ALIKE + 1e-9).astype(np.int64)
    cell = steps @ (64 ** np.arange(steps.shape[1], dtype=np.int64))
    best_first = np.lexsort((-merit, cell))
    first = np.concatenate([[True], np.diff(cell[best_first]) != 0])
    stand = best_first[first]
    stand = stand[np.argsort(-steps[stand].sum(axis=1), kind="stable")]
    chosen[stand[undominated(np.ascontiguousarray(steps[stand]))]] = True
    return chosen
