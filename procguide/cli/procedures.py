"""``procguide procedures``: the catalogue, or one entry with its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.session import DebugFlag, JsonFlag, Session

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.planning.catalogue import Procedure

__all__ = ["procedures"]


def procedures(
    context: typer.Context,
    identifier: Annotated[str | None, typer.Argument(metavar="[ID]", help="One entry, in full.")] = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """List the procedures that can be planned, or show one with every number's source.

    Example: procguide procedures transforaminal_esi_subpedicular
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.planning import load_catalogue

    if identifier is None:
        entries = load_catalogue()
        document = {
            "schema": "procguide.procedures/1",
            "procedures": [_summary(entry) for entry in entries.values()],
            "disclaimer": DISCLAIMER,
        }
        session.answer(document, lambda console: _list(list(entries.values()), console))
        return
    from procguide.cli.request import find_procedure

    entry = find_procedure(identifier)
    session.answer(
        {**entry.model_dump(mode="json"), "disclaimer": DISCLAIMER}, lambda console: _show(entry, console)
    )


def _summary(entry: Procedure) -> dict[str, Any]:
    return {
        "id": entry.id,
        "title": entry.title,
        "levels": list(entry.level.allowed),
        "side": entry.side,
        "needle_gauge": entry.needle.gauge,
    }


def _list(entries: list[Procedure], console: Console) -> None:
    from rich.table import Table

    table = Table("id", "procedure", "levels", "side")
    for entry in entries:
        table.add_row(entry.id, entry.title, " ".join(entry.level.allowed), entry.side)
    console.print(table)


def _show(entry: Procedure, console: Console) -> None:
    """The entry as it is written: every number beside where it comes from."""
    import yaml

    text = yaml.safe_dump(
        entry.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True, width=100
    )
    console.print(text, markup=False)
