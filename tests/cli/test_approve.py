"""A person's approval of a plan: where it stands, and what takes it away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from procguide.approval import approval_of, plan_sha256
from procguide.audit import open_log, read_records
from procguide.dicom import read_plan_report, read_sitting_report
from procguide.dicom.write_fiducials import read_fiducials
from procguide.phantom import Phantom
from tests.cli.conftest import PATIENT_ID, PATIENT_NAME, Invoke, answer_with_truth
from tests.dicom.derived_case import conformance, without_nothing

ONE = ["--procedure", "transforaminal_esi_subpedicular", "--level", "L4-L5", "--side", "left"]
SITTING = ["--procedure", "lumbar_medial_branch_block", "--level", "L3", "--side", "both"]
WHO = ["--by", "Panza^Sancho", "--reason", "the path is clear <on> all slices"]


def planned(invoke: Invoke, study: Path, subject: Phantom, asked: list[str], folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        answer_with_truth(subject, patch)
        assert invoke("plan", study, *asked, "-o", folder).code == 0
    return folder


@pytest.fixture(scope="module")
def proposal(invoke: Invoke, study: Path, subject: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planned(invoke, study, subject, ONE, tmp_path_factory.mktemp("approve") / "one")


@pytest.fixture(scope="module")
def sitting_proposal(
    invoke: Invoke, study: Path, subject: Phantom, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return planned(invoke, study, subject, SITTING, tmp_path_factory.mktemp("approve") / "sitting")


@pytest.fixture
def folder(proposal: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(proposal, tmp_path / "out"))


@pytest.fixture
def sitting(sitting_proposal: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sitting_proposal, tmp_path / "out"))


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """The messages of a site's log that tell of approvals."""
    monkeypatch.setenv("PROCGUIDE_AUDIT_LOG", str(tmp_path / "audit.jsonl"))
    monkeypatch.setenv("PROCGUIDE_AUDIT_IDENTIFIERS", "yes")

    def read() -> list[dict[str, Any]]:
        log = open_log()
        assert log is not None
        messages = [dict(record.message) for record in read_records(log)]
        what = [one["EventIdentification"]["EventOutcomeDescription"]["text"] for one in messages]
        return [one for one, words in zip(messages, what, strict=True) if words == "plan approved"]

    return read


def document_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "plan.json").read_text())  # type: ignore[no-any-return]


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


