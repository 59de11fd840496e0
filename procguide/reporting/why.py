"""Why this needle: its objectives as bars, what it is held against, what others measured."""

from __future__ import annotations

from dataclasses import dataclass

from procguide.anatomy import Spine
from procguide.geometry import view_angles
from procguide.planning.catalogue import Procedure
from procguide.planning.nouns import Plan, PlanSet
from procguide.reporting.content import midline_x
from procguide.reporting.words import counted, plain

__all__ = ["Comparison", "ObjectiveBar", "comparisons", "objective_bars", "search_words"]

_MEANINGS = {
    "clearance": "Room beyond the limits",
    "robustness": "Limits kept if placed a little off",
    "view": "Near the usual angles",
    "target": "Well inside the target",
    "length": "Short way",
    "backstop": "Bone behind the tip",
    "skin": "Good skin site",
    "carm": "Easy for the C-arm",
}


@dataclass(frozen=True)
class ObjectiveBar:
    """One objective in plain words: score in percent, share of the whole, what it was read from."""

    words: str
    percent: float
    share: str
    detail: str


@dataclass(frozen=True)
class Comparison:
    """One quantity of the plan beside what others measured in people."""

    quantity: str
    planned: str
    measured: str
    source: str


def objective_bars(plan: Plan) -> tuple[ObjectiveBar, ...]:
    """Every objective that counts, the heaviest first; of a plan without appraisals, its bare scores."""
    counting = [one for one in plan.objectives if one.weight > 0]
    if not counting:
        bare = [(name, value) for name, value in plan.scores.items() if name != "total"]
        return tuple(ObjectiveBar(_words(name), 100 * value, "", "") for name, value in bare)
    whole = sum(one.weight for one in counting)
    return tuple(
        ObjectiveBar(_words(one.objective), 100 * one.score, f"{100 * one.weight / whole:.0f} %", one.words)
        for one in sorted(counting, key=lambda one: -one.weight)
    )


def _words(objective: str) -> str:
    return _MEANINGS.get(objective, plain(objective).lower())


def search_words(plan_set: PlanSet) -> str:
    """How many needles were looked at, and what closed the way to most."""
    total = max(plan_set.considered, 1)
    words = (
        f"{counted(plan_set.considered)} needles tried, {counted(plan_set.feasible)} keep every limit"
        f" ({100 * plan_set.feasible / total:.0f} %)"
    )
    most = sorted(plan_set.exclusions.items(), key=lambda item: -item[1])[:2]
    closed = [f"{plain(name).lower()} ({100 * count / total:.0f} %)" for name, count in most if count]
    words = f"{words}; most were closed by {' and '.join(closed)}." if closed else f"{words}."
    explained = plan_set.explanation
    return f"{words} {plain(explained.kept_away)}." if explained and explained.kept_away else words


def comparisons(
    plan: Plan, plan_set: PlanSet, entry: Procedure | None, spine: Spine
) -> tuple[Comparison, ...]:
    """The plan beside the catalogue's published measurements at this level and side."""
    if entry is None:
        return ()
    planned = _planned(plan, plan_set, spine)
    if entry.entry.reference != "table" or entry.entry.surface != "back":  # angles count from other axes
        planned = {name: value for name, value in planned.items() if name.endswith("_mm")}
    rows = []
    for one in entry.at(plan_set.level).measured:
        if one.side is not None and one.side != plan_set.side:
            continue
        value = planned.get(one.quantity)
        if value is None:
            continue
        name, number, unit = value
        if one.mean is not None:
            measured = f"{one.mean:g}" + (f" \u00b1 {one.sd:g}" if one.sd is not None else "")
        else:
            measured = f"{one.low:g} to {one.high:g}"
        rows.append(Comparison(name, f"{number:.0f} {unit}", f"{measured} {unit}", entry.source_words(one)))
    return tuple(rows)


def _planned(plan: Plan, plan_set: PlanSet, spine: Spine) -> dict[str, tuple[str, float, str]]:
    """The plan's own value by the catalogue's quantity: its name, number and unit."""
    trajectory = plan.trajectory
    oblique, tilt = view_angles(trajectory.direction)
    sign = plan_set.side.sign if plan_set.side else 1
    return {
        "depth_mm": ("Skin to target", trajectory.length_mm, "mm"),
        "lateral_mm": (
            "Skin entry from the midline",
            abs(trajectory.entry[0] - midline_x(spine, trajectory.entry[2])),
            "mm",
        ),
        "oblique_deg": ("Oblique toward the needle's side", sign * oblique, "degrees"),
        "tilt_deg": ("Cranial tilt", tilt, "degrees"),
    }
