from __future__ import annotations

import json
import shutil
from pathlib import Path

import pydicom
import pytest

from procguide.approval import plan_sha256, summary_of_stop
from procguide.dicom import read_sitting_report
from procguide.phantom import Phantom
from tests.cli.conftest import PATIENT_ID, PATIENT_NAME, Invoke, Planned, answer_with_truth
from tests.dicom.derived_case import conformance, without_nothing

ASKED = ["--procedure", "lumbar_medial_branch_block", "--level", "L3", "--side", "both"]


@pytest.fixture(scope="module")
def sitting(
    invoke: Invoke, study: Path, subject: Phantom, tmp_path_factory: pytest.TempPathFactory
) -> Planned:
    folder = tmp_path_factory.mktemp("sitting") / "out"
    with pytest.MonkeyPatch.context() as patch:
        answer_with_truth(subject, patch)
        return Planned(invoke("plan", study, *ASKED, "-o", folder, "--json"), folder)


def test_a_folder_for_each_needle(sitting: Planned) -> None:
    assert sitting.answer.code == 0, sitting.answer.err
    names = sorted(path.name for path in sitting.folder.iterdir())
    files = ["plan.json", "plan.mrk.json", "report.html", "run.json", "spine.json"]
    assert names == ["L3-left", "L3-right", "dicom", *files]
    for side in ("left", "right"):
        own = json.loads((sitting.folder / f"L3-{side}" / "plan.json").read_text())
        assert (own["schema"], own["side"]) == ("procguide.plan/1", side)
        assert (sitting.folder / f"L3-{side}" / "report.html").is_file()


def test_the_document_is_the_sitting(sitting: Planned) -> None:
    document = sitting.document
    assert document == json.loads((sitting.folder / "plan.json").read_text())
    assert document["schema"] == "procguide.session/1"
    assert document["approved"] is None
    assert [stop["folder"] for stop in document["stops"]] == ["L3-left", "L3-right"]
    assert sorted(document["order"]) == [1, 2]
    assert document["provenance"]["parameters"]["side"] == "left, right"
    assert sum(document["needles"].values()) == 2
    planned, one_by_one = (document["carm_travel"][name]["turning_deg"] for name in ("planned", "one_by_one"))
    assert planned < one_by_one


def test_every_needle_stands_at_its_stations(sitting: Planned) -> None:
    stations = sitting.document["stations"]
    assert {station["view"] for station in stations} >= {"bulls_eye", "true_lateral"}
    for view in ("bulls_eye", "true_lateral"):
        assert sorted(n for one in stations if one["view"] == view for n in one["stops"]) == [1, 2]


def test_the_page_leads_to_each_needle(sitting: Planned) -> None:
    page = (sitting.folder / "report.html").read_text()
    assert "NOT APPROVED" in page
    assert "<script" not in page
    for side in ("left", "right"):
        assert f'href="L3-{side}/report.html"' in page
    assert page.count("<circle") == 2 * 2


def test_slicer_gets_the_chosen_needles(sitting: Planned) -> None:
    lines = json.loads((sitting.folder / "plan.mrk.json").read_text())["markups"]
    assert len(lines) == 2
    assert all("not approved" in line["name"] for line in lines)


def test_the_sitting_has_a_report_that_is_its_document(sitting: Planned) -> None:
    read = read_sitting_report(sitting.folder / "dicom" / "plan.dcm")
    stops = [summary_of_stop(stop) for stop in sitting.document["stops"]]
    assert without_nothing(read) == without_nothing({**sitting.document, "stops": stops})
    assert all(stop["plan"]["target_lps_mm"] for stop in read["stops"])
    assert plan_sha256(read) == plan_sha256(sitting.document)


def test_it_names_the_report_of_each_needle(sitting: Planned) -> None:
    report = pydicom.dcmread(sitting.folder / "dicom" / "plan.dcm")
    own = [
        pydicom.dcmread(sitting.folder / f"L3-{side}" / "dicom" / "plan.dcm") for side in ("left", "right")
    ]
    assert references(report) == [one.SOPInstanceUID for one in own]
    evidence = {
        (str(series.SeriesInstanceUID), str(one.ReferencedSOPInstanceUID))
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    assert evidence >= {(str(one.SeriesInstanceUID), str(one.SOPInstanceUID)) for one in own}


def references(report: pydicom.Dataset) -> list[str]:
    """The reports of needles that a sitting's refers to."""
    items = [item for group in report.ContentSequence[-1].ContentSequence for item in group.ContentSequence]
    composites = [item for item in items if item.ValueType == "COMPOSITE"]
    return [str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for item in composites]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_that_report_conforms_to_the_standard(sitting: Planned) -> None:
    assert conformance(sitting.folder / "dicom" / "plan.dcm") == []


def test_the_run_lists_every_file_and_no_identity(sitting: Planned) -> None:
    run = json.loads((sitting.folder / "run.json").read_text())
    files = {
        file.relative_to(sitting.folder).as_posix() for file in sitting.folder.rglob("*") if file.is_file()
    }
    assert set(run["outputs"]) == files
    for file in sitting.folder.rglob("*.json"):
        text = file.read_text().lower()
        assert not any(secret.lower() in text for secret in (PATIENT_ID, *PATIENT_NAME.split("^")))


@pytest.mark.usefixtures("truthful")
def test_a_level_that_cannot_be_planned_is_8_and_the_others_are_done(
    invoke: Invoke, study: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    asked = ["--procedure", "lumbar_interlaminar_esi", "--level", "L1-L2", "--level", "L3-L4"]
    answer = invoke("plan", study, *asked, "-o", folder)
    assert answer.code == 8, answer.err
    assert "no needle for L1-L2" in answer.err
    assert "L3-L4" in answer.out
    assert (folder / "L3-L4" / "plan.json").is_file()
    assert not (folder / "L1-L2").exists()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--level", "L3", "--level", "l3", "--side", "left"], "given twice"),
        (["--level", "L3", "--level", "C5", "--side", "left"], "is not done at C5"),
        (["--level", "L3", "--side", "boht"], "did you mean both"),
        (["--level", "L3", "--side", "both", "--target", "1,2,3"], "one level on one side"),
    ],
)
def test_wrong_usage_is_2_before_anything_is_read(
    invoke: Invoke, tmp_path: Path, asked: list[str], words: str
) -> None:
    answer = invoke(
        "plan",
        tmp_path / "nothing",
        "--procedure",
        "lumbar_medial_branch_block",
        *asked,
        "-o",
        tmp_path / "o",
    )
    assert answer.code == 2
    assert words in answer.err
