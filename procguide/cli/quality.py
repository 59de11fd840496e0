"""``procguide quality``: whether images will do, why not, and what to do about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.audited import images_read
from procguide.cli.kind_option import KindOption, NeedleFlag, kind_named
from procguide.cli.session import DebugFlag, ForceFlag, JsonFlag, Session
from procguide.errors import InputUnfitError
from procguide.findings import Severity

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.cli.steps import Steps
    from procguide.dicom import Series, Study
    from procguide.quality import Examined, Kind
    from procguide.quality.assess import Answer, Quality

__all__ = ["quality"]


_MOST_TABLES = 4
"""Images of a series whose scores are all printed; of more, as frames of a run, the faults only."""


@dataclass(frozen=True, eq=False)
class _Judged:
    """One image of a series: ``number`` counts series, ``image`` the images in it, both from 1."""

    number: int
    image: int
    series: Series
    quality: Quality
    pictures: tuple[str, ...]


def quality(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(help="DICOM, NIfTI, NRRD, MetaImage, picture or video; or a folder.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for quality.json and pictures of what failed."),
    ] = None,
    kind: KindOption = None,
    needle: NeedleFlag = False,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Check every image under a path: noise, artefacts, motion, coverage, and what else fits its modality.

    Each finding says what was measured, the limit, and what to do. With -o also quality.json, run.json and
    a picture of each fault. Pictures and videos need --kind. Where no image is fit, the exit code is 5.

    Example: procguide quality sample_dicom/lumbar -o quality
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.cli.outputs import output_folder
    from procguide.cli.steps import Steps
    from procguide.dicom import read_study

    chosen, task = kind_named(kind), "needle" if needle else ""
    steps = Steps(session.console())
    with steps.step("read"):
        study = read_study(path)
    if output is None:
        judged = _judge(study, chosen, task, steps, None)
    else:
        with output_folder(output, force=force, source=path) as partial:
            judged = _judge(study, chosen, task, steps, partial)
            _write(partial, study, judged, steps)
    session.answer(_document(study, judged), lambda console: _show(study, judged, output, console))
    _refuse_unfit(study, judged)
    session.finish(study.lost)


def _judge(study: Study, kind: Kind | None, task: str, steps: Steps, folder: Path | None) -> list[_Judged]:
    from procguide.quality.assess import assess_quality
    from procguide.quality.examine import examine, kind_of

    judged = []
    for number, series in enumerate(study.series, start=1):
        if kind is None and kind_of(series) is None:
            continue
        images_read(series)
        with steps.step("judge"):
            for image, examined in enumerate(examine(series, kind=kind, task=task), start=1):
                found = assess_quality(examined)
                pictures = _pictures(folder, examined, found, f"series{number}_{image}")
                judged.append(_Judged(number, image, series, found, pictures))
    return judged


def _pictures(folder: Path | None, examined: Examined, found: Quality, stem: str) -> tuple[str, ...]:
    """One for each fault; what it shows is in its name."""
    if folder is None:
        return ()
    from procguide.reporting.quality_pictures import write_fault_picture

    names = []
    for answer in found.answers:
        if answer.finding is not None and answer.finding.severity is not Severity.OK:
            names.append(f"{stem}_{answer.check.name.replace(' ', '_')}.png")
            write_fault_picture(folder / names[-1], examined, answer)
    return tuple(names)


def _write(folder: Path, study: Study, judged: list[_Judged], steps: Steps) -> None:
    from procguide.cli.outputs import write_json, write_run
    from procguide.provenance import record

    write_json(_document(study, judged), folder / "quality.json")
    findings = [finding for one in judged for finding in one.quality.faults]
    files = [file for series in study.series for file in series.files]
    write_run(folder, "quality", record(files, parameters={}), steps, findings=findings)


def _document(study: Study, judged: list[_Judged]) -> dict[str, Any]:
    return {
        "schema": "procguide.quality/1",
        "images": [
            {
                "series": one.number,
                "image": one.image,
                "modality": one.series.modality,
                "shape_kji": list(one.series.shape),
                **{name: value for name, value in one.quality.to_json().items() if name != "schema"},
                "pictures": list(one.pictures),
                "findings_of_headers": [asdict(finding) for finding in one.series.findings],
            }
            for one in judged
        ],
        "findings": [asdict(finding) for finding in study.findings],
        "disclaimer": DISCLAIMER,
    }


def _refuse_unfit(study: Study, judged: list[_Judged]) -> None:
    """An error where nothing could be judged, or nothing that was is fit."""
    if not judged:
        held = ", ".join(sorted({series.modality for series in study.series})) or "nothing"
        raise InputUnfitError(
            f"there is no image here that can be judged, only {held}; if it is one, give --kind"
        )
    stops = [
        finding for one in judged for finding in one.quality.faults[:1] if finding.severity is Severity.STOP
    ]
    if len(stops) == len(judged):
        raise InputUnfitError(f"{stops[0].name}: {stops[0].words} {stops[0].advice}")


def _show(study: Study, judged: list[_Judged], output: Path | None, console: Console) -> None:
    from rich.table import Table

    counted = Counter(one.number for one in judged)
    for one in judged:
        image = f", image {one.image}" if counted[one.number] > 1 else ""
        console.print(f"series {one.number}{image}: {one.quality.kind.value}, {one.quality.severity.value}")
        table = Table("check", "", "score", "limit", "what was found")
        for answer in one.quality.answers:
            table.add_row(*_row(answer))
        if counted[one.number] <= _MOST_TABLES:
            console.print(table)
        for finding in one.quality.faults:
            console.print(
                f"{finding.severity}: {finding.name}: {finding.words} {finding.advice}", markup=False
            )
    for series in {one.number: one.series for one in judged if one.series.pictures is not None}.values():
        for finding in series.findings:
            console.print(f"{finding.words} {finding.advice}", markup=False)
    for finding in study.findings:
        console.print(f"study: {finding.severity}: {finding.words} {finding.advice}".strip(), markup=False)
    if output is not None:
        console.print(f"written: {output}", markup=False)


def _row(answer: Answer) -> tuple[str, str, str, str, str]:
    finding, unit = answer.finding, answer.check.unit
    if finding is None or finding.score is None or finding.limit is None:
        return (answer.check.name, "not judged", "", "", answer.why_not)
    return (
        answer.check.name,
        finding.severity.value,
        f"{finding.score:.3g} {unit}",
        f"{finding.limit:.3g}",
        finding.words,
    )
