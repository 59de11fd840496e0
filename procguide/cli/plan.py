"""``procguide plan``: from a study to ranked needles and a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.approval import plan_sha256
from procguide.cli.audited import results_computed
from procguide.cli.session import (
    CatalogueOption,
    DebugFlag,
    ForceFlag,
    JsonFlag,
    ModelLabelsOption,
    ModelOption,
    Session,
    TrustFlag,
)
from procguide.errors import NoResultError, UsageError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from rich.console import Console

    from procguide.cli.pipeline import Anatomy, Case
    from procguide.cli.steps import Steps
    from procguide.planning import CArm, PlanSet, Procedure, Request, Subject
    from procguide.planning.names import Objective
    from procguide.provenance import Provenance
    from procguide.segmentation.adapters.foreign import Segmenter
    from procguide.segmentation.hints import LevelAt

__all__ = [
    "PlanOptions",
    "Result",
    "Wishes",
    "plan",
    "provenance_of",
    "read_and_locate",
    "run_plan",
    "subject_of",
    "write_plan",
]


@dataclass(frozen=True)
class Wishes:
    """How plans are ranked, on which C-arm they are seen, whether to say how they came about."""

    weights: Mapping[Objective, float] | None = None
    carm: CArm | None = None
    explain: bool = False


@dataclass(frozen=True)
class PlanOptions:
    """Where a plan's labels come from, where it goes, and on what it runs."""

    output: Path
    labels: Path | None = None
    lowest_level: str | None = None
    level_at: tuple[LevelAt, ...] = ()
    device: str = "auto"
    force: bool = False
    segmenter: Segmenter | None = None
    wishes: Wishes = Wishes()


@dataclass(frozen=True, eq=False)
class Result:
    """All that a plan's files are written from."""

    case: Case
    anatomy: Anatomy
    plan_set: PlanSet
    provenance: Provenance
    procedure: Procedure | None = None
    labels: Dataset | None = None  # header of the segmentation that was written as DICOM


