"""The neck's phantom measured: sizes, depths and angles as they came out, beside published ones in the docs.

    python benchmarks/phantom_neck.py [--first 2060 --seeds 12] [--picture FILE]

Writes benchmarks/results/phantom_neck.json: mean and standard deviation over the seeds of whole vertebrae
(ml, width), distances between the middles of bodies, skin to epidural fat square to the canal, depth of that
fat in the midline, the cord's section, and the lamina's angle to the sagittal plane; with the same sizes of
the vertebrae of ``ct_thorax`` where PROCGUIDE_REAL_DATA is there. ``--picture`` saves slices of one phantom.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np

from procguide.anatomy import VERSE_LABELS, Region
from procguide.imaging.nifti import read_nifti
from procguide.phantom.neck import NeckPhantom, build_neck, sample_neck

RESULTS = Path(__file__).parent / "results" / "phantom_neck.json"
REAL = {"C7": 44, "T1": 43, "T2": 42, "T3": 41}
"""TotalSegmentator's integers."""
WHOLE = ("C3", "C4", "C5", "C6", "C7", "T1", "T2", "T3")
SPACING_MM = 1.2


def measure(phantom: NeckPhantom) -> dict[str, float]:
    found: dict[str, float] = {}
    frames, levels = phantom.anatomy.pose.frames, phantom.levels
    for level in WHOLE:
        at = levels.to_patient(np.argwhere(levels.voxels == VERSE_LABELS[level]))
        found[f"{level} volume, ml"] = len(at) * SPACING_MM**3 / 1000
        found[f"{level} width, mm"] = float(np.ptp(at[:, 0])) + SPACING_MM
        cord = phantom.tissues.mask(Region.SPINAL_CORD)
        k = round(float(phantom.tissues.to_index(np.asarray(phantom.spine.vertebra(level).canal_centre))[0]))
        found[f"{level} cord, mm2"] = float(cord[k].sum()) * SPACING_MM**2 * abs(frames[level].superior[2])
    for upper, lower in pairwise(WHOLE):
        step = np.subtract(frames[upper].origin, frames[lower].origin)
        found[f"{upper}-{lower} between bodies, mm"] = float(np.linalg.norm(step))
    for zone in phantom.zones:
        if zone.procedure == "cervical_interlaminar_esi":
            frame = frames[str(zone.level)]
            back = np.asarray(zone.centre) + np.arange(0, 120, 0.5)[:, None] * np.asarray(frame.posterior)
            index = np.round(phantom.tissues.to_index(back)).astype(int)
            inside = ((index >= 0) & (index < phantom.tissues.shape)).all(axis=1)
            there = np.zeros(len(back), dtype=bool)
            there[inside] = phantom.tissues.voxels[tuple(index[inside].T)] > 0
            found[f"{zone.level} skin to epidural, mm"] = 0.5 * float(np.argmin(there))
            shape = phantom.anatomy.vertebrae[str(zone.level)].shape
            found[f"{zone.level} epidural depth, mm"] = shape.epidural
    found["C7 lamina to the sagittal plane, degrees"] = lamina_angle(phantom)
    return found


def lamina_angle(phantom: NeckPhantom) -> float:
    """Of C7's front between 3 and 10 mm from the midline, at the lamina's middle."""
    bone, levels = phantom.anatomy.vertebrae["C7"], phantom.levels
    at = bone.frame.to_local(levels.to_patient(np.argwhere(levels.voxels == VERSE_LABELS["C7"])))
    middle = bone.lamina_top[2] - bone.shape.lamina_height / 2
    behind = at[:, 1] > bone.wall + 0.35 * bone.shape.canal_depth
    plate = at[behind & (np.abs(at[:, 2] - middle) < 2) & (np.abs(at[:, 0]) > 3) & (np.abs(at[:, 0]) < 10)]
    columns = defaultdict(list)
    for x, y, _ in plate:
        columns[round(abs(x))].append(y)
    across = np.array(sorted(columns))
    slope = np.polyfit(across, [min(columns[x]) for x in across], 1)[0]
    return float(np.degrees(np.arctan2(1.0, -slope)))


def real_sizes() -> dict[str, float]:
    folder = Path(os.environ.get("PROCGUIDE_REAL_DATA", "../shared/data")) / "ct_thorax"
    file = folder / "labels_totalseg_v2.nii.gz"
    if not file.exists():
        return {}
    voxels, affine = read_nifti(file)
    found = {}
    for level, number in REAL.items():
        at = affine.apply(np.argwhere(voxels == number))
        found[f"{level} volume, ml"] = round(len(at) * float(np.prod(affine.spacing)) / 1000, 1)
        found[f"{level} width, mm"] = round(float(np.ptp(at[:, 0])), 1)
    return found


def picture(seed: int, file: Path) -> None:
    """Axial slices through C4 to T1, and two sagittal ones, of one phantom's tissues."""
    import matplotlib.pyplot as plt

    phantom = build_neck(sample_neck(seed), 0.7, box=((-75, -75, -55), (75, 90, 90)))
    voxels, frames = phantom.tissues.voxels, phantom.anatomy.pose.frames
    colours = np.random.default_rng(3).random((256, 3)) * 0.8 + 0.15
    colours[[0, int(Region.FAT), int(Region.MUSCLE), int(Region.BODY)]] = (0, 0, 0), (0.95, 0.86, 0.55), (
        0.6, 0.22, 0.2), (1, 1, 1)  # fmt: skip
    picture, axes = plt.subplots(1, 6, figsize=(24, 4.6))
    slices = []
    for level in ("C4", "C6", "C7", "T1"):
        k = round(float(phantom.tissues.to_index(np.asarray(frames[level].origin))[0]))
        slices.append((level, voxels[k]))
    for x in (0.0, 17.0):
        i = round(float(phantom.tissues.to_index(np.array([x, 0.0, 0.0]))[2]))
        slices.append((f"{x:g} mm left", voxels[::-1, :, i]))
    for axis, (words, plane) in zip(axes, slices, strict=True):
        axis.imshow(colours[plane])
        axis.set_title(words)
        axis.axis("off")
    picture.tight_layout()
    picture.savefig(file, dpi=60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--first", type=int, default=2060)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args()
    if asked.picture:
        picture(asked.first, asked.picture)
        return
    rows = [
        measure(build_neck(sample_neck(seed), SPACING_MM))
        for seed in range(asked.first, asked.first + asked.seeds)
    ]
    ours = {
        key: [round(float(np.mean(values)), 1), round(float(np.std(values)), 1)]
        for key in rows[0]
        if (values := [row[key] for row in rows])
    }
    RESULTS.write_text(json.dumps({"seeds": asked.seeds, "ours": ours, "ct_thorax": real_sizes()}, indent=1))
    for key, (mean, spread) in ours.items():
        print(f"{key}: {mean} +- {spread}")


if __name__ == "__main__":
    main()
