"""Candidate needles judged against every limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.planning.candidates import Candidates
from procguide.planning.catalogue import Procedure, StructureRule
from procguide.planning.clearance import FAR_MM, Passage, Shafts
from procguide.planning.scene import Scene

__all__ = ["LENGTH", "SKIN", "Judged", "judge"]

SKIN = "skin in view"
LENGTH = "needle length"
_EXACT_BEYOND_MM = 1.0
"""Distances of feasible needles are exact up to this far beyond the limit, and up to ``_EXACT_MM``."""
_EXACT_MM = 2.5
_ENOUGH_MM = 10.0
"""Farther than this beyond the limit, it is all the same how far."""
_ENTERED_MM = -0.3
_MET_MM = -0.2
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Judged:
    """``candidates`` with their clearance from the needle's surface by structure, ``(n,)`` mm each.

    ``broken`` says by constraint which candidates break it. For what is feasible, clearances are the exact
    ones near the margin, and at most 0.25 mm more up to 10 mm beyond it; the others were not measured to the
    end.
    """

    candidates: Candidates
    clearances: Mapping[str, NDArray[np.float64]]
    broken: Mapping[str, NDArray[np.bool_]]

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """Which candidates break nothing."""
        return np.asarray(~np.logical_or.reduce(list(self.broken.values())))


def judge(
    scene: Scene, procedure: Procedure, rules: Sequence[StructureRule], candidates: Candidates
) -> Judged:
    """Hold every candidate against every limit.

    A structure that the tip may touch must also lie behind it: a backstop within ``contact_mm``.
    What has no entry, or breaks the limits of where a needle comes from, is judged no further. Whatever else
    is broken, every structure is asked, but distances are measured to the end only of what seems to keep
    all limits: a graze between two samples is not counted where another limit is broken too.
    """
    broken = _unreachable(procedure, candidates)
    reached = np.flatnonzero(~np.logical_or.reduce([broken[SKIN], *candidates.excluded.values()]))
    shafts = Shafts.between(scene, candidates.entries[reached], candidates.targets[reached])
    radius = procedure.needle.radius_mm
    passages: dict[str, Passage] = {}
    for rule in rules:
        limit = _limit(rule, radius)
        structure = scene.structures[rule.name]
        passages[rule.name] = shafts.passing(structure, _trim(rule), limit, limit + _ENOUGH_MM)
        for name, off in _broken_by(rule, shafts, passages[rule.name]).items():
            broken[name] = np.zeros(len(candidates), bool)
            broken[name][reached] = off
    kept = np.flatnonzero(~np.logical_or.reduce(list(broken.values()))[reached])
    clearances: dict[str, Floats] = {}
    for rule in rules:
        distances = _measured(shafts, passages[rule.name], kept)
        broken[rule.name][reached[kept]] = distances[kept] < _limit(rule, radius)
        clearances[rule.name] = np.full(len(candidates), FAR_MM)
        clearances[rule.name][reached] = distances - radius
    return Judged(candidates, clearances, broken)


def _unreachable(procedure: Procedure, candidates: Candidates) -> dict[str, Truths]:
    """What is broken before any structure is looked at."""
    needle, no_skin = procedure.needle, candidates.depth_mm < 0
    longest = max(needle.lengths_mm) - needle.reserve_mm.value
    return {SKIN: no_skin, LENGTH: ~no_skin & (candidates.depth_mm > longest), **candidates.excluded}


def _broken_by(rule: StructureRule, shafts: Shafts, passage: Passage) -> dict[str, Truths]:
    """What a structure forbids, by constraint; a passage that is only just too near is not yet seen."""
    trim = passage.trim_mm
    before = {f"in front of the {rule.name}": shafts.before(passage.structure)} if rule.behind else {}
    if not trim:
        return {rule.name: passage.crossed, **before}
    entered = shafts.tips(trim).deepest(passage.structure) < _ENTERED_MM
    missed = shafts.onward(trim).deepest(passage.structure) > _MET_MM
    return {f"{rule.name} behind the tip": missed, rule.name: passage.crossed | entered, **before}


def _measured(shafts: Shafts, passage: Passage, kept: NDArray[np.intp]) -> Floats:
    """Distances of all, to the end for those ``kept``."""
    distances = np.minimum(passage.nearest, passage.to_tubes)
    some = passage.only(kept)
    distances[kept] = shafts.only(kept).distances(some, max(passage.limit_mm + _EXACT_BEYOND_MM, _EXACT_MM))
    return distances


def _trim(rule: StructureRule) -> float:
    return rule.contact_mm.value if rule.contact_mm else 0.0


def _limit(rule: StructureRule, radius_mm: float) -> float:
    """For the centre line, mm."""
    return rule.margin_mm.value + radius_mm
