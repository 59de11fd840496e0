"""``procguide info``: what a path holds and what it can be used for."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.session import DebugFlag, JsonFlag, Session

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.dicom import Series, Study
    from procguide.findings import Finding

__all__ = ["info"]


def info(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="DICOM file or folder, or a NIfTI, NRRD or MetaImage file.")],
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """List the series under a path: size, spacing, orientation, and what each can be used for.

    Names, identifiers and dates of the patient are never shown.

    Example: procguide info sample_dicom/lumbar
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.dicom import read_study

    study = read_study(path)
    session.answer(_document(study), lambda console: _show(study, console))


def _document(study: Study) -> dict[str, Any]:
    return {
        "schema": "procguide.info/1",
        "series": [_series_document(series) for series in study.series],
        "findings": [asdict(finding) for finding in study.findings],
        "disclaimer": DISCLAIMER,
    }


def _series_document(series: Series) -> dict[str, Any]:
    return {
        "modality": series.modality,
        "files": len(series.files),
        "shape_kji": list(series.shape),
        "spacing_kji_mm": None
        if series.spacing_mm is None
        else [round(step, 4) for step in series.spacing_mm],
        "orientation_kji": series.orientation,
        "gantry_tilt_deg": round(series.tilt_deg, 2),
        "usable_for": series.usable_for,
        "findings": [asdict(finding) for finding in series.findings],
    }


def _show(study: Study, console: Console) -> None:
    from rich.table import Table

    table = Table("", "modality", "slices", "size", "spacing, mm", "k j i toward", "usable for")
    for number, series in enumerate(study.series, start=1):
        slices, rows, columns = series.shape
        steps = series.spacing_mm
        table.add_row(
            str(number),
            series.modality,
            str(slices),
            f"{columns} x {rows}",
            "unknown" if steps is None else f"{steps[2]:.2f} x {steps[1]:.2f} x {steps[0]:.2f}",
            series.orientation or "unknown",
            series.usable_for,
        )
    console.print(table)
    for finding in study.findings:
        console.print(_line("study", finding), markup=False)
    for number, series in enumerate(study.series, start=1):
        for finding in series.findings:
            console.print(_line(f"series {number}", finding), markup=False)


def _line(where: str, finding: Finding) -> str:
    return f"{where}: {finding.severity}: {finding.name}: {finding.words} {finding.advice}".strip()
