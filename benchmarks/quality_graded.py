"""Graded faults that headers, streams and marked targets show, and what is said of real images as they are.

``python benchmarks/quality_graded.py [--only headers frozen target]``. Headers: DICOM files of
``sample_dicom`` are written again with other values, read as any study, and judged; each row is what the
file says, what was measured, and the verdict. Frozen: runs of ultrasound, real and made, that stand still
for 15, 30 or 45 frames, recorded in four ways. Target: the nerves that are marked on the real ultrasound
frames, with the depth set otherwise until they lie close to the probe, or are cut by the lower end.
Writes benchmarks/results/quality_graded.json.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import quality_images as images
from numpy.typing import NDArray
from quality_calibration import REAL_CT, REAL_MR, SAMPLES
from quality_projection import area_under, examined_scan
from recording import RESULTS, write_result
from scipy import ndimage
from scipy.spatial.transform import Rotation

from procguide.dicom import read_study
from procguide.errors import InputUnreadableError
from procguide.geometry import Affine
from procguide.imaging import Cine, LabelMap, View
from procguide.quality import Examined, Kind
from procguide.quality.assess import Answer, assess_quality, checks_for
from procguide.quality.examine import examine
from procguide.quality.faults import ultrasound
from procguide.quality.sector import sector_of

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "sample_dicom"
HEADERS = ("resolution", "pixel size", "gap", "gantry tilt", "coverage", "orientation", "kernel")
KERNELS = {
    "for bone or lung": (
        "BONE", "BONEPLUS", "LUNG", "EDGE", "B60f", "B70f", "B80s", "Br59d\\3", "Bl57f", "I70f\\3", "FC30",
        "FC52", "FC81", "YC", "YD", "D", "L",
    ),
    "others": (
        "STANDARD", "SOFT", "DETAIL", "CHEST", "B10f", "B30f", "B41s", "Br36d\\3", "Br40f", "Hr40f", "I26f",
        "I31f\\3", "Qr40d", "FC01", "FC08", "FC13", "FC18", "A", "B", "C", "YA",
    ),
}  # fmt: skip
"""Names by what their makers say that they are for: GE, Siemens, Toshiba and Philips."""
STILL_FRAMES = (15, 30, 45)
"""Half a second, one second (a reader would call it frozen), one and a half, at 30 a second."""
LIVE = 30
NEAR, LOW = (0.2, 0.1, 0.07), (0.85, 1.02, 1.15)
"""Where the nerve's middle comes to lie, and where its lower end, as shares of the depth; the second of each
is what a reader would call unfit: close under the probe, cut off. The first is still in view."""
NERVE = 1
"""In the masks; 2 are vessels (round, without echoes inside)."""
Pixels = NDArray[np.uint8]


# headers


def swept(
    series: str,
    name: str,
    values: Sequence[Any],
    change: Callable[[pydicom.Dataset, Any], None],
    most: int = 20,
) -> list[dict[str, Any]]:
    """Rows of one check: the sample series written again with each value, read and judged."""
    rows = []
    for value in values:
        with tempfile.TemporaryDirectory() as folder:
            for file in sorted((SAMPLE / series).glob("*.dcm"))[:most]:
                dataset = pydicom.dcmread(file)
                change(dataset, value)
                dataset.save_as(Path(folder) / file.name)
            (examined,) = examine(read_study(Path(folder)).series[0])
        rows.append({"value": value, **said(asked(examined, (name,))[0])})
    return rows


def asked(examined: Examined, names: Sequence[str]) -> tuple[Answer, ...]:
    return assess_quality(examined, [c for c in checks_for(examined.kind) if c.name in names]).answers


def said(answer: Answer) -> dict[str, Any]:
    found = answer.finding
    if found is None or found.score is None:
        return {"measured": None, "verdict": "not judged"}
    return {"measured": round(found.score, 2), "verdict": found.severity.value}


def thinner(dataset: pydicom.Dataset, percent: float) -> None:
    """Slices that leave that share of their step uncovered."""
    dataset.SliceThickness = float(dataset.SpacingBetweenSlices) * (1 - percent / 100)


def turned(axis: str) -> Callable[[pydicom.Dataset, float], None]:
    """The whole stack turned about one of the patient's axes."""

    def turn(dataset: pydicom.Dataset, degrees: float) -> None:
        rotation = Rotation.from_euler(axis, degrees, degrees=True)
        pair = rotation.apply(np.reshape(dataset.ImageOrientationPatient, (2, 3)).astype(float))
        dataset.ImageOrientationPatient = [round(float(v), 9) for v in pair.ravel()]
        dataset.ImagePositionPatient = [
            round(float(v), 6) for v in rotation.apply(np.array(dataset.ImagePositionPatient, float))
        ]

    return turn


def coarser(dataset: pydicom.Dataset, size: float) -> None:
    dataset.PixelSpacing = [size, size]


