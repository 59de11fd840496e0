import shutil
import subprocess

import numpy as np
import pydicom
import pytest

from procguide.dicom import (
    Compression,
    CtAcquisition,
    MrAcquisition,
    SeriesIdentity,
    StudyIdentity,
    read_study,
    read_volume,
    write_series,
)
from procguide.errors import CannotWriteError, UsageError
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume

needs_dciodvfy = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")


def errors_of(file):
    run = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
    return [line for line in (run.stdout + run.stderr).splitlines() if "Error" in line]


@pytest.fixture
def ct():
    voxels = np.random.default_rng(0).normal(40, 60, (6, 40, 36)).astype(np.int16)
    steps = [(0.1, 0.4, 2.5), (0.02, 0.8, -0.1), (0.9, -0.02, 0.0)]
    steps[2] = np.cross(steps[1], (0.1, 0, 1))
    return Volume(voxels, Affine.from_steps(steps, (-60.123456789, 1e-17, 7)), Modality.CT)


@pytest.mark.parametrize("compression", list(Compression))
def test_read_back_equal(ct, tmp_path, compression):
    files = write_series(ct, tmp_path / "ct", study=StudyIdentity(seed=1), compression=compression)
    assert len(files) == 6
    (series,) = read_study(tmp_path).series
    volume = read_volume(series)
    np.testing.assert_array_equal(volume.voxels, ct.voxels)
    assert volume.affine.isclose(ct.affine, 1e-6)
    assert volume.modality is Modality.CT


KINDS = {
    "CT": CtAcquisition(),
    "CT with contrast": CtAcquisition(contrast_agent="IODINE", kernel="BONE", kernel_group="BONE"),
    "T2": MrAcquisition("T2 TSE", echo_train=17, phase="COL", acquired=(30, 36), oversampling=0.8),
    "STIR": MrAcquisition("STIR", "STIR", ti=160.0, partial_fourier=0.8, phase="ROW"),
    "Dixon water": MrAcquisition("T2 TSE Dixon water", image="WATER"),
}


@pytest.fixture(params=list(KINDS))
def kind(request, ct):
    """An acquisition with a volume that fits it, the identity of its study, and a series."""
    facts = KINDS[request.param]
    whose = StudyIdentity(seed=1, sex="F", age_years=71, height_m=1.6, weight_kg=70.5)
    if isinstance(facts, CtAcquisition):
        return ct, facts, whose
    signal = np.random.default_rng(1).integers(0, 4096, ct.shape).astype(np.uint16)
    return Volume(signal, ct.affine, Modality.MR), facts, whose


@pytest.mark.parametrize("enhanced", [False, True])
class TestKinds:
    @needs_dciodvfy
    def test_conforms_to_the_standard(self, kind, enhanced, tmp_path):
        volume, facts, study = kind
        for file in write_series(volume, tmp_path, facts, study=study, enhanced=enhanced)[::5]:
            assert errors_of(file) == []

    def test_read_back_equal(self, kind, enhanced, tmp_path):
        volume, facts, study = kind
        files = write_series(volume, tmp_path, facts, study=study, enhanced=enhanced)
        assert len(files) == (1 if enhanced else 6)
        (series,) = read_study(tmp_path).series
        found = read_volume(series)
        np.testing.assert_array_equal(found.voxels, volume.voxels)
        assert found.affine.isclose(volume.affine, 1e-6)
        assert found.modality is volume.modality
        assert series.patient_position == "HFS"

    def test_the_same_bytes_each_time(self, kind, enhanced, tmp_path):
        volume, facts, study = kind
        first, second = (
            write_series(volume, tmp_path / name, facts, study=study, enhanced=enhanced)[0].read_bytes()
            for name in "ab"
        )
        assert first == second


@needs_dciodvfy
@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("compression", list(Compression))
def test_every_compression_conforms(ct, tmp_path, compression, enhanced):
    (file, *_) = write_series(ct, tmp_path, enhanced=enhanced, compression=compression)
    assert errors_of(file) == []