def plan(
    context: typer.Context,
    *,
    path: Annotated[Path, typer.Argument(help="DICOM file or folder, or a NIfTI, NRRD or MetaImage file.")],
    procedure: Annotated[str, typer.Option(help="Its id, as `procguide procedures` lists it.", metavar="ID")],
    level: Annotated[
        list[str],
        typer.Option(
            help="Vertebra or interspace: L4 or L4-L5; given again, all in one sitting.", metavar="LEVEL"
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write; it must not exist yet.")],
    side: Annotated[
        str | None,
        typer.Option(help="The patient's own side.", metavar="left|right|both", show_default=False),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="labels.nii.gz of your own; regions.nii.gz lies beside it.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="One target point in place of the zone, patient LPS mm.", metavar="X,Y,Z"),
    ] = None,
    entry: Annotated[
        str | None,
        typer.Option(help="One point of the skin to enter at, patient LPS mm.", metavar="X,Y,Z"),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="Other weights of the objectives.", metavar="clearance=0.5,view=0.2"),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what excluded how many, and what the plans trade.")
    ] = False,
    carm: Annotated[
        Path | None, typer.Option(help="YAML file with your C-arm: oblique_deg, tilt_deg, far_deg, gap_mm.")
    ] = None,
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
    catalogue: CatalogueOption = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    model: ModelOption = "procguide",
    model_labels: ModelLabelsOption = None,
    trust_model: TrustFlag = False,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Propose ranked needle trajectories and write a report.

    Writes plan.json, report.html, plan.mrk.json (3D Slicer), skin.ply (the skin by the quality of its
    entries), spine.json and run.json; for DICOM input the folder dicom with what a PACS takes: report,
    segmentation, points, surfaces, drawing, pictures. Several levels, or --side both, are planned as one
    sitting: a folder for each needle, and plan.json with their order.

    Example: procguide plan sample_dicom/lumbar --procedure transforaminal_esi_subpedicular --level L4-L5
    --side left -o out
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.cli.pipeline import check_device, choose_segmenter
    from procguide.cli.request import parse_level_at, parse_lowest_level, parse_requests

    requests = parse_requests(procedure, level, side, catalogue=catalogue)
    if labels is not None and model != "procguide":
        raise UsageError("--labels takes the place of a model; leave out --model, or --labels")
    wishes = _wishes(weights, carm, explain)
    requests = _with_ends(requests, target, entry)
    options = PlanOptions(
        output,
        labels,
        parse_lowest_level(lowest_level),
        parse_level_at(level_at),
        check_device(device),
        force,
        choose_segmenter(session, model, model_labels, trust_model),
        wishes,
    )
    if len(requests) > 1:
        from procguide.cli.plan_session import run_session

        run_session(session, path, requests, options)
    else:
        run_plan(session, path, requests[0], options)


def _with_ends(requests: tuple[Request, ...], target: str | None, entry: str | None) -> tuple[Request, ...]:
    """The one request with the ends of the needle that were given."""
    from procguide.cli.request import parse_entry, parse_target

    tip, start = parse_target(target), parse_entry(entry)
    if len(requests) == 1:
        return (replace(requests[0], target=tip, entry=start),)
    for name, point in (("target", tip), ("entry", start)):
        if point is not None:
            raise UsageError(f"--{name} goes with one level on one side; plan the others by themselves")
    return requests


def _wishes(weights: str | None, carm: Path | None, explain: bool) -> Wishes:
    from procguide.cli.request import parse_weights
    from procguide.planning import read_carm

    return Wishes(parse_weights(weights), None if carm is None else read_carm(carm), explain)


def read_and_locate(path: Path, options: PlanOptions, steps: Steps) -> tuple[Case, Anatomy]:
    """The study that is planned on, labelled as the options say."""
    from procguide.cli.pipeline import judged, locate, read_case

    case = judged(read_case(path, steps), steps)
    anatomy = locate(
        case,
        steps,
        labels=options.labels,
        lowest_level=options.lowest_level,
        level_at=options.level_at,
        device=options.device,
        segmenter=options.segmenter,
    )
    return case, anatomy


def run_plan(session: Session, path: Path, request: Request, options: PlanOptions) -> None:
    """The main path from a study to the written plan; no feasible plan is written too, then raised."""
    from procguide.cli.dicom_objects import Attempts, write_study_objects
    from procguide.cli.outputs import output_folder
    from procguide.cli.show_plan import show_explanation, show_plans
    from procguide.cli.steps import Steps
    from procguide.planning import plan as find_plans

    steps = Steps(session.console())
    with output_folder(options.output, force=options.force, source=path) as partial:
        case, anatomy = read_and_locate(path, options, steps)
        with steps.step("plan") as advance:
            subject = subject_of(case, anatomy, request.procedure, request.level)
            wishes = options.wishes
            plan_set = find_plans(
                request, subject, carm=wishes.carm, weights=wishes.weights, progress=advance
            )
        provenance = provenance_of(case, anatomy, request, options)
        labels = write_study_objects(partial, case, anatomy, Attempts(steps.say))
        result = Result(case, anatomy, plan_set, provenance, request.procedure, labels)
        document = write_plan(partial, result, steps)
        results_computed(case.series, provenance.inputs_sha256, plan_sha256(document))

    def show(console: Console) -> None:
        show_plans(plan_set, options.output, console)
        if options.wishes.explain:
            show_explanation(plan_set, console)

    session.answer(document, show)
    if not plan_set.plans:
        raise NoResultError(f"{plan_set.reason} The report says more: {options.output / 'report.html'}")
    session.finish(case.lost)


def subject_of(case: Case, anatomy: Anatomy, procedure: Procedure, *levels: str) -> Subject:
    """Whom the plan is for, with all that was found on the way, how the patient lay included.

    ``levels`` are those that needles are asked for at (``"L4"``, ``"L4-L5"``): whether they are wholly seen.
    """
    from procguide.cli.pipeline import judged_for
    from procguide.planning import Subject, posture_finding

    found = anatomy.segmentation
    posture = posture_finding(procedure, case.series.patient_position, on_mri=not case.is_ct)
    return Subject(
        anatomy.spine,
        found.levels,
        found.regions,
        case.volume,
        (*case.findings, *found.findings, *posture, *judged_for(case, anatomy, procedure.id, levels)),
        coarse_organs=found.organs is not None or bool(anatomy.files) or not case.is_ct,
    )


def provenance_of(case: Case, anatomy: Anatomy, request: Request, options: PlanOptions) -> Provenance:
    """What is needed to run the plan again."""
    from procguide.provenance import record

    return record(
        (*case.series.files, *anatomy.files),
        models=anatomy.segmentation.models,
        catalogue=f"{request.procedure.id} {request.procedure.fingerprint}",
        parameters={
            "procedure": request.procedure.id,
            "level": request.level,
            "side": request.side.value if request.side else None,
            "target": ",".join(f"{x:g}" for x in request.target) if request.target else None,
            "entry": ",".join(f"{x:g}" for x in request.entry) if request.entry else None,
            "weights": _weights_words(options.wishes),
            "carm": options.wishes.carm.model_dump_json() if options.wishes.carm else None,
            "lowest_level": options.lowest_level,
            "level_at": "; ".join(map(str, options.level_at)),
            "labels_given": options.labels is not None,
        },
    )


def _weights_words(wishes: Wishes) -> str | None:
    given = wishes.weights
    return None if given is None else ",".join(f"{name}={weight:g}" for name, weight in given.items())


def write_plan(folder: Path, result: Result, steps: Steps) -> dict[str, Any]:
    """Everything that ``plan`` writes for one needle; returns the document of ``plan.json``."""
    from procguide.anatomy.serialise import spine_to_json
    from procguide.cli.dicom_objects import OBJECTS, Attempts, captures_of, write_plan_objects
    from procguide.cli.outputs import write_json, write_run
    from procguide.exchange import write_markups, write_skin_mesh
    from procguide.planning import plan_to_json
    from procguide.planning.skin_map import map_skin
    from procguide.reporting import write_report

    plan_set = result.plan_set
    with steps.step("report"):
        document = {**plan_to_json(plan_set, asdict(result.provenance)), "disclaimer": DISCLAIMER}
        write_json(document, folder / "plan.json")
        write_json(spine_to_json(result.anatomy.spine), folder / "spine.json")
        write_markups(plan_set, folder / "plan.mrk.json")
        if plan_set.skin is not None and len(plan_set.skin.entries):
            write_skin_mesh(map_skin(plan_set.skin), folder / "skin.ply")
        gallery = write_report(
            folder / "report.html",
            volume=result.case.volume,
            segmentation_levels=result.anatomy.segmentation.levels,
            regions=result.anatomy.segmentation.regions,
            spine=result.anatomy.spine,
            plan_set=plan_set,
            findings=plan_set.findings,
            provenance=result.provenance,
            procedure=result.procedure,
        )
        if result.case.is_dicom:
            write_plan_objects(
                folder / OBJECTS,
                result.case,
                plan_set,
                document,
                Attempts(steps.say),
                captures=captures_of(gallery),
                related=[result.labels] if result.labels is not None else [],
            )
    write_run(folder, "plan", result.provenance, steps, findings=plan_set.findings)
    return document
