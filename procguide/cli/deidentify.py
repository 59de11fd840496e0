"""``procguide deidentify``: images without their patients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide.cli.audited import images_deidentified
from procguide.cli.session import DebugFlag, ForceFlag, JsonFlag, Session
from procguide.errors import NoResultError, SomeFailedError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.dicom.deidentify import Report, Settings

__all__ = ["deidentify"]


def deidentify(
    context: typer.Context,
    *,
    path: Annotated[Path, typer.Argument(help="DICOM file or folder of any nesting.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write; it must not exist yet.")],
    options: Annotated[
        Path | None, typer.Option(help="YAML file of settings (docs/privacy.md).", metavar="FILE")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="File with the key of pseudonyms, made if it is not there; keep it secret."),
    ] = None,
    dates: Annotated[
        str | None,
        typer.Option(help="Move all of a patient's dates alike, or take them.", metavar="shift|remove"),
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(help="Images that may show burnt-in text.", metavar="clean|leave-out"),
    ] = None,
    remove_face: Annotated[
        bool, typer.Option("--remove-face", help="Take the face from CT and MR of a head.")
    ] = False,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """De-identify DICOM images after PS3.15 Annex E: headers, burnt-in text and, if asked, faces.

    Dates move by one number of days for each patient, UIDs get new ones that fit one another, private
    elements go unless listed. A second check searches what was written for the patient; files in which
    it finds something are withheld. Writes the images and deidentification.json.

    Example: procguide deidentify STUDY -o shared --key pseudonyms.key
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.cli.outputs import output_folder, write_json, write_run
    from procguide.cli.steps import Steps
    from procguide.dicom.deidentify import deidentify as run
    from procguide.dicom.deidentify import read_key, report_to_json
    from procguide.provenance import record

    settings = _settings(options, dates=dates, pixels=pixels, remove_face=remove_face)
    pseudonyms = read_key(key) if key is not None else None
    steps = Steps(session.console())
    with output_folder(output, force=force, source=path) as partial:
        with steps.step("de-identify") as advance:
            report = run(
                path, partial, settings, pseudonyms=pseudonyms, on_progress=lambda done: advance("", done)
            )
        document = report_to_json(report)
        write_json(document, partial / "deidentification.json")
        write_run(partial, "deidentify", record(()), steps)
        images_deidentified(report.pseudonyms, report.written)
    session.answer(document, lambda console: _show(document, output, console))
    _judge(report)


def _settings(options: Path | None, *, dates: str | None, pixels: str | None, remove_face: bool) -> Settings:
    """The file's settings; what the command line says beside them wins."""
    from pydantic import ValidationError

    from procguide.dicom.deidentify import Settings, read_settings

    chosen = read_settings(options) if options is not None else Settings()
    given: dict[str, Any] = {"dates": dates, "pixels": pixels, "remove_face": remove_face or None}
    said = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings.model_validate({**chosen.model_dump(), **said})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"--{first['loc'][0]}: {first['msg']}".replace("Input s", "s")) from error


def _judge(report: Report) -> None:
    if not report.written:
        reasons = "; ".join(f"{count}: {why}" for why, count in report.left_out.items())
        raise NoResultError(f"nothing was written ({reasons})")
    if not report.all_written:
        missing = report.read - report.written
        raise SomeFailedError(
            f"{missing} of {report.read} files were left out; deidentification.json says why"
        )


def _show(document: dict[str, Any], output: Path, console: Console) -> None:
    from rich.table import Table

    files, check = document["files"], document["second_check"]
    console.print(f"{document['profile']}", markup=False)
    for option in document["options"]:
        console.print(f"  {option['code']} {option['meaning']}", markup=False)
    table = Table("done", "count")
    for part in ("header", "pixels"):
        for name, count in document[part].items():
            table.add_row(name, str(count))
    console.print(table)
    console.print(f"{files['written']} of {files['read']} files written; {document['patients']} patients")
    for why, count in files["left_out"].items():
        console.print(f"left out: {count}: {why}", markup=False)
    found = "clean" if check["clean"] else f"{check['withheld']} files withheld"
    console.print(f"second check: {found}; pictures read by: {check['text_reader']}", markup=False)
    console.print(f"written: {output}", markup=False)
