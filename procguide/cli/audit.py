"""``procguide audit``: whether the log of what was done to patients' data is as it was written."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.session import DebugFlag, JsonFlag, Session
from procguide.errors import InputUnfitError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.audit import AuditLog, Head, Verification

__all__ = ["audit"]

audit = typer.Typer(
    help="Check or hand on the log of what was read, computed, approved and exported.",
    epilog=DISCLAIMER,
    no_args_is_help=True,
)

LogArgument = Annotated[
    Path | None, typer.Argument(help="The log; else the one that PROCGUIDE_AUDIT_LOG names.", metavar="LOG")
]
HeadOption = Annotated[
    Path | None, typer.Option("--head", help="Its head, where that lies elsewhere.", metavar="FILE")
]
KeyOption = Annotated[
    Path | None, typer.Option("--key", help="The key that it was sealed with.", metavar="FILE")
]


@audit.command(epilog=DISCLAIMER)
def verify(
    context: typer.Context,
    log: LogArgument = None,
    head: HeadOption = None,
    key: KeyOption = None,
    anchor: Annotated[
        list[str] | None,
        typer.Option(help="A head noted earlier and kept elsewhere; may be given again.", metavar="N:HASH"),
    ] = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Check that nothing in the log was changed, removed, inserted, moved or cut off.

    Prints the head, NUMBER:HASH: note it elsewhere, and give it with --anchor the next time. Exit code 5
    where the log was tampered with.

    Example: procguide audit verify audit.jsonl --anchor 41:9f86d081...
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.audit import verify as check

    opened = _open(log, head, key)
    found = check(opened, [_anchor(text) for text in anchor or ()])
    session.answer(_document(found), lambda console: _show(found, console))
    if not found.intact:
        raise InputUnfitError(
            f"the audit log {opened.path} was tampered with: {found.problems[0].words}; keep it as evidence"
        )


@audit.command(epilog=DISCLAIMER)
def export(
    context: typer.Context,
    log: LogArgument = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Print all audit messages as XML of DICOM PS3.15 A.5.1, one a line; with --json as one document.

    Example: procguide audit export audit.jsonl > messages.xml
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.audit import messages_to_xml, read_records

    messages = [dict(record.message) for record in read_records(_open(log, None, None))]
    if as_json:
        document = {"schema": "procguide.audit-messages/1", "messages": messages, "disclaimer": DISCLAIMER}
        session.answer(document, lambda _: None)
        return
    typer.echo(messages_to_xml(messages), nl=False)


def _open(log: Path | None, head: Path | None, key: Path | None) -> AuditLog:
    """The log of the options, else of the environment."""
    from procguide.audit import open_log

    given = {"PROCGUIDE_AUDIT_LOG": log, "PROCGUIDE_AUDIT_HEAD": head, "PROCGUIDE_AUDIT_KEY": key}
    chosen = {name: str(path) for name, path in given.items() if path is not None}
    opened = open_log({**os.environ, **chosen})
    if opened is None:
        raise UsageError("there is no log: name one, or set PROCGUIDE_AUDIT_LOG")
    return opened


def _anchor(text: str) -> Head:
    from procguide.audit import Head

    try:
        return Head.parse(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no head; give NUMBER:HASH as `procguide audit verify` prints it"
        ) from error


def _document(found: Verification) -> dict[str, Any]:
    return {
        "schema": "procguide.audit-verification/1",
        "intact": found.intact,
        "records": found.records,
        "head": str(found.head),
        "keyed": found.keyed,
        "problems": [asdict(problem) for problem in found.problems],
        "remarks": list(found.remarks),
        "disclaimer": DISCLAIMER,
    }


def _show(found: Verification, console: Console) -> None:
    for problem in found.problems:
        where = f"line {problem.line}" if problem.line else "the log"
        console.print(f"TAMPERED: {where}: {problem.words}", markup=False)
    for remark in found.remarks:
        console.print(f"remark: {remark}", markup=False)
    verdict = "intact" if found.intact else "NOT intact"
    console.print(f"{found.records} records, {verdict}; head {found.head}", markup=False)
    if not found.keyed:
        console.print(
            "no key: whoever can write the log and its head can write both anew; keep this head elsewhere, "
            "or set PROCGUIDE_AUDIT_KEY"
        )
