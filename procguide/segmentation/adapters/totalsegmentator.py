"""TotalSegmentator by its own package, on weights that the user has; nothing is downloaded or reported.

J. Wasserthal and others, Radiology: AI 2023;5(5):e230024. Its levels come from the task "total" (CT) or
"vertebrae_mr" (MR); bodies and discs from "vertebrae_body" where its weights are there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from procguide.errors import InputUnreadableError, MissingPartError
from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.files import read_labels, write_image
from procguide.segmentation.adapters.child import run_child
from procguide.segmentation.adapters.foreign import ForeignLabels, ModelCard, Progress
from procguide.segmentation.adapters.label_lists import list_meanings
from procguide.segmentation.adapters.orientation import turned
from procguide.segmentation.adapters.safe_files import need_package

__all__ = ["INSTALL", "TotalSegmentator", "weights_folder"]

INSTALL = "pip install 'procguide[totalsegmentator]'"
_LICENCE = "Apache-2.0 (package and open weights, as TotalSegmentator states); cite doi 10.1148/ryai.230024"
_WEIGHTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "total": (("291", "292", "293", "294", "295"), ("297",)),
    "vertebrae_body": (("305",),),
    "vertebrae_mr": (("756",),),
    "total_mr": (("850", "851"), ("852",)),
}
"""Task to the numbers of its weights: all of the first, else (for the fast model) all of the second."""


@dataclass(frozen=True)
class _Run:
    """One task; ``fast`` uses its 3 mm weights."""

    task: str
    fast: bool

    @property
    def words(self) -> str:
        return f"{self.task} at 3 mm" if self.fast else self.task


@dataclass(frozen=True)
class TotalSegmentator:
    """The package as it is installed; ``weights`` is where it keeps what was downloaded."""

    weights: Path
    card: ModelCard

    @classmethod
    def open(cls) -> TotalSegmentator:
        """Check that the package is there; which weights are needed the image says."""
        need_package("totalsegmentator", INSTALL, "--model totalsegmentator")
        try:
            number = version("TotalSegmentator")
        except PackageNotFoundError:
            number = ""
        return cls(weights_folder(), ModelCard("TotalSegmentator", number, _LICENCE))

    def label(self, volume: Volume, *, device: str, progress: Progress) -> tuple[ForeignLabels, ...]:
        """Labels of every task whose weights are there, on the input's lattice turned to RAS."""
        runs = self._runs(volume.modality)
        with TemporaryDirectory(prefix="procguide-") as name:
            folder = Path(name)
            image = turned(volume, "SAR")
            write_image(image.with_voxels(_whole(image.voxels)), folder / "image.nii.gz")
            return tuple(self._answer(run, folder, device, progress) for run in runs)

    def _runs(self, modality: Modality) -> tuple[_Run, ...]:
        """Names first; what says more exactly after it. Without weights for the first: what is missing."""
        first, *others = (
            ("vertebrae_mr", "total_mr") if modality is Modality.MR else ("total", "vertebrae_body")
        )
        needed = self._run(first)
        if needed is None:
            choices = " or ".join(", ".join(numbers) for numbers in _WEIGHTS[first])
            raise MissingPartError(
                f"the weights of TotalSegmentator's task {first} are not in {self.weights} (data sets "
                f"{choices}); get them once, with its own command and under its licence: "
                f"totalseg_download_weights -t {first}"
            )
        return (needed, *filter(None, map(self._run, others)))

    def _run(self, task: str) -> _Run | None:
        for fast, numbers in enumerate(_WEIGHTS[task]):
            if all(any(self.weights.glob(f"Dataset{number}_*")) for number in numbers):
                return _Run(task, bool(fast))
        return None

    def _answer(self, run: _Run, folder: Path, device: str, progress: Progress) -> ForeignLabels:
        target = folder / f"{run.task}.nii.gz"
        chosen = _device(device)
        options = {"task": run.task, "fast": "yes" if run.fast else "no", "device": chosen}
        home = folder / "home"
        home.mkdir(exist_ok=True)
        (home / "config.json").write_text(json.dumps(_QUIET))
        run_child(
            ["totalsegmentator", str(folder / "image.nii.gz"), str(target), json.dumps(options)],
            {"TOTALSEG_HOME_DIR": str(home), "TOTALSEG_WEIGHTS_PATH": str(self.weights)},
            words=f"TotalSegmentator: {run.words}",
            progress=progress,
        )
        if not target.is_file():
            raise InputUnreadableError(f"TotalSegmentator wrote no labels for its task {run.task}")
        labels = read_labels(target, {})
        return ForeignLabels(
            LabelMap(labels.voxels, labels.affine), list_meanings(f"totalsegmentator_{run.task}")
        )


_QUIET: dict[str, Any] = {
    "totalseg_id": "procguide",
    "send_usage_stats": False,
    "prediction_counter": 0,
    "statistics_disclaimer_shown": True,
}


def weights_folder() -> Path:
    """Where TotalSegmentator keeps its weights, by its own variables."""
    if "TOTALSEG_WEIGHTS_PATH" in os.environ:
        return Path(os.environ["TOTALSEG_WEIGHTS_PATH"])
    home = os.environ.get("TOTALSEG_HOME_DIR")
    return (Path(home) if home else Path.home() / ".totalsegmentator") / "nnunet" / "results"


def _device(device: str) -> str:
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return "gpu" if device == "cuda" else device


def _whole(voxels: Any) -> Any:
    """Voxels of a type that any NIfTI reader takes."""
    return voxels.astype(np.int16 if voxels.dtype.kind in "iub" else np.float32)
