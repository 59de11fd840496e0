import shutil
import subprocess

import numpy as np
import pydicom
import pytest

from procguide.dicom import Compression, read_study, read_volume, write_ct_series
from procguide.errors import CannotWriteError, UsageError
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume

needs_dciodvfy = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")


def errors_of(file):
    run = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
    return [line for line in (run.stdout + run.stderr).splitlines() if line.startswith("Error")]


@pytest.fixture
def ct():
    voxels = np.random.default_rng(0).normal(40, 60, (6, 40, 36)).astype(np.int16)
    steps = [(0.1, 0.4, 2.5), (0.02, 0.8, -0.1), (0.9, -0.02, 0.0)]
    steps[2] = np.cross(steps[1], (0.1, 0, 1))
    return Volume(voxels, Affine.from_steps(steps, (-60.123456789, 1e-17, 7)), Modality.CT)


@pytest.mark.parametrize("compression", list(Compression))
def test_read_back_equal(ct, tmp_path, compression):
    files = write_ct_series(ct, tmp_path / "ct", seed=1, compression=compression)
    assert len(files) == 6
    (series,) = read_study(tmp_path).series
    volume = read_volume(series)
    np.testing.assert_array_equal(volume.voxels, ct.voxels)
    assert volume.affine.isclose(ct.affine, 1e-6)
    assert volume.modality is Modality.CT


@needs_dciodvfy
@pytest.mark.parametrize("compression", list(Compression))
def test_conforms_to_the_standard(ct, tmp_path, compression):
    for file in write_ct_series(ct, tmp_path, seed=1, compression=compression)[::5]:
        assert errors_of(file) == []


def test_the_same_seed_gives_the_same_bytes(ct, tmp_path):
    first = write_ct_series(ct, tmp_path / "a", seed=5)
    second = write_ct_series(ct, tmp_path / "b", seed=5)
    other = write_ct_series(ct, tmp_path / "c", seed=6)
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]
    assert first[0].read_bytes() != other[0].read_bytes()


def test_series_of_one_phantom_share_study_and_frame(ct, tmp_path):
    kernels = [
        write_ct_series(ct, tmp_path / name, seed=5, series_description=name, series_number=n)
        for n, name in enumerate(("soft", "bone"), start=1)
    ]
    soft, bone = (pydicom.dcmread(files[0]) for files in kernels)
    assert soft.StudyInstanceUID == bone.StudyInstanceUID
    assert soft.FrameOfReferenceUID == bone.FrameOfReferenceUID
    assert soft.SeriesInstanceUID != bone.SeriesInstanceUID
    assert len(read_study(tmp_path).series) == 2


def test_uids_are_new_without_a_seed(ct, tmp_path):
    uids = {
        pydicom.dcmread(file).SOPInstanceUID
        for name in ("a", "b")
        for file in write_ct_series(ct, tmp_path / name)
    }
    assert len(uids) == 12


def test_values_are_rounded_and_kept_in_range(ct, tmp_path):
    voxels = np.full(ct.shape, 10.6, np.float32)
    voxels[0, 0, :2] = (-5000, 90000)
    write_ct_series(ct.with_voxels(voxels), tmp_path)
    values = read_volume(read_study(tmp_path).series[0]).voxels
    assert values[1, 1, 1] == 11
    assert values[0, 0, 0] == -1024
    assert values[0, 0, 1] == 31743


def test_progress_is_told(ct, tmp_path):
    heard = []
    write_ct_series(ct, tmp_path, on_progress=heard.append)
    assert heard[-1] == 1.0
    assert len(heard) == 6


def test_only_ct_with_perpendicular_pixels(ct, tmp_path):
    with pytest.raises(UsageError, match="CT volume in HU, got MR"):
        write_ct_series(Volume(ct.voxels, ct.affine, Modality.MR), tmp_path)
    skewed = Affine.from_steps([(0, 0, 1), (0, 1, 0), (1, 0.3, 0)], (0, 0, 0))
    with pytest.raises(UsageError, match="perpendicular"):
        write_ct_series(Volume(ct.voxels, skewed, Modality.CT), tmp_path)
    with pytest.raises(UsageError, match="32x32"):
        write_ct_series(ct.crop((0, 0, 0), (2, 8, 8)), tmp_path, compression="jpeg-2000")
    assert not list(tmp_path.iterdir())


def test_a_file_where_the_folder_should_be(ct, tmp_path):
    (tmp_path / "taken").write_text("x")
    with pytest.raises(CannotWriteError, match="check that the folder"):
        write_ct_series(ct, tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "x"
