from __future__ import annotations

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGLSLossless

from procguide.anatomy import BONE, Region
from procguide.cli import demo as demo_module
from procguide.imaging import Modality, Volume
from procguide.imaging.files import write_image
from procguide.phantom import Phantom
from procguide.planning import load_catalogue
from tests.cli.conftest import PATIENT_ID, PATIENT_NAME, Invoke, Planned, answer_with_truth

FILES = ["dicom", "plan.json", "plan.mrk.json", "report.html", "run.json", "skin.ply", "spine.json"]
ASKED = ["--procedure", "transforaminal_esi_subpedicular", "--level", "L4-L5", "--side", "left"]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _texts(folder: Path) -> list[str]:
    """All but the DICOM objects, which are the patient's and say so."""
    return [file.read_text(errors="replace") for file in folder.iterdir() if file.is_file()]


@pytest.fixture(scope="module")
def planned(
    invoke: Invoke, study: Path, subject: Phantom, tmp_path_factory: pytest.TempPathFactory
) -> Planned:
    folder = tmp_path_factory.mktemp("planned") / "out"
    with pytest.MonkeyPatch.context() as patch:
        answer_with_truth(subject, patch)
        return Planned(invoke("plan", study, *ASKED, "-o", folder, "--json"), folder)


class TestAPlan:
    def test_writes_all_and_answers_with_plan_json(self, planned: Planned) -> None:
        assert planned.answer.code == 0, planned.answer.err
        assert _names(planned.folder.parent) == ["out"]
        assert _names(planned.folder) == FILES
        document = planned.document
        assert document == json.loads((planned.folder / "plan.json").read_text())
        assert document["schema"] == "procguide.plan/1"
        assert (document["procedure"], document["level"], document["side"]) == (ASKED[1], "L4-L5", "left")
        assert document["approved"] is None
        assert document["provenance"]["inputs_sha256"]
        assert "research" in document["disclaimer"]

    def test_every_plan_has_its_views_objectives_and_trade_offs(self, planned: Planned) -> None:
        entry = load_catalogue()["transforaminal_esi_subpedicular"].at("L4-L5")
        for plan in planned.document["plans"]:
            views = {view["name"]: view for view in plan["views"]}
            assert list(views) == [rule.name.value for rule in entry.views]
            down = views["bulls_eye"]
            assert down["oblique_deg"] == plan["view"]["oblique_deg"]
            assert abs(abs(views["true_lateral"]["from_vertical_deg"]) - 90) < 15
            assert views["true_ap"]["look_for"]
            assert {one["objective"] for one in plan["objectives"]} >= set(entry.objectives)
            assert plan["trade_offs"]
        assert planned.document["candidates"]["kept_away"]

    def test_the_needle_ends_on_the_side_asked_for(self, planned: Planned, subject: Phantom) -> None:
        foramen = subject.spine.vertebra("L4").foramina
        target = np.array(planned.document["plans"][0]["target_lps_mm"])
        distance = {side.value: float(np.linalg.norm(target - foramen[side])) for side in foramen}
        assert distance["left"] < 15 < distance["right"]

    def test_steps_are_timed(self, planned: Planned) -> None:
        run = json.loads((planned.folder / "run.json").read_text())
        assert list(run["steps_s"]) == ["read", "quality", "segment", "locate", "plan", "report"]
        assert all(step in planned.answer.err for step in run["steps_s"])

    def test_no_identity_comes_out(self, planned: Planned) -> None:
        texts = [planned.answer.out, planned.answer.err]
        texts += _texts(planned.folder)
        for secret in (PATIENT_ID, *PATIENT_NAME.split("^")):
            assert not any(secret.lower() in text.lower() for text in texts)

    def test_no_path_of_the_machine_comes_out(self, planned: Planned, study: Path) -> None:
        objects = [file.read_bytes() for file in (planned.folder / "dicom").iterdir()]
        assert objects
        assert not any(str(study).encode() in data for data in objects)
        texts = _texts(planned.folder)
        assert not any(str(study) in text for text in texts)

    def test_again_only_with_force(
        self, planned: Planned, invoke: Invoke, study: Path, truthful: list[object]
    ) -> None:
        before = (planned.folder / "plan.json").stat().st_mtime_ns
        again = invoke("plan", study, *ASKED, "-o", planned.folder)
        assert again.code == 6
        assert "--force" in again.err
        assert truthful == []
        assert (planned.folder / "plan.json").stat().st_mtime_ns == before
        forced = invoke("plan", study, *ASKED, "-o", planned.folder, "--force", "--json")
        assert forced.code == 0
        assert json.loads(forced.out)["plans"] == planned.document["plans"]
        assert _names(planned.folder.parent) == ["out"]


