"""``procguide plan`` for several levels or both sides: one sitting, a folder for each needle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procguide import DISCLAIMER
from procguide.approval import plan_sha256
from procguide.cli.audited import results_computed
from procguide.cli.plan import PlanOptions, Result, provenance_of, read_and_locate, subject_of, write_plan
from procguide.cli.session import Session
from procguide.errors import NoResultError

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.cli.pipeline import Anatomy, Case
    from procguide.cli.steps import Steps
    from procguide.planning import Request
    from procguide.planning.session import SessionPlan, Station, Stop
    from procguide.provenance import Provenance

__all__ = ["run_session", "sitting_provenance", "write_sitting"]


def run_session(session: Session, path: Path, requests: Sequence[Request], options: PlanOptions) -> None:
    """Read and label once, plan every needle, choose their order; what fails is said at the end."""
    from procguide.cli.outputs import output_folder
    from procguide.cli.show_plan import show_explanation
    from procguide.cli.steps import Steps
    from procguide.planning.session import plan_session

    steps = Steps(session.console())
    with output_folder(options.output, force=options.force, source=path) as partial:
        case, anatomy = read_and_locate(path, options, steps)
        with steps.step("plan") as advance:
            subject = subject_of(case, anatomy, requests[0].procedure, *(one.level for one in requests))
            wishes = options.wishes
            plan = plan_session(requests, subject, carm=wishes.carm, weights=wishes.weights, progress=advance)
        provenance = sitting_provenance(case, anatomy, requests, options)
        document = write_sitting(partial, plan, (case, anatomy, provenance), steps)
        results_computed(case.series, provenance.inputs_sha256, plan_sha256(document))

    def show(console: Console) -> None:
        _show(plan, options.output, console)
        for stop in plan.stops if options.wishes.explain else ():
            if stop.plan_set is not None:
                console.print(f"\n{stop.name}", style="bold")
                show_explanation(stop.plan_set, console)

    session.answer(document, show)
    session.finish(case.lost, _missing(plan))


def _missing(plan: SessionPlan) -> str:
    """The needles that are missing while the rest are done; no needle at all is no result."""
    missing = [f"{stop.name}: {stop.reason}" for stop in plan.stops if stop.plan is None]
    if missing and not plan.planned:
        raise NoResultError("no needle for any level: " + "; ".join(missing))
    return "no needle for " + "; ".join(missing) if missing else ""


def sitting_provenance(
    case: Case, anatomy: Anatomy, requests: Sequence[Request], options: PlanOptions
) -> Provenance:
    """Of the first request, with all levels and sides."""
    first = provenance_of(case, anatomy, requests[0], options)
    sides = dict.fromkeys(one.side.value for one in requests if one.side is not None)
    asked = {
        "level": ", ".join(dict.fromkeys(one.level for one in requests)),
        "side": ", ".join(sides) or None,
    }
    return replace(first, parameters={**first.parameters, **asked})


def write_sitting(
    folder: Path, plan: SessionPlan, found: tuple[Case, Anatomy, Provenance], steps: Steps
) -> dict[str, Any]:
    """A folder a needle as ``plan`` writes it, then the session's own files over them."""
    from procguide.anatomy.serialise import spine_to_json
    from procguide.cli.dicom_objects import Attempts, write_sitting_object, write_study_objects
    from procguide.cli.outputs import write_json, write_run
    from procguide.exchange.slicer import markups
    from procguide.planning.session.serialise import session_to_json
    from procguide.reporting.session_page import write_session_page

    case, anatomy, provenance = found
    labels = write_study_objects(folder, case, anatomy, Attempts(steps.say))
    folders: dict[int, str] = {}
    lines: dict[str, Any] = {}
    for stop in plan.stops:
        if stop.plan_set is None:
            continue
        folders[stop.number] = _folder_name(stop)
        (folder / folders[stop.number]).mkdir()
        result = Result(case, anatomy, stop.plan_set, provenance, stop.procedure, labels)
        write_plan(folder / folders[stop.number], result, steps)
        if stop.plan is not None:
            chosen = markups(replace(stop.plan_set, plans=(stop.plan,)))
            lines = {**chosen, "markups": [*lines.get("markups", []), *chosen["markups"]]}
    document = {**session_to_json(plan, folders, asdict(provenance)), "disclaimer": DISCLAIMER}
    write_json(document, folder / "plan.json")
    write_json(spine_to_json(anatomy.spine), folder / "spine.json")
    if lines:
        write_json(lines, folder / "plan.mrk.json")
    write_sitting_object(folder, case, document, Attempts(steps.say))
    write_session_page(folder / "report.html", plan, anatomy.spine, folders, provenance)
    findings = next((stop.plan_set.findings for stop in plan.stops if stop.plan_set), ())
    write_run(folder, "plan", provenance, steps, findings=findings)
    return document


def _folder_name(stop: Stop) -> str:
    """``"L4-left"``."""
    return stop.name.replace(" ", "-")


def _show(plan: SessionPlan, output: Path, console: Console) -> None:
    from rich.table import Table

    needles = Table("order", "needle for", "skin to target", "view: oblique, tilt", "rank used")
    stops = {stop.number: stop for stop in plan.stops}
    for place, number in enumerate(plan.order, start=1):
        stop = stops[number]
        if stop.plan is not None:
            view = stop.plan.view
            angles = f"{view.oblique_deg:+.0f}, {view.tilt_deg:+.0f} deg"
            depth = f"{stop.plan.trajectory.length_mm:.0f} mm"
            needles.add_row(str(place), stop.name, depth, angles, str(stop.plan.rank))
    console.print(needles)
    stations = Table("C-arm", "oblique, tilt", "shows", "look for")
    for station in plan.stations:
        shows = ", ".join(stops[number].name for number in station.stops)
        stations.add_row(station.view.replace("_", " "), _angles(station), shows, "; ".join(station.look_for))
    console.print(stations)
    for words in _totals(plan):
        console.print(words, markup=False)
    for words in plan.warnings:
        console.print(f"caution: {words}", markup=False)
    console.print(
        f"report: {output / 'report.html'}, and one for each needle in folders beside it", markup=False
    )


def _angles(station: Station) -> str:
    if station.pose is None:
        return ""
    beyond = "" if station.reachable else " (beyond reach)"
    return f"{station.pose.dial_deg:+.0f}, {station.pose.tilt_deg:+.0f} deg{beyond}"


def _totals(plan: SessionPlan) -> list[str]:
    count = ", ".join(f"{number} x {name}" for name, number in plan.needles.items())
    travel, other = plan.travel, plan.travel_one_by_one
    way = (
        f"the C-arm turns {travel.turning_deg:.0f} degrees and shifts {travel.shift_mm:.0f} mm; needle by "
        f"needle as asked it would be {other.turning_deg:.0f} degrees and {other.shift_mm:.0f} mm"
    )
    words = [f"needles: {count or 'none'}", way]
    for budget in plan.budgets:
        planned = "" if budget.planned_ml is None else f"{budget.planned_ml:g} mL planned at most, "
        words.append(
            f"{budget.agent}, {budget.strength_mg_per_ml:g} mg/mL: {planned}{budget.most_ml:.1f} mL in all "
            f"are the most ({budget.each_ml:.1f} mL a needle; {budget.source})"
        )
    return words
