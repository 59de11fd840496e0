"""A sitting: needles of several requests kept together, and written together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from napari_procguide.engine.messages import Written
from napari_procguide.engine.planning import all_plans, files_in
from napari_procguide.engine.state import Kept, State
from procguide.cli.plan import PlanOptions
from procguide.cli.steps import Steps
from procguide.errors import UsageError
from procguide.geometry import Vector
from procguide.planning.session import SessionPlan, Stop, check_together, session_of

__all__ = ["add_to_sitting", "clear_sitting", "export_sitting"]


def add_to_sitting(state: State, _steps: Steps, rank: int) -> Mapping[str, tuple[Vector, Vector]]:
    """Keep one needle of the last request; returns the ends of all that are kept, by name.

    A request has one needle in a sitting: another takes its place.
    """
    planned = state.search
    plan_set = all_plans(planned)
    plan = next((one for one in plan_set.plans if one.rank == rank), None)
    if plan is None:
        raise UsageError(f"There is no needle {rank} among the plans. Plan again.")
    side = f" {plan_set.side.value}" if plan_set.side else ""
    name = f"{plan_set.procedure} {plan_set.level}{side}"
    state.sitting = {**state.sitting, name: Kept(planned.request, plan_set, plan)}
    ends = {name: kept.plan.trajectory for name, kept in state.sitting.items()}
    return {name: (one.entry, one.target) for name, one in ends.items()}


def clear_sitting(state: State, _steps: Steps) -> None:
    """Forget the needles that were kept."""
    state.sitting = {}


def export_sitting(state: State, steps: Steps, folder: Path, *, force: bool = False) -> Written:
    """All that ``procguide plan`` writes of a sitting."""
    from procguide.approval import plan_sha256
    from procguide.cli.audited import results_computed
    from procguide.cli.outputs import output_folder
    from procguide.cli.plan_session import sitting_provenance, write_sitting

    requests = [one.request for one in state.sitting.values()]
    check_together(requests)
    if len({one.procedure.id for one in requests}) > 1:
        raise UsageError("A sitting's report is of one procedure. Export the others by themselves.")
    source = state.case.series.files[0].parent if state.case.series.files else None
    with output_folder(folder, force=force, source=source) as partial:
        provenance = sitting_provenance(state.case, state.anatomy, requests, PlanOptions(folder, force=force))
        found = (state.case, state.anatomy, provenance)
        session = _session(state.sitting)
        document = write_sitting(partial, session, found, steps)
        results_computed(state.case.series, provenance.inputs_sha256, plan_sha256(document))
    return Written(folder, files_in(folder), tuple(state.sitting), session.warnings)


def _session(sitting: Mapping[str, Kept]) -> SessionPlan:
    """The needles as a person chose them, in the order that moves the C-arm least."""
    stops = []
    for number, one in enumerate(sitting.values(), start=1):
        plan_set = one.plan_set
        stops.append(Stop(number, one.request.procedure, plan_set.level, plan_set.side, plan_set, one.plan))
    return session_of(stops, as_chosen=True)
