"""``procguide segment``: labels, levels and landmarks of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.session import DebugFlag, ForceFlag, JsonFlag, Session

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.cli.pipeline import Anatomy, Case
    from procguide.cli.steps import Steps

__all__ = ["segment"]


def segment(
    context: typer.Context,
    *,
    path: Annotated[Path, typer.Argument(help="DICOM file or folder, or a NIfTI, NRRD or MetaImage file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write; it must not exist yet.")],
    lowest_level: Annotated[
        str | None,
        typer.Option(help="Level of the lowest vertebra wholly in view, where no sacrum is.", metavar="L5"),
    ] = None,
    level_at: Annotated[
        list[str] | None,
        typer.Option(
            help="Level of the vertebra at a point, patient LPS mm; may be given again.", metavar="X,Y,Z=L3"
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    force: ForceFlag = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Label vertebrae, discs, canal and sacrum, name the levels, find the landmarks.

    Writes labels.nii.gz (VerSe integers) and regions.nii.gz on the input's own grid, labels.dcm (for
    DICOM input), spine.json, preview.png and run.json.

    Example: procguide segment sample_dicom/lumbar -o labels
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.cli.outputs import output_folder
    from procguide.cli.pipeline import check_device, locate, read_case
    from procguide.cli.request import parse_level_at, parse_lowest_level
    from procguide.cli.steps import Steps

    lowest, device = parse_lowest_level(lowest_level), check_device(device)
    stated = parse_level_at(level_at)
    steps = Steps(session.console())
    with output_folder(output, force=force, source=path) as partial:
        case = read_case(path, steps)
        anatomy = locate(case, steps, lowest_level=lowest, level_at=stated, device=device)
        parameters = {"lowest_level": lowest, "level_at": "; ".join(map(str, stated))}
        run = _write(partial, case, anatomy, steps, parameters)
    document = _document(anatomy, output, run)
    session.answer(document, lambda console: _show(document, output, console))


def _write(
    folder: Path, case: Case, anatomy: Anatomy, steps: Steps, parameters: dict[str, Any]
) -> dict[str, Any]:
    from procguide.anatomy.serialise import spine_to_json
    from procguide.cli.outputs import write_json, write_run
    from procguide.cli.pipeline import on_input_grid
    from procguide.dicom import write_segmentation
    from procguide.imaging.files import write_image
    from procguide.provenance import record
    from procguide.reporting import write_preview

    found = anatomy.segmentation
    with steps.step("write"):
        on_grid = on_input_grid(anatomy, case)
        for name, labels in on_grid.items():
            write_image(labels, folder / f"{name}.nii.gz")
        if case.is_dicom:
            write_segmentation(on_grid["labels"], case.series, folder / "labels.dcm")
        write_json(spine_to_json(anatomy.spine), folder / "spine.json")
        write_preview(folder / "preview.png", case.volume, found.levels, anatomy.spine)
        provenance = record(case.series.files, models=found.models, parameters=parameters)
    return write_run(folder, "segment", provenance, steps, findings=(*case.findings, *found.findings))


def _document(anatomy: Anatomy, output: Path, run: dict[str, Any]) -> dict[str, Any]:
    found = anatomy.segmentation
    return {
        "schema": "procguide.segment/1",
        "levels": [
            {
                "level": vertebra.level,
                "confidence": round(vertebra.confidence, 3),
                "complete": vertebra.complete,
            }
            for vertebra in anatomy.spine.vertebrae
        ],
        "sacrum": anatomy.spine.sacrum is not None,
        "anchor": found.anchor.value,
        "anchors": [anchor.value for anchor in found.anchors],
        "findings": run["findings"],
        "output": str(output),
        "run": run,
        "disclaimer": DISCLAIMER,
    }


def _show(document: dict[str, Any], output: Path, console: Console) -> None:
    from rich.table import Table

    table = Table("level", "confidence of its name", "wholly in view")
    for level in document["levels"]:
        table.add_row(level["level"], f"{level['confidence']:.2f}", "yes" if level["complete"] else "no")
    console.print(table)
    console.print(f"levels named from: {document['anchor']}")
    for finding in document["findings"]:
        console.print(f"{finding['severity']}: {finding['words']} {finding['advice']}".strip(), markup=False)
    console.print(f"written: {output}", markup=False)