def named(dataset: pydicom.Dataset, kernel: str) -> None:
    dataset.ConvolutionKernel = kernel.split("\\")


def headers() -> dict[str, Any]:
    angles, sizes = (0, 20, 39, 41, 45, 60, 90), (0.5, 1, 1.9, 2.1, 3.4, 3.6)
    sagittal, ct = "lumbar/t2_sagittal", "lumbar/ct"
    return {
        "MR gap, % of the step": swept(sagittal, "gap", (0, 10, 29, 31, 45, 59, 61, 80), thinner),
        "MR orientation, sagittal turned to coronal, degrees": swept(
            sagittal, "orientation", angles, turned("z")
        ),
        "MR orientation, sagittal turned to axial, degrees": swept(
            sagittal, "orientation", angles, turned("y")
        ),
        "MR orientation, axial turned to coronal, degrees": swept(
            "lumbar/t2_axial", "orientation", angles, turned("x")
        ),
        "MR pixel size, mm": swept(sagittal, "pixel size", sizes, coarser),
        "CT pixel size, mm": swept(ct, "pixel size", sizes, coarser, 6),
        **{f"CT kernel {group}": swept(ct, "kernel", names, named, 6) for group, names in KERNELS.items()},
        "real": real_headers(),
    }


def real_headers() -> dict[str, dict[str, Any]]:
    """What the checks of headers say of every real CT and MR, and of the samples."""
    rows: dict[str, dict[str, Any]] = {}
    for path in (*(images.REAL / n for n in (*REAL_CT, *REAL_MR)), *(SAMPLE / n for n in SAMPLES)):
        try:
            (examined,) = examine(read_study(path).series[0])
        except InputUnreadableError:  # four dimensions: no image of this kind
            continue
        name = str(path.relative_to(images.REAL if images.REAL in path.parents else ROOT))
        rows[name] = {answer.check.name: said(answer) for answer in asked(examined, HEADERS)}
    return rows


# frozen


def runs() -> Iterator[tuple[str, bool, list[Pixels]]]:
    """Live ultrasound: the real needle and tracked frames, made tissue under a moving and a steady hand."""
    real = defaultdict(list)
    for scan in images.other_scans():
        real[scan.name.split(" ")[0]].append(_bytes(scan.brightness))
    yield from ((name, True, frames) for name, frames in real.items())
    for seed in images.FRESH:
        for n in range(4):
            for hand, step in (("moving", 1.0), ("steady", 0.1)):
                yield f"layers {seed} {n} {hand}", False, list(_moving(seed * 100 + n, step))


def _moving(seed: int, step: float) -> Iterator[Pixels]:
    """Tissue that goes sideways under the probe by ``step`` pixels a frame, with the receiver's noise."""
    base, rng = images.phantom_scan(seed), np.random.default_rng(seed)
    lit = np.argwhere(base > 0.02)
    (top, left), (bottom, right) = lit.min(0), lit.max(0) + 1
    for n in range(LIVE):
        frame = base.copy()
        part = ndimage.shift(base[top:bottom, left:right], (0, step * n), order=1, mode="wrap")
        frame[top:bottom, left:right] = part * rng.uniform(0.97, 1.03, part.shape)
        yield _bytes(frame)


def _bytes(brightness: images.Image) -> Pixels:
    return np.rint(np.clip(brightness, 0, 1) * 255).astype(np.uint8)


def as_it_is(frames: list[Pixels]) -> list[Pixels]:
    return frames


def with_clock(frames: list[Pixels]) -> list[Pixels]:
    """A clock in the frame's upper corner, beside the sector; frames without a margin are given one."""
    from PIL import Image, ImageDraw, ImageFont

    shown = []
    for n, frame in enumerate(frames):
        canvas = Image.fromarray(np.pad(frame, ((60, 0), (0, 0))))
        pen = ImageDraw.Draw(canvas)
        pen.text(
            (canvas.width - 150, 14), f"10:24:{n % 60:02d}.{n:02d}", fill=255, font=ImageFont.load_default(20)
        )
        shown.append(np.asarray(canvas))
    return shown


def grabbed(frames: list[Pixels]) -> list[Pixels]:
    """An analogue frame grabber's noise: one grey value, standard deviation (assumed)."""
    rng = np.random.default_rng(0)
    return [np.clip(np.rint(f + rng.normal(0, 1, f.shape)), 0, 255).astype(np.uint8) for f in frames]


