"""``procguide evaluate``: a segmentation held against a reference."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.session import DebugFlag, JsonFlag, Session
from procguide.errors import CannotWriteError

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.evaluation import Evaluation
    from procguide.evaluation.read import Source

__all__ = ["evaluate"]

_FIGURES = ("dice", "hd95_mm", "surface_dice_1mm", "surface_dice_2mm")
_HEADINGS = ("Dice", "HD95, mm", "surface Dice 1 mm", "2 mm")


def evaluate(
    context: typer.Context,
    *,
    prediction: Annotated[
        Path, typer.Argument(metavar="PRED", help="Label file, or a folder that procguide segment wrote.")
    ],
    reference: Annotated[Path, typer.Argument(metavar="REF", help="The same, of the reference.")],
    labels_of: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Whose integers REF holds: verse (the default), regions, totalsegmentator, totalspineseg, "
            "tptbox, counted-bodies (1, 2, ... from below), ...; a wrong name lists them all.",
        ),
    ] = None,
    prediction_labels_of: Annotated[
        str | None, typer.Option(metavar="NAME", help="The same for PRED, where it is a file.")
    ] = None,
    within_labelled_range: Annotated[
        bool,
        typer.Option(
            "--within-labelled-range",
            help="Leave out what lies beyond REF's first and last vertebra, where it labels only some.",
        ),
    ] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="JSON file to write.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file, if there is one.")] = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Compare labels with a reference: Dice, HD95, surface Dice, vertebrae found and rightly named.

    PRED is put on REF's lattice. Structures that the two do not both tell apart are listed, not judged.

    Example: procguide evaluate labels REFERENCE.nii.gz --labels-of totalsegmentator
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.evaluation import evaluate as measure
    from procguide.evaluation.read import find_source
    from procguide.evaluation.vocabulary import parse_vocabulary

    names = (prediction_labels_of, labels_of)
    ours, theirs = (None if name is None else parse_vocabulary(name) for name in names)
    sources = find_source(prediction, ours), find_source(reference, theirs)
    if output is not None:
        _check_output(output, sources, force)
    result = measure(sources[0].read(), sources[1].read(), within_labelled_range=within_labelled_range)
    document = _document(result, sources, within_labelled_range)
    if output is not None:
        from procguide.cli.outputs import write_json
        from procguide.imaging.files import replacing

        with replacing(output) as partial:
            write_json(document, partial)
    session.answer(document, lambda console: _show(document, console))


def _check_output(output: Path, sources: tuple[Source, Source], force: bool) -> None:
    inputs = {file.resolve() for source in sources for file, _ in source.files}
    if output.resolve() in inputs:
        raise CannotWriteError(f"{output} is one of the inputs; choose another name")
    if output.is_dir() or (output.exists() and not force):
        hint = "choose another name" if output.is_dir() else "choose another name, or add --force"
        raise CannotWriteError(f"{output} exists; {hint}")


def _document(result: Evaluation, sources: tuple[Source, Source], within: bool) -> dict[str, Any]:
    from procguide.provenance import record

    files = [file for source in sources for file, _ in source.files]
    parameters: dict[str, str | float | int | bool | None] = {
        "prediction_labels_of": " ".join(sources[0].vocabularies),
        "labels_of": " ".join(sources[1].vocabularies),
        "within_labelled_range": within,
    }
    return {
        "schema": "procguide.evaluate/1",
        **result.to_json(),
        "findings": [asdict(finding) for finding in result.findings],
        "provenance": asdict(record(files, parameters=parameters)),
        "disclaimer": DISCLAIMER,
    }


def _show(document: dict[str, Any], console: Console) -> None:
    from rich.table import Table

    if document["structures"]:
        table = Table("structure", *_HEADINGS, "ml", "reference, ml")
        for name, row in document["structures"].items():
            table.add_row(name, *_cells(row), f"{row['volume_ml']:.1f}", f"{row['reference_ml']:.1f}")
        console.print(table)
    if document["vertebrae"]:
        table = Table("vertebra", *_HEADINGS, "found as", "off by, mm", "identified")
        for name, row in document["vertebrae"].items():
            apart = row.get("distance_mm")
            table.add_row(
                name,
                *_cells(row),
                row.get("called") or ("-" if "found" not in row else "not found"),
                "-" if apart is None else f"{apart:.1f}",
                {True: "yes", False: "no", None: "-"}[row.get("identified")],
            )
        console.print(table)
    _show_identification(document["identification"], console)
    for name, why in document["not_compared"].items():
        console.print(f"not compared: {name}: {why}", markup=False)
    for finding in document["findings"]:
        console.print(f"{finding['severity']}: {finding['words']} {finding['advice']}".strip(), markup=False)


def _cells(row: dict[str, Any]) -> list[str]:
    digits = {"hd95_mm": 1}
    return ["-" if row[key] is None else f"{row[key]:.{digits.get(key, 3)}f}" for key in _FIGURES]


def _show_identification(rates: dict[str, Any] | None, console: Console) -> None:
    if not rates or not rates["vertebrae"]:
        return
    words = f"vertebrae found (centroid within 10 mm): {rates['found_rate']:.0%} of {rates['vertebrae']}"
    if rates["identification_rate"] is not None:
        words += f"; identified as VerSe counts it (within 20 mm): {rates['identification_rate']:.0%}"
    if rates["extra"]:
        words += f"; in the prediction alone: {', '.join(rates['extra'])}"
    console.print(words, markup=False)
