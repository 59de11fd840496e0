from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import procguide.phantom
from procguide.dicom import read_study
from tests.cli.conftest import Invoke

_build = procguide.phantom.build


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slab round L4 in place of the whole torso."""

    def build(parameters: Any) -> Any:
        return _build(parameters, 4.0, box=((-60.0, -60.0, 30.0), (60.0, 100.0, 60.0)))

    monkeypatch.setattr(procguide.phantom, "build", build)


@pytest.mark.usefixtures("small")
def test_a_study_with_its_truth(invoke: Invoke, tmp_path: Path) -> None:
    answer = invoke("phantom", "-o", tmp_path / "study", "--seed", "4", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    series = read_study(tmp_path / "study").choose()
    assert (series.modality, len(series.files)) == ("CT", document["dicom_files"])
    truth = {file.name for file in (tmp_path / "study" / "truth").iterdir()}
    assert truth == {"levels.nii.gz", "regions.nii.gz", "spine.json", "parameters.json"}
    assert json.loads((tmp_path / "study" / "run.json").read_text())["provenance"]["parameters"] == {
        "seed": 4
    }


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
