"""What speaks for a needle, each thing measured and scored apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.planning.catalogue import StructureRule
from procguide.planning.names import Objective
from procguide.planning.nouns import CArmReach
from procguide.planning.uncertainty import first_met_ahead

if TYPE_CHECKING:
    from procguide.planning.planner import Case

__all__ = ["AHEAD_MM", "Measures", "measure", "score", "total"]

AHEAD_MM = 20.0
"""How far beyond the tip is looked for what an overshoot would meet."""
_COMFORTABLE_MM = 5.0
_COMFORTABLE_HARMLESS_MM = 2.0
_HARMLESS_SHARE = 0.3
_LONG_MM = 150.0
_UPRIGHT_DEG = 30.0
_GRAZING_DEG = 75.0
_OPEN_MM = 20.0
_SPINOUS_MM = 10.0
_UNLIMITED_MM = 1e3
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measures:
    """What the objectives are read from, ``(n,)`` each.

    ``room_mm``: least room beyond a margin of a structure that could be harmed, ``free_mm`` of a harmless
    one. ``p_violation``: that any limit is broken. ``view_misfit`` and ``target_misfit``: 0 (best) to 1.
    ``stop_ahead_mm`` and ``harm_ahead_mm``: how far beyond the tip the needle would meet something
    harmless (bone) or something it could harm, 20 mm if neither. ``lean_deg``: between needle and the
    skin's normal. ``openness``: of the skin about the entry, 1 on flat or round skin, 0 deep in a fold.
    ``spinous_mm``: from the shaft to the nearest tip of a spinous process. ``reach_share``: of the C-arm's
    range that its angles use up, 1 at its end.
    """

    room_mm: Floats
    free_mm: Floats
    p_violation: Floats
    view_misfit: Floats
    target_misfit: Floats
    length_mm: Floats
    stop_ahead_mm: Floats
    harm_ahead_mm: Floats
    lean_deg: Floats
    openness: Floats
    spinous_mm: Floats
    reach_share: Floats

    def at(self, index: int) -> Measures:
        """Those of one needle."""
        return Measures(**{one.name: getattr(self, one.name)[index : index + 1] for one in fields(self)})


def measure(
    case: Case,
    entries: Floats,
    targets: Floats,
    clearances: Mapping[str, Floats],
    p_violation: Floats,
    target_misfit: Floats,
    reach: CArmReach,
) -> Measures:
    """Of needles ``(n, 3)`` each; ``clearances`` are from the needle's surface, ``(n,)`` by structure."""
    along = targets - entries
    length = np.linalg.norm(along, axis=1)
    inward = along / np.maximum(length, 1e-6)[:, None]
    hazards = case.hazards
    harmful = [rule for rule in case.rules if not rule.harmless]
    harmless = [rule for rule in case.rules if rule.harmless]
    lean, openness = _skin(case, entries, inward)
    return Measures(
        room_mm=_room(harmful, clearances, len(length)),
        free_mm=_room(harmless, clearances, len(length)),
        p_violation=p_violation,
        view_misfit=case.bearings.misfit(inward),
        target_misfit=target_misfit,
        length_mm=length,
        stop_ahead_mm=first_met_ahead(hazards, hazards.harmless, targets, inward, AHEAD_MM),
        harm_ahead_mm=first_met_ahead(hazards, hazards.harmful, targets, inward, AHEAD_MM),
        lean_deg=lean,
        openness=openness,
        spinous_mm=_from_spinous_tips(case, entries, inward, length),
        reach_share=_reach_share(inward, reach),
    )


