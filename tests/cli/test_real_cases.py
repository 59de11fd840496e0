"""What only the commands promise, on real CT; ``tests/integration`` judges the results themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from procguide.anatomy import VERSE_NAMES
from procguide.dicom import read_study
from procguide.imaging.files import read_image, read_labels, write_image
from tests.cli.conftest import Invoke

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_labels_lie_on_the_studys_own_grid(invoke: Invoke, real_data: Path, tmp_path: Path) -> None:
    study = real_data / "ct_abdomen_dicom"
    before = sorted((file.name, file.stat().st_mtime_ns) for file in study.iterdir())
    answer = invoke("segment", study, "-o", tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    grid = read_study(study).choose().grid
    assert grid is not None
    labels = read_labels(tmp_path / "out" / "labels.nii.gz", VERSE_NAMES)
    assert labels.shape == grid.shape
    assert np.allclose(labels.affine.matrix, grid.affine.matrix, atol=1e-3)
    assert {20, 21, 22, 23, 24, 26} <= set(labels.present())
    segments = pydicom.dcmread(tmp_path / "out" / "labels.dcm").SegmentSequence
    assert len(segments) == len(labels.present())
    assert sorted((file.name, file.stat().st_mtime_ns) for file in study.iterdir()) == before


def test_no_landmark_in_view_is_5_and_leaves_nothing(invoke: Invoke, real_data: Path, tmp_path: Path) -> None:
    """The upper half of a chest: neither sacrum, nor the lowest rib, nor C2."""
    chest = read_image(real_data / "ct_thorax" / "ct.nii.gz")
    upper = write_image(chest.crop((60, 0, 0), chest.shape), tmp_path / "upper.nii.gz")
    answer = invoke("segment", upper, "-o", tmp_path / "out", "--json")
    assert answer.code == 5, answer.err
    assert "--lowest-level" in answer.err
    assert json.loads(answer.out)["exit_code"] == 5
    assert list(tmp_path.iterdir()) == [upper]
