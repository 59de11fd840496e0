"""Seconds to index and read a folder of 2,000 slices, beside SimpleITK's reader in the same run.

``python -m benchmarks.dicom_reading [--slices 2000] [--size 512] [--repeats 3]`` writes
benchmarks/results/dicom_reading.json. The slices are made: CT of noise with as many header elements as a
scanner writes (about 190), shuffled names, uncompressed; then 200 of them in JPEG-LS and JPEG 2000. Both
readers find the files cached; they take turns, and the best of the repeats counts, in wall and CPU seconds,
those of the process that decodes compressed slices included (it is started before).
"Whole" is what a user waits for: index and read, and for SimpleITK its file names and read.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

from benchmarks.recording import write_result
from procguide.dicom import read_study, read_volume
from procguide.dicom.decode import decoded_frames
from tests.dicom.conftest import make_slice
from tests.dicom.measured_reading import processor_s

PRIVATE = 120
COMPRESSED = {"JPEG-LS": JPEGLSLossless, "JPEG 2000": JPEG2000Lossless}


def write_slices(folder: Path, count: int, size: int, syntax: str | None = None) -> None:
    """Noise with structure, so that compression is neither trivial nor hopeless."""
    rng = np.random.default_rng(0)
    j, i = np.mgrid[:size, :size]
    base = (1000 + 400 * np.sin(i / 40) * np.cos(j / 55)).astype(np.int16)
    names = rng.permutation(count)
    for k in range(count):
        noise = rng.integers(-30, 30, (size, size), dtype=np.int16)
        dataset = make_slice((base + noise).astype(np.uint16), (-100, -100, 0.5 * k), InstanceNumber=k + 1)
        block = dataset.private_block(0x0019, "BENCHMARK", create=True)
        for n in range(PRIVATE):
            block.add_new(n, "LO", f"value {n} of the scanner")
        if syntax is not None:
            dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(folder / f"{names[k]:05d}", enforce_file_format=True)


def timed(work: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    wall, cpu = time.perf_counter(), processor_s()
    made = work()
    return made, (time.perf_counter() - wall, processor_s() - cpu)


def ours(folder: Path) -> tuple[np.ndarray, dict[str, tuple[float, float]]]:
    study, index = timed(lambda: read_study(folder))
    volume, read = timed(lambda: read_volume(study.series[0]))
    return volume.voxels, {"index": index, "read": read}


def theirs(folder: Path) -> tuple[np.ndarray, dict[str, tuple[float, float]]]:
    reader = SimpleITK.ImageSeriesReader()
    names, index = timed(lambda: reader.GetGDCMSeriesFileNames(str(folder)))
    reader.SetFileNames(names)
    image, read = timed(reader.Execute)
    return SimpleITK.GetArrayViewFromImage(image).copy(), {"index": index, "read": read}


def best(runs: list[dict[str, tuple[float, float]]], part: str, clock: int) -> float:
    if part == "whole":
        return min(run["index"][clock] + run["read"][clock] for run in runs)
    return min(run[part][clock] for run in runs)


def _start_decoding() -> None:
    dataset = make_slice(np.zeros((16, 16), np.uint16), (0, 0, 0))
    dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    list(decoded_frames(dataset))


def compare(folder: Path, repeats: int) -> dict[str, Any]:
    """Both readers in turns; their voxels must be the same."""
    runs: dict[str, list[dict[str, tuple[float, float]]]] = {"procguide": [], "SimpleITK": []}
    _start_decoding()
    for repeat in range(repeats):
        voxels, times = ours(folder)
        runs["procguide"].append(times)
        others, times = theirs(folder)
        runs["SimpleITK"].append(times)
        if not repeat:
            np.testing.assert_array_equal(voxels, others)
        del voxels, others
    figures: dict[str, Any] = {}
    for part in ("index", "read", "whole"):
        for clock, name in enumerate(("wall_s", "cpu_s")):
            row = {reader: round(best(taken, part, clock), 3) for reader, taken in runs.items()}
            row["ratio"] = round(row["procguide"] / row["SimpleITK"], 2)
            figures.setdefault(part, {})[name] = row
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=2000)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    figures: dict[str, Any] = {"slices": options.slices, "size": options.size, "repeats": options.repeats}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_slices(folder, options.slices, options.size)
        figures["uncompressed"] = compare(folder, options.repeats)
    for name, syntax in COMPRESSED.items():
        with tempfile.TemporaryDirectory() as place:
            write_slices(Path(place), min(200, options.slices), options.size, syntax)
            figures[f"{name}, {min(200, options.slices)} slices"] = compare(Path(place), options.repeats)
    write_result("dicom_reading", figures, load)


if __name__ == "__main__":
    main()
