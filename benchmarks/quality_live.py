"""What the live recommender costs a frame, and what it says while faults come and go.

``python benchmarks/quality_live.py [--frames 120]``, on one core (``OMP_NUM_THREADS=1 taskset -c 0``).
Streams of 1024 x 1024 fluoroscopy (a phantom that drifts, with noise) and 800 x 600 ultrasound (a phantom
under a moving probe), with a fault for the middle third. Times are of the processor, as other work may
share the core; wall-clock times are given too. Writes benchmarks/results/quality_live.json.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import quality_images as images
from recording import write_result

from procguide.imaging import Frame, View
from procguide.quality import Kind
from procguide.quality.faults import projection, ultrasound
from procguide.quality.live import Judgement, Recommender

FAULTS = {
    "fluoroscopy": ("metal", "burnt out", "motion blur", "noise"),
    "ultrasound": ("contact", "gain too high", "frozen", "shadow"),
}


def fluoroscopy(frames: int, fault: str) -> Iterator[Frame]:
    base = next(images.phantom_xrays(images.TEST[:1])).brightness
    spoilt = {
        "metal": lambda p: projection.with_metal(p, 0.5, 1),
        "burnt out": lambda p: projection.over_exposed(p, 0.8, 1),
        "motion blur": lambda p: projection.moved(p, 0.7, 1),
        "noise": lambda p: projection.noisy(p, 1.0, 1),
    }[fault](base)
    for n in range(frames):
        picture = spoilt if frames // 3 <= n < 2 * frames // 3 else base
        yield _frame(projection.with_noise(np.roll(picture, n // 4, axis=1), 3000, n), "RF")


def ultrasound_stream(frames: int, fault: str) -> Iterator[Frame]:
    base = images.phantom_scan(images.TEST[0] * 100)
    rows, columns = np.nonzero(base > 0.02)
    sector = (slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1))
    rng = np.random.default_rng(1)
    still = None
    for n in range(frames):
        moved = base.copy()
        moved[sector] = np.roll(base[sector], n // 2, axis=1) * rng.uniform(0.97, 1.03, base[sector].shape)
        if frames // 3 <= n < 2 * frames // 3:
            if fault == "frozen":
                still = moved if still is None else still
                moved = still
            else:
                name = {"contact": "contact lost", "shadow": "shadow", "gain too high": "gain high"}[fault]
                moved = ultrasound.FAULTS[name](moved, sector, 0.8, 1)
        yield _frame(moved, "US")


def _frame(brightness: images.Image, modality: str) -> Frame:
    return Frame(np.rint(np.clip(brightness, 0, 1) * 255).astype(np.uint8), View(modality))


def watched(
    kind: Kind, stream: Iterator[Frame], task: str
) -> tuple[list[Judgement], list[float], list[float]]:
    recommender = Recommender(kind, task)
    judged, wall, processor = [], [], []
    for frame in list(stream):
        start, worked = time.perf_counter(), time.process_time()
        judged.append(recommender.see(frame))
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - worked)
    return judged, wall, processor


def summary(judged: list[Judgement]) -> dict[str, Any]:
    third = len(judged) // 3
    verdicts = [judgement.verdict.value for judgement in judged]
    return {
        "verdict_changes": sum(a != b for a, b in pairwise(verdicts)),
        "before": verdicts[third - 1],
        "during": verdicts[2 * third - 1],
        "after": verdicts[-1],
        "advice_during": _name(judged[2 * third - 1]),
        "frames_until_said": next(
            (n for n in range(2 * third) if _name(judged[third + n]) != _name(judged[third - 1])), None
        ),
        "best_frame": None if judged[-1].best is None else judged[-1].best.number,
    }


def _name(judgement: Judgement) -> str | None:
    return None if judgement.advice is None else judgement.advice.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=120)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    result: dict[str, Any] = {}
    for kind, stream, task in (
        (Kind.FLUOROSCOPY, fluoroscopy, ""),
        (Kind.ULTRASOUND, ultrasound_stream, "needle"),
    ):
        streams: dict[str, Mapping[str, Any]] = {}
        wall, processor, checks = [], [], defaultdict(list)
        for fault in FAULTS[kind.value]:
            judged, spent, worked = watched(kind, stream(given.frames, fault), task)
            streams[fault] = summary(judged)
            wall += spent[15:]
            processor += worked[15:]
            for judgement in judged[15:]:
                for name, seconds in judgement.seconds.items():
                    checks[name].append(seconds)
        result[kind.value] = {
            "frames_a_second_processor": round(1 / float(np.mean(processor)), 1),
            "frames_a_second_wall": round(1 / float(np.mean(wall)), 1),
            "ms_a_frame_processor": {
                "mean": round(1e3 * float(np.mean(processor)), 2),
                "p95": round(1e3 * float(np.percentile(processor, 95)), 2),
            },
            "ms_each_time_asked_wall_median": {
                name: round(1e3 * float(np.median(values)), 2) for name, values in checks.items()
            },
            "asked_of_share_of_frames": {
                name: round(len(values) / len(processor), 3) for name, values in checks.items()
            },
            "streams": streams,
        }
    write_result("quality_live", result, load)


if __name__ == "__main__":
    main()
