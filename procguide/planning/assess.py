"""One needle judged in full: exact clearances, simulated placement, objectives in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.geometry import vector
from procguide.planning.catalogue import Procedure
from procguide.planning.clearance import exact_clearance
from procguide.planning.names import Construction, Objective
from procguide.planning.nouns import Appraisal, CArmReach, Needle, Plan, Robustness, Trajectory, View
from procguide.planning.objectives import AHEAD_MM, Measures, measure, score, total
from procguide.planning.structures.quadrants import foramen_frame, quadrant_at
from procguide.planning.uncertainty import DRAWS, simulate

if TYPE_CHECKING:
    from procguide.planning.planner import Case

__all__ = ["assess", "exact_clearances", "tightest"]

_LITTLE_ROOM = 0.25
_POOR_SKIN = 0.5
_IN_FORAMEN = (Construction.SUBPEDICULAR, Construction.KAMBIN)
Floats = NDArray[np.float64]


def assess(
    case: Case,
    entry: Floats,
    target: Floats,
    clearance: Mapping[str, float],
    target_misfit: float,
    weights: Mapping[Objective, float],
    reach: CArmReach,
    draws: int = DRAWS,
) -> Plan:
    """A plan (rank 0) of the needle from ``entry`` to ``target`` with its exact ``clearance``."""
    robustness = simulate(case.hazards, entry, target, draws)
    measures = measure(
        case,
        entry[None],
        target[None],
        {name: np.array([value]) for name, value in clearance.items()},
        np.array([robustness.p_violation]),
        np.array([target_misfit]),
        reach,
    )
    scores = score(measures)
    said = appraise(case, measures, clearance, robustness, weights, target)
    trajectory = _trajectory(case.procedure, entry, target)
    view = View.down(trajectory, reach)
    return Plan(
        rank=0,
        trajectory=trajectory,
        clearance_mm=dict(clearance),
        robustness=robustness,
        view=view,
        scores={str(name): float(scores[name][0]) for name in weights}
        | {"total": float(total(scores, weights)[0])},
        warnings=tuple(_warnings(case, clearance, robustness, view, scores)),
        objectives=said,
    )


def exact_clearances(case: Case, entry: Floats, target: Floats) -> dict[str, float]:
    """From the needle's surface; a structure that is labelled but nowhere near is left out."""
    exact: dict[str, float] = {}
    for rule in case.rules:
        structure = case.scene.structures[rule.name]
        if structure.field is None and not structure.tubes:
            continue
        trim = rule.contact_mm.value if rule.contact_mm else 0.0
        distance = exact_clearance(case.scene, structure, entry, target, trim)
        exact[str(rule.name)] = distance - case.procedure.needle.radius_mm
    return exact


def tightest(case: Case, clearance: Mapping[str, float], *, harmless: bool = False) -> str | None:
    """The structure with the least room beyond its margin; None where none of that kind is near."""
    margins = {
        str(rule.name): rule.margin_mm.value
        for rule in case.rules
        if rule.harmless == harmless and rule.name in clearance
    }
    return min(margins, key=lambda name: clearance[name] - margins[name]) if margins else None


def appraise(
    case: Case,
    measures: Measures,
    clearance: Mapping[str, float],
    robustness: Robustness,
    weights: Mapping[Objective, float],
    target: Floats,
) -> tuple[Appraisal, ...]:
    """Every objective of one needle with what its score was read from; the weightiest first."""
    value = {name: float(getattr(measures, name)[0]) for name in vars(measures)}
    words = {
        Objective.CLEARANCE: _clearance_words(case, clearance),
        Objective.ROBUSTNESS: _robustness_words(case, robustness),
        Objective.VIEW: _view_words(value["view_misfit"]),
        Objective.TARGET: _target_words(case, value["target_misfit"], target),
        Objective.LENGTH: f"{value['length_mm']:.0f} mm from skin to tip",
        Objective.BACKSTOP: _ahead_words(value["stop_ahead_mm"], value["harm_ahead_mm"]),
        Objective.SKIN: _skin_words(value),
        Objective.CARM: f"uses {100 * value['reach_share']:.0f} % of the C-arm's assumed range",
    }
    scores = score(measures)
    whole = sum(weights.values())
    rows = [
        Appraisal(name, float(scores[name][0]), weights.get(name, 0.0) / whole, words[name])
        for name in Objective
    ]
    return tuple(sorted(rows, key=lambda row: -row.weight))