@pytest.mark.usefixtures("truthful")
class TestWishes:
    def test_an_entry_is_kept(self, planned: Planned, invoke: Invoke, study: Path, tmp_path: Path) -> None:
        entry = planned.document["plans"][0]["entry_lps_mm"]
        text = ",".join(str(value) for value in entry)
        answer = invoke("plan", study, *ASKED, f"--entry={text}", "-o", tmp_path / "out", "--json")
        assert answer.code == 0, answer.err
        document = json.loads(answer.out)
        for plan in document["plans"]:
            assert np.linalg.norm(np.subtract(plan["entry_lps_mm"], entry)) < 3
        assert document["provenance"]["parameters"]["entry"]

    def test_weights_rank_and_are_recorded(
        self, planned: Planned, invoke: Invoke, study: Path, tmp_path: Path
    ) -> None:
        answer = invoke("plan", study, *ASKED, "--weights", "length=1", "-o", tmp_path / "out", "--json")
        assert answer.code == 0, answer.err
        document = json.loads(answer.out)
        lengths = [plan["length_mm"] for plan in document["plans"]]
        # Ways that keep less far from modelled structures follow, by themselves in order.
        steps = re.findall(r"from plan (\d+) on", document["candidates"]["kept_away"])
        for start, end in pairwise([0, *(int(step) - 1 for step in steps), len(lengths)]):
            assert lengths[start:end] == sorted(lengths[start:end])
        assert lengths[0] <= planned.document["plans"][0]["length_mm"]
        assert document["provenance"]["parameters"]["weights"] == "length=1"

    def test_a_small_c_arm_does_not_reach_and_why_is_explained(
        self, invoke: Invoke, study: Path, tmp_path: Path
    ) -> None:
        carm = tmp_path / "carm.yaml"
        carm.write_text("gap_mm: 100\n")
        answer = invoke("plan", study, *ASKED, "--carm", carm, "--explain", "-o", tmp_path / "out")
        assert answer.code == 0, answer.err
        assert "more than the C-arm leaves free" in " ".join(answer.out.split())
        assert "excluded by" in answer.out
        assert "objective of plan 1" in answer.out
        document = json.loads((tmp_path / "out" / "plan.json").read_text())
        assert not document["plans"][0]["views"][0]["reachable"]


@pytest.mark.usefixtures("truthful")
def test_nothing_feasible_is_3_and_still_written(
    invoke: Invoke, study: Path, tmp_path: Path, subject: Phantom
) -> None:
    """A target within the body of L4: no needle reaches it without crossing bone."""
    inside = subject.spine.vertebra("L4").frame.origin
    target = f"{inside[0] + 3:.1f},{inside[1]:.1f},{inside[2]:.1f}"
    answer = invoke("plan", study, *ASKED, f"--target={target}", "-o", tmp_path / "out", "--json")
    assert answer.code == 3, answer.err
    assert "excluded most" in answer.err
    document = json.loads(answer.out)
    assert document["plans"] == []
    assert document["candidates"]["feasible"] == 0
    assert _names(tmp_path / "out") == FILES


