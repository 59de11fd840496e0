from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pydicom import config, dcmread
from pydicom.data import get_charset_files

from procguide.imaging import Volume
from procguide.imaging.files import write_image
from tests.cli.conftest import PATIENT_ID, PATIENT_NAME, Invoke
from tests.dicom.made_images import make_image, ramp, saved


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


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("chrArab.dcm", "قباني^لنزار"),
        ("chrFren.dcm", "Buc^Jérôme"),
        ("chrGerm.dcm", "Äneas^Rüdiger"),
        ("chrGreek.dcm", "Διονυσιος"),
        ("chrH31.dcm", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("chrH32.dcm", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        ("chrHbrw.dcm", "שרון^דבורה"),
        ("chrI2.dcm", "Hong^Gildong=洪^吉洞=홍^길동"),
        ("chrRuss.dcm", "Люкceмбypг"),
        ("chrX1.dcm", "Wang^XiaoDong=王^小東"),
        ("chrX2.dcm", "Wang^XiaoDong=王^小东"),
    ],
)
def test_whose_images_in_any_character_set_when_asked(invoke: Invoke, name: str, person: str) -> None:
    file = get_charset_files(name)[0]
    (series,) = json.loads(invoke("info", file, "--json", "--identity").out)["series"]
    assert series["identity"]["patient_name"] == person
    assert person in invoke("info", file, "--identity").out
    assert person not in invoke("info", file, "--json").out


def test_identity_cannot_steer_the_terminal(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    dataset = dcmread(next(study.rglob("*.dcm")))
    with config.disable_value_validation():
        dataset.PatientID = "1\x1b[2J[red]2"
        dataset.Modality = "[b]"
        dataset.save_as(tmp_path / "one.dcm")
    answer = invoke("info", tmp_path / "one.dcm", "--identity")
    assert "1[2J[red]2" in answer.out
    assert "\x1b" not in answer.out
    assert "[b]" not in answer.out


def test_what_a_frame_measures(invoke: Invoke, tmp_path: Path) -> None:
    dataset = make_image(
        "XA",
        ramp(4, 30, 40),
        ImagerPixelSpacing=[0.3, 0.3],
        DistanceSourceToDetector="1200",
        DistanceSourceToPatient="800",
        PositionerPrimaryAngle="-25",
        PositionerSecondaryAngle="10",
        FrameTime="40",
        WindowCenter="100",
        WindowWidth="200",
    )
    file = saved(dataset, tmp_path / "xa.dcm")
    (series,) = json.loads(invoke("info", file, "--json").out)["series"]
    assert series["shape_kji"] == [4, 30, 40]
    frames = series["frames"]
    assert frames["pixel_size"] == {
        "rows_mm": 0.3,
        "columns_mm": 0.3,
        "plane": "detector",
        "calibration": "",
    }
    assert frames["in_patient"]["rows_mm"] == pytest.approx(0.2)
    assert frames["carm"]["magnification"] == pytest.approx(1.5)
    assert (frames["rate_hz"], frames["duration_s"]) == (25, 0.12)
    assert series["windows"] == [{"centre": 100, "width": 200, "name": ""}]
    out = invoke("info", file).out
    assert "0.300 x 0.300 (detector)" in out
    assert "RAO 25 CRA 10" in out


def test_some_damaged_files_are_8_and_the_rest_is_listed(invoke: Invoke, study: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(study, tmp_path / "copy"))
    file = next(folder.rglob("*.dcm"))
    file.write_bytes(file.read_bytes()[:600])
    answer = invoke("info", folder, "--json")
    assert answer.code == 8
    document = json.loads(answer.out)
    assert document["series"][0]["modality"] == "CT"
    assert [finding["name"] for finding in document["findings"]] == ["damaged files"]
    assert "1 DICOM files are damaged" in answer.err
