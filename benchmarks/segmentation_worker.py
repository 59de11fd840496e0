"""One measured process of ``benchmarks/segmentation.py``; it leaves ``found.json`` in a folder.

``segment CASE FOLDER`` leaves the labels too; ``command STUDY FOLDER`` runs ``procguide segment``;
``crop STUDY FOLDER`` times the fine network.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from segmentation_cases import CASES

from procguide.cli.steps import peak_memory_mb
from procguide.dicom import read_study, read_volume
from procguide.errors import ProcguideError
from procguide.imaging import LabelMap, Volume
from procguide.imaging.files import read_image, write_image

# Round L3 of ct_abdomen_dicom, LPS mm: 110 x 120 x 220 mm, about what the spine of a lumbar study fills.
CROP_CENTRE, CROP_SIZE = np.array([-12.0, -95.0, -630.0]), np.array([110.0, 120.0, 220.0])


def read(path: Path, modality: Any) -> Volume:
    return read_volume(read_study(path).choose()) if path.is_dir() else read_image(path, modality)


def segment_case(name: str, folder: Path) -> dict[str, Any]:
    case = next(case for case in CASES if case.name == name)
    volume = read(case.image, case.modality)
    from procguide.segmentation.segment import segment

    started = time.perf_counter()
    try:
        found = segment(volume, require_anchor=False)
    except ProcguideError as error:
        return {"refused": str(error), "seconds": round(time.perf_counter() - started, 2)}
    seconds = time.perf_counter() - started
    maps = {"labels": found.levels, "regions": found.regions, "instances": found.instances}
    maps["organs"] = getattr(found, "organs", None)
    for kind, labels in maps.items():
        if isinstance(labels, LabelMap):
            write_image(labels, folder / f"{kind}.nii")
    return {
        "refused": None,
        "seconds": round(seconds, 2),
        "peak_memory_mb": own_peak_mb(),
        "anchor": found.anchor.value,
        "levels": list(found.confidence),
        "confidence": dict(found.confidence),
        "models": dict(found.models),
        "findings": [finding.words for finding in found.findings],
    }


def own_peak_mb() -> float | None:
    """Peak of the worker alone: what getrusage says may be that of the process that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return peak_memory_mb()
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) * 1024 / 1e6, 1)


def run_command(study: str, folder: Path) -> dict[str, Any]:
    """The command as a user gives it: one process from start to end."""
    out = folder / "out"
    words = [sys.executable, "-m", "procguide.cli", "segment", study, "-o", str(out)]
    started = time.perf_counter()
    process = os.posix_spawn(sys.executable, words, os.environ)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - started
    if status:
        return {"refused": f"exit code {os.waitstatus_to_exitcode(status)}"}
    run = json.loads((out / "run.json").read_text())
    return {
        "refused": None,
        "seconds": round(seconds, 2),
        "peak_memory_mb": round(usage.ru_maxrss * 1024 / 1e6, 1),
        "steps_s": run["steps_s"],
    }


def time_crop(study: str, _folder: Path) -> dict[str, Any]:
    from procguide.segmentation.inference import predict
    from procguide.segmentation.segment import VERTEBRAE

    volume = read(Path(study), None)
    region = (CROP_CENTRE - CROP_SIZE / 2, CROP_CENTRE + CROP_SIZE / 2)
    predict(volume, VERTEBRAE, region=region)  # loads the weights
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        answer = predict(volume, VERTEBRAE, region=region)
        seconds.append(time.perf_counter() - started)
    return {
        "refused": None,
        "seconds": round(statistics.median(seconds), 2),
        "lattice_kji": list(answer.grid.shape),
        "spacing_mm": float(answer.grid.affine.spacing[0]),
    }


def main() -> None:
    kind, what, where = sys.argv[1:4]
    folder = Path(where)
    work = {"segment": segment_case, "command": run_command, "crop": time_crop}[kind]
    (folder / "found.json").write_text(json.dumps(work(what, folder)))


if __name__ == "__main__":
    main()
