"""A small study of a phantom, and a segmentation that answers with the phantom's truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from procguide.anatomy import POSTERIOR_ELEMENTS, VERSE_NAMES, VERTEBRA, Anchor, Region
from procguide.cli.app import run
from procguide.errors import InputUnfitError
from procguide.imaging import Grid, LabelMap, Modality, Volume
from procguide.imaging.resample import resample
from procguide.phantom import Phantom, build, sample_parameters

PATIENT_NAME = "Quixote^Dulcinea"
PATIENT_ID = "ID-4711-SECRET"
_LOW, _HIGH = (-110.0, -70.0, -60.0), (110.0, 140.0, 130.0)


@dataclass(frozen=True)
class Answer:
    """What one command line gave back."""

    code: int
    out: str
    err: str


Invoke = Callable[..., Answer]


@dataclass(frozen=True)
class Planned:
    """One run of ``plan``: its answer and its folder."""

    answer: Answer
    folder: Path

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.answer.out)  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def invoke() -> Invoke:
    """Run a command line in this process."""

    def call(*arguments: object) -> Answer:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run([str(argument) for argument in arguments])
        return Answer(code, out.getvalue(), err.getvalue())

    return call


@pytest.fixture(scope="session")
def subject() -> Phantom:
    """L2 to the sacrum with the skin of the back."""
    return build(sample_parameters(3), 2.0, box=(_LOW, _HIGH))


@pytest.fixture(scope="session")
def ct(subject: Phantom) -> Volume:
    """Flat tissues: enough to read, to find the skin, and to draw."""
    table = np.full(max(Region) + 1, 400, dtype=np.int16)
    table[[Region.BACKGROUND]] = -1000
    soft = [region for region in Region if region not in (*VERTEBRA, Region.SACRUM, Region.RIB, Region.ILIUM)]
    table[soft[1:]] = 40
    return Volume(table[subject.regions.voxels], subject.regions.affine, Modality.CT)


@pytest.fixture(scope="session")
def study(ct: Volume, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The subject as a DICOM CT series of 4 mm slices, under a name that must never come out again."""
    from procguide.dicom import SeriesIdentity, StudyIdentity, write_series

    k, j, i = ct.shape
    thick = Grid((k // 2, j, i), ct.affine @ type(ct.affine)(np.diag([2.0, 1.0, 1.0, 1.0])))
    folder = tmp_path_factory.mktemp("study")
    series = resample(ct, thick)
    write_series(
        series.with_voxels(np.round(series.voxels).astype(np.int16)),
        folder,
        study=StudyIdentity(PATIENT_NAME, PATIENT_ID, seed=3),
        series=SeriesIdentity(f"CT of {PATIENT_NAME}"),
    )
    return folder


def answer_with_truth(subject: Phantom, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """``segment`` answers with the truth, its anchor as the options say; its calls are kept."""
    module = import_module("procguide.segmentation.segment")
    calls: list[dict[str, Any]] = []
    regions = subject.regions.voxels.copy()
    regions[np.isin(regions, POSTERIOR_ELEMENTS)] = Region.ARCH
    regions[regions > Region.ILIUM] = Region.BACKGROUND

    def segment(volume: Volume, **options: Any) -> Any:
        calls.append({"volume": volume, **options})
        options["progress"]("segmenting", 0.5)
        return module.Segmentation(
            levels=subject.levels,
            regions=LabelMap(regions, subject.regions.affine, names=dict(subject.regions.names)),
            anchor=Anchor.SACRUM if options.get("lowest_level") is None else Anchor.USER,
            confidence={VERSE_NAMES[label]: 0.9 for label in subject.levels.present() if label != 26},
            findings=(),
            models={"truth": "1"},
        )

    monkeypatch.setattr(module, "segment", segment)
    return calls


@pytest.fixture
def truthful(subject: Phantom, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """:func:`answer_with_truth` for one test."""
    return answer_with_truth(subject, monkeypatch)


@pytest.fixture
def unanchored(monkeypatch: pytest.MonkeyPatch) -> None:
    """``segment`` finds nothing to count from."""

    def segment(*_args: Any, **_options: Any) -> None:
        raise InputUnfitError("no sacrum is in view; add --lowest-level with the lowest whole vertebra")

    monkeypatch.setattr(import_module("procguide.segmentation.segment"), "segment", segment)
