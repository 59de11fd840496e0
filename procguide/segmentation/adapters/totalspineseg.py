"""TotalSpineSeg by its own package, on weights that the user has; nothing is downloaded.

Y. Warszawer and others, Proc. ISMRM 32 (2024); two nnU-Net steps on MRI, levels by an iterative rule.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from procguide.errors import InputUnreadableError, MissingPartError
from procguide.imaging import LabelMap, Volume
from procguide.imaging.files import read_labels, write_image
from procguide.segmentation.adapters.child import run_child
from procguide.segmentation.adapters.foreign import ForeignLabels, ModelCard, Progress
from procguide.segmentation.adapters.label_lists import list_meanings
from procguide.segmentation.adapters.orientation import turned
from procguide.segmentation.adapters.safe_files import need_package

__all__ = ["INSTALL", "TotalSpineSeg"]

INSTALL = "pip install 'procguide[totalspineseg]'"
_LICENCE = "LGPL-3.0 (package); cite Warszawer and others, ISMRM 2024, and nnU-Net"
_STEPS = ("Dataset101_TotalSpineSeg_step1", "Dataset102_TotalSpineSeg_step2")


@dataclass(frozen=True)
class TotalSpineSeg:
    """The package as it is installed; ``data`` is where it keeps its weights, ``release`` which ones."""

    data: Path
    release: str
    card: ModelCard

    @classmethod
    def open(cls) -> TotalSpineSeg:
        """Check that package and weights are there."""
        need_package("totalspineseg", INSTALL, "--model totalspineseg")
        need_package("nnunetv2", INSTALL, "--model totalspineseg")
        try:
            number = version("totalspineseg")
        except PackageNotFoundError:
            number = ""
        data = _data_folder()
        return cls(data, _release(data), ModelCard("TotalSpineSeg", number, _LICENCE))

    def label(self, volume: Volume, *, device: str, progress: Progress) -> tuple[ForeignLabels, ...]:
        """Labels of its second step on the input's lattice turned to RAS."""
        import torch

        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        with TemporaryDirectory(prefix="procguide-") as name:
            folder = Path(name)
            image = turned(volume, "SAR")
            write_image(image.with_voxels(image.voxels.astype(np.float32)), folder / "image.nii.gz")
            options = {"data": str(self.data), "release": self.release, "device": chosen}
            run_child(
                ["totalspineseg", str(folder / "image.nii.gz"), str(folder / "out"), json.dumps(options)],
                {"TOTALSPINESEG_DATA": str(self.data)},
                words="TotalSpineSeg: both steps",
                progress=progress,
            )
            answer = folder / "out" / "step2_output" / "image.nii.gz"
            if not answer.is_file():
                raise InputUnreadableError("TotalSpineSeg wrote no labels; it found no spine it could name")
            labels = read_labels(answer, {})
        return (ForeignLabels(LabelMap(labels.voxels, labels.affine), list_meanings("totalspineseg")),)


def _data_folder() -> Path:
    """By its own variable; else within the package, where it puts them."""
    if "TOTALSPINESEG_DATA" in os.environ:
        return Path(os.environ["TOTALSPINESEG_DATA"])
    spec = find_spec("totalspineseg")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0] if places else ".") / "models"


def _release(data: Path) -> str:
    """The newest release whose two steps are there; empty where they lie directly in ``results``."""
    results = data / "nnUNet" / "results"
    if all((results / step).is_dir() for step in _STEPS):
        return ""
    releases = sorted(results.glob("*")) if results.is_dir() else []
    whole = [one.name for one in releases if all((one / step).is_dir() for step in _STEPS)]
    if not whole:
        raise MissingPartError(
            f"the weights of TotalSpineSeg are not in {results}; get them once, with its own command: "
            "totalspineseg_init"
        )
    return whole[-1]
