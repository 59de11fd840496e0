from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import procguide.phantom
from procguide.cli.phantom import Image
from procguide.dicom import read_study
from tests.cli.conftest import Invoke

_build = procguide.phantom.build


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slab round L4 in place of the whole torso."""

    def build(parameters: Any, spacing_mm: float = 1.0) -> Any:
        spacing = max(spacing_mm, 3.5)
        return _build(parameters, spacing, box=((-60.0, -60.0, 30.0), (60.0, 100.0, 60.0)))

    monkeypatch.setattr(procguide.phantom, "build", build)


@pytest.mark.usefixtures("small")
def test_a_study_with_its_truth(invoke: Invoke, tmp_path: Path) -> None:
    answer = invoke("phantom", "-o", tmp_path / "study", "--seed", "4", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    series = read_study(tmp_path / "study").choose()
    assert (series.modality, len(series.files)) == ("CT", document["dicom_files"] - 1)
    truth = {file.name for file in (tmp_path / "study" / "truth").iterdir()}
    maps = {f"{name}.nii.gz" for name in ("tissues", "regions", "levels", "instances")}
    documents = {f"{name}.json" for name in ("spine", "courses", "zones", "parameters")}
    assert truth == maps | documents | {"segmentation.dcm"}
    assert json.loads((tmp_path / "study" / "run.json").read_text())["provenance"]["parameters"] == {
        "subject": "seed",
        "seed": 4,
        "modalities": "ct",
        "posture": "supine",
        "spacing_mm": 1.0,
        "enhanced": False,
    }


@pytest.mark.usefixtures("small")
def test_several_series_of_the_difficult_subject_prone(invoke: Invoke, tmp_path: Path) -> None:
    answer = invoke(
        "phantom", "-o", tmp_path / "study", "--subject", "difficult", "--posture", "prone", "--spacing", "4",
        "--modality", "ct", "--modality", "t1-sagittal", "--enhanced", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["modalities"] == ["ct", "t1-sagittal"]
    assert document["dicom_files"] == 3
    names = {path.name for path in (tmp_path / "study").iterdir()}
    assert names == {"ct", "t1_sagittal", "truth", "run.json"}
    assert (tmp_path / "study/truth/supine_from_prone.mha").is_file()
    subject = json.loads((tmp_path / "study/truth/parameters.json").read_text())
    assert "L6" in subject["parameters"]["levels"]


def test_the_series_offered_are_those_that_can_be_taken() -> None:
    assert [image.value for image in Image] == list(procguide.phantom.IMAGES)


@pytest.mark.parametrize("wrong", [("--modality", "pet"), ("--spacing", "9"), ("--posture", "sitting")])
def test_a_wrong_choice_is_2(invoke: Invoke, tmp_path: Path, wrong: tuple[str, str]) -> None:
    answer = invoke("phantom", "-o", tmp_path / "study", *wrong)
    assert answer.code == 2
    assert not (tmp_path / "study").exists()


@pytest.mark.usefixtures("small")
def test_the_same_seed_gives_the_same_images(invoke: Invoke, tmp_path: Path) -> None:
    images = []
    for name in ("a", "b"):
        assert invoke("phantom", "-o", tmp_path / name, "--seed", "7").code == 0
        images.append([file.read_bytes() for file in sorted((tmp_path / name).rglob("*.dcm"))])
    assert images[0] == images[1]


def test_an_existing_folder_is_6(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    answer = invoke("phantom", "-o", tmp_path)
    assert answer.code == 6
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_negative_seed_is_2(invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("phantom", "-o", tmp_path / "study", "--seed", "-1").code == 2
