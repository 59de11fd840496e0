"""Plans: searched, ranked by other weights, a dragged needle judged and kept, all written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_procguide.engine.messages import Evaluated, Written
from napari_procguide.engine.messages import Planned as PlannedShown
from napari_procguide.engine.nearby import near_structures
from napari_procguide.engine.state import Planned, State
from procguide.anatomy import Side
from procguide.cli.plan import PlanOptions, Result, Wishes, provenance_of, subject_of, write_plan
from procguide.cli.steps import Steps
from procguide.errors import UsageError
from procguide.geometry import Vector
from procguide.planning import (
    CArm,
    PlanSet,
    Request,
    build_case,
    evaluate,
    explore,
    load_catalogue,
    plans_of,
    read_weights,
)
from procguide.planning.planner import Case
from procguide.planning.posture import lying_of
from procguide.planning.skin_map import map_skin
from procguide.planning.views import with_views

__all__ = ["all_plans", "approve", "drag", "export", "files_in", "keep_drawn", "make_plan", "rerank"]


def make_plan(
    state: State,
    steps: Steps,
    procedure: str,
    level: str,
    side: str | None = None,
    target: Vector | None = None,
    entry: Vector | None = None,
) -> PlannedShown:
    """Search one request and keep the search, so that weights and dragged needles are answered at once."""
    from procguide.errors import InputUnfitError
    from procguide.findings import Severity

    catalogue = load_catalogue()
    request = Request(catalogue[procedure], level, Side(side) if side else None, target, entry)
    with steps.step("plan") as advance:
        subject = subject_of(state.case, state.anatomy, request.procedure, request.level)
        stops = [one.words for one in subject.findings if one.severity is Severity.STOP]
        if stops:
            raise InputUnfitError("the input is unfit for planning: " + "; ".join(stops))
        advance("structures near the needle", 0.05)
        case = build_case(request, subject)
        advance("candidate needles", 0.4)
        carm = CArm()
        frontier = explore(case, carm.reach(lying_of(case.procedure.position, request.side)))
        advance("ranking", 0.85)
        plan_set = plans_of(frontier, subject.findings)
        plan_set = with_views(plan_set, case.site, subject, carm)
    state.planned = Planned(request, subject, frontier, carm, plan_set)
    return _shown(state, state.planned)


def rerank(state: State, steps: Steps, weights: Mapping[str, float]) -> PlannedShown:
    """The same search by other weights; kept needles stay at the end."""
    planned = state.search
    with steps.step("rank"):
        found = plans_of(planned.frontier, planned.subject.findings, read_weights(weights))
        planned.plan_set = with_views(found, planned.frontier.case.site, planned.subject, planned.carm)
    return _shown(state, planned, weights)


def drag(state: State, _steps: Steps, hub: Vector, tip: Vector) -> Evaluated:
    """Judge a needle as a person drags it."""
    case = state.search.frontier.case
    evaluation = evaluate(case, hub, tip, reach=state.search.frontier.reach)
    return Evaluated(evaluation, near_structures(case, evaluation.plan))


def keep_drawn(state: State, steps: Steps, hub: Vector, tip: Vector) -> PlannedShown:
    """Put a dragged needle among the plans, with what it breaks as its warnings."""
    planned = state.search
    case = planned.frontier.case
    with steps.step("judge"):
        found = evaluate(case, hub, tip, reach=planned.frontier.reach)
        broken = tuple(f"limit broken: {breach.words}" for breach in found.breaches)
        said = ("set by hand, not by the search", *broken, *found.plan.warnings)
        one = with_views(
            replace(planned.plan_set, plans=(replace(found.plan, warnings=said),)),
            case.site,
            planned.subject,
            planned.carm,
        )
        planned.drawn.append(one.plans[0])
    return _shown(state, planned)


def all_plans(planned: Planned) -> PlanSet:
    """The plan set with the kept needles after the search's own, ranked on."""
    first = len(planned.plan_set.plans) + 1
    drawn = tuple(replace(plan, rank=first + place) for place, plan in enumerate(planned.drawn))
    return replace(planned.plan_set, plans=(*planned.plan_set.plans, *drawn))


def _shown(state: State, planned: Planned, weights: Mapping[str, float] | None = None) -> PlannedShown:
    case = planned.frontier.case
    plan_set = all_plans(planned)
    skin = None
    if plan_set.skin is not None and len(plan_set.skin.entries):
        found = map_skin(plan_set.skin)
        skin = (found.points, found.faces, found.colours())
    voxels, names = _structures(case)
    return PlannedShown(
        replace(plan_set, skin=None),
        tuple(near_structures(case, plan) for plan in plan_set.plans),
        dict(weights or {str(name): value for name, value in case.procedure.objectives.items()}),
        state.save("structures", voxels, case.scene.grid),
        names,
        skin,
    )


def _structures(case: Case) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], dict[int, str]]:
    """What was judged, as one label map on the scene's lattice; where two overlap, the later stays."""
    voxels = np.zeros(case.scene.grid.shape, np.uint8)
    names = {}
    for number, (name, structure) in enumerate(case.scene.structures.items(), start=1):
        names[number] = name
        if structure.mask is not None:
            voxels[structure.mask] = number
    return voxels, names


def export(state: State, steps: Steps, folder: Path, *, force: bool = False) -> Written:
    """Everything that ``procguide plan`` writes."""
    from procguide.approval import plan_sha256
    from procguide.cli.audited import results_computed
    from procguide.cli.dicom_objects import Attempts, write_study_objects
    from procguide.cli.outputs import output_folder

    planned = state.search
    options = PlanOptions(folder, force=force, wishes=Wishes(carm=None))
    source = state.case.series.files[0].parent if state.case.series.files else None
    with output_folder(folder, force=force, source=source) as partial:
        provenance = provenance_of(state.case, state.anatomy, planned.request, options)
        labels = write_study_objects(partial, state.case, state.anatomy, Attempts(steps.say))
        result = Result(
            state.case, state.anatomy, all_plans(planned), provenance, planned.request.procedure, labels
        )
        document = write_plan(partial, result, steps)
        results_computed(state.case.series, provenance.inputs_sha256, plan_sha256(document))
    return Written(folder, files_in(folder))


def files_in(folder: Path) -> tuple[str, ...]:
    """The names of all files, below ``folder``."""
    return tuple(sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()))


def approve(
    _state: State, steps: Steps, folder: Path, by: str, reason: str, rank: int | None, organisation: str = ""
) -> dict[str, Any]:
    """Record a named person's approval in a folder that was exported; who, when and why.

    ``rank`` None: of a sitting, with all its needles.
    """
    from procguide.cli.approve import record_approval
    from procguide.cli.plan_folder import Person

    if not folder.exists():
        raise UsageError("Export the plan first: an approval is written into its files.")
    with steps.step("approve"):
        document = record_approval(folder, Person(by, reason, organisation), rank)
    approved: dict[str, Any] = document["approved"]
    return approved
