"""Plans made from a phantom's CT against its true anatomy: what the needle of rank 1 misses and meets.

``python benchmarks/phantom_plans.py [--seeds 20] [--first 100] [--each 1] [--keep DIR] [--resume]`` runs, for
each seed, ``procguide phantom`` and then ``procguide plan`` (segmentation included, nothing of the truth is
read) for one of three procedures in turn (``--each 3``: for all) at a level and side that follow from it.
The needle of rank 1 is then measured against the true anatomy at 0.5 mm. Writes
benchmarks/results/phantom_plans.json after each seed; ``--resume`` keeps the seeds that it holds already.
``--keep`` keeps studies and reports.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt, map_coordinates

from procguide.anatomy import BONE, Region
from procguide.phantom import Phantom, PhantomParameters, build, sample_parameters

ROOT = Path(__file__).resolve().parent.parent
PROCEDURES = ("transforaminal_esi_subpedicular", "lumbar_medial_branch_block", "lumbar_interlaminar_esi")
STRUCTURES = {
    "dura": (Region.DURA, Region.CEREBROSPINAL_FLUID, Region.SPINAL_CORD, Region.CAUDA_EQUINA),
    "nerve root or ganglion": (Region.NERVE_ROOT, Region.GANGLION),
    "great vessels": (Region.AORTA, Region.ILIAC_ARTERY, Region.VENA_CAVA, Region.ILIAC_VEIN),
    "kidney": (Region.KIDNEY, Region.RENAL_SINUS),
    "bowel": (Region.BOWEL, Region.GAS),
    "lung or pleura": (Region.LUNG, Region.PLEURA),
    "bone": BONE,
}
SPACING_MM = 0.5
MARGIN_MM = 14.0
FREE_END_MM = 3.0
"""The last piece before the tip is not counted for bone, which some procedures touch on purpose."""


def request(procedure: str, seed: int, levels: tuple[str, ...]) -> tuple[str, str]:
    """Level and side for a seed: L2 to the lowest, each side as often."""
    lumbar = [level for level in levels if level.startswith("L")][1:]
    upper = lumbar[seed % len(lumbar)]
    side = ("left", "right")[seed // 2 % 2]
    if procedure == "lumbar_medial_branch_block":
        return upper, side
    below = (*levels, "S1")[levels.index(upper) + 1]
    return f"{upper}-{below}", side


def procguide(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the command line; returns its exit code and JSON answer."""
    done = subprocess.run(
        [sys.executable, "-m", "procguide.cli", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {"error": done.stderr[-300:]}


def true_clearance(
    parameters: PhantomParameters, entry: np.ndarray, target: np.ndarray, radius: float
) -> dict[str, float]:
    """Least distance of the needle's surface to each true structure within 14 mm of it, mm."""
    box = (np.minimum(entry, target) - MARGIN_MM, np.maximum(entry, target) + MARGIN_MM)
    phantom: Phantom = build(parameters, SPACING_MM, box=box)
    along = np.arange(0, 1 + 1e-9, 0.25 / np.linalg.norm(target - entry))
    points = entry + along[:, None] * (target - entry)
    index = phantom.tissues.to_index(points).T
    result = {}
    for name, regions in STRUCTURES.items():
        mask = phantom.tissues.mask(*regions)
        if not mask.any():
            continue
        distance = distance_transform_edt(~mask, sampling=SPACING_MM) - distance_transform_edt(
            mask, sampling=SPACING_MM
        )
        values = map_coordinates(distance.astype(np.float32), index, order=1, mode="nearest")
        if name == "bone":
            values = values[
                along * np.linalg.norm(target - entry) < np.linalg.norm(target - entry) - FREE_END_MM
            ]
        result[name] = round(float(values.min()) - SPACING_MM / 2 - radius, 2)
    return result


def run_seed(seed: int, each: int, folder: Path) -> list[dict[str, Any]]:
    parameters = sample_parameters(seed)
    study = folder / f"study-{seed}"
    code, _ = procguide("phantom", "-o", str(study), "--seed", str(seed), "--spacing", "1.5")
    assert code == 0, f"seed {seed}: phantom ended with {code}"
    rows = []
    for n in range(each):
        procedure = PROCEDURES[(seed + n) % len(PROCEDURES)]
        level, side = request(procedure, seed, parameters.levels)
        row: dict[str, Any] = {"seed": seed, "procedure": procedure, "level": level, "side": side}
        out = folder / f"plan-{seed}-{procedure}"
        code, answer = procguide(
            "plan",
            str(study / "ct"),
            "--procedure",
            procedure,
            "--level",
            level,
            "--side",
            side,
            "-o",
            str(out),
        )
        row["exit"] = code
        plans = json.loads((out / "plan.json").read_text())["plans"] if (out / "plan.json").exists() else []
        if plans:
            best = plans[0]
            entry, target = (np.array(best[key]) for key in ("entry_lps_mm", "target_lps_mm"))
            diameter = float(best["needle"]["diameter_mm"])
            row["reported_mm"] = {name: round(v, 2) for name, v in best["clearance_mm"].items()}
            row["true_mm"] = true_clearance(parameters, entry, target, diameter / 2)
        else:
            row["said"] = answer.get("reason") or answer.get("error")
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Per procedure: how many got a plan, and how often the rank-1 needle meets each true structure."""
    summary = {}
    for procedure in PROCEDURES:
        own = [row for row in rows if row["procedure"] == procedure]
        planned = [row["true_mm"] for row in own if "true_mm" in row]
        summary[procedure] = {
            "asked": len(own),
            "planned": len(planned),
            "met": {name: sum(true.get(name, 99.0) <= 0 for true in planned) for name in STRUCTURES},
            "least_mm": {
                name: min((true[name] for true in planned if name in true), default=None)
                for name in STRUCTURES
            },
            "median_mm": {
                name: round(float(np.median([true[name] for true in planned if name in true])), 2)
                for name in STRUCTURES
                if any(name in true for true in planned)
            },
        }
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()
    target = ROOT / "benchmarks" / "results" / "phantom_plans.json"
    rows: list[dict[str, Any]] = json.loads(target.read_text())["plans"] if arguments.resume else []
    result: dict[str, Any] = {"summary": summarise(rows), "plans": rows}
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            if seed not in {row["seed"] for row in rows}:
                rows = sorted(rows + run_seed(seed, arguments.each, folder), key=lambda row: row["seed"])
                result = {"summary": summarise(rows), "plans": rows}
                target.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["summary"], indent=1))


if __name__ == "__main__":
    main()
