"""The objects that ``segment`` and ``plan`` add to the patient's study."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from procguide.cli.dicom_objects import Attempts, write_plan_objects
from procguide.cli.pipeline import Case
from procguide.dicom import read_plan_report, read_study, read_volume
from procguide.dicom.write_fiducials import read_fiducials
from procguide.dicom.write_model import read_model
from procguide.errors import CannotWriteError, InputUnfitError
from procguide.imaging import Volume
from procguide.imaging.files import write_image
from procguide.phantom import Phantom
from procguide.planning import PlanSet, Trajectory
from procguide.planning.nouns import Needle, Plan, Robustness, View
from tests.cli.conftest import PATIENT_ID, PATIENT_NAME, Invoke, answer_with_truth
from tests.dicom.derived_case import make_series, plan_document, without_nothing
from tests.servers import dcmtk, orthanc

ASKED = ["--procedure", "transforaminal_esi_subpedicular", "--level", "L4-L5", "--side", "left"]


@pytest.fixture(scope="module")
def planned(invoke: Invoke, study: Path, subject: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planned") / "out"
    with pytest.MonkeyPatch.context() as patch:
        answer_with_truth(subject, patch)
        assert invoke("plan", study, *ASKED, "-o", folder, "--json").code == 0
    return folder


@pytest.fixture(scope="module")
def document(planned: Path) -> dict:
    return json.loads((planned / "plan.json").read_text())


def test_the_objects_are_there_and_listed(planned: Path) -> None:
    names = {file.name for file in (planned / "dicom").iterdir()}
    assert names >= {"plan.dcm", "labels.dcm", "points.dcm", "needle.dcm", "bones.dcm", "drawing.dcm"}
    assert len([name for name in names if name.startswith("picture_")]) >= 3
    outputs = json.loads((planned / "run.json").read_text())["outputs"]
    assert {f"dicom/{name}" for name in names} <= set(outputs)


def test_the_report_is_plan_json(planned: Path, document: dict) -> None:
    read = read_plan_report(planned / "dicom" / "plan.dcm")
    assert without_nothing(read) == without_nothing(document)
    assert len(read["plans"]) == len(document["plans"]) > 0


def test_points_and_needle_are_those_of_the_plan(planned: Path, document: dict) -> None:
    points = {
        one.identifier: one for one in read_fiducials(pydicom.dcmread(planned / "dicom" / "points.dcm"))
    }
    assert len(points) == 2 * len(document["plans"])
    for plan in document["plans"]:
        for end in ("entry", "target"):
            found = points[f"{plan['rank']} {end}"]
            assert np.round(found.position, 2).tolist() == plan[f"{end}_lps_mm"]
            assert "not approved" in found.words
    corners = read_model(pydicom.dcmread(planned / "dicom" / "needle.dcm")).reshape(-1, 3)
    best = document["plans"][0]
    entry, target = np.array(best["entry_lps_mm"]), np.array(best["target_lps_mm"])
    direction = (target - entry) / np.linalg.norm(target - entry)
    along = (corners - entry) @ direction
    across = np.linalg.norm(corners - entry - along[:, None] * direction, axis=1)
    assert (along.min(), along.max()) == pytest.approx((0, best["length_mm"]), abs=0.02)
    assert across.max() == pytest.approx(best["needle"]["diameter_mm"] / 2, abs=0.02)


def test_bones_lie_where_the_labels_are(planned: Path, subject: Phantom) -> None:
    corners = read_model(pydicom.dcmread(planned / "dicom" / "bones.dcm")).reshape(-1, 3)
    index = np.argwhere(subject.levels.voxels > 0)
    points = subject.levels.to_patient([index.min(axis=0), index.max(axis=0)])
    low, high = points.min(axis=0), points.max(axis=0)
    assert corners.min(axis=0) == pytest.approx(low, abs=2.5)
    assert corners.max(axis=0) == pytest.approx(high, abs=2.5)


def test_a_foreign_reader_lays_the_segmentation_on_the_image(planned: Path, study: Path) -> None:
    """SimpleITK, frame by frame, on the volume that SimpleITK reads from the slices."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(study)))
    image = reader.Execute()
    bone = SimpleITK.GetArrayFromImage(image) > 200
    dataset = pydicom.dcmread(planned / "dicom" / "labels.dcm")
    frames = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(planned / "dicom" / "labels.dcm")))
    inside = np.zeros(bone.shape, bool)
    for frame, group in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        position = [float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient]
        i, j, k = image.TransformPhysicalPointToIndex(position)
        assert (i, j) == (0, 0)
        assert image.TransformIndexToPhysicalPoint((i, j, k)) == pytest.approx(position, abs=1e-3)
        inside[k] |= frame > 0
    overlap = 2 * (inside & bone).sum() / (inside.sum() + bone.sum())
    assert inside.sum() > 1000
    assert (inside & bone).sum() / inside.sum() > 0.9
    assert overlap > 0.5  # the image shows ribs and ilia, too


