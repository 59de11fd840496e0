"""``procguide segment``: labels, levels and landmarks of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.audited import results_computed
from procguide.cli.session import (
    DebugFlag,
    ForceFlag,
    JsonFlag,
    ModelLabelsOption,
    ModelOption,
    Session,
    TrustFlag,
)

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.cli.dicom_objects import Attempts
    from procguide.cli.pipeline import Anatomy, Case
    from procguide.cli.steps import Steps
    from procguide.planning.labels import LabelsDescription

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
    fractional: Annotated[
        bool, typer.Option("--fractional", help="Write also how much of each voxel each bone fills.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    model: ModelOption = "procguide",
    model_labels: ModelLabelsOption = None,
    trust_model: TrustFlag = False,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Label vertebrae, discs, canal and sacrum, name the levels, find the landmarks.

    Writes labels.nii.gz (VerSe integers), regions.nii.gz and sides.nii.gz on the input's own grid,
    labels.json (what was seen by which network, and what was modelled), spine.json, preview.png and
    run.json; for DICOM input labels.dcm, and in the folder dicom the bones' surfaces, the preview, and with
    --fractional labels_fractional.dcm.

    Example: procguide segment sample_dicom/lumbar -o labels
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.cli.dicom_objects import write_fractional_labels
    from procguide.cli.outputs import output_folder
    from procguide.cli.pipeline import check_device, choose_segmenter, locate, read_case
    from procguide.cli.request import parse_level_at, parse_lowest_level
    from procguide.cli.steps import Steps

    lowest, device = parse_lowest_level(lowest_level), check_device(device)
    stated = parse_level_at(level_at)
    segmenter = choose_segmenter(session, model, model_labels, trust_model)
    steps = Steps(session.console())
    with output_folder(output, force=force, source=path) as partial:
        case = read_case(path, steps)
        anatomy = locate(
            case, steps, lowest_level=lowest, level_at=stated, device=device, segmenter=segmenter
        )
        if fractional:
            with steps.step("fractional"):
                write_fractional_labels(partial, case, anatomy)
        parameters = {"lowest_level": lowest, "level_at": "; ".join(map(str, stated))}
        run = _write(partial, case, anatomy, steps, parameters)
    document = _document(anatomy, output, run)
    session.answer(document, lambda console: _show(document, output, console))
    session.finish(case.lost)


def _write(
    folder: Path, case: Case, anatomy: Anatomy, steps: Steps, parameters: dict[str, Any]
) -> dict[str, Any]:
    from concurrent.futures import ThreadPoolExecutor

    from procguide.anatomy.serialise import spine_to_json
    from procguide.cli.dicom_objects import Attempts
    from procguide.cli.outputs import write_json, write_run
    from procguide.planning.labels import describe_labels
    from procguide.provenance import record
    from procguide.reporting import write_preview

    found = anatomy.segmentation
    attempts = Attempts(steps.say)
    with steps.step("write"), ThreadPoolExecutor(1) as pool:
        described = describe_labels(found, anatomy.spine)
        files = pool.submit(_write_labels, folder, case, anatomy, described, attempts)
        write_preview(folder / "preview.png", case.volume, found, anatomy.spine, described)
        files.result()
        if case.is_dicom:
            attempts.write("picture_1.dcm", lambda: _write_preview_object(folder, case))
        write_json(spine_to_json(anatomy.spine), folder / "spine.json")
        write_json(_labels_document(described, anatomy, folder, case), folder / "labels.json")
        provenance = record(case.series.files, models=found.models, parameters=parameters)
    run = write_run(folder, "segment", provenance, steps, findings=(*case.findings, *found.findings))
    results_computed(case.series, provenance.inputs_sha256)
    return run


def _write_preview_object(folder: Path, case: Case) -> None:
    from procguide.cli.dicom_objects import OBJECTS
    from procguide.dicom.write_capture import Capture, write_captures

    words = "Slices and surfaces with the labels of the segmentation."
    preview = Capture((folder / "preview.png").read_bytes(), "Labels of the spine", words)
    write_captures([preview], case.sources, folder / OBJECTS, status="labels by software, not reviewed")


def _write_labels(
    folder: Path, case: Case, anatomy: Anatomy, described: LabelsDescription, attempts: Attempts
) -> None:
    """The label maps on the input's grid, and for DICOM input the segmentation and surfaces."""
    from procguide.cli.dicom_objects import OBJECTS, write_bones, write_label_object
    from procguide.cli.pipeline import on_input_grid
    from procguide.imaging.files import write_image

    on_grid = on_input_grid(anatomy, case)
    for name, labels in on_grid.items():
        write_image(labels, folder / f"{name}.nii.gz")
    if case.is_dicom:
        levels = on_grid["labels"]
        attempts.write(
            "labels.dcm",
            lambda: write_label_object(folder / "labels.dcm", case, anatomy, described, levels),
        )
        bones = folder / OBJECTS / "bones.dcm"
        attempts.write("bones.dcm", lambda: write_bones(bones, case, anatomy))


def _labels_document(
    described: LabelsDescription, anatomy: Anatomy, folder: Path, case: Case
) -> dict[str, Any]:
    """The document of ``labels.json``; the sides of the arches are written beside it."""
    from procguide.imaging.files import write_image
    from procguide.imaging.resample import resample
    from procguide.planning.labels import labels_to_json

    found = anatomy.segmentation
    files = {"levels": "labels.nii.gz", "regions": "regions.nii.gz"}
    if found.sides is not None:
        files["sides"] = "sides.nii.gz"
        write_image(resample(found.sides, case.volume.grid), folder / files["sides"])
    return {**labels_to_json(described, found, anatomy.spine, files), "disclaimer": DISCLAIMER}


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
