"""``procguide approve``: a named person's decision about a plan, put into all of its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.session import DebugFlag, JsonFlag, Session
from procguide.errors import InputUnfitError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.approval import Approval
    from procguide.cli.plan_folder import Person, PlanFolder

__all__ = ["approve", "record_approval"]


def approve(
    context: typer.Context,
    *,
    folder: Annotated[Path, typer.Argument(help="A folder that `plan` has written.", metavar="PLAN_FOLDER")],
    by: Annotated[
        str | None,
        typer.Option(help="Who approves: a person's name.", metavar="NAME", show_default=False),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why, in a sentence.", metavar="TEXT", show_default=False)
    ] = None,
    organisation: Annotated[
        str, typer.Option(help="Whom that person works for; stands in the DICOM report.", metavar="NAME")
    ] = "",
    rank: Annotated[
        int | None,
        typer.Option(help="The needle that is approved; else the recommended one.", metavar="N"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say who has approved the plan; exit code 5 if nobody has.")
    ] = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Record that a named person approves a plan. The software never does so by itself.

    Writes who, when, why and the plan's hash into plan.json, the report's first lines, the Slicer markups
    and, as new objects, the DICOM report, points, needle, drawing and pictures; and into the audit log.
    A plan that was altered since it was written is refused (exit code 5), and one that is altered later
    has lost its approval. Of a sitting, all needles that it has chosen are approved.

    Example: procguide approve out --by "Jane Doe" --reason "path clear on all slices"
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.cli.plan_folder import Person, read_plan_folder

    plan = read_plan_folder(folder)
    stops = list(plan.stops)  # each must be as it was written, too
    if check:
        if by or reason or rank is not None:
            raise UsageError("--check only says who has approved: leave out --by, --reason and --rank")
        _tell(session, plan)
        return
    if by is None or reason is None:
        raise UsageError("a plan is approved by a named person, for a reason: give --by and --reason")
    document = record_approval(folder, Person(by, reason, organisation), rank)
    needles = len(stops) if plan.is_sitting else 1
    session.answer(_answer(document), lambda console: _show(document, needles, console))


def record_approval(folder: Path, person: Person, rank: int | None) -> dict[str, Any]:
    """Approve a copy that takes the folder's place when all of it is written, and logged."""
    from procguide.cli.audited import plan_approved
    from procguide.cli.outputs import changed_folder
    from procguide.cli.plan_folder import approve_folder, read_plan_folder

    with changed_folder(folder) as copy:
        approved = list(approve_folder(read_plan_folder(copy), person, rank))
        patient, studies = _whose(copy)
        for document in approved:
            said = document["approved"]
            plan_approved(patient, studies, said["by"], said["plan_sha256"])
    return approved[-1]


def _whose(folder: Path) -> tuple[str, tuple[str, ...]]:
    """Patient ID and study, where the plan has objects that name them."""
    from procguide.cli.dicom_objects import OBJECTS, REPORT
    from procguide.dicom.bounded import read_file

    for file in sorted(folder.rglob(f"{OBJECTS}/{REPORT}")):
        header = read_file(file)
        return str(header.get("PatientID") or ""), (str(header.StudyInstanceUID),)
    return "", ()


def _tell(session: Session, plan: PlanFolder) -> None:
    from procguide.approval import approval_of

    approval = approval_of(plan.document)
    if approval is None:
        raise InputUnfitError("nobody has approved this plan")
    session.answer(_answer(plan.document), lambda console: console.print(_words(approval), markup=False))


def _answer(document: Mapping[str, Any]) -> dict[str, Any]:
    where = {key: document[key] for key in ("procedure", "level", "side") if key in document}
    return {
        "schema": "procguide.approval/1",
        **where,
        "approved": document["approved"],
        "disclaimer": DISCLAIMER,
    }


def _words(approval: Approval) -> str:
    of = "all needles" if approval.rank is None else f"needle of rank {approval.rank}"
    for_ = f", {approval.organisation}" if approval.organisation else ""
    return f"{of} approved by {approval.by}{for_} at {approval.time_utc}: {approval.reason}"


def _show(document: Mapping[str, Any], needles: int, console: Console) -> None:
    from procguide.approval import approval_of

    approval = approval_of(document)
    assert approval is not None  # noqa: S101 (it was just written)
    for warning in document["warnings"]:
        console.print(f"caution: {warning}", markup=False)
    console.print(f"{document['procedure']}, {needles} needle{'s' if needles > 1 else ''}", markup=False)
    console.print(_words(approval), markup=False)
    console.print(f"plan SHA-256 {approval.plan_sha256}", markup=False)
