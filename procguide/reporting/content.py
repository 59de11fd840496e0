"""What the report says, as plain words and numbers ready for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from procguide.anatomy import Anchor, Spine
from procguide.findings import Finding, Severity
from procguide.planning.catalogue import Procedure
from procguide.planning.nouns import Plan, PlanSet, StructureLimit, StructureOrigin
from procguide.reporting.viewing import carm_words
from procguide.reporting.words import (
    counted,
    millimetres,
    offset_words,
    percent,
    plain,
    position_words,
    side_words,
)

__all__ = [
    "Alert",
    "ClearanceRow",
    "Fact",
    "alerts",
    "alternatives",
    "clearances",
    "exclusions",
    "headline",
    "midline_x",
    "recommendation",
    "volumes",
]

_BAR_MM = 12.0
"""Clearance at the right end of the bar."""


@dataclass(frozen=True)
class Fact:
    """A line of the recommendation: what, its value in big, and a remark."""

    name: str
    value: str
    remark: str = ""


@dataclass(frozen=True)
class Alert:
    """A finding or warning; ``grade`` is ``stop``, ``caution`` or ``ok``, said in words as well.

    ``general``: it holds for every plan of the kind, not for this patient or this needle alone.
    """

    grade: str
    word: str
    words: str
    advice: str = ""
    general: bool = False


@dataclass(frozen=True)
class ClearanceRow:
    """One structure: measured distance from the needle's surface against its limit.

    ``bar`` and ``mark_at`` are percent of the bar's full width (12 mm).
    """

    structure: str
    measured: str
    limit: str
    basis: str
    source: str
    origin: str
    verdict: str
    bar: float
    mark_at: float
    grade: str

    @property
    def is_judged(self) -> bool:
        """Whether it was measured, and near enough for a number."""
        return self.measured[:1].isdigit() or self.measured.startswith("-")


def volumes(procedure: Procedure) -> tuple[str, ...]:
    """The most of each fluid for one needle: ``"Contrast: at most 1 mL (assumed)"``."""
    return tuple(
        f"{plain(name)}: at most {number.value:g} mL ({procedure.source_words(number)})"
        for name, number in procedure.volumes_ml.items()
    )


def headline(plan_set: PlanSet, procedure: Procedure | None) -> Mapping[str, str]:
    """Procedure, level and side in plain words."""
    return {
        "procedure": procedure.title if procedure else plain(plan_set.procedure),
        "level": plan_set.level,
        "side": side_words(plan_set.side),
        "position": procedure.position if procedure else "",
        "target": procedure.target.words if procedure else "",
        "level_words": procedure.level.words if procedure else "",
    }


def recommendation(plan: Plan, spine: Spine, procedure: Procedure | None) -> tuple[Fact, ...]:
    """Entry, angle, needle, depth: what is needed at the table, in the order of use."""
    trajectory, view = plan.trajectory, plan.view
    needle = trajectory.needle
    spare = needle.length_mm - trajectory.length_mm
    reach = "" if view.reachable else "Beyond the reach assumed for a C-arm"
    ultrasound = procedure is not None and procedure.guidance == "ultrasound"
    angle = carm_words(plan, procedure)
    return (
        Fact("Skin entry", entry_words(plan, spine), position_words(trajectory.entry)),
        Fact(
            "Angle", angle, "of the needle" if ultrasound else reach or "C-arm looks straight down the needle"
        ),
        Fact(
            "Needle", f"{needle.gauge}G, {needle.length_mm:.0f} mm", f"{spare:.0f} mm stay outside the skin"
        ),
        Fact(
            "Depth",
            f"{trajectory.length_mm:.0f} mm",
            f"skin to tip; tip at {position_words(trajectory.target)}",
        ),
    )


def entry_words(plan: Plan, spine: Spine) -> str:
    """The entry from the midline and the nearest spinous process, as measured on the skin's plane."""
    entry = plan.trajectory.entry
    tips = [(v.level, v.spinous_process_tip) for v in spine.vertebrae if v.spinous_process_tip is not None]
    if not tips:
        return "see patient coordinates"
    level, tip = min(tips, key=lambda item: abs(item[1][2] - entry[2]))
    across = offset_words(entry[0] - midline_x(spine, entry[2]), "left of", "right of")
    along = offset_words(entry[2] - tip[2], "cranial to", "caudal to")
    across = "on" if across == "level with" else across
    return f"{across} the midline, {along} the {level} spinous process tip"


