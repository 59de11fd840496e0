import json
import shutil
import subprocess
import warnings
from importlib import import_module

import numpy as np
import pydicom
import pytest
import SimpleITK

from procguide.dicom import (
    StudyIdentity,
    read_study,
    write_fractional_segmentation,
    write_segmentation,
    write_series,
)
from procguide.dicom.codes import category_of, code_of, meaning_of
from procguide.dicom.segments import Labelling
from procguide.errors import InputUnfitError, UsageError
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.files import read_image
from tests.dicom.derived_case import OBLIQUE, conformance, make_series

NAMES = {23: "L4", 24: "L5", 26: "sacrum", 25: "L6"}


@pytest.fixture
def series(tmp_path):
    voxels = np.zeros((10, 24, 20), np.int16)
    affine = Affine.from_steps([(0, 0.7, 2.5), (0, 0.8, 0), (0.9, 0, 0)], (-10, 5, 7))
    write_series(Volume(voxels, affine, Modality.CT), tmp_path / "ct", study=StudyIdentity(seed=1))
    return read_study(tmp_path / "ct").series[0]


@pytest.fixture
def labels(series):
    voxels = np.zeros(series.shape, np.uint8)
    voxels[6:9, 3:9, 4:11] = 23
    voxels[3:6, 5:12, 4:11] = 24
    voxels[1:3, 5:12, 2:17] = 26
    voxels[4, 20, 3] = 25
    return LabelMap(voxels, series.grid.affine, names=NAMES)


def read_back(path, labels):
    """Label by label from highdicom's volume, resampled by patient position to ``labels``' own lattice."""
    import highdicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        segmentation = highdicom.seg.segread(path)
    found = np.zeros(labels.shape, np.uint8)
    numbers = {name: label for label, name in NAMES.items()}
    frames = segmentation.pixel_array
    for frame, group in zip(frames, segmentation.PerFrameFunctionalGroupsSequence, strict=True):
        position = group.PlanePositionSequence[0].ImagePositionPatient
        k, j, i = labels.to_index([float(v) for v in position])
        assert (j, i) == pytest.approx((0, 0), abs=1e-6)
        assert k == pytest.approx(round(k), abs=1e-6)
        segment = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        label = numbers[segmentation.get_segment_description(segment).segment_label]
        found[round(k)][frame > 0] = label
    return found, segmentation


def test_every_voxel_comes_back(series, labels, tmp_path):
    path = write_segmentation(labels, series, tmp_path / "out" / "labels.dcm")
    found, _ = read_back(path, labels)
    np.testing.assert_array_equal(found, labels.voxels)


def test_simpleitk_reads_the_same_number_of_voxels(series, labels, tmp_path):
    path = write_segmentation(labels, series, tmp_path / "labels.dcm")
    image = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    assert (image > 0).sum() == (labels.voxels > 0).sum()


@pytest.mark.skipif(shutil.which("segimage2itkimage") is None, reason="dcmqi is not installed")
def test_dcmqi_lays_every_voxel_where_it_belongs(labels, tmp_path):
    """On slices that stand on their normal, as dcmqi has them; segments in the order of their numbers."""
    series = make_series(tmp_path / "ct", affine=OBLIQUE)
    meant = LabelMap(labels.voxels, series.grid.affine, names=NAMES)
    path = write_segmentation(meant, series, tmp_path / "labels.dcm")
    command = ["segimage2itkimage", "--inputDICOM", path, "--outputDirectory", tmp_path, "--mergeSegments"]
    subprocess.run([*command, "--prefix", "seg", "--outputType", "nifti"], capture_output=True, check=True)
    (told,) = json.loads((tmp_path / "seg-meta.json").read_text())["segmentAttributes"][:1]
    assert [one["SegmentLabel"] for one in told] == ["L4", "L5", "L6", "sacrum"]
    image = read_image(tmp_path / "seg-1.nii.gz")
    found = np.zeros(meant.shape, np.uint8)
    places = meant.affine.inverse.apply(image.to_patient(np.argwhere(image.voxels)))
    assert np.abs(places - np.rint(places)).max() < 1e-3
    codes = np.array([0, 23, 24, 25, 26])
    found[tuple(np.rint(places).astype(int).T)] = codes[image.voxels[image.voxels > 0].astype(int)]
    assert np.array_equal(found, meant.voxels)


