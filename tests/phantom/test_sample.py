"""The sample studies of the repository."""

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from procguide.dicom import read_study, read_volume
from procguide.phantom.sample import MADE_ON, SAMPLES, made_on, write_sample

SAMPLE = Path(__file__).resolve().parents[2] / "sample_dicom"
BYTES = 40_000_000


def test_within_its_size() -> None:
    assert sum(file.stat().st_size for file in SAMPLE.rglob("*") if file.is_file()) < BYTES


@pytest.mark.parametrize("name", list(SAMPLES))
def test_series_are_there_and_can_be_used(name: str) -> None:
    study = read_study(SAMPLE / name)
    assert not study.findings
    by_folder = {series.files[0].parent.name: series for series in study.series}
    wanted = {image.replace("-", "_") for image in SAMPLES[name].images}
    assert set(by_folder) - {"truth"} == wanted
    for folder in wanted:
        assert not by_folder[folder].stopped
    first = [pydicom.dcmread(series.files[0], stop_before_pixels=True) for series in study.series]
    assert len({(one.StudyInstanceUID, one.FrameOfReferenceUID, one.PatientID) for one in first}) == 1


@pytest.mark.parametrize("name", list(SAMPLES))
def test_lossless(name: str) -> None:
    for file in SAMPLE.glob(f"{name}/*/*_0001.dcm"):
        syntax = pydicom.dcmread(file, stop_before_pixels=True).file_meta.TransferSyntaxUID
        assert syntax.name == "JPEG-LS Lossless Image Compression"


@pytest.mark.slow
def test_the_lumbar_ct_made_anew_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    """After a change of the phantom: ``make sample``. Another kind of processor may round a grey value."""
    write_sample(tmp_path, only=("ct",))
    made, kept = tmp_path / "ct", SAMPLE / "lumbar" / "ct"
    if _contents(made) == _contents(kept):
        return
    ours, theirs = (read_volume(read_study(folder).series[0]).voxels.astype(int) for folder in (made, kept))
    assert ours.shape == theirs.shape, "make sample"
    share, most = float((ours != theirs).mean()), int(np.abs(ours - theirs).max())
    assert json.loads((SAMPLE / MADE_ON).read_text()) != made_on(), f"{share:.3%} differ: make sample"
    assert share < 1e-3, f"{share:.3%} of the voxels differ: make sample"
    assert most <= 1, f"voxels differ by up to {most} HU: make sample"


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}