def midline_x(spine: Spine, z: float) -> float:
    """Left-right place of the spinous processes' line at height z, LPS mm; without any, of the bodies'."""
    tips = sorted((tip[2], tip[0]) for vertebra in spine.vertebrae if (tip := vertebra.spinous_process_tip))
    tips = tips or sorted((one.frame.origin[2], one.frame.origin[0]) for one in spine.vertebrae)
    if not tips:
        return 0.0
    return float(np.interp(z, [tip[0] for tip in tips], [tip[1] for tip in tips]))


def alerts(
    plan_set: PlanSet, plan: Plan | None, findings: Sequence[Finding], spine: Spine
) -> tuple[Alert, ...]:
    """Everything that speaks against trusting the plan, the gravest first; checks passed come last.

    That a limit is more likely broken than kept comes before whatever else is as grave.
    """
    said: list[Alert] = []
    if spine.anchor is Anchor.NONE:
        said.append(
            Alert(
                "stop",
                "Check the level",
                "The level names hang on nothing seen in the image.",
                "Count the levels under fluoroscopy from the sacrum.",
            )
        )
    breach = plan.robustness.breach if plan else ""
    if plan and breach:
        grave = plan.robustness.is_grave
        said.append(Alert("stop" if grave else "caution", "Little room", _sentence(breach)))
    for finding in (*findings, *plan_set.findings):
        word = {Severity.STOP: "Stop", Severity.CAUTION: "Caution", Severity.OK: "Passed"}[finding.severity]
        said.append(Alert(str(finding.severity), word, _with_score(finding), finding.advice))
    warnings = dict.fromkeys((*plan_set.warnings, *(plan.warnings if plan else ())))
    said.extend(
        Alert("caution", "Caution", _sentence(words), general=_is_general(words))
        for words in warnings
        if words != breach
    )
    for limit in plan_set.limits:
        name = limit.name.replace("_", " ")
        spoken = any("not judged" in words and name in words for words in warnings)
        if limit.origin is StructureOrigin.ABSENT and not spoken:
            said.append(
                Alert(
                    "caution",
                    "Not judged",
                    f"{plain(limit.name)}: not segmented, so its clearance is not known.",
                )
            )
    order = {"stop": 0, "caution": 1, "ok": 2}
    return tuple(sorted(dict.fromkeys(said), key=lambda alert: (order[alert.grade], alert.general)))


def _is_general(words: str) -> bool:
    """Whether the planner says this of every plan: how structures were found, whose the margins are."""
    return (
        words.startswith(("not judged", "margins are")) or ": modelled from" in words or "coarsely" in words
    )


def _with_score(finding: Finding) -> str:
    words = _sentence(finding.words)
    if finding.score is None or finding.limit is None:
        return words
    unit = f" {finding.unit}" if finding.unit else ""
    return f"{words} (measured {finding.score:g}{unit}, limit {finding.limit:g}{unit})"


def _sentence(words: str) -> str:
    words = words.strip()
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")


def clearances(plan_set: PlanSet, plan: Plan) -> tuple[ClearanceRow, ...]:
    """A row for every structure judged or not; the least spare distance first, the harmless after."""
    limits = {limit.name: limit for limit in plan_set.limits}
    names = [*plan.clearance_mm, *(name for name in limits if name not in plan.clearance_mm)]
    rows = [(_spare(plan, limits.get(name), name), _row(plan, limits.get(name), name)) for name in names]
    return tuple(row for _, row in sorted(rows, key=lambda item: item[0]))


