"""How well the shipped networks segment real CT they were not trained on, and how fast.

``python benchmarks/segmentation.py`` reads PROCGUIDE_REAL_DATA (default ../shared/data) and writes
benchmarks/results/segmentation.json. Reference labels are a model's output (TotalSegmentator v2), not
manual.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np

from procguide.anatomy import VERSE_LABELS, Region
from procguide.imaging import LabelMap
from procguide.imaging.files import read_image, read_labels
from procguide.imaging.resample import resample
from procguide.segmentation.segment import segment

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))
# TotalSegmentator v2 "total" numbers of L5 upward.
TOTALSEGMENTATOR = {
    27 + n: level for n, level in enumerate(("L5", "L4", "L3", "L2", "L1", "T12", "T11", "T10"))
}


def dice(mask: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (mask & truth).sum() / max(1, mask.sum() + truth.sum()))


def measure_ct_lumbar() -> dict[str, object]:
    folder = REAL / "ct_lumbar_3mm"
    image = read_image(folder / "ct.nii.gz")
    truth = read_labels(folder / "labels_totalseg_v2.nii.gz", {})
    parts = read_labels(folder / "labels_body_disc.nii.gz", {})
    started = time.perf_counter()
    result = segment(image)
    seconds = time.perf_counter() - started
    levels: LabelMap = resample(result.levels, truth.grid)
    regions: LabelMap = resample(result.regions, truth.grid)
    vertebra = (truth.voxels >= 27) & (truth.voxels <= 50)
    ours = (levels.voxels > 0) & (levels.voxels < VERSE_LABELS["sacrum"])
    return {
        "seconds": round(seconds, 2),
        "dice_vertebrae": round(dice(ours, vertebra), 4),
        "dice_by_level": {
            level: round(dice(levels.voxels == VERSE_LABELS[level], truth.voxels == label), 4)
            for label, level in TOTALSEGMENTATOR.items()
            if (truth.voxels == label).any()
        },
        "dice_bodies": round(dice(regions.voxels == Region.BODY, parts.voxels == 1), 4),
        "dice_discs": round(dice(regions.voxels == Region.DISC, parts.voxels == 2), 4),
        "confidence": dict(result.confidence),
        "findings": [finding.words for finding in result.findings],
    }


def main() -> None:
    results = {"ct_lumbar_3mm": measure_ct_lumbar()}
    text = json.dumps(results, indent=2)
    target = ROOT / "benchmarks" / "results" / "segmentation.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
