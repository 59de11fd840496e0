from __future__ import annotations

import json
from pathlib import Path

import pytest

from procguide.imaging import Volume
from procguide.imaging.files import write_image
from tests.cli.conftest import PATIENT_ID, PATIENT_NAME, Invoke


def test_a_series_and_what_it_serves(invoke: Invoke, study: Path, ct: Volume) -> None:
    document = json.loads(invoke("info", study, "--json").out)
    (series,) = document["series"]
    assert series["modality"] == "CT"
    assert series["shape_kji"] == [ct.shape[0] // 2, *ct.shape[1:]]
    assert series["spacing_kji_mm"] == [4.0, 2.0, 2.0]
    assert series["orientation_kji"] == "SPL"
    assert "planning" in series["usable_for"]


def test_the_table_says_the_same(invoke: Invoke, study: Path) -> None:
    answer = invoke("info", study)
    assert answer.code == 0
    assert answer.err == ""
    assert "2.00 x 2.00 x 4.00" in answer.out


@pytest.mark.parametrize("flags", [[], ["--json"], ["--debug"]])
def test_no_identity_comes_out(invoke: Invoke, study: Path, flags: list[str]) -> None:
    answer = invoke("info", study, *flags)
    assert all(secret not in answer.out + answer.err for secret in (PATIENT_ID, *PATIENT_NAME.split("^")))


def test_an_image_file(invoke: Invoke, ct: Volume, tmp_path: Path) -> None:
    file = write_image(ct, tmp_path / "ct.nii.gz")
    (series,) = json.loads(invoke("info", file, "--json").out)["series"]
    assert series["modality"] == "CT"
    assert series["spacing_kji_mm"] == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("what", ["missing", "text", "empty folder", "damaged"])
def test_unreadable_is_4(invoke: Invoke, tmp_path: Path, study: Path, what: str) -> None:
    path = tmp_path / "input"
    if what == "text":
        path.write_text("not an image")
    elif what == "empty folder":
        path.mkdir()
    elif what == "damaged":
        path.write_bytes(next(study.rglob("*.dcm")).read_bytes()[:400])
    answer = invoke("info", path)
    assert answer.code == 4
    assert answer.out == ""
    assert answer.err.count("\n") == 1
