"""What every command shares: its flags, and the two streams.

Standard output carries the result: a table for people, or one JSON document under ``--json``. All else
(progress, messages) goes to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.errors import SomeFailedError

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.findings import Finding

__all__ = [
    "CatalogueOption",
    "DebugFlag",
    "ForceFlag",
    "JsonFlag",
    "ModelLabelsOption",
    "ModelOption",
    "Session",
    "TrustFlag",
]

JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else there.")
]
DebugFlag = Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        help="procguide, totalsegmentator, totalspineseg, or a MONAI bundle's or nnU-Net v2 model's folder.",
        metavar="NAME_OR_FOLDER",
    ),
]
ModelLabelsOption = Annotated[
    Path | None,
    typer.Option("--model-labels", help="YAML file that says what a model's integers mean (docs/models.md)."),
]
TrustFlag = Annotated[
    bool, typer.Option("--trust-model", help="Let a MONAI bundle's own Python code run; off by default.")
]
CatalogueOption = Annotated[
    Path | None,
    typer.Option(
        "--catalogue",
        help="Procedures of your own, added or in the place of ours (docs/catalogue.md).",
        envvar="PROCGUIDE_CATALOGUE",
        metavar="FILE_OR_FOLDER",
    ),
]
ForceFlag = Annotated[
    bool, typer.Option("--force", help="Replace an output folder that an earlier run has written.")
]


@dataclass
class Session:
    """One run of the command line. Typer carries it as the context's object."""

    as_json: bool = False
    debug: bool = False
    answered: bool = field(default=False, repr=False)

    @classmethod
    def begin(cls, context: typer.Context, *, as_json: bool, debug: bool) -> Session:
        """The session of this run, with the command's own flags set."""
        session = context.ensure_object(cls)
        session.as_json, session.debug = as_json, debug
        return session

    def console(self) -> Console:
        """Standard error, for progress and messages."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, words: str) -> None:
        """One line on standard error."""
        sys.stderr.write(words + "\n")

    def answer(self, document: Mapping[str, Any], show: Callable[[Console], None]) -> None:
        """The result on standard output: ``document`` under ``--json``, else what ``show`` draws."""
        self.answered = True
        if self.as_json:
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
            return
        from rich.console import Console

        wide = Console().is_terminal
        console = Console(highlight=False, width=None if wide else 120)
        show(console)
        console.print(f"\n{DISCLAIMER}", style="dim")

    def finish(self, lost: Iterable[Finding], missing: str = "") -> None:
        """Last, when the results are written: an error where some of several inputs or wishes failed."""
        words = [missing, *(f"{one.words} {one.advice}" for one in lost)]
        if any(words):
            raise SomeFailedError(" ".join(filter(None, words)))

    def fail(self, words: str, exit_code: int) -> None:
        """Say in one line what was wrong; under ``--json`` also as the document, if there is none yet."""
        self.say(f"procguide: {' '.join(words.split())}")
        if self.as_json and not self.answered:
            document = {"error": words, "exit_code": exit_code, "disclaimer": DISCLAIMER}
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
