"""How fast, how lean and how alike the runtimes are, against MONAI's sliding window on torch as the peer.

``python benchmarks/inference.py [--spacing 1.5 1.2 1.0] [--large]`` writes
benchmarks/results/inference.json. A crop of 120 x 110 x 330 mm, of an untrained fine network's size, is
answered by every way in a process of its own: seconds with and without imports, CPU seconds, peak memory.
Trained networks tell on the sample study how far runtimes differ from torch in single precision.
``--large`` adds a scan of 512 x 512 x 2000. Other work on the machine disturbs the seconds; load is told.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.dicom import read_study, read_volume
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.segmentation.classes import FINE_CLASSES, VERTEBRAL
from procguide.segmentation.inference import Prediction, predict
from procguide.segmentation.network import NetworkSpec, load_network, normalise
from procguide.segmentation.runtime import installed_runtimes

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "inference.json"
CROP_MM = (330, 110, 120)
PEERS = ("monai torch f32", "monai torch bf16")


def write_untrained(folder: Path, spacing: float) -> Path:
    """A bundle of the fine network's size."""
    import torch

    from procguide.learning.export import Card, export_bundle
    from procguide.segmentation.network import build_network

    torch.manual_seed(0)
    spec = NetworkSpec("untrained", "1.0.0", spacing, 80, (32, 64, 128, 256), FINE_CLASSES)
    net = build_network(spec.channels, len(spec.classes))
    export_bundle(folder, net.state_dict(), spec, Card("benchmark", "untrained"), {})
    return folder


def crop(spacing: float) -> Volume:
    """Smooth noise in HU on the network's own lattice."""
    from scipy import ndimage

    shape = [round(length / spacing) for length in CROP_MM]
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=shape), 1.0)
    return Volume((noise * 2000).astype(np.int16), Affine.axis_aligned(spacing, (0, 0, 0)), Modality.CT)


def by_monai(volume: Volume, bundle: str, kind: str) -> tuple[NDArray[Any], int]:
    """What was done before: windows of the trained patch, all logits at once, then argmax."""
    import torch
    from monai.inferers.utils import sliding_window_inference

    net, spec = load_network(bundle)
    count = 0

    def answer(patch: torch.Tensor) -> torch.Tensor:
        nonlocal count
        count += len(patch)
        with torch.autocast("cpu", torch.bfloat16, enabled=kind.endswith("bf16")):
            return net(patch).float()

    image = torch.from_numpy(normalise(volume.voxels, volume.modality))[None, None]
    with torch.inference_mode():
        logits = sliding_window_inference(
            image, (spec.patch,) * 3, 1, answer, overlap=0.375, mode="gaussian", padding_mode="replicate"
        )[0]
        return logits[:-1].argmax(dim=0).numpy(), count


def measure(kind: str, bundle: str, volume: Volume) -> dict[str, Any]:
    """Run twice: the first pays for imports and compilation."""
    seconds, cpu, count = [], [], 0

    def told(_share: float) -> None:
        nonlocal count
        count += 1

    for _ in range(2):
        count = 0
        wall, processor = time.perf_counter(), time.process_time()
        if kind in PEERS:
            _, count = by_monai(volume, bundle, kind)
        else:
            predict(volume, bundle, runtime=kind, progress=told)
        seconds.append(time.perf_counter() - wall)
        cpu.append(time.process_time() - processor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "first_s": round(seconds[0], 2),
        "again_s": round(seconds[1], 2),
        "again_cpu_s": round(cpu[1], 2),
        "windows": count,
        "peak_mb": round(peak / 1024),
    }


def in_own_process(kind: str, bundle: Path, spacing: float) -> dict[str, Any]:
    command = [sys.executable, __file__, "--worker", kind, str(bundle), str(spacing)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def speed(spacing: float, folder: Path) -> dict[str, Any]:
    """All ways at one spacing, and how many times faster than the peer in half precision."""
    bundle = write_untrained(folder / f"at{spacing}", spacing)
    rows = {kind: in_own_process(kind, bundle, spacing) for kind in (*PEERS, *installed_runtimes())}
    for row in rows.values():
        row["times_faster"] = round(rows[PEERS[1]]["again_s"] / row["again_s"], 2)
        row["times_less_cpu"] = round(rows[PEERS[1]]["again_cpu_s"] / row["again_cpu_s"], 2)
    return rows


def likeness() -> dict[str, Any]:
    """Shipped networks on the sample study: what differs from torch in single precision."""
    volume = read_volume(read_study(ROOT / "sample_dicom" / "lumbar" / "ct").choose())
    rows: dict[str, Any] = {}
    for model in ("locator", "vertebrae"):
        expected = predict(volume, model, region=_middle(volume), runtime="torch")
        for runtime in installed_runtimes():
            if runtime != "torch":
                found = predict(volume, model, region=_middle(volume), runtime=runtime)
                rows[f"{model} {runtime}"] = difference(found, expected)
    return rows


def _middle(volume: Volume) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    centre, half = volume.grid.corners.mean(axis=0), np.array(CROP_MM[::-1]) / 2
    return centre - half, centre + half


def difference(found: Prediction, expected: Prediction) -> dict[str, float]:
    vertebral = np.isin(expected.classes, VERTEBRAL) & np.isin(found.classes, VERTEBRAL)
    error = np.abs(found.offset_mm - expected.offset_mm)[vertebral]
    return {
        "class_differs": round(float((found.classes != expected.classes).mean()), 6),
        "offset_error_mm_median": round(float(np.median(error)), 3),
        "offset_error_mm_99th": round(float(np.quantile(error, 0.99)), 3),
        "offset_error_mm_max": round(float(error.max()), 2),
    }


def large(folder: Path) -> dict[str, Any]:
    """The coarse network over a scan of 512 x 512 x 2000 voxels of 0.8 mm (1 GB)."""
    bundle = write_untrained(folder / "large", 3.0)
    return in_own_process("openvino", bundle, 0.0)


def worker(kind: str, bundle: str, spacing: float) -> None:
    if spacing:
        volume = crop(spacing)
    else:
        voxels = np.full((2000, 512, 512), -1000, np.int16)
        voxels[:, 128:384, 128:384] = 40
        volume = Volume(voxels, Affine.axis_aligned(0.8, (0, 0, 0)), Modality.CT)
    print(json.dumps(measure(kind, bundle, volume)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spacing", type=float, nargs="+", default=[1.5, 1.2, 1.0])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        kind, bundle, spacing = arguments.worker
        worker(kind, bundle, float(spacing))
        return
    results: dict[str, Any] = {"cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory() as folder:
        results["crop"] = {f"{spacing:g} mm": speed(spacing, Path(folder)) for spacing in arguments.spacing}
        if arguments.large:
            results["large"] = large(Path(folder))
    results["differs_from_torch_f32"] = likeness()
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