def test_all_are_the_patients_and_of_one_study(planned: Path, study: Path) -> None:
    source = pydicom.dcmread(next(study.iterdir()))
    for file in (planned / "dicom").iterdir():
        dataset = pydicom.dcmread(file)
        assert (dataset.PatientID, dataset.PatientName) == (PATIENT_ID, PATIENT_NAME)
        assert dataset.StudyInstanceUID == source.StudyInstanceUID
        assert dataset.ContentQualification == "RESEARCH"
    evidence = pydicom.dcmread(planned / "dicom" / "plan.dcm").CurrentRequestedProcedureEvidenceSequence[0]
    named = {
        str(one.ReferencedSOPInstanceUID)
        for series in evidence.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    labels = pydicom.dcmread(planned / "dicom" / "labels.dcm", stop_before_pixels=True)
    assert {str(labels.SOPInstanceUID), str(source.SOPInstanceUID)} <= named


def test_the_study_reads_as_before_with_the_objects_beside_it(
    planned: Path, study: Path, tmp_path: Path
) -> None:
    """A PACS gives images and objects back together; the images are still what is planned on."""
    together = tmp_path / "all"
    shutil.copytree(study, together / "images")
    shutil.copytree(planned / "dicom", together / "objects")
    chosen = read_study(together).choose()
    alone = read_study(study).choose()
    assert (chosen.uid, chosen.shape) == (alone.uid, alone.shape)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_all_conform_to_the_standard(planned: Path) -> None:
    for file in sorted((planned / "dicom").iterdir()):
        run = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
        faults = [line for line in (run.stdout + run.stderr).splitlines() if "Error" in line]
        assert faults == [], file.name
        assert run.stdout + run.stderr


@pytest.mark.skipif(shutil.which("dcmdump") is None, reason="dcmtk is not installed")
def test_dcmtk_reads_all(planned: Path) -> None:
    for file in sorted((planned / "dicom").iterdir()):
        run = subprocess.run(["dcmdump", "-q", str(file)], capture_output=True, text=True, check=False)
        assert run.returncode == 0, file.name
        assert "StudyInstanceUID" in run.stdout


def test_from_an_archive_the_plan_is_plan_json_to_the_last_digit(
    planned: Path, document: dict, study: Path, tmp_path: Path
) -> None:
    """Images and objects into Orthanc by DCMTK; the plan read from what it gives back."""
    with orthanc(tmp_path / "archive") as server:
        command = [dcmtk("dcmsend"), "--decompress-never", "-aec", "ORTHANC", "+sd", "+r", "127.0.0.1"]
        for folder in (study, planned / "dicom"):
            subprocess.run([*command, str(server.dicom_port), str(folder)], check=True)
        for number, instance in enumerate(server.ask("/instances")):
            (tmp_path / f"{number}.dcm").write_bytes(server.file(instance))
        assert len(server.ask("/studies")) == 1
    by_uid = {str(pydicom.dcmread(file).SOPInstanceUID): file for file in tmp_path.glob("*.dcm")}
    for sent in (planned / "dicom").iterdir():
        whole = pydicom.dcmread(sent)
        assert pydicom.dcmread(by_uid[str(whole.SOPInstanceUID)]) == whole, sent.name
    report = pydicom.dcmread(planned / "dicom" / "plan.dcm").SOPInstanceUID
    read = read_plan_report(by_uid[str(report)])
    assert without_nothing(read) == without_nothing(document)
    assert read["plans"] == document["plans"]
    assert read["limits"] == document["limits"]


@pytest.mark.usefixtures("truthful")
def test_segment_writes_surfaces_and_the_preview(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    assert invoke("segment", study, "-o", tmp_path / "out", "--fractional").code == 0
    shares = pydicom.dcmread(tmp_path / "out" / "dicom" / "labels_fractional.dcm")
    whole = pydicom.dcmread(tmp_path / "out" / "labels.dcm")
    assert [one.SegmentLabel for one in shares.SegmentSequence] == [
        one.SegmentLabel for one in whole.SegmentSequence
    ]
    assert shares.pixel_array.sum() / 255 == pytest.approx(whole.pixel_array.sum(), rel=0.05)
    assert ((shares.pixel_array > 0) & (shares.pixel_array < 255)).mean() > 0.02
    bones = pydicom.dcmread(tmp_path / "out" / "dicom" / "bones.dcm")
    assert "L5" in bones.DocumentTitle
    assert len(read_model(bones)) > 10_000
    picture = pydicom.dcmread(tmp_path / "out" / "dicom" / "picture_1.dcm")
    assert "not reviewed" in picture.SeriesDescription
    assert picture.Rows > 300


@pytest.mark.usefixtures("truthful")
def test_fractional_needs_dicom(invoke: Invoke, ct: Volume, tmp_path: Path) -> None:
    file = write_image(ct, tmp_path / "ct.nii.gz")
    answer = invoke("segment", file, "-o", tmp_path / "out", "--fractional")
    assert answer.code == 2
    assert "came as DICOM" in answer.err
    assert not (tmp_path / "out").exists()


class TestWhatCannotBeWritten:
    def test_is_said_without_quoting_the_headers(self) -> None:
        def fails() -> None:
            raise ValueError(f"'{PATIENT_NAME}' is no name")

        said: list[str] = []
        attempts = Attempts(said.append)
        assert attempts.write("a.dcm", fails) is None
        assert attempts.write("b.dcm", lambda: 7) == 7
        assert said == ["a.dcm is not written: the images' headers do not allow it (ValueError)"]

    def test_our_own_reasons_are_given(self) -> None:
        def fails() -> None:
            raise InputUnfitError("several multi-frame files; write NIfTI")

        said: list[str] = []
        Attempts(said.append).write("a.dcm", fails)
        assert said == ["a.dcm is not written: several multi-frame files; write NIfTI"]

    def test_a_full_disk_is_not_hidden(self) -> None:
        def fails() -> None:
            raise CannotWriteError("no space")

        with pytest.raises(CannotWriteError):
            Attempts(lambda _words: None).write("a.dcm", fails)

    def test_the_others_are_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_arguments: object, **_named: object) -> None:
            raise KeyError("PatientName")

        monkeypatch.setattr("procguide.dicom.write_report.write_plan_report", fails)
        series = make_series(tmp_path / "ct")
        case = Case(series, read_volume(series), ())
        trajectory = Trajectory((-5.13, 19.87, 12.34), (1.01, 11.07, 18.99), Needle(22, 0.72, 127.0))
        plan = Plan(1, trajectory, {}, Robustness(2.0, 0.1), View(0, 0, reachable=True), {})
        plan_set = PlanSet("x", "L4-L5", None, (plan,), 1, 1)
        said: list[str] = []
        write_plan_objects(tmp_path / "out", case, plan_set, plan_document(), Attempts(said.append))
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
            "drawing.dcm",
            "needle.dcm",
            "points.dcm",
        ]
        assert len(said) == 1
