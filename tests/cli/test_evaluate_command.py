"""``procguide evaluate``: files in, a table or JSON out, and the exit codes of the contract."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from procguide.geometry import Affine
from procguide.imaging import LabelMap
from procguide.imaging.files import write_image
from tests.cli.conftest import Invoke

L4, L5 = 23, 24


def write(file: Path, first: int = L4, second: int = L5, z: float = 0.0) -> Path:
    voxels = np.zeros((30, 20, 20), dtype=np.uint8)
    voxels[16:28, 4:16, 4:16], voxels[2:14, 4:16, 4:16] = first, second
    return write_image(LabelMap(voxels, Affine.axis_aligned(2.0, (0, 0, z))), file)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    return write(tmp_path / "reference.nii.gz")


def test_json_and_file_hold_the_same(invoke: Invoke, reference: Path, tmp_path: Path) -> None:
    file = tmp_path / "out" / "figures.json"
    answer = invoke("evaluate", write(tmp_path / "p.nii.gz"), reference, "--json", "-o", file)
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document == json.loads(file.read_text())
    assert document["schema"] == "procguide.evaluate/1"
    assert document["structures"]["vertebrae"]["dice"] == 1.0
    assert document["vertebrae"]["L4"]["surface_dice_1mm"] == 1.0
    assert document["identification"]["identification_rate"] == 1.0
    assert document["provenance"]["parameters"]["labels_of"] == "verse"
    assert document["disclaimer"]


def test_the_table_says_who_was_taken_for_whom(invoke: Invoke, reference: Path, tmp_path: Path) -> None:
    answer = invoke("evaluate", write(tmp_path / "p.nii.gz", L4 - 1, L4), reference)
    assert answer.code == 0, answer.err
    rows = {line.split()[1]: line.split() for line in answer.out.splitlines() if line.startswith("│ L")}
    assert rows["L5"][-6] == "L4"
    assert rows["L5"][-2] == "no"
    assert "vertebrae found (centroid within 10 mm): 100% of 2" in answer.out
    assert "(within 20 mm): 0%" in answer.out


def test_other_vocabularies_and_a_folder(invoke: Invoke, tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    write(folder / "labels.nii.gz")
    write(folder / "regions.nii.gz", 1, 1)
    reference = write(tmp_path / "total.nii.gz", 28, 27)
    answer = invoke("evaluate", folder, reference, "--labels-of", "totalsegmentator", "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["vertebrae"]["L5"]["dice"] == 1.0
    bodies = write(tmp_path / "bodies.nii.gz", 2, 1)
    answer = invoke("evaluate", folder, bodies, "--labels-of", "counted-bodies", "--json")
    assert json.loads(answer.out)["vertebrae"]["number 1"]["called"] == "L5"
    answer = invoke("evaluate", folder, bodies, "--prediction-labels-of", "verse")
    assert answer.code == 2


@pytest.mark.parametrize(
    ("code", "words", "make"),
    [
        (2, "totalsegmentator", lambda _: ["--labels-of", "totalseg"]),
        (6, "--force", lambda reference: ["-o", reference.with_name("p.json")]),
        (6, "one of the inputs", lambda reference: ["-o", reference, "--force"]),
    ],
)
def test_wrong_use_is_told(
    invoke: Invoke, reference: Path, tmp_path: Path, code: int, words: str, make: object
) -> None:
    (tmp_path / "p.json").write_text("{}")
    before = reference.read_bytes()
    answer = invoke("evaluate", write(tmp_path / "p.nii.gz"), reference, *make(reference))  # type: ignore[operator]
    assert (answer.code, reference.read_bytes()) == (code, before)
    assert words in answer.err
    assert (tmp_path / "p.json").read_text() == "{}"


def test_unfit_and_unreadable_input(invoke: Invoke, reference: Path, tmp_path: Path) -> None:
    away = write(tmp_path / "away.nii.gz", z=5000.0)
    answer = invoke("evaluate", away, reference)
    assert answer.code == 5
    assert "different places" in answer.err
    answer = invoke("evaluate", reference, reference, "--labels-of", "tptbox")
    assert answer.code == 5
    assert "--labels-of" in answer.err
    answer = invoke("evaluate", tmp_path / "none.nii.gz", reference, "--json")
    assert answer.code == 4
    assert json.loads(answer.out)["exit_code"] == 4
    (tmp_path / "empty").mkdir()
    assert invoke("evaluate", tmp_path / "empty", reference).code == 4
