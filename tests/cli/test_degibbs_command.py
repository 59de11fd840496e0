"""``procguide degibbs``: an image of the same geometry and type, or the reason why not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from procguide.dicom import read_study, read_volume
from procguide.imaging import Modality
from procguide.imaging.files import read_image, write_image
from tests.cli.conftest import Invoke

SAMPLE = Path(__file__).resolve().parents[2] / "sample_dicom" / "lumbar"


def test_the_sample_is_unrung_at_its_own_matrix(invoke: Invoke, tmp_path: Path) -> None:
    file = tmp_path / "out.nii.gz"
    answer = invoke("degibbs", SAMPLE / "t2_sagittal", "-o", file, "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["schema"] == "procguide.degibbs/1"
    assert document["axes"]["j"]["count"] == 288  # (0018,1310) of the files
    assert document["axes"]["j"]["shown"] == 384
    assert document["disclaimer"]
    before, after = read_volume(read_study(SAMPLE / "t2_sagittal").choose()), read_image(file, Modality.MR)
    assert after.voxels.dtype == before.voxels.dtype
    assert np.allclose(after.affine.matrix, before.affine.matrix, atol=1e-3)
    change = np.abs(after.voxels.astype(float) - before.voxels)
    assert 0 < change.mean() < 0.05 * before.voxels.mean()
    again = invoke("degibbs", SAMPLE / "t2_sagittal", "-o", file)
    assert again.code == 6
    assert "--force" in again.err


def test_unfit_series_are_refused(invoke: Invoke, tmp_path: Path) -> None:
    ct = invoke("degibbs", SAMPLE / "ct", "-o", tmp_path / "ct.nii.gz")
    assert ct.code == 5
    assert "no MR series" in ct.err
    volume = read_volume(read_study(SAMPLE / "t2_sagittal").choose())
    even = write_image(volume.crop((0, 100, 100), (15, 180, 180)), tmp_path / "even.nii.gz")
    file = tmp_path / "never.nii.gz"
    stacked = invoke("degibbs", even, "--slice-axis", "none", "-o", file)
    assert stacked.code == 5
    assert "too few voxels" in stacked.err
    assert not file.exists()