class TestHeaders:
    def test_mr_says_how_it_was_acquired(self, ct, tmp_path):
        volume = Volume(np.abs(ct.voxels), ct.affine, Modality.MR)
        facts = MrAcquisition(
            "STIR", "STIR", 4500, 55, 160.0, 3.0, 200, echo_train=13, phase="ROW", slice_mm=2.0
        )
        read = pydicom.dcmread(write_series(volume, tmp_path, facts)[0])
        assert (read.RepetitionTime, read.EchoTime, read.InversionTime) == (4500, 55, 160)
        assert (read.MagneticFieldStrength, read.PixelBandwidth, read.FlipAngle) == (3, 200, 90)
        assert (read.EchoTrainLength, read.InPlanePhaseEncodingDirection) == (13, "ROW")
        assert list(read.AcquisitionMatrix) == [40, 0, 0, 36]
        assert read.SliceThickness == 2
        assert float(read.SpacingBetweenSlices) > 2.4

    def test_enhanced_mr_says_the_same_in_its_groups(self, ct, tmp_path):
        volume = Volume(np.abs(ct.voxels), ct.affine, Modality.MR)
        facts = MrAcquisition("T1 TSE", "T1", 550, 10, echo_train=3)
        read = pydicom.dcmread(write_series(volume, tmp_path, facts, enhanced=True)[0])
        shared = read.SharedFunctionalGroupsSequence[0]
        assert shared.MRTimingAndRelatedParametersSequence[0].RepetitionTime == 550
        assert shared.MREchoSequence[0].EffectiveEchoTime == 10
        assert read.DimensionOrganizationType == "3D"
        frames = read.PerFrameFunctionalGroupsSequence
        assert [list(f.FrameContentSequence[0].DimensionIndexValues) for f in frames] == [
            [1, n + 1] for n in range(6)
        ]

    def test_ct_says_voltage_charge_and_kernel(self, ct, tmp_path):
        read = pydicom.dcmread(write_series(ct, tmp_path, CtAcquisition(100, 150, kernel="BONE"))[0])
        assert (read.KVP, read.Exposure, read.ConvolutionKernel) == (100, 150, "BONE")
        assert read.XRayTubeCurrent == 300

    def test_the_subject_is_said_to_be_a_phantom(self, ct, tmp_path):
        study = StudyIdentity("A^B", "7", "M", 50, 1.8, 80.0)
        read = pydicom.dcmread(write_series(ct, tmp_path, study=study)[0])
        assert read.QualityControlSubject == "YES"
        assert (read.PatientName, read.PatientID, read.PatientSex, read.PatientAge) == (
            "A^B",
            "7",
            "M",
            "050Y",
        )

    def test_sex_and_phase_come_from_short_lists(self):
        with pytest.raises(UsageError, match="M, F or O"):
            StudyIdentity(sex="female")
        with pytest.raises(UsageError, match="ROW or COL"):
            MrAcquisition(phase="AP")


def test_twelve_bits_where_they_do_else_sixteen(ct, tmp_path):
    low = Volume(np.full(ct.shape, 4095, np.uint16), ct.affine, Modality.MR)
    high = Volume(np.full(ct.shape, 4096, np.uint16), ct.affine, Modality.MR)
    bits = [
        pydicom.dcmread(write_series(v, tmp_path / n)[0]).BitsStored for v, n in ((low, "a"), (high, "b"))
    ]
    assert bits == [12, 16]


def test_who_turns_over_lies_in_another_frame():
    supine, prone = (StudyIdentity(seed=1, patient_position=position) for position in ("HFS", "HFP"))
    assert supine.frame_of_reference_uid != prone.frame_of_reference_uid
    assert supine.study_uid != prone.study_uid
    assert StudyIdentity(seed=1).study_uid == supine.study_uid


def test_the_same_seed_gives_the_same_bytes(ct, tmp_path):
    first = write_series(ct, tmp_path / "a", study=StudyIdentity(seed=5))
    second = write_series(ct, tmp_path / "b", study=StudyIdentity(seed=5))
    other = write_series(ct, tmp_path / "c", study=StudyIdentity(seed=6))
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]
    assert first[0].read_bytes() != other[0].read_bytes()


def test_series_of_one_phantom_share_study_and_frame(ct, tmp_path):
    kernels = [
        write_series(ct, tmp_path / name, study=StudyIdentity(seed=5), series=SeriesIdentity(name, n))
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
        for file in write_series(ct, tmp_path / name)
    }
    assert len(uids) == 12


def test_values_are_rounded_and_kept_in_range(ct, tmp_path):
    voxels = np.full(ct.shape, 10.6, np.float32)
    voxels[0, 0, :2] = (-5000, 90000)
    write_series(ct.with_voxels(voxels), tmp_path)
    values = read_volume(read_study(tmp_path).series[0]).voxels
    assert values[1, 1, 1] == 11
    assert values[0, 0, 0] == -1024
    assert values[0, 0, 1] == 31743


def test_progress_is_told(ct, tmp_path):
    heard = []
    write_series(ct, tmp_path, on_progress=heard.append)
    assert heard[-1] == 1.0
    assert len(heard) == 6


def test_only_ct_with_perpendicular_pixels(ct, tmp_path):
    with pytest.raises(UsageError, match="CT volume in HU, got MR"):
        write_series(Volume(ct.voxels, ct.affine, Modality.MR), tmp_path, CtAcquisition())
    skewed = Affine.from_steps([(0, 0, 1), (0, 1, 0), (1, 0.3, 0)], (0, 0, 0))
    with pytest.raises(UsageError, match="perpendicular"):
        write_series(Volume(ct.voxels, skewed, Modality.CT), tmp_path)
    with pytest.raises(UsageError, match="32x32"):
        write_series(ct.crop((0, 0, 0), (2, 8, 8)), tmp_path, compression="jpeg-2000")
    assert not list(tmp_path.iterdir())


def test_a_file_where_the_folder_should_be(ct, tmp_path):
    (tmp_path / "taken").write_text("x")
    with pytest.raises(CannotWriteError, match="check that the folder"):
        write_series(ct, tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "x"