def test_segments_are_named_coded_and_say_how_they_were_made(series, labels, tmp_path):
    path = write_segmentation(labels, series, tmp_path / "a.dcm", algorithm_name="net", algorithm_version="7")
    segments = pydicom.dcmread(path).SegmentSequence
    assert [s.SegmentLabel for s in segments] == ["L4", "L5", "L6", "sacrum"]
    assert segments[0].SegmentedPropertyTypeCodeSequence[0].CodeValue == "11994002"
    assert segments[3].SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Sacrum"
    identification = segments[0].SegmentationAlgorithmIdentificationSequence[0]
    assert (identification.AlgorithmName, identification.AlgorithmVersion) == ("net", "7")
    assert segments[0].SegmentAlgorithmType == "AUTOMATIC"


def test_it_refers_to_the_slices_it_lies_on(series, labels, tmp_path):
    dataset = pydicom.dcmread(write_segmentation(labels, series, tmp_path / "a.dcm"))
    assert dataset.FrameOfReferenceUID == pydicom.dcmread(series.files[0]).FrameOfReferenceUID
    by_position = {round(float(pydicom.dcmread(f).ImagePositionPatient[2]), 3): f for f in series.files}
    for group in dataset.PerFrameFunctionalGroupsSequence:
        height = round(float(group.PlanePositionSequence[0].ImagePositionPatient[2]), 3)
        source = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        assert source == pydicom.dcmread(by_position[height]).SOPInstanceUID


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_conforms_to_the_standard(series, labels, tmp_path):
    path = write_segmentation(labels, series, tmp_path / "a.dcm")
    run = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    assert [line for line in (run.stdout + run.stderr).splitlines() if "Error" in line] == []


def test_sources_without_type_2_attributes(series, labels, tmp_path):
    for file in series.files:
        dataset = pydicom.dcmread(file)
        for keyword in ("PatientBirthDate", "AccessionNumber", "StudyID", "FrameOfReferenceUID"):
            delattr(dataset, keyword)
        dataset.save_as(file)
    found, _ = read_back(write_segmentation(labels, series, tmp_path / "a.dcm"), labels)
    np.testing.assert_array_equal(found, labels.voxels)


def test_missing_slices_are_left_out(series, labels, tmp_path):
    series.files[4].unlink()
    gapped = read_study(tmp_path / "ct").series[0]
    found, _ = read_back(write_segmentation(labels, gapped, tmp_path / "a.dcm"), labels)
    expected = labels.voxels.copy()
    expected[4] = 0
    np.testing.assert_array_equal(found, expected)


def test_frames_of_another_orientation_hold_nothing(multi_frame, tmp_path):
    dataset = multi_frame(np.zeros((7, 20, 16), np.uint16), range(7))
    odd = dataset.PerFrameFunctionalGroupsSequence[2]
    plane = pydicom.Dataset()
    plane.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
    odd.PlaneOrientationSequence = pydicom.Sequence([plane])
    dataset.save_as(tmp_path / "ct", enforce_file_format=True)
    series = read_study(tmp_path / "ct").series[0]
    assert [reference.frame for reference in series.slices] == [0, 1, 3, 4, 5, 6]
    labels = LabelMap(np.full(series.shape, 23, np.uint8), series.grid.affine, names=NAMES)
    written = pydicom.dcmread(write_segmentation(labels, series, tmp_path / "a.dcm"))
    heights = [
        float(g.PlanePositionSequence[0].ImagePositionPatient[2])
        for g in written.PerFrameFunctionalGroupsSequence
    ]
    assert sorted(heights) == [0, 2, 6, 8, 10, 12]


