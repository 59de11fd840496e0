"""How well the shipped networks segment real CT and MRI, and how fast.

``python benchmarks/segmentation.py [--pictures DIR] [--case NAME]`` reads PROCGUIDE_REAL_DATA (default
../shared/data), prints one table, and writes benchmarks/results/segmentation.json where all cases ran.
Each case runs in a process of its own, so that its peak memory is its own. A case that is refused, or a
structure that the networks do not tell apart, counts as zero. Pictures of patients go only where
``--pictures`` says.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from segmentation_cases import CASES, REAL, ROOT, Case
from segmentation_measure import measure
from segmentation_summary import print_table, targets

COMMAND = "python benchmarks/segmentation.py"
RESULTS = ROOT / "benchmarks" / "results" / "segmentation.json"


def run_worker(arguments: list[str], folder: Path) -> dict[str, Any]:
    """Run one part in a fresh process; what it left as ``found.json``, or that it failed."""
    worker = [
        sys.executable,
        str(Path(__file__).with_name("segmentation_worker.py")),
        *arguments,
        str(folder),
    ]
    done = subprocess.run(worker, capture_output=True, text=True, check=False)
    file = folder / "found.json"
    if done.returncode or not file.exists():
        last = (done.stderr.strip().splitlines() or ["no words"])[-1]
        return {"refused": f"failed: {last}"}
    return json.loads(file.read_text())


def run_case(case: Case, pictures: Path | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found = run_worker(["segment", case.name], folder)
        row = {
            "use": case.use,
            "organs_use": case.organs_use,
            "anchor_in_view": case.anchor,
            **found,
            **measured(case, folder, found),
        }
        if pictures is not None:
            picture(case, folder, row, pictures)
    return row


def measured(case: Case, folder: Path, found: dict[str, Any]) -> dict[str, Any]:
    """The figures; labels that cannot be measured at all are as good as none."""
    try:
        return measure(case, folder, found)
    except Exception as error:  # one broken case must not cost the others
        refused = {"refused": f"not measured: {type(error).__name__}: {error}"}
        return measure(case, folder / "nothing", refused) | refused


def picture(case: Case, folder: Path, row: dict[str, Any], pictures: Path) -> None:
    from segmentation_pictures import draw

    try:
        draw(case, folder, row, pictures / f"{case.name.replace(' ', '_')}.png")
    except Exception as error:
        print(f"no picture of {case.name}: {error}", file=sys.stderr)


def whole_command() -> dict[str, Any]:
    """``procguide segment`` on the DICOM case: seconds and peak memory of the whole process."""
    with tempfile.TemporaryDirectory() as scratch:
        return run_worker(["command", str(REAL / "ct_abdomen_dicom")], Path(scratch))


def spine_crop() -> dict[str, Any]:
    """Network and blending over a lumbar spine's box, without loading the weights."""
    with tempfile.TemporaryDirectory() as scratch:
        return run_worker(["crop", str(REAL / "ct_abdomen_dicom")], Path(scratch))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES])
    arguments = parser.parse_args()
    chosen = [case for case in CASES if not arguments.case or case.name in arguments.case]
    rows = {}
    for case in chosen:
        print(f"{case.name} ...", file=sys.stderr)
        rows[case.name] = run_case(case, arguments.pictures)
    document: dict[str, Any] = {"command": COMMAND, "processors": os.cpu_count(), "cases": rows}
    if not arguments.case:
        document |= {"whole_command": whole_command(), "spine_crop": spine_crop()}
        document["targets"] = targets(document)
        RESULTS.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n")
    print_table(document)


if __name__ == "__main__":
    main()
