from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from procguide.anatomy import VERSE_NAMES
from procguide.dicom import read_study
from procguide.imaging import Volume
from procguide.imaging.files import read_labels, write_image
from procguide.phantom import Phantom
from tests.cli.conftest import Invoke

FILES = [
    "dicom",
    "labels.dcm",
    "labels.json",
    "labels.nii.gz",
    "preview.png",
    "regions.nii.gz",
    "run.json",
    "spine.json",
]


@pytest.mark.usefixtures("truthful")
class TestOutputs:
    def test_all_are_there(self, invoke: Invoke, study: Path, tmp_path: Path) -> None:
        answer = invoke("segment", study, "-o", tmp_path / "out", "--json")
        assert answer.code == 0, answer.err
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
        document = json.loads(answer.out)
        assert document["anchor"] == "sacrum"
        assert [level["level"] for level in document["levels"]][-3:] == ["L3", "L4", "L5"]
        objects = ["dicom/bones.dcm", "dicom/picture_1.dcm"]
        assert document["run"]["outputs"] == sorted([*objects, *(file for file in FILES if file != "dicom")])
        self._labels_lie_on_the_input(study, tmp_path / "out")
        segments = pydicom.dcmread(tmp_path / "out" / "labels.dcm").SegmentSequence
        assert len(segments) >= 5
        described = {str(one.SegmentLabel): one for one in segments}
        identity = described["L4"].SegmentationAlgorithmIdentificationSequence[0]
        assert (identity.AlgorithmName, identity.AlgorithmVersion) == ("truth", "1")
        assert described["L4"].SegmentDescription == "name anchored on: sacrum, confidence 0.90"
        labels = json.loads((tmp_path / "out" / "labels.json").read_text())
        assert labels["schema"] == "procguide.labels/1"
        assert {one["origin"] for one in labels["regions"]["labels"]} == {"segmented"}
        assert {"L4 root left", "L4 root right", "L4 dura"} <= {one["name"] for one in labels["modelled"]}
        run = json.loads((tmp_path / "out" / "run.json").read_text())
        assert list(run["steps_s"]) == ["read", "segment", "locate", "write"]
        assert run["provenance"]["models"] == {"truth": "1"}

    def _labels_lie_on_the_input(self, study: Path, out: Path) -> None:
        grid = read_study(study).choose().grid
        assert grid is not None
        labels = read_labels(out / "labels.nii.gz", VERSE_NAMES)
        assert labels.shape == grid.shape
        assert np.allclose(labels.affine.matrix, grid.affine.matrix, atol=1e-3)
        assert {20, 21, 22, 23, 24, 26} >= set(labels.present()) - {18, 19} >= {22, 23, 24, 26}

    def test_a_file_has_no_dicom_object(self, invoke: Invoke, ct: Volume, tmp_path: Path) -> None:
        file = write_image(ct, tmp_path / "ct.nrrd")
        answer = invoke("segment", file, "-o", tmp_path / "out")
        assert answer.code == 0, answer.err
        assert "L5" in answer.out
        assert not (tmp_path / "out" / "labels.dcm").exists()

    def test_labels_of_the_truth_stay_where_they_are(
        self, invoke: Invoke, ct: Volume, subject: Phantom, tmp_path: Path
    ) -> None:
        file = write_image(ct, tmp_path / "ct.nii.gz")
        invoke("segment", file, "-o", tmp_path / "out")
        labels = read_labels(tmp_path / "out" / "labels.nii.gz", VERSE_NAMES)
        assert np.array_equal(labels.voxels, subject.levels.voxels)


def test_options_reach_the_networks(
    invoke: Invoke, study: Path, tmp_path: Path, truthful: list[dict[str, Any]]
) -> None:
    answer = invoke(
        "segment", study, "-o", tmp_path / "o", "--lowest-level", "l5", "--device", "cpu", "--json"
    )
    assert (truthful[0]["lowest_level"], truthful[0]["device"]) == ("L5", "cpu")
    assert json.loads(answer.out)["anchor"] == "user"


def test_levels_at_points_reach_the_naming(
    invoke: Invoke, study: Path, tmp_path: Path, truthful: list[dict[str, Any]]
) -> None:
    points = ["--level-at", "1,2,3=L4", "--level-at=-1,2,40=l3"]
    answer = invoke("segment", study, "-o", tmp_path / "o", *points, "--json")
    assert answer.code == 0, answer.err
    assert [str(one) for one in truthful[0]["level_at"]] == ["1,2,3=L4", "-1,2,40=L3"]
    parameters = json.loads(answer.out)["run"]["provenance"]["parameters"]
    assert parameters["level_at"] == "1,2,3=L4; -1,2,40=L3"


@pytest.mark.usefixtures("unanchored")
def test_unanchored_is_5_and_leaves_nothing(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    answer = invoke("segment", study, "-o", tmp_path / "out", "--json")
    assert answer.code == 5
    assert "--lowest-level" in answer.err
    assert json.loads(answer.out)["exit_code"] == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--device", "tpu"], "auto, cpu, cuda"),
        (["--lowest-level", "S1"], "not a vertebral level"),
        (["--level-at", "1,2=L3"], "X,Y,Z=L3"),
    ],
)
def test_wrong_options_are_2(
    invoke: Invoke, study: Path, tmp_path: Path, flags: list[str], words: str
) -> None:
    answer = invoke("segment", study, "-o", tmp_path / "out", *flags)
    assert answer.code == 2
    assert words in answer.err


def test_no_cuda_is_7(invoke: Invoke, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    answer = invoke("segment", study, "-o", tmp_path / "out", "--device", "cuda")
    assert answer.code == 7
    assert "--device cpu" in answer.err