class TestRefusals:
    def test_another_grid(self, series, labels, tmp_path):
        with pytest.raises(UsageError, match="do not lie on the series' grid"):
            write_segmentation(labels.crop((1, 0, 0), (9, 24, 20)), series, tmp_path / "a.dcm")

    def test_nothing_to_write(self, series, labels, tmp_path):
        with pytest.raises(UsageError, match="empty"):
            write_segmentation(labels.with_voxels(labels.voxels * 0), series, tmp_path / "a.dcm")

    def test_not_dicom(self, labels, tmp_path):
        from procguide.imaging.files import write_image

        write_image(Volume(np.zeros(labels.shape, np.int16), labels.affine), tmp_path / "ct.nii.gz")
        series = read_study(tmp_path / "ct.nii.gz").series[0]
        with pytest.raises(UsageError, match="write NIfTI"):
            write_segmentation(labels, series, tmp_path / "a.dcm")

    def test_several_multi_frame_files(self, multi_frame, tmp_path):
        voxels = np.zeros((12, 20, 16), np.uint16)
        for n in range(2):
            part = multi_frame(voxels, range(6 * n, 6 * n + 6))
            part.save_as(tmp_path / f"ct{n}", enforce_file_format=True)
        series = read_study(tmp_path).series[0]
        assert series.shape == (12, 20, 16)
        labels = LabelMap(np.ones(series.shape, np.uint8), series.grid.affine, names={1: "L4"})
        with pytest.raises(InputUnfitError, match="several multi-frame files"):
            write_segmentation(labels, series, tmp_path / "a.dcm")


def test_uneven_slices_take_the_nearest_labels(write_stack, tmp_path):
    heights = np.arange(12) * 2.0
    heights[5] += 0.6
    positions = np.column_stack([np.zeros((12, 2)), heights])
    series = read_study(write_stack(np.zeros((12, 20, 16), np.uint16), positions)).series[0]
    values = np.zeros(series.shape, np.uint8)
    values[4:7, 3:6, 3:6] = 23
    labels = LabelMap(values, series.grid.affine, names={23: "L4"})
    dataset = pydicom.dcmread(write_segmentation(labels, series, tmp_path / "a.dcm"))
    found = {
        float(g.PlanePositionSequence[0].ImagePositionPatient[2])
        for g in dataset.PerFrameFunctionalGroupsSequence
    }
    assert found == {8.0, 10.6, 12.0}
    assert dataset.pixel_array.sum() == np.count_nonzero(values)


def test_codes():
    assert code_of("L1").value == "66794005"
    assert code_of("T13") == code_of("L6")
    assert code_of("canal").meaning == "Vertebral canal"
    assert code_of("something").meaning == "Anatomical Structure"
    assert category_of("muscle").meaning == "Tissue"
    assert category_of("L1").meaning == "Anatomical Structure"


class TestMeanings:
    def test_levels_and_sides_within_names(self):
        root = meaning_of("left L4 nerve root")
        assert (root.kind.meaning, root.side.meaning) == ("Nerve", "Left")
        assert meaning_of("L4-L5 disc").kind.meaning == "L4/L5 disc"
        assert meaning_of("L5-L6 disc").kind.meaning == "Intervertebral disc"
        assert meaning_of("right rib").side.meaning == "Right"
        assert meaning_of("implant").category.meaning == "Physical object"

    def test_sides_are_written(self, series, labels, tmp_path):
        named = LabelMap(labels.voxels, labels.affine, names=NAMES | {23: "right L4 nerve root"})
        segment = pydicom.dcmread(write_segmentation(named, series, tmp_path / "a.dcm")).SegmentSequence[0]
        kind = segment.SegmentedPropertyTypeCodeSequence[0]
        assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Right"


def test_truth_under_an_identity_is_the_same_each_time(series, labels, tmp_path):
    study = StudyIdentity(seed=1)
    first, second = (
        write_segmentation(labels, series, tmp_path / name, study=study).read_bytes() for name in "ab"
    )
    assert first == second
    segment = pydicom.dcmread(tmp_path / "a").SegmentSequence[0]
    family = segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmFamilyCodeSequence[0]
    assert family.CodeMeaning == "Construction of the phantom"