@pytest.mark.usefixtures("truthful")
class TestDamagedFiles:
    """Of several files some are unfit: the rest is read, the results are written, and the exit code is 8."""

    @staticmethod
    def _copy(study: Path, folder: Path) -> list[Path]:
        shutil.copytree(study, folder)
        return sorted(file for file in folder.rglob("*") if file.is_file())

    def test_beside_good_ones(self, invoke: Invoke, study: Path, tmp_path: Path) -> None:
        files = self._copy(study, tmp_path / "in")
        (tmp_path / "in" / "cut.dcm").write_bytes(files[0].read_bytes()[:600])
        answer = invoke("plan", tmp_path / "in", *ASKED, "-o", tmp_path / "out", "--json")
        assert answer.code == 8, answer.err
        assert "1 DICOM files are damaged or cut short" in answer.err
        assert json.loads(answer.out)["plans"]
        assert _names(tmp_path / "out") == FILES
        run = json.loads((tmp_path / "out" / "run.json").read_text())
        assert "damaged files" in [finding["name"] for finding in run["findings"]]

    def test_one_whose_pixels_turn_out_to_be_damaged(
        self, invoke: Invoke, study: Path, tmp_path: Path
    ) -> None:
        files = self._copy(study, tmp_path / "in")
        broken = pydicom.dcmread(files[3])
        assert broken.file_meta.TransferSyntaxUID == JPEGLSLossless
        broken.PixelData = broken.PixelData.replace(b"\xff\xf7", b"\xff\xf8", 1)  # its frame header
        broken.save_as(files[3])
        answer = invoke("segment", tmp_path / "in", "-o", tmp_path / "out", "--json")
        assert answer.code == 8, answer.err
        names = {finding["name"] for finding in json.loads(answer.out)["findings"]}
        assert {"damaged files", "missing slices"} <= names
        assert (tmp_path / "out" / "labels.nii.gz").is_file()

    def test_in_a_sitting(self, invoke: Invoke, study: Path, tmp_path: Path) -> None:
        files = self._copy(study, tmp_path / "in")
        (tmp_path / "in" / "program.dcm").write_bytes(b"MZ" + files[0].read_bytes()[2:])
        asked = ["--procedure", "lumbar_interlaminar_esi", "--level", "L3-L4", "--level", "L4-L5"]
        answer = invoke("plan", tmp_path / "in", *asked, "-o", tmp_path / "out")
        assert answer.code == 8, answer.err
        assert "starts as a program" in answer.err
        assert (tmp_path / "out" / "L4-L5" / "plan.json").is_file()

    def test_nothing_but_damaged_ones_is_4(self, invoke: Invoke, study: Path, tmp_path: Path) -> None:
        for file in self._copy(study, tmp_path / "in"):
            file.write_bytes(file.read_bytes()[:600])
        assert invoke("plan", tmp_path / "in", *ASKED, "-o", tmp_path / "out").code == 4
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (["--procedure", "transforaminal"], "transforaminal_esi_kambin or transforaminal_esi_subpedicular?"),
        (["--level", "L4"], "L4-L5"),
        (["--level", "C3-C4"], "L4-L5"),
        (["--side", "up"], "left, right"),
        (["--target", "1,2"], "X,Y,Z"),
        (["--lowest-level", "Q9"], "not a vertebral level"),
        (["--entry", "1,2,x"], "--entry X,Y,Z"),
        (["--weights", "clearance=much"], "--weights clearance=0.5"),
        (["--weights", "beauty=1"], "clearance"),
        (["--weights", "view=-1"], "from 0 up"),
        (["--carm", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_requests_are_2_before_anything_is_read(
    invoke: Invoke, tmp_path: Path, changed: list[str], words: str
) -> None:
    asked = dict(zip(ASKED[::2], ASKED[1::2], strict=True)) | {changed[0]: changed[1]}
    flags = [word for pair in asked.items() for word in pair]
    answer = invoke("plan", tmp_path / "never-read", *flags, "-o", tmp_path / "out")
    assert answer.code == 2
    assert words in answer.err
    assert _names(tmp_path) == []


@pytest.mark.usefixtures("truthful")
def test_a_level_out_of_view_is_5(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    answer = invoke(
        "plan", study, "--procedure", ASKED[1], "--level", "L1-L2", "--side", "left", "-o", tmp_path / "out"
    )
    assert answer.code == 5
    assert "L1 is not in view" in answer.err
    assert _names(tmp_path) == []


@pytest.mark.usefixtures("unanchored")
def test_unanchored_is_5(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    answer = invoke("plan", study, *ASKED, "-o", tmp_path / "out")
    assert answer.code == 5
    assert "--lowest-level" in answer.err


def test_output_within_the_study_is_6(invoke: Invoke, study: Path) -> None:
    before = _names(study)
    answer = invoke("plan", study, *ASKED, "-o", study / "out")
    assert answer.code == 6
    assert _names(study) == before


class TestGivenLabels:
    @pytest.fixture
    def labels(self, subject: Phantom, tmp_path: Path) -> Path:
        folder = tmp_path / "given"
        folder.mkdir()
        write_image(subject.regions, folder / "regions.nii.gz")
        return write_image(subject.levels, folder / "labels.nii.gz")

    def test_they_replace_the_networks(
        self, invoke: Invoke, study: Path, tmp_path: Path, labels: Path, truthful: list[object]
    ) -> None:
        answer = invoke("plan", study, *ASKED, "-o", tmp_path / "out", "--labels", labels, "--json")
        assert answer.code == 0, answer.err
        assert truthful == []
        document = json.loads(answer.out)
        assert document["plans"]
        assert document["provenance"]["parameters"]["labels_given"] is True

    def test_regions_must_lie_beside(self, invoke: Invoke, study: Path, tmp_path: Path, labels: Path) -> None:
        (labels.parent / "regions.nii.gz").unlink()
        answer = invoke("plan", study, *ASKED, "-o", tmp_path / "out", "--labels", labels)
        assert answer.code == 4
        assert "regions.nii.gz" in answer.err

    def test_another_scheme_is_5(
        self, invoke: Invoke, study: Path, tmp_path: Path, labels: Path, subject: Phantom
    ) -> None:
        foreign = subject.levels.voxels.astype(np.uint8) * 4
        write_image(subject.levels.with_voxels(foreign), labels)
        answer = invoke("plan", study, *ASKED, "-o", tmp_path / "out", "--labels", labels)
        assert answer.code == 5
        assert "VerSe" in answer.err


class TestDemo:
    @pytest.mark.usefixtures("truthful")
    def test_plans_on_the_sample(
        self, invoke: Invoke, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(demo_module, "sample_study", lambda: study)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "procguide-demo").mkdir()
        answer = invoke("demo")
        assert answer.code == 0, answer.err
        assert _names(tmp_path) == ["procguide-demo", "procguide-demo-2"]
        assert "procguide-demo-2/report.html" in answer.out
        assert "skin to target" in answer.out
        assert "For research and training only" in answer.out

    def test_the_sample_lies_beside_the_package(self) -> None:
        folder = demo_module.sample_study()
        assert folder is None or folder.parent.name == "sample_dicom"


def test_a_volume_is_never_changed(ct: Volume) -> None:
    assert not ct.voxels.flags.writeable


@pytest.fixture
def mri(subject: Phantom, tmp_path: Path) -> Path:
    """Flat tissues and noise in a slab of 64 mm, as NIfTI."""
    table = np.full(max(Region) + 1, 250, dtype=np.int16)
    table[[Region.BACKGROUND, Region.FAT, Region.CEREBROSPINAL_FLUID]] = 0, 900, 1200
    table[[Region.SKIN, *BONE]] = 300
    noise = np.random.default_rng(4).normal(0, 15, (2, *subject.tissues.shape))
    signal = np.hypot(table[subject.tissues.voxels] + noise[0], noise[1]).astype(np.int16)
    middle = round(float(subject.tissues.to_index(subject.spine.vertebra("L4").frame.origin)[2]))
    slab = Volume(signal, subject.tissues.affine, Modality.MR).crop(
        (0, 0, middle - 16), (*signal.shape[:2], middle + 16)
    )
    return write_image(slab, tmp_path / "mri.nii.gz")


@pytest.mark.usefixtures("truthful")
def test_a_needle_is_planned_on_a_narrow_mri(
    invoke: Invoke, subject: Phantom, mri: Path, tmp_path: Path
) -> None:
    asked = ("--procedure", "lumbar_interlaminar_esi", "--level", "L3-L4")
    answer = invoke("plan", mri, *asked, "-o", tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    assert _names(tmp_path / "out") == [name for name in FILES if name != "dicom"]
    document = json.loads(answer.out)
    best = document["plans"][0]
    outward = np.subtract(best["entry_lps_mm"], best["target_lps_mm"])
    steps = np.array(best["entry_lps_mm"]) + np.array([[-5.0], [5.0]]) * outward / np.linalg.norm(outward)
    inside, outside = np.round(subject.tissues.to_index(steps)).astype(int)
    assert subject.tissues.voxels[tuple(inside)] > 0
    assert subject.tissues.voxels[tuple(outside)] == 0
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    said = " ".join([*document["warnings"], *(one["words"] for one in run["findings"])])
    for words in ("planned on MRI", "most MRI is taken supine", "C-arm room is not judged"):
        assert words in said
