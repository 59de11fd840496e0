"""What ``procguide plan`` prints for people: the plans in a table, and on request how they came about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.planning import Plan, PlanSet
    from procguide.planning.nouns import Explanation

__all__ = ["show_explanation", "show_plans"]


def show_plans(plan_set: PlanSet, output: Path, console: Console) -> None:
    """A row a plan, the views of the first, every caution, and where the report is."""
    from rich.table import Table

    side = f" {plan_set.side.value}" if plan_set.side else ""
    console.print(
        f"{plan_set.procedure} {plan_set.level}{side}: {plan_set.feasible} of "
        f"{plan_set.considered} candidates are feasible"
    )
    if plan_set.plans:
        if breach := plan_set.plans[0].robustness.breach:
            console.print(f"CAUTION: {breach}", style="bold red", markup=False)
        table = Table(
            "rank", "needle", "skin to target", "view: oblique, tilt", "nearest to its limit", "score"
        )
        for one in plan_set.plans:
            table.add_row(
                str(one.rank),
                f"{one.trajectory.needle.gauge}G {one.trajectory.needle.length_mm:g} mm",
                f"{one.trajectory.length_mm:.0f} mm",
                f"{one.view.oblique_deg:+.0f}, {one.view.tilt_deg:+.0f} deg",
                _tightest(one, plan_set),
                f"{one.scores['total']:.2f}",
            )
        console.print(table)
        console.print("oblique: + toward the patient's left; tilt: + cranial", style="dim")
        _show_views(plan_set.plans[0], console)
    for words in plan_set.cautions:
        console.print(f"caution: {words}", markup=False)
    console.print(f"report: {output / 'report.html'}", markup=False)


def show_explanation(plan_set: PlanSet, console: Console) -> None:
    """What excluded how many, what the first plan's score is made of, what the others trade."""
    told = plan_set.explanation
    if told is None:
        return
    _show_exclusions(told, console)
    if told.feasible:
        console.print(
            f"{told.feasible} keep every limit; of these no other beats {told.efficient} in every objective; "
            f"{told.tried} had the exact check, which refused {sum(told.refused.values())}",
        )
    if told.kept_away:
        console.print(told.kept_away, markup=False)
    for plan in plan_set.plans:
        if plan.trade_offs:
            console.print(f"plan {plan.rank}: {'; '.join(plan.trade_offs)}", markup=False)
    if plan_set.plans:
        _show_objectives(plan_set.plans[0], console)


def _show_exclusions(told: Explanation, console: Console) -> None:
    from rich.table import Table

    table = Table("excluded by", "limit", "candidates", "by it alone", "best misses by")
    for one in told.exclusions:
        if one.excluded:
            limit = "" if one.margin_mm is None else f"{one.margin_mm:g} mm"
            missing = "" if one.shortfall_mm is None else f"{one.shortfall_mm:.1f} mm"
            table.add_row(one.constraint.replace("_", " "), limit, str(one.excluded), str(one.alone), missing)
    console.print(table)


def _show_objectives(plan: Plan, console: Console) -> None:
    from rich.table import Table

    table = Table("objective of plan 1", "score", "weight", "read from")
    for one in plan.objectives:
        table.add_row(one.objective, f"{one.score:.2f}", f"{one.weight:.2f}", one.words)
    console.print(table)


def _show_views(plan: Plan, console: Console) -> None:
    """The C-arm's angles in the order of use."""
    for number, view in enumerate(plan.views, start=1):
        name = view.name.replace("_", " ")
        if view.dial_deg is None or view.tilt_deg is None:
            console.print(f"view {number}: {name}; {view.look_for}", markup=False)
            continue
        beyond = "".join(f"; {words}" for words in view.warnings)
        console.print(
            f"view {number}: {name}, {view.dial_deg:+.0f}, {view.tilt_deg:+.0f} deg; {view.look_for}{beyond}",
            markup=False,
        )


def _tightest(one: Plan, plan_set: PlanSet) -> str:
    """The structure that could be harmed with the least room beyond its limit."""
    limits = {limit.name: limit.margin_mm for limit in plan_set.limits if not limit.harmless}
    judged = [name for name in limits if name in one.clearance_mm]
    if not judged:
        return ""
    name = min(judged, key=lambda name: one.clearance_mm[name] - limits[name])
    return f"{name.replace('_', ' ')} {one.clearance_mm[name]:.1f} mm (limit {limits[name]:g})"