def _target_words(case: Case, misfit: float, target: Floats) -> str:
    said = f"{_share(1 - misfit)} of the way from the zone's edge to its best"
    site = case.site
    if case.procedure.target.construction not in _IN_FORAMEN:
        return said
    quadrant = quadrant_at(foramen_frame(site.upper, site.below, site.own_side), target)
    return f"{said}, in the {quadrant} quadrant of the foramen"


def _share(part: float) -> str:
    return f"{100 * part:.0f} %"


def _clearance_words(case: Case, clearance: Mapping[str, float]) -> str:
    margins = {str(rule.name): rule.margin_mm.value for rule in case.rules}
    said = [
        f"{name.replace('_', ' ')} {clearance[name]:.1f} mm (margin {margins[name]:g})"
        for name in (tightest(case, clearance), tightest(case, clearance, harmless=True))
        if name is not None
    ]
    return "nearest to its margin: " + ", ".join(said) if said else "nothing near"


def _robustness_words(case: Case, robustness: Robustness) -> str:
    """Chance of a broken margin, of touch, and who is the most likely."""
    said = f"{_chance(robustness.p_violation)} that a margin is broken"
    if robustness.by_structure and robustness.p_violation >= 0.01:
        worst = max(robustness.by_structure, key=lambda name: robustness.by_structure[name])
        said += f", mostly {worst.replace('_', ' ')}"
    return (
        f"{said}; {_chance(robustness.p_touch)} that anything is touched "
        f"(tip off by {robustness.placement_sd_mm:.1f} mm sd sideways, "
        f"{case.hazards.error.along_mm:.1f} in depth)"
    )


def _chance(share: float) -> str:
    return "under 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def _view_words(misfit: float) -> str:
    if misfit >= 1:
        return "30 degrees or more off the preferred angles"
    return f"{30 * misfit:.0f} degrees off the preferred angles"


def _ahead_words(stop_mm: float, harm_mm: float) -> str:
    if harm_mm >= AHEAD_MM and stop_mm >= AHEAD_MM:
        return f"nothing known within {AHEAD_MM:.0f} mm ahead of the tip"
    if harm_mm < stop_mm:
        return f"ahead of the tip a structure that can be harmed after {harm_mm:.0f} mm, before any bone"
    return "bone at the tip" if stop_mm < 1 else f"bone {stop_mm:.0f} mm ahead of the tip"


def _skin_words(value: Mapping[str, float]) -> str:
    said = [f"needle {value['lean_deg']:.0f} degrees off upright on the skin"]
    if value["openness"] < _POOR_SKIN:
        said.append("entry in a fold")
    if value["spinous_mm"] < 30:
        said.append(f"shaft {value['spinous_mm']:.0f} mm from a spinous process's tip")
    return ", ".join(said)


def _trajectory(procedure: Procedure, entry: Floats, target: Floats) -> Trajectory:
    """With the shortest needle on the shelf that leaves its reserve outside; the longest if none does."""
    choice = procedure.needle
    needed = float(np.linalg.norm(target - entry)) + choice.reserve_mm.value - 1e-6
    lengths = [length for length in choice.lengths_mm if length >= needed]
    length = min(lengths, default=max(choice.lengths_mm))
    return Trajectory(vector(entry), vector(target), Needle(choice.gauge, 2 * choice.radius_mm, length))


def _warnings(
    case: Case,
    clearance: Mapping[str, float],
    robustness: Robustness,
    view: View,
    scores: Mapping[Objective, Floats],
) -> Sequence[str]:
    said = [robustness.breach] if robustness.breach else []
    if not view.reachable and case.procedure.guidance == "fluoroscopy":
        said.append("the view down the needle is beyond a usual C-arm's range")
    if robustness.p_violation > _LITTLE_ROOM and not robustness.breach:
        name = tightest(case, clearance) or ""
        said.append(
            f"little room: with a placement error of {robustness.placement_sd_mm:.1f} mm (sd, at the tip) a "
            f"margin is broken with probability {robustness.p_violation:.2f}; nearest to its margin: "
            f"{name.replace('_', ' ')}"
        )
    if scores[Objective.SKIN][0] < 0.2:
        said.append("the entry is awkward: in a fold, at a flat angle to the skin, or at a spinous process")
    return said
