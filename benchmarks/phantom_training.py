"""What the phantom teaches: small networks trained on it alone, against one trained on a real label map.

``python benchmarks/phantom_training.py NAME=FOLDER ...`` measures trained networks (bundles that
``procguide.learning.train`` wrote) on the real CTs of PROCGUIDE_REAL_DATA (default ../shared/data) and
writes benchmarks/results/phantom_training.json. The reference labels are a model's output
(TotalSegmentator v2), not manual. Voxel classes alone count: no naming, no clean-up.

How the networks compared in the results were made, each 600 steps of the locator's recipe, seed 1::

    python -m procguide.learning.bank --out BANK --phantoms 32            # the phantom alone
    python -m procguide.learning.bank --out REAL --phantoms 0 --totalsegmentator LABELS
    python -m procguide.learning.train locator --shapes BANK --out FOLDER --steps 600
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from procguide.imaging import LabelMap
from procguide.imaging.files import read_image, read_labels
from procguide.imaging.resample import resample
from procguide.segmentation.classes import TissueClass
from procguide.segmentation.inference import predict

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))


def dice(mask: np.ndarray, truth: np.ndarray) -> float:
    return round(float(2 * (mask & truth).sum() / max(1, mask.sum() + truth.sum())), 4)


def answer(image_file: Path, truth: LabelMap, model: str) -> np.ndarray:
    """The network's classes on the reference labels' lattice."""
    prediction = predict(read_image(image_file), model)
    return resample(LabelMap(prediction.classes, prediction.grid.affine), truth.grid).voxels


def measure(model: str) -> dict[str, float]:
    folder = REAL / "ct_lumbar_3mm"
    truth = read_labels(folder / "labels_totalseg_v2.nii.gz", {})
    parts = read_labels(folder / "labels_body_disc.nii.gz", {})
    classes = answer(folder / "ct.nii.gz", truth, model)
    vertebra = np.isin(classes, (TissueClass.BODY, TissueClass.ARCH))
    results = {
        "ct_lumbar_3mm vertebrae": dice(vertebra, (truth.voxels >= 27) & (truth.voxels <= 50)),
        "ct_lumbar_3mm bodies": dice(classes == TissueClass.BODY, parts.voxels == 1),
        "ct_lumbar_3mm discs": dice(classes == TissueClass.DISC, parts.voxels == 2),
    }
    folder = REAL / "ct_thorax"
    truth = read_labels(folder / "labels_totalseg_v2.nii.gz", {})
    classes = answer(folder / "ct.nii.gz", truth, model)
    vertebra = np.isin(classes, (TissueClass.BODY, TissueClass.ARCH))
    named = (truth.voxels >= 27) & (truth.voxels <= 50)
    # T8 (36) and below is what the phantom has; above, nothing is counted for or against.
    lowest_above = np.argwhere((truth.voxels >= 37) & (truth.voxels <= 50))
    height = truth.to_patient(np.indices(truth.shape).reshape(3, -1).T.astype(np.float32))[:, 2].reshape(
        truth.shape
    )
    border = truth.to_patient(lowest_above)[:, 2].min()
    low = height < border
    return results | {
        "ct_thorax vertebrae": dice(vertebra, named),
        "ct_thorax vertebrae below T7": dice(vertebra & low, named & low),
        "ct_thorax ribs": dice(classes == TissueClass.RIB, (truth.voxels >= 92) & (truth.voxels <= 115)),
    }


def main() -> None:
    target = ROOT / "benchmarks" / "results" / "phantom_training.json"
    results = json.loads(target.read_text()) if target.exists() else {}
    for argument in sys.argv[1:]:
        name, folder = argument.split("=", 1)
        results[name] = measure(folder)
        print(name, results[name])
    target.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