def as_video(frames: list[Pixels]) -> list[Pixels]:
    """Through an MPEG-4 file."""
    import cv2

    rows, columns = (n // 2 * 2 for n in frames[0].shape)
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/run.mp4"
        writer = cv2.VideoWriter(file, cv2.VideoWriter.fourcc(*"mp4v"), 30, (columns, rows))
        for frame in frames:
            writer.write(np.repeat(frame[:rows, :columns, None], 3, axis=2))
        writer.release()
        video = cv2.VideoCapture(file)
        read = []
        while (got := video.read())[0]:
            read.append(np.ascontiguousarray(got[1][..., 0]))
    return read


RECORDED = {"digital": as_it_is, "digital, with a clock": with_clock, "grabber": grabbed, "video": as_video}


def frozen() -> dict[str, Any]:
    """By the way of recording: AUC and share found at each length, false alarms on the live runs."""
    (check,) = (c for c in checks_for(Kind.ULTRASOUND) if c.name == "frozen")
    rows: dict[str, list[tuple[str, bool, float, list[float]]]] = defaultdict(list)
    for name, real, live in runs():
        for way, recorded in RECORDED.items():
            held = [[*live[: len(live) // 2], *[live[len(live) // 2]] * n] for n in STILL_FRAMES]
            scores = [_stillness(check.measure, recorded(frames)) for frames in (live, *held)]
            rows[way].append((name, real, scores[0], scores[1:]))
        print(name, flush=True)
    limit = check.limits.caution
    return {way: _figures(found, limit, [f"{n} frames" for n in STILL_FRAMES]) for way, found in rows.items()}


def _stillness(measure: Callable[[Examined], Any], frames: list[Pixels]) -> float:
    return float(measure(Examined(Kind.ULTRASOUND, cine=Cine(np.stack(frames), (View("US"),)))).value)


def _figures(
    rows: Iterable[tuple[str, bool, float, list[float]]], limit: float, strengths: list[str]
) -> dict[str, Any]:
    rows = list(rows)
    clean, faulty = np.array([row[2] for row in rows]), np.array([row[3] for row in rows])
    alarms = {kind: [row[0] for row in rows if row[1] is kind and row[2] > limit] for kind in (True, False)}
    count = sum(row[1] for row in rows)
    return {
        "limit": limit,
        "strengths": strengths,
        "auc": [round(area_under(clean, column), 4) for column in faulty.T],
        "found": [round(float((column > limit).mean()), 3) for column in faulty.T],
        "clean_percentiles_1_50_99": np.percentile(clean, (1, 50, 99)).round(2).tolist(),
        "alarms_real": f"{len(alarms[True])} of {count}",
        "alarms_made": f"{len(alarms[False])} of {len(rows) - count}",
        "alarms": alarms[True] + alarms[False],
    }


# target


def target() -> dict[str, Any]:
    """The real frames' nerves: as they are, brought close to the probe, and to the picture's lower end."""
    (check,) = (c for c in checks_for(Kind.ULTRASOUND) if c.name == "target depth")
    near, low = [], []
    for scan in (*images.nerve_scans("calibration"), *images.nerve_scans("test")):
        mask = _mask(scan.name.split(" ")[1]) == NERVE
        if not mask.any():
            continue
        top, left, bottom, right = sector_of(examined_scan(scan.brightness).frame).box
        where, rows = (slice(top, bottom), slice(left, right)), np.flatnonzero(mask.any(axis=1))
        middle, end = (rows.mean() - top) / (bottom - top), (rows[-1] + 1 - top) / (bottom - top)

        def scored(scale: float, scan: images.Scan = scan, mask: Any = mask, where: Any = where) -> float:
            picture, marked = ultrasound.at_other_depth(scan.brightness, mask, where, scale, 1)
            labels = LabelMap(marked[None].astype(np.uint8), Affine(np.eye(4)), names={1: "nerve"})
            score = check.measure(replace(examined_scan(picture), labels=labels))
            return float("nan") if score is None else score.value

        clean = scored(1.0)
        near.append((scan.name, True, clean, [scored(min(share / middle, 1.0)) for share in NEAR]))
        low.append((scan.name, True, clean, [scored(max(share / end, 1.0)) for share in LOW]))
    limit = check.limits.caution
    return {
        "too deep a setting": _figures(near, limit, [f"nerve's middle at {s:.0%}" for s in NEAR]),
        "too shallow a setting": _figures(low, limit, [f"nerve's end at {s:.0%}" for s in LOW]),
    }


def _mask(number: str) -> NDArray[Any]:
    from PIL import Image

    with Image.open(images.REAL / "ultrasound_nerve" / "masks" / f"{number}.png") as picture:
        mask = np.asarray(picture)
    return mask if mask.ndim == 2 else mask[..., 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"headers": headers, "frozen": frozen, "target": target}
    parser.add_argument("--only", nargs="+", choices=tuple(parts), default=tuple(parts))
    given = parser.parse_args()
    load = os.getloadavg()[0]
    file = RESULTS / "quality_graded.json"
    result = json.loads(file.read_text()) if file.exists() else {}
    for name in given.only:
        result[name] = parts[name]()
    write_result("quality_graded", result, load)


if __name__ == "__main__":
    main()
