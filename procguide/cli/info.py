"""``procguide info``: what a path holds and what it can be used for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.audited import images_read
from procguide.cli.session import DebugFlag, JsonFlag, Session

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.dicom import Series, Study
    from procguide.findings import Finding
    from procguide.imaging import PixelSize

__all__ = ["info"]


def info(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="DICOM file or folder, or a NIfTI, NRRD or MetaImage file.")],
    identity: Annotated[
        bool,
        typer.Option("--identity", help="Show whose images these are, too: name, number, dates."),
    ] = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """List the series under a path: size, spacing, orientation, and what each can be used for.

    Names, identifiers and dates of the patient are shown with --identity only.

    Example: procguide info sample_dicom/lumbar
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.dicom import read_study

    study = read_study(path)
    whose = [_whose(series) if identity else {} for series in study.series]
    session.answer(_document(study, whose), lambda console: _show(study, whose, console))
    session.finish(study.lost)


def _whose(series: Series) -> dict[str, str]:
    """The patient and the scan by name, for DICOM; on purpose only where the user asks, and logged."""
    from procguide.dicom.identity import identity_of

    if series.volume is not None or series.pictures is not None:
        return {}
    images_read(series)
    return asdict(identity_of(series.files[0]))


def _document(study: Study, whose: Sequence[dict[str, str]]) -> dict[str, Any]:
    return {
        "schema": "procguide.info/1",
        "series": [
            {**_series_document(series), **({"identity": person} if person else {})}
            for series, person in zip(study.series, whose, strict=True)
        ],
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
        **_view_document(series),
        "findings": [asdict(finding) for finding in series.findings],
    }


def _view_document(series: Series) -> dict[str, Any]:
    """Window presets; of images without a place in the patient also what their pixels measure, and when."""
    from procguide.imaging import Window

    view = series.view
    if view is None:
        return {}
    windows = [
        {"centre": window.centre, "width": window.width, "name": window.name}
        for window in view.windows
        if isinstance(window, Window)
    ]
    if series.grid is not None:
        return {"windows": windows}
    rate = _rate_hz(series)
    carm = None if view.carm is None else {**asdict(view.carm), "magnification": view.carm.magnification}
    return {
        "windows": windows,
        "frames": {
            "colour": view.colour,
            "inverted": view.inverted,
            "pixel_size": _optional(view.pixel_size),
            "imager_size": _optional(view.imager_size),
            "in_patient": _optional(view.patient_mm),
            "unmeasurable": view.why_unmeasurable,
            "carm": carm,
            "regions": [asdict(region) for region in view.regions],
            "rate_hz": None if rate is None else round(rate, 3),
            "duration_s": None if series.times_s is None else round(series.times_s[-1], 3),
        },
    }


def _optional(size: PixelSize | None) -> dict[str, Any] | None:
    return None if size is None else asdict(size)


def _rate_hz(series: Series) -> float | None:
    """Frames a second, by the mean step."""
    times = series.times_s
    return (len(times) - 1) / times[-1] if times and len(times) > 1 and times[-1] > 0 else None


def _steps(series: Series) -> str:
    """Pixel steps in mm and where they hold, for the table."""
    steps, view = series.spacing_mm, series.view
    if steps is not None:
        return f"{steps[2]:.2f} x {steps[1]:.2f} x {steps[0]:.2f}"
    if view is None or view.why_unmeasurable:
        return "unknown"
    sizes = (*(region.pixel_size for region in view.regions), view.pixel_size)
    size = next((s for s in sizes if s is not None), None)
    return "unknown" if size is None else f"{size.columns_mm:.3f} x {size.rows_mm:.3f} ({size.plane})"


def _angles(series: Series) -> str:
    """The C-arm's angles as they are called at the table, or nothing."""
    carm = series.view.carm if series.view is not None else None
    if carm is None or carm.primary_deg is None or carm.secondary_deg is None:
        return ""
    side, end = "LAO" if carm.primary_deg >= 0 else "RAO", "CRA" if carm.secondary_deg >= 0 else "CAU"
    return f"{side} {abs(carm.primary_deg):.0f} {end} {abs(carm.secondary_deg):.0f}"


def _show(study: Study, whose: Sequence[dict[str, str]], console: Console) -> None:
    from rich.table import Table

    table = Table("", "modality", "images", "size", "spacing, mm", "k j i toward", "usable for")
    for number, series in enumerate(study.series, start=1):
        slices, rows, columns = series.shape
        table.add_row(
            str(number),
            series.modality,
            str(slices),
            f"{columns} x {rows}",
            _steps(series),
            series.orientation or _angles(series) or "unknown",
            series.usable_for,
        )
    console.print(table)
    for number, person in enumerate(whose, start=1):
        if person:
            said = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in person.items() if value)
            console.print(f"series {number}: {said}", markup=False)
    for finding in study.findings:
        console.print(_line("study", finding), markup=False)
    for number, series in enumerate(study.series, start=1):
        for finding in series.findings:
            console.print(_line(f"series {number}", finding), markup=False)


def _line(where: str, finding: Finding) -> str:
    return f"{where}: {finding.severity}: {finding.name}: {finding.words} {finding.advice}".strip()
