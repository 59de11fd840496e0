"""Seconds to make a whole subject: label map at 1 mm, CT and MRI from it.

``python benchmarks/phantom_speed.py [--seeds 3 8] [--spacing 1.0] [--parts build ct mri]`` writes
benchmarks/results/phantom_speed.json: wall and CPU seconds, peak memory, the load that the machine had
besides. Compiled loops and texture blocks are warmed up before.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from procguide.phantom import CtSettings, Phantom, build, sample_parameters, simulate_ct

RESULTS = Path(__file__).resolve().parent / "results" / "phantom_speed.json"
SETTINGS = CtSettings(pixel_mm=0.9, slice_mm=2.5)


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return made, {
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "peak_gib": round(peak, 2),
    }


def mri(phantom: Phantom, seed: int) -> dict[str, Any]:
    """Sagittal T2, where the phantom has an MRI."""
    try:
        from procguide.phantom.mri import simulate_mri
    except ImportError:
        return {}
    image, row = timed(lambda: simulate_mri(phantom, seed=seed))
    return row | {"shape": list(image.shape)}


def subject(seed: int, spacing: float, parts: list[str]) -> dict[str, Any]:
    phantom, row = timed(lambda: build(sample_parameters(seed), spacing))
    rows: dict[str, Any] = {"build": row | {"shape": list(phantom.tissues.shape)}}
    if "ct" in parts:
        ct, row = timed(lambda: simulate_ct(phantom, seed, settings=SETTINGS))
        rows["ct"] = row | {"shape": list(ct.shape)}
    if "mri" in parts:
        rows["mri"] = mri(phantom, seed)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 8])
    parser.add_argument("--spacing", type=float, default=1.0)
    parser.add_argument("--parts", nargs="+", default=["ct", "mri"], choices=["ct", "mri"])
    asked = parser.parse_args()
    warm = build(sample_parameters(asked.seeds[0]), 2.0, box=((-40, -60, 0), (40, 60, 60)))
    simulate_ct(warm, 0, settings=CtSettings(pixel_mm=2.0, slice_mm=4.0))
    rows: dict[str, Any] = {
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "spacing_mm": asked.spacing,
        "ct_pixel_slice_mm": [SETTINGS.pixel_mm, SETTINGS.slice_mm],
    }
    for seed in asked.seeds:
        rows[f"seed {seed}"] = subject(seed, asked.spacing, asked.parts)
        print(seed, json.dumps(rows[f"seed {seed}"]))
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
