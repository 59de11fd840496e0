"""Every procedure whose anatomy is in view on three real CTs: figures, and pictures to look at.

    python benchmarks/real_cases.py [--pictures DIR] [--case NAME] [--only PROCEDURE ...]

reads PROCGUIDE_REAL_DATA (default ../shared/data), segments each CT as ``procguide plan`` does and plans at
the levels below, both sides where the procedure has sides. Writes benchmarks/results/real_cases.json; what
``--case`` or ``--only`` leave out stays there as it was. Pictures of patients go only where ``--pictures``
says: a sheet of slices, surfaces and simulated X-rays for each needle of rank 1.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from procguide.anatomy import Side
from procguide.anatomy.locate import locate_spine
from procguide.dicom import read_study, read_volume
from procguide.errors import ProcguideError
from procguide.planning import Plan, PlanSet, Procedure, Request, Subject, load_catalogue, plan
from procguide.planning.session import plan_session, requests_for
from procguide.segmentation.segment import segment

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "real_cases.json"
REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))
CASES: dict[str, tuple[str, str | None]] = {
    "abdomen": ("ct_abdomen_dicom", None),
    "lumbar": ("ct_lumbar_3mm/ct.nii.gz", None),
    "thorax": ("ct_thorax/ct.nii.gz", "L2"),
}
"""Where each lies, and its lowest vertebra wholly in view where it shows nothing to count from."""
LEVELS: dict[str, tuple[str, ...]] = {
    "transforaminal_esi_subpedicular": ("L1-L2", "L3-L4", "L4-L5", "L5-S1"),
    "transforaminal_esi_kambin": ("L4-L5", "L5-S1"),
    "lumbar_medial_branch_block": ("L3", "L4", "L5"),
    "lumbar_medial_branch_rfa": ("L4", "L5"),
    "facet_joint_injection": ("L4-L5", "L5-S1"),
    "lumbar_interlaminar_esi": ("L3-L4", "L4-L5", "L5-S1"),
    "scs_lead": ("T12-L1", "L1-L2", "L2-L3"),
    "vertebral_augmentation": ("T5", "T7", "T10", "L2"),
    "basivertebral_nerve_ablation": ("L4", "L5"),
    "discography": ("L1-L2", "L3-L4", "L4-L5", "L5-S1"),
    "lumbar_sympathetic_block": ("L2", "L3"),
    "celiac_plexus_block": ("T12", "L1"),
    "caudal_esi": ("sacrum",),
    "sacroiliac_joint_injection": ("sacrum",),
    "sacral_lateral_branch_rfa": ("S1", "S2", "S3"),
    "cervical_interlaminar_esi": ("C7-T1", "T1-T2"),
    "cervical_medial_branch_block": ("C7",),
    "stellate_ganglion_block": ("C7",),
}
SITTING = ("lumbar_medial_branch_block", ("L3", "L4", "L5"))
"""Both sides in one sitting: the figure in docs/sessions.md."""
PANEL = 480


def read_case(name: str) -> tuple[Subject, dict[str, Any]]:
    """The subject as ``procguide plan`` makes it, and what was found on the way."""
    path, lowest = CASES[name]
    started = time.perf_counter()
    volume = read_volume(read_study(REAL / path).choose())
    read = time.perf_counter()
    found = segment(volume, lowest_level=lowest)
    labelled = time.perf_counter()
    spine = locate_spine(found.levels, found.regions, anchor=found.anchor, confidence=found.confidence)
    located = time.perf_counter()
    figures = {
        "levels": list(spine.levels),
        "confidence": {level: round(value, 3) for level, value in found.confidence.items()},
        "findings": [finding.words for finding in found.findings],
        "seconds": {
            "read": round(read - started, 2),
            "segment": round(labelled - read, 2),
            "locate": round(located - labelled, 2),
        },
    }
    coarse = found.organs is not None
    return Subject(spine, found.levels, found.regions, volume, coarse_organs=coarse), figures


def requests(subject: Subject, procedures: Iterable[Procedure]) -> Iterator[Request]:
    """What is asked for where the image shows the level."""
    sacrum = {f"S{n}" for n in range(1, 6)} | {"sacrum"} if subject.spine.sacrum is not None else set()
    there = {*subject.spine.levels, *sacrum}
    for procedure in procedures:
        for level in LEVELS[procedure.id]:
            if set(level.split("-")) <= there:
                for side in tuple(Side) if procedure.side == "required" else (None,):
                    yield Request(procedure, level, side)


def run_plan(subject: Subject, request: Request, sheet: Path | None) -> dict[str, Any]:
    """One row of the result; its sheet of pictures is written to ``sheet``."""
    started = time.perf_counter()
    row: dict[str, Any] = {
        "procedure": request.procedure.id,
        "level": request.level,
        "side": request.side.value if request.side else None,
    }
    try:
        found = plan(request, subject)
    except ProcguideError as error:
        return row | {"error": str(error)}
    row["seconds"] = round(time.perf_counter() - started, 2)
    row |= {"considered": found.considered, "feasible": found.feasible, "plans": len(found.plans)}
    if not found.plans:
        return row | {"reason": found.reason}
    row |= describe(found.plans[0]) | {"said_first": found.cautions[:1]}
    if sheet is not None:
        draw(subject, found, request, sheet)
    return row


def describe(best: Plan) -> dict[str, Any]:
    """The needle of rank 1 in figures."""
    return {
        "entry_lps_mm": [round(x, 1) for x in best.trajectory.entry],
        "target_lps_mm": [round(x, 1) for x in best.trajectory.target],
        "length_mm": round(best.trajectory.length_mm, 1),
        "oblique_deg": round(best.view.oblique_deg, 1),
        "tilt_deg": round(best.view.tilt_deg, 1),
        "reachable": best.view.reachable,
        "clearance_mm": {name: round(value, 1) for name, value in best.clearance_mm.items()},
        "p_violation": round(best.robustness.p_violation, 3),
    }


def draw(subject: Subject, found: PlanSet, request: Request, file: Path) -> None:
    """One sheet a plan: the report's pictures side by side."""
    from PIL import Image

    from procguide.reporting.pictures import Imaged, plan_pictures

    assert subject.image is not None
    imaged = Imaged(subject.image, subject.levels, subject.regions, subject.spine)
    gallery = plan_pictures(imaged, found, found.plans[0], request.procedure)
    shown = [*gallery.first, *gallery.more, *(view for view in gallery.views if view is not None)]
    sheet = Image.new("RGB", (PANEL * 4, PANEL * ((len(shown) + 3) // 4)))
    for n, one in enumerate(shown):
        image = Image.open(BytesIO(base64.b64decode(one.data)))
        image.thumbnail((PANEL, PANEL))
        sheet.paste(image, (PANEL * (n % 4), PANEL * (n // 4)))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file)


def run_sitting(subject: Subject) -> dict[str, Any]:
    """How far the C-arm turns for six needles; none where the image does not show their levels."""
    name, levels = SITTING
    if not {*levels} <= {*subject.spine.levels}:
        return {}
    found = plan_session(requests_for(load_catalogue()[name], levels, tuple(Side)), subject)
    return {
        "procedure": name,
        "levels": levels,
        "needles": len(found.planned),
        "stops_of_the_c_arm": len(found.stations),
        "turning_deg": round(found.travel.turning_deg),
        "turning_one_by_one_deg": round(found.travel_one_by_one.turning_deg),
    }


def run_case(name: str, procedures: Iterable[Procedure], pictures: Path | None) -> dict[str, Any]:
    """Everything asked of one CT."""
    subject, figures = read_case(name)
    rows = []
    for request in requests(subject, procedures):
        words = "-".join(filter(None, (request.procedure.id, request.level, request.side)))
        row = run_plan(subject, request, pictures / name / f"{words}.png" if pictures else None)
        print(name, words, row.get("feasible"), row.get("reason", row.get("error", "")), flush=True)
        rows.append(row)
    return figures | {"sitting": run_sitting(subject), "plans": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--case", choices=sorted(CASES), action="append")
    parser.add_argument("--only", choices=sorted(LEVELS), nargs="+")
    arguments = parser.parse_args()
    catalogue = load_catalogue()
    procedures = [catalogue[name] for name in arguments.only or LEVELS]
    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for name in arguments.case or CASES:
        found = run_case(name, procedures, arguments.pictures)
        if arguments.only:
            before = results.get(name, {"plans": []})["plans"]
            found["plans"] += [row for row in before if row["procedure"] not in arguments.only]
        results[name] = found
        RESULT.write_text(
            json.dumps({name: results[name] for name in CASES if name in results}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
