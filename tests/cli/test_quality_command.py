from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.imaging.files import write_image
from procguide.quality.faults.ct import blurred, noisy
from tests.cli.conftest import PATIENT_ID, PATIENT_NAME, Invoke


@pytest.fixture
def noise_file(ct: Volume, tmp_path: Path) -> Path:
    file = tmp_path / "noisy.nii.gz"
    write_image(noisy(ct, 0.45, 2), file)
    return file


def test_findings_are_a_document(invoke: Invoke, study: Path) -> None:
    answer = invoke("quality", study, "--json")
    assert answer.code in (0, 5)
    document = json.loads(answer.out)
    assert document["schema"] == "procguide.quality/1"
    (image,) = document["images"]
    assert image["kind"] == "CT"
    noise = next(check for check in image["checks"] if check["check"] == "noise")
    assert noise["unit"] == "HU"
    assert noise["limits"]["source"]
    assert noise["words"] or noise["not_judged"]
    assert all(secret not in answer.out + answer.err for secret in (PATIENT_ID, *PATIENT_NAME.split("^")))


def test_pictures_of_what_failed(invoke: Invoke, noise_file: Path, tmp_path: Path) -> None:
    answer = invoke("quality", noise_file, "-o", tmp_path / "out", "--json")
    document = json.loads(answer.out)
    (image,) = document["images"]
    failed = [check for check in image["checks"] if check["severity"] in ("caution", "stop")]
    assert failed
    assert len(image["pictures"]) == len(failed)
    written = {file.name for file in (tmp_path / "out").iterdir()}
    assert written == {"quality.json", "run.json", *image["pictures"]}
    assert json.loads((tmp_path / "out" / "quality.json").read_text())["images"] == document["images"]


def test_the_table_names_every_check(invoke: Invoke, study: Path) -> None:
    answer = invoke("quality", study)
    assert all(name in answer.out for name in ("noise", "truncated field", "gantry tilt"))


def test_a_kind_that_is_none(invoke: Invoke, study: Path) -> None:
    answer = invoke("quality", study, "--kind", "PET")
    assert answer.code == 2
    assert "ultrasound" in answer.err


def test_where_nothing_is_fit_the_exit_code_says_so(invoke: Invoke, tmp_path: Path) -> None:
    coarse = Affine.axis_aligned([9.0, 5.0, 5.0], [0, 0, 0])
    values = np.full((20, 40, 40), 40, np.int16)
    values[:, :5] = -1000
    write_image(Volume(values, coarse, Modality.CT), tmp_path / "coarse.nii.gz")
    answer = invoke("quality", tmp_path / "coarse.nii.gz", "--json")
    assert answer.code == 5
    assert json.loads(answer.out)["images"][0]["severity"] == "stop"
    assert any(name in answer.err for name in ("resolution", "pixel size", "blur"))


SAMPLE = Path(__file__).resolve().parents[2] / "sample_dicom" / "lumbar"
PLAN = ("--procedure", "transforaminal_esi_subpedicular", "--level", "L3-L4", "--side", "left")


def test_a_plan_is_refused_on_an_unfit_image(invoke: Invoke, ct: Volume, tmp_path: Path) -> None:
    write_image(blurred(ct, 1.0), tmp_path / "blurred.nii.gz")
    answer = invoke("plan", tmp_path / "blurred.nii.gz", *PLAN, "-o", tmp_path / "out")
    assert answer.code == 5
    assert "blur: Edges are" in answer.err
    assert not (tmp_path / "out").exists()


def test_an_oblique_entry_outside_a_narrow_mri_is_refused_as_out_of_view(
    invoke: Invoke, tmp_path: Path
) -> None:
    answer = invoke("plan", SAMPLE / "t2_sagittal", *PLAN, "-o", tmp_path / "out")
    assert answer.code == 3
    assert "the image's edge before any skin (load images that show more)" in answer.err
    (series,) = json.loads(invoke("info", SAMPLE / "t2_sagittal", "--json").out)["series"]
    assert series["usable_for"].startswith("planning with caution: MR")


def test_a_caution_stands_on_the_plan(invoke: Invoke, noise_file: Path, tmp_path: Path) -> None:
    answer = invoke("plan", noise_file, *PLAN, "-o", tmp_path / "out")
    assert answer.code in (0, 3)
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    noise = next(finding for finding in run["findings"] if finding["name"] == "noise")
    assert noise["severity"] == "caution"
    assert noise["words"] in (tmp_path / "out" / "report.html").read_text()
