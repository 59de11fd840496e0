"""The main job on real CT: every first procedure, L3 to S1, both sides; figures and pictures.

``python benchmarks/real_cases.py [--pictures DIR]`` reads PROCGUIDE_REAL_DATA (default ../shared/data)
and writes benchmarks/results/real_cases.json. Pictures of patients go only where ``--pictures`` says.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import time
from io import BytesIO
from pathlib import Path
from typing import Any

from procguide.anatomy import Side, Spine
from procguide.anatomy.locate import locate_spine
from procguide.dicom import read_study, read_volume
from procguide.errors import ProcguideError
from procguide.imaging import Volume
from procguide.planning import Plan, PlanSet, Request, Subject, load_catalogue, plan
from procguide.segmentation.segment import Segmentation, segment

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))
CASES: dict[str, tuple[str, str | None]] = {
    "ct_abdomen_dicom": ("ct_abdomen_dicom", None),
    "ct_lumbar_3mm": ("ct_lumbar_3mm/ct.nii.gz", None),
    "ct_thorax": ("ct_thorax/ct.nii.gz", "L2"),
}
REQUESTS = {
    "transforaminal_esi_subpedicular": ("L3-L4", "L4-L5", "L5-S1"),
    "lumbar_medial_branch_block": ("L3", "L4", "L5"),
    "lumbar_interlaminar_esi": ("L3-L4", "L4-L5", "L5-S1"),
}


def run_case(name: str, pictures: Path | None) -> dict[str, Any]:
    path, lowest = CASES[name]
    started = time.perf_counter()
    volume = read_volume(read_study(REAL / path).choose())
    read = time.perf_counter()
    found = segment(volume, lowest_level=lowest)
    labelled = time.perf_counter()
    spine = locate_spine(found.levels, found.regions, anchor=found.anchor, confidence=found.confidence)
    located = time.perf_counter()
    rows = [
        run_plan((volume, found, spine), procedure, level, side, pictures and pictures / name)
        for procedure, levels in REQUESTS.items()
        for level in levels
        for side in Side
        if set(level.split("-")) <= {*spine.levels, "S1"}
    ]
    return {
        "levels": list(spine.levels),
        "confidence": dict(found.confidence),
        "findings": [finding.words for finding in found.findings],
        "seconds": {
            "read": round(read - started, 2),
            "segment": round(labelled - read, 2),
            "locate": round(located - labelled, 2),
        },
        "plans": rows,
    }


def run_plan(
    case: tuple[Volume, Segmentation, Spine], procedure: str, level: str, side: Side, pictures: Path | None
) -> dict[str, Any]:
    volume, found, spine = case
    started = time.perf_counter()
    row: dict[str, Any] = {"procedure": procedure, "level": level, "side": side.value}
    try:
        request = Request(load_catalogue()[procedure], level, side)
        plan_set = plan(request, Subject(spine, found.levels, found.regions, volume, coarse_organs=True))
    except ProcguideError as error:
        return row | {"error": str(error)}
    row["seconds"] = round(time.perf_counter() - started, 2)
    row |= {"considered": plan_set.considered, "feasible": plan_set.feasible, "plans": len(plan_set.plans)}
    if plan_set.plans:
        row |= describe(plan_set.plans[0])
        if pictures is not None:
            draw(case, plan_set, side, pictures / f"{procedure}-{level}-{side.value}.png")
    else:
        row["reason"] = plan_set.reason
    return row


def describe(best: Plan) -> dict[str, Any]:
    return {
        "entry_lps_mm": [round(x, 1) for x in best.trajectory.entry],
        "target_lps_mm": [round(x, 1) for x in best.trajectory.target],
        "length_mm": round(best.trajectory.length_mm, 1),
        "oblique_deg": round(best.view.oblique_deg, 1),
        "tilt_deg": round(best.view.tilt_deg, 1),
        "clearance_mm": {name: round(value, 1) for name, value in best.clearance_mm.items()},
        "p_violation": round(best.robustness.p_violation, 3),
    }


def draw(case: tuple[Volume, Segmentation, Spine], plan_set: PlanSet, side: Side, file: Path) -> None:
    """One contact sheet a plan: the report's pictures side by side."""
    from PIL import Image

    from procguide.reporting.pictures import plan_pictures

    volume, found, spine = case
    shown, _ = plan_pictures(
        volume, found.levels, found.regions, spine, plan_set.plans[0], side.sign, plan_set.modelled
    )
    images = [Image.open(BytesIO(base64.b64decode(one.data))).resize((520, 520)) for one in shown]
    sheet = Image.new("RGB", (520 * 3, 520 * ((len(images) + 2) // 3)))
    for n, image in enumerate(images):
        sheet.paste(image, (520 * (n % 3), 520 * (n // 3)))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--case", choices=sorted(CASES), action="append")
    arguments = parser.parse_args()
    results = {name: run_case(name, arguments.pictures) for name in arguments.case or CASES}
    text = json.dumps(results, indent=2)
    (ROOT / "benchmarks" / "results").mkdir(parents=True, exist_ok=True)
    (ROOT / "benchmarks" / "results" / "real_cases.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