def _spare(plan: Plan, limit: StructureLimit | None, name: str) -> float:
    measured = plan.clearance_mm.get(name)
    if measured is None:
        return 1e6
    return measured - (limit.margin_mm if limit else 0.0) + (1e3 if limit and limit.harmless else 0.0)


def _row(plan: Plan, limit: StructureLimit | None, name: str) -> ClearanceRow:
    measured = plan.clearance_mm.get(name)
    margin = limit.margin_mm if limit else None
    verdict, grade = "within the limit", "ok"
    if limit is not None and limit.origin is StructureOrigin.ABSENT:
        measured, verdict, grade = None, "not judged", "caution"
    elif measured is None:
        verdict = "nowhere near"
    elif margin is not None and measured < margin:
        verdict, grade = "breaks the limit", "stop"
    elif limit is not None and limit.harmless:
        verdict = "harmless"
    elif margin is not None and measured < margin + 1.0:
        verdict, grade = "little to spare", "caution"
    spread = f", \u00b1 {limit.spread_mm:g} mm" if limit and limit.spread_mm else ""
    return ClearanceRow(
        structure=plain(name),
        measured=millimetres(measured) if measured is None or measured < 50 else "over 50 mm",
        limit=millimetres(margin),
        basis=str(limit.mark) if limit else "\u2013",
        source=_source(limit),
        origin=f"{limit.origin}{spread}" if limit else "\u2013",
        verdict=verdict,
        bar=100 * float(np.clip((measured or 0.0) / _BAR_MM, 0, 1)),
        mark_at=100 * float(np.clip((margin or 0.0) / _BAR_MM, 0, 1)),
        grade=grade,
    )


def _source(limit: StructureLimit | None) -> str:
    """Source and note, without saying the mark twice."""
    if limit is None:
        return ""
    parts = [part for part in (limit.source, limit.note) if part and part != str(limit.mark)]
    return "; ".join(parts)


def alternatives(
    plan_set: PlanSet, spine: Spine, procedure: Procedure | None
) -> tuple[Mapping[str, str], ...]:
    """All plans in a compact table, each with what it trades against rank 1."""
    return tuple(
        {
            "rank": str(plan.rank),
            "entry": entry_words(plan, spine),
            "depth": f"{plan.trajectory.length_mm:.0f} mm",
            "needle": f"{plan.trajectory.needle.gauge}G, {plan.trajectory.needle.length_mm:.0f} mm",
            "view": carm_words(plan, procedure),
            "nearest": _nearest_words(plan, plan_set),
            "risk": percent(plan.robustness.p_violation),
            "trade": _trade_words(plan, plan_set.plans[0]),
        }
        for plan in plan_set.plans[:5]
    )


def _nearest_words(plan: Plan, plan_set: PlanSet) -> str:
    harmless = {limit.name for limit in plan_set.limits if limit.harmless}
    judged = {name: value for name, value in plan.clearance_mm.items() if name not in harmless}
    if not judged:
        return "\u2013"
    name = min(judged, key=lambda item: judged[item])
    return f"{plain(name).lower()} {millimetres(judged[name])}"


def _trade_words(plan: Plan, best: Plan) -> str:
    """``"Recommended. Best of the plans in: length"``; each trade-off is a sentence of its own."""
    said = [_sentence(words) for words in plan.trade_offs]
    return " ".join(["Recommended.", *said] if plan is best else said) or "\u2013"


def exclusions(plan_set: PlanSet) -> tuple[Mapping[str, str], ...]:
    """Which limits excluded how many candidates, the most first."""
    total = max(plan_set.considered, 1)
    ordered = sorted(plan_set.exclusions.items(), key=lambda item: -item[1])
    told = plan_set.explanation
    missing = {one.constraint: one.shortfall_mm for one in told.exclusions} if told else {}
    return tuple(
        {
            "name": plain(name),
            "count": counted(count),
            "share": f"{100 * count / total:.0f} %",
            "bar": f"{100 * count / total:.1f}",
            "missing": "" if missing.get(name) is None else f"the best misses it by {missing[name]:.1f} mm",
        }
        for name, count in ordered
        if count
    )