def score(measures: Measures) -> dict[Objective, Floats]:
    """Every objective, 0 (poor) to 1.

    clearance: room beyond the margins of what could be harmed, 5 mm counts full, and for three tenths that
    of the harmless, 2 mm counts full (bone turns a needle aside); robustness: chance that no limit is
    broken; view: nearness to the preferred angles (30 degrees off counts nothing); target: place within
    the zone; length: 150 mm counts nothing; backstop: what an overshoot meets first, bone at once 1,
    nothing within 20 mm a half, something that can be harmed at once 0; skin: the least of how upright the
    needle stands on it (30 degrees off its normal counts full, 75 nothing), how open it lies, and 10 mm from
    shaft to spinous process; carm: what is left of the C-arm's range. All these lengths and angles are
    assumed.
    """
    overshoot = np.where(
        measures.harm_ahead_mm < measures.stop_ahead_mm,
        measures.harm_ahead_mm / (2 * AHEAD_MM),
        1 - measures.stop_ahead_mm / (2 * AHEAD_MM),
    )
    upright = (_GRAZING_DEG - measures.lean_deg) / (_GRAZING_DEG - _UPRIGHT_DEG)
    skin = np.minimum(np.minimum(upright, measures.openness), measures.spinous_mm / _SPINOUS_MM)
    safe = np.clip(measures.room_mm / _COMFORTABLE_MM, 0, 1)
    free = np.clip(measures.free_mm / _COMFORTABLE_HARMLESS_MM, 0, 1)
    found = {
        Objective.CLEARANCE: (1 - _HARMLESS_SHARE) * safe + _HARMLESS_SHARE * free,
        Objective.ROBUSTNESS: 1 - measures.p_violation,
        Objective.VIEW: 1 - measures.view_misfit,
        Objective.TARGET: 1 - measures.target_misfit,
        Objective.LENGTH: 1 - measures.length_mm / _LONG_MM,
        Objective.BACKSTOP: overshoot,
        Objective.SKIN: skin,
        Objective.CARM: 1 - measures.reach_share,
    }
    return {name: np.clip(values, 0, 1) for name, values in found.items()}


def total(scores: Mapping[Objective, Floats], weights: Mapping[Objective, float]) -> Floats:
    """Weighted mean, ``(n,)``."""
    return np.asarray(sum(weights[name] * scores[name] for name in weights) / sum(weights.values()))


def _room(rules: Sequence[StructureRule], clearances: Mapping[str, Floats], count: int) -> Floats:
    """The least room beyond a margin; 1 m where there is no such structure near."""
    rooms = [clearances[rule.name] - rule.margin_mm.value for rule in rules if rule.name in clearances]
    return np.asarray(np.min(rooms, axis=0)) if rooms else np.full(count, _UNLIMITED_MM)


def _skin(case: Case, entries: Floats, inward: Floats) -> tuple[Floats, Floats]:
    """Angle off the skin's normal (degrees), and how far 20 mm above it is from any skin (share)."""
    from scipy.ndimage import map_coordinates

    body = case.scene.body

    def value(points: Floats) -> Floats:
        index = np.moveaxis(body.grid.affine.inverse.apply(points), -1, 0)
        return np.asarray(map_coordinates(body.field, index, order=1, mode="nearest"), dtype=np.float64)

    steps = np.eye(3) * 3.0
    slope = np.stack([value(entries + step) - value(entries - step) for step in steps], axis=1)
    normal = slope / np.maximum(np.linalg.norm(slope, axis=1), 1e-6)[:, None]
    lean = np.degrees(np.arccos(np.clip(-(normal * inward).sum(axis=1), -1, 1)))
    return lean, np.clip(value(entries + normal * _OPEN_MM) / _OPEN_MM, 0, 1)


def _from_spinous_tips(case: Case, entries: Floats, inward: Floats, length: Floats) -> Floats:
    tips = [
        np.asarray(one.spinous_process_tip)
        for one in case.site.spine.vertebrae
        if one.spinous_process_tip is not None
    ]
    least = np.full(len(entries), _UNLIMITED_MM)
    for tip in tips:
        between = tip - entries
        along = np.clip((between * inward).sum(axis=1), 0, length)
        least = np.minimum(least, np.linalg.norm(between - along[:, None] * inward, axis=1))
    return least


def _reach_share(inward: Floats, reach: CArmReach) -> Floats:
    """The larger share of both angles' ranges, from vertical as the patient lies."""
    left, posterior, superior = -inward.T
    tilt = np.degrees(np.arcsin(np.clip(superior, -1, 1)))
    vertical, one = reach.lying.dial_deg(0.0), reach.lying.dial_deg(1.0)
    turned = vertical + (one - vertical) * np.degrees(np.arctan2(left, posterior))
    dial = turned - 360.0 * np.round(turned / 360.0)
    return np.asarray(np.maximum(np.abs(dial) / reach.oblique_deg, np.abs(tilt) / reach.tilt_deg))