class TestOneNeedle:
    def test_who_when_why_and_the_plans_hash_stand_in_plan_json(self, invoke: Invoke, folder: Path) -> None:
        before = document_of(folder)
        answer = invoke("approve", folder, *WHO, "--organisation", "Barataria", "--json")
        assert answer.code == 0, answer.err
        document = document_of(folder)
        assert {**document, "approved": None} == before
        approval = approval_of(document)
        assert approval is not None
        assert (approval.by, approval.organisation, approval.rank) == ("Panza^Sancho", "Barataria", 1)
        assert approval.reason == "the path is clear <on> all slices"
        assert approval.plan_sha256 == plan_sha256(before)
        assert approval.time_utc.endswith("+00:00")
        assert json.loads(answer.out)["approved"] == document["approved"]

    def test_the_reports_first_lines_say_so(self, invoke: Invoke, folder: Path) -> None:
        assert invoke("approve", folder, *WHO).code == 0
        page = (folder / "report.html").read_text()
        first = page[: page.index("<h1>")]
        assert "needle of rank 1 approved by Panza Sancho" in first
        assert "the path is clear &lt;on&gt; all slices" in first
        assert plan_sha256(document_of(folder)) in first
        assert "RANK 1 APPROVED" in first
        assert "not approved" not in page.lower()

    def test_the_structured_report_is_a_new_verified_one(self, invoke: Invoke, folder: Path) -> None:
        old = pydicom.dcmread(folder / "dicom" / "plan.dcm")
        assert invoke("approve", folder, *WHO).code == 0
        new = pydicom.dcmread(folder / "dicom" / "plan.dcm")
        assert new.SOPInstanceUID != old.SOPInstanceUID
        assert new.SeriesInstanceUID != old.SeriesInstanceUID
        predecessor = new.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
        assert predecessor.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == old.SOPInstanceUID
        assert (new.VerificationFlag, new.PreliminaryFlag) == ("VERIFIED", "FINAL")
        assert new.VerifyingObserverSequence[0].VerifyingObserverName == "Panza^Sancho"
        assert "not approved" not in new.SeriesDescription
        read = read_plan_report(folder / "dicom" / "plan.dcm")
        assert without_nothing(read) == without_nothing(document_of(folder))
        assert approval_of(read) is not None

    @pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
    def test_all_objects_conform_and_say_it(self, invoke: Invoke, folder: Path) -> None:
        assert invoke("approve", folder, *WHO).code == 0
        for file in sorted((folder / "dicom").glob("*.dcm")):
            assert conformance(file) == [], file.name
            if file.name not in ("labels.dcm", "bones.dcm"):
                said = pydicom.dcmread(file, stop_before_pixels=True).SeriesDescription
                assert "approved" in said
                assert "not approved" not in said

    def test_another_needle_than_the_recommended_one(self, invoke: Invoke, sitting: Path) -> None:
        """Only what shows it is written again: pictures and surface are of the first."""
        folder = sitting / "L3-left"
        before = content(folder)
        assert len(document_of(folder)["plans"]) > 1
        assert invoke("approve", folder, *WHO, "--rank", 2).code == 0
        after = content(folder)
        assert before["dicom/needle.dcm"] == after["dicom/needle.dcm"]
        points = read_fiducials(pydicom.dcmread(folder / "dicom" / "points.dcm"))
        said = {one.identifier: "not approved" in one.words for one in points}
        assert said["1 target"]
        assert not said["2 target"]
        lines = json.loads(after["plan.mrk.json"])["markups"]
        assert [line["name"].endswith("(approved)") for line in lines][:2] == [False, True]
        assert "RANK 2 APPROVED" in after["report.html"].decode()
        if document_of(sitting)["stops"][0]["chosen_rank"] == 1:
            assert invoke("approve", sitting, *WHO).code == 5

    def test_it_is_logged_with_the_plans_hash(
        self, invoke: Invoke, folder: Path, logged: Callable[[], list[dict[str, Any]]]
    ) -> None:
        assert invoke("approve", folder, *WHO).code == 0
        (message,) = logged()
        assert message["ActiveParticipant"][0]["UserID"] == "Panza^Sancho"
        study, patient = message["ParticipantObjectIdentification"]
        assert patient["ParticipantObjectID"] == PATIENT_ID
        assert [one["type"] for one in study["ParticipantObjectDetail"]] == ["plan sha256", "entered by"]

    def test_no_identity_comes_out(self, invoke: Invoke, folder: Path) -> None:
        answer = invoke("approve", folder, *WHO)
        texts = [answer.out, answer.err, *((folder / name).read_text() for name in ("plan.json", "run.json"))]
        assert not any(secret in text for text in texts for secret in (PATIENT_ID, *PATIENT_NAME.split("^")))


