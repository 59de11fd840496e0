"""``procguide procedures``: the catalogue, or one entry with its sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.session import CatalogueOption, DebugFlag, JsonFlag, Session
from procguide.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.planning.catalogue import Procedure

__all__ = ["procedures"]


def procedures(
    context: typer.Context,
    identifier: Annotated[str | None, typer.Argument(metavar="[ID]", help="One entry, in full.")] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As a page: Markdown on standard output.")
    ] = False,
    catalogue: CatalogueOption = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """List the procedures that can be planned, or show one with every number's source.

    Example: procguide procedures transforaminal_esi_subpedicular
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    if markdown and as_json:
        raise UsageError("--markdown and --json cannot be had together; leave one out")
    if markdown:
        _write_page(identifier, catalogue)
    elif identifier is None:
        _answer_list(session, catalogue)
    else:
        _answer_entry(session, identifier, catalogue)


def _write_page(identifier: str | None, catalogue: Path | None) -> None:
    from procguide.cli.request import find_procedure
    from procguide.planning import load_catalogue
    from procguide.planning.catalogue.markdown import catalogue_to_markdown, procedure_to_markdown

    if identifier is None:
        typer.echo(catalogue_to_markdown(load_catalogue(catalogue)))
    else:
        typer.echo(procedure_to_markdown(find_procedure(identifier, catalogue)).lstrip())


def _answer_list(session: Session, catalogue: Path | None) -> None:
    from procguide.planning import load_catalogue

    entries = list(load_catalogue(catalogue).values())
    document = {
        "schema": "procguide.procedures/1",
        "procedures": [_summary(entry) for entry in entries],
        "disclaimer": DISCLAIMER,
    }
    session.answer(document, lambda console: _list(entries, console))


def _answer_entry(session: Session, identifier: str, catalogue: Path | None) -> None:
    from procguide.cli.request import find_procedure

    entry = find_procedure(identifier, catalogue)
    document = {**entry.model_dump(mode="json"), "disclaimer": DISCLAIMER}
    session.answer(document, lambda console: _show(entry, console))


def _summary(entry: Procedure) -> dict[str, Any]:
    from procguide.planning.catalogue import is_shipped

    return {
        "id": entry.id,
        "title": entry.title,
        "levels": list(entry.level.allowed),
        "side": entry.side,
        "needle_gauge": entry.needle.gauge,
        "shipped": is_shipped(entry),
    }


def _list(entries: list[Procedure], console: Console) -> None:
    from rich.table import Table

    from procguide.planning.catalogue import is_shipped

    table = Table("id", "procedure", "levels", "side")
    for entry in entries:
        title = entry.title if is_shipped(entry) else f"{entry.title} (your own)"
        table.add_row(entry.id, title, " ".join(entry.level.allowed), entry.side)
    console.print(table)


def _show(entry: Procedure, console: Console) -> None:
    """The entry as it is written: every number beside where it comes from."""
    import yaml

    text = yaml.safe_dump(
        entry.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True, width=100
    )
    console.print(text, markup=False)
