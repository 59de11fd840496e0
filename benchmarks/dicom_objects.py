"""What ``plan`` and ``segment`` write into a study: conformance, size, and the way through Orthanc and back.

``python -m benchmarks.dicom_objects`` writes benchmarks/results/dicom_objects.json: the sample CT is planned
and segmented by the command line, images and objects go into a real Orthanc by DCMTK's dcmsend, and what it
gives back is held against what was sent: datasets element by element, numbers of the report against
``plan.json``, the segmentation against ``labels.nii.gz`` voxel by voxel, both as SimpleITK reads them. CPU
seconds are of writing each kind once more, headers already read.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK

from benchmarks.recording import write_result
from procguide.dicom import read_plan_report, read_sources, read_study, write_plan_report
from tests.servers import dcmtk, orthanc

STUDY = Path("sample_dicom/lumbar/ct")
ASKED = ("--procedure", "transforaminal_esi_subpedicular", "--level", "L4-L5", "--side", "left")


def run(folder: Path, *words: str) -> Path:
    """One command of ours."""
    subprocess.run(["procguide", *words, "-o", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return folder


def faults(file: Path) -> tuple[int, list[str]]:
    """Dciodvfy's errors, and its warnings without those that name the private coding scheme."""
    done = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    warnings = {line for line in lines if "Warning" in line and "99PROCGUIDE" not in line}
    return sum("Error" in line for line in lines), sorted(warnings)


def through_orthanc(folders: list[Path], work: Path) -> dict[str, Path]:
    """Send all files of ``folders``; what comes back, by SOP Instance UID."""
    back = work / "back"
    back.mkdir()
    with orthanc(work / "archive") as server:
        command = [dcmtk("dcmsend"), "-q", "--decompress-never", "-aec", "ORTHANC"]
        command += ["+sd", "+r", "+sp", "*.dcm", "127.0.0.1"]
        for folder in folders:
            subprocess.run([*command, str(server.dicom_port), str(folder)], check=True)
        for number, instance in enumerate(server.ask("/instances")):
            (back / f"{number}.dcm").write_bytes(server.file(instance))
    return {str(pydicom.dcmread(file).SOPInstanceUID): file for file in back.iterdir()}


def numbers(value: Any) -> Iterator[float]:
    """Every number in a document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def on_the_image(segmentation: Path, images: Path, labels: Path) -> dict[str, int]:
    """Voxels of ``labels.nii.gz``, and those of the segmentation that differ, on SimpleITK's image."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(images)))
    image = reader.Execute()
    meant = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(SimpleITK.ReadImage(str(labels)), image, SimpleITK.Transform(), 1)
    )
    found = np.zeros(meant.shape, bool)
    dataset = pydicom.dcmread(segmentation)
    frames = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(segmentation)))
    for frame, group in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        position = [float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient]
        found[image.TransformPhysicalPointToIndex(position)[2]] |= frame > 0
    return {"labelled_voxels": int((meant > 0).sum()), "that_differ": int((found != (meant > 0)).sum())}


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return round(time.process_time() - start, 2)


def main() -> None:
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        planned = run(work / "plan", "plan", str(STUDY), *ASKED)
        labelled = run(work / "labels", "segment", str(STUDY), "--fractional")
        document = json.loads((planned / "plan.json").read_text())
        objects = sorted([*(planned / "dicom").iterdir(), labelled / "labels.dcm"])
        objects += sorted((labelled / "dicom").iterdir())
        back = through_orthanc([STUDY, planned / "dicom", labelled], work)
        rows = []
        for file in objects:
            dataset = pydicom.dcmread(file)
            errors, warnings = faults(file)
            rows.append(
                {
                    "by": file.relative_to(work).parts[0],
                    "file": file.name,
                    "class": dataset.SOPClassUID.name,
                    "bytes": file.stat().st_size,
                    "dciodvfy_errors": errors,
                    "dciodvfy_warnings": warnings,
                    "same_from_orthanc": pydicom.dcmread(back[str(dataset.SOPInstanceUID)]) == dataset,
                }
            )
        report = back[str(pydicom.dcmread(planned / "dicom" / "plan.dcm").SOPInstanceUID)]
        read = read_plan_report(report)
        segmentation = back[str(pydicom.dcmread(labelled / "labels.dcm").SOPInstanceUID)]
        sources = read_sources(read_study(STUDY).choose())
        result = {
            "objects": rows,
            "plan": {
                "numbers": len(list(numbers(document["plans"]))),
                "identical": read["plans"] == document["plans"],
                "approved": read["approved"],
            },
            "segmentation": on_the_image(segmentation, STUDY, labelled / "labels.nii.gz"),
            "report_cpu_s": cpu_seconds(lambda: write_plan_report(document, sources, work / "again.dcm")),
        }
    write_result("dicom_objects", result, load_before)


if __name__ == "__main__":
    main()