def test_a_multi_frame_source_is_referred_to_by_frame(multi_frame, tmp_path):
    voxels = np.zeros((6, 20, 16), np.uint16)
    order = [3, 0, 1, 5, 4, 2]  # frame n shows slice order[n]
    multi_frame(voxels, order).save_as(tmp_path / "ct", enforce_file_format=True)
    series = read_study(tmp_path / "ct").series[0]
    values = np.zeros(series.shape, np.uint8)
    values[1, 2:5, 3:6] = 23
    values[4, 7:9, 3:6] = 24
    labels = LabelMap(values, series.grid.affine, names=NAMES)
    found, segmentation = read_back(write_segmentation(labels, series, tmp_path / "a.dcm"), labels)
    np.testing.assert_array_equal(found, values)
    sources = [
        group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
        for group in segmentation.PerFrameFunctionalGroupsSequence
    ]
    assert sorted(sources) == sorted([order.index(1) + 1, order.index(4) + 1])


class TestFractional:
    @pytest.fixture
    def shares(self, series):
        """A share that differs from voxel to voxel, one that is nowhere, and the rest of the first."""
        share = np.random.default_rng(0).random(series.shape).astype(np.float32)
        share[:3] = 0
        nowhere = np.zeros_like(share)
        pairs = (("L4", share), ("L5", nowhere), ("sacrum", 1 - share))
        return [(name, Volume(values, series.grid.affine)) for name, values in pairs]

    @pytest.fixture
    def written(self, series, shares, tmp_path):
        labelling = Labelling("net", "7", {"L4": "seen"})
        return write_fractional_segmentation(shares, series, tmp_path / "a.dcm", labelling=labelling)

    @pytest.mark.parametrize("reader", ["pydicom", "SimpleITK"])
    def test_every_share_comes_back_to_half_a_step(self, written, series, shares, reader):
        dataset = pydicom.dcmread(written)
        frames = dataset.pixel_array
        if reader == "SimpleITK":
            frames = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(written)))
        named = {one.SegmentNumber: str(one.SegmentLabel) for one in dataset.SegmentSequence}
        meant, seen = dict(shares), dict.fromkeys(named.values(), 0)
        for frame, group in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
            position = [float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient]
            k = round(series.grid.affine.inverse.apply(position)[0])
            name = named[group.SegmentIdentificationSequence[0].ReferencedSegmentNumber]
            assert np.abs(frame - 255 * meant[name].voxels[k]).max() <= 0.5
            seen[name] += 1
        assert seen == {"L4": 7, "sacrum": 10}

    def test_it_says_what_its_values_are(self, written):
        dataset = pydicom.dcmread(written)
        assert (dataset.SegmentationType, dataset.SegmentationFractionalType) == ("FRACTIONAL", "OCCUPANCY")
        assert dataset.MaximumFractionalValue == 255
        assert dataset.ContentQualification == "RESEARCH"
        assert dataset.SegmentSequence[0].SegmentDescription == "seen"

    @pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
    def test_conforms_to_the_standard(self, written):
        assert conformance(written) == []

    def test_values_beyond_0_and_1_are_kept_within(self, series, tmp_path):
        values = np.full(series.shape, -0.5, np.float32)
        values[4] = 1.5
        share = [("L4", Volume(values, series.grid.affine))]
        frames = pydicom.dcmread(write_fractional_segmentation(share, series, tmp_path / "a.dcm")).pixel_array
        assert np.unique(frames).tolist() == [255]

    def test_nothing_at_all_is_refused(self, series, tmp_path):
        nowhere = [("L4", Volume(np.zeros(series.shape, np.float32), series.grid.affine))]
        with pytest.raises(UsageError, match="no voxel"):
            write_fractional_segmentation(nowhere, series, tmp_path / "a.dcm")
        assert not (tmp_path / "a.dcm").exists()

    def test_what_would_fill_the_memory_is_refused(self, series, shares, tmp_path, monkeypatch):
        monkeypatch.setattr(import_module("procguide.dicom.write_segmentation"), "_MOST_BYTES", 10_000)
        with pytest.raises(InputUnfitError, match="too large"):
            write_fractional_segmentation(shares, series, tmp_path / "a.dcm")