class TestWhatTakesItAway:
    def test_an_edited_plan_has_lost_its_approval(self, invoke: Invoke, folder: Path) -> None:
        assert invoke("approve", folder, *WHO).code == 0
        assert invoke("approve", folder, "--check").code == 0
        document = document_of(folder)
        document["plans"][0]["target_lps_mm"][0] += 1
        (folder / "plan.json").write_text(json.dumps(document))
        assert approval_of(document) is None
        answer = invoke("approve", folder, "--check")
        assert answer.code == 5
        assert "not as it was written" in answer.err

    def test_an_edited_report_has_lost_it_too(self, invoke: Invoke, folder: Path) -> None:
        assert invoke("approve", folder, *WHO).code == 0
        path = folder / "dicom" / "plan.dcm"
        data = path.read_bytes()
        assert data.count(b"L4-L5") > 1
        path.write_bytes(data.replace(b"L4-L5", b"L3-L4"))
        assert read_plan_report(path)["approved"] is None

    def test_nobody_has(self, invoke: Invoke, folder: Path) -> None:
        answer = invoke("approve", folder, "--check")
        assert (answer.code, "nobody has approved" in answer.err) == (5, True)


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ([], "--by and --reason"),
            (["--by", "Panza"], "--by and --reason"),
            (["--by", " ", "--reason", "clear"], "name of who approves"),
            (["--by", "a\\b", "--reason", "clear"], "without any of"),
            (["--by", "Panza", "--reason", "two\nlines"], "one line"),
            ([*WHO, "--rank", "77"], "no plan of rank 77"),
            ([*WHO, "--check"], "--check only says"),
        ],
    )
    def test_wrong_usage_changes_nothing(
        self, invoke: Invoke, proposal: Path, options: list[str], words: str
    ) -> None:
        before = content(proposal)
        answer = invoke("approve", proposal, *options)
        assert answer.code == 2
        assert words in answer.err
        assert content(proposal) == before
        assert [one.name for one in proposal.parent.iterdir() if "partial" in one.name] == []

    @pytest.mark.parametrize("name", ["plan.json", "report.html", "dicom/plan.dcm"])
    def test_an_altered_plan(self, invoke: Invoke, folder: Path, name: str) -> None:
        with (folder / name).open("ab") as stream:
            stream.write(b" ")
        answer = invoke("approve", folder, *WHO)
        assert answer.code == 5
        assert f"{name} is not as it was written" in answer.err

    def test_one_that_is_gone_in_part(self, invoke: Invoke, folder: Path) -> None:
        (folder / "dicom" / "needle.dcm").unlink()
        assert invoke("approve", folder, *WHO).code == 5

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "procguide.plan/1"}', "[" * 100_000])
    def test_an_unreadable_one(self, invoke: Invoke, folder: Path, text: str) -> None:
        (folder / "plan.json").write_text(text)
        assert invoke("approve", folder, *WHO).code == 4

    def test_nothing_there(self, invoke: Invoke, tmp_path: Path) -> None:
        assert invoke("approve", tmp_path / "none", *WHO).code == 4

    def test_a_second_time(self, invoke: Invoke, folder: Path) -> None:
        assert invoke("approve", folder, *WHO).code == 0
        before = content(folder)
        answer = invoke("approve", folder, "--by", "Another", "--reason", "why not")
        assert (answer.code, "approved already" in answer.err) == (5, True)
        assert content(folder) == before

    def test_without_a_log_where_one_is_asked_for_nothing_is_approved(
        self, invoke: Invoke, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("PROCGUIDE_AUDIT_LOG", str(tmp_path / "file" / "audit.jsonl"))
        assert invoke("approve", folder, *WHO).code == 6
        assert document_of(folder)["approved"] is None


class TestSitting:
    def test_all_its_needles_are_approved(
        self, invoke: Invoke, sitting: Path, logged: Callable[[], list[dict[str, Any]]]
    ) -> None:
        answer = invoke("approve", sitting, *WHO)
        assert answer.code == 0, answer.err
        document = document_of(sitting)
        whole = approval_of(document)
        assert whole is not None
        assert whole.rank is None
        for stop in document["stops"]:
            own = document_of(sitting / stop["folder"])
            approval = approval_of(own)
            assert approval is not None
            assert approval.rank == stop["chosen_rank"]
            assert stop["plan_set"]["approved"] == own["approved"]
            page = (sitting / stop["folder"] / "report.html").read_text()
            assert f"RANK {approval.rank} APPROVED" in page
        assert "all needles approved by Panza Sancho" in (sitting / "report.html").read_text()
        assert len(logged()) == 3
        assert invoke("approve", sitting, "--check").code == 0

    def test_its_report_names_the_approved_reports(self, invoke: Invoke, sitting: Path) -> None:
        assert invoke("approve", sitting, *WHO).code == 0
        path = sitting / "dicom" / "plan.dcm"
        read = read_sitting_report(path)
        assert read["approved"]["by"] == "Panza^Sancho"
        own = [pydicom.dcmread(sitting / f"L3-{side}" / "dicom" / "plan.dcm") for side in ("left", "right")]
        new = {(str(one.SeriesInstanceUID), str(one.SOPInstanceUID)) for one in own}
        report = pydicom.dcmread(path)
        evidence = {
            (str(series.SeriesInstanceUID), str(one.ReferencedSOPInstanceUID))
            for study in report.CurrentRequestedProcedureEvidenceSequence
            for series in study.ReferencedSeriesSequence
            for one in series.ReferencedSOPSequence
        }
        assert new <= evidence
        said = [
            str(item.ConceptCodeSequence[0].CodeValue)
            for group in report.ContentSequence[-1].ContentSequence
            for item in group.ContentSequence
            if item.ConceptNameCodeSequence[0].CodeValue == "APPROVAL"
        ]
        assert said == ["APPROVED"] * 3

    def test_one_needle_by_itself_and_then_the_rest(self, invoke: Invoke, sitting: Path) -> None:
        first = ["--by", "Carrasco", "--reason", "by itself"]
        assert invoke("approve", sitting / "L3-left", *first).code == 0
        assert invoke("approve", sitting, *WHO).code == 0
        names = [document_of(sitting / f"L3-{side}")["approved"]["by"] for side in ("left", "right")]
        assert names == ["Carrasco", "Panza^Sancho"]

    def test_a_needle_that_was_altered(self, invoke: Invoke, sitting: Path) -> None:
        with (sitting / "L3-left" / "plan.json").open("a") as stream:
            stream.write(" ")
        before = content(sitting)
        assert invoke("approve", sitting, *WHO).code == 5
        assert content(sitting) == before
