import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from procguide import DISCLAIMER
from procguide.approval import approve_document
from procguide.dicom import read_plan_report, read_sources, write_plan_report
from procguide.dicom.approve_objects import approve_objects
from procguide.errors import InputUnfitError, InputUnreadableError, UsageError
from tests.dicom.derived_case import conformance, make_series, plan_document, without_nothing

DECISION = approve_document(
    plan_document(), "Panza^Sancho", "the path is clear", rank=2, organisation="Barataria"
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return read_sources(make_series(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def written(sources, tmp_path_factory):
    return write_plan_report(plan_document(), sources, tmp_path_factory.mktemp("sr") / "plan.dcm")


@pytest.fixture(scope="module")
def approved(written, tmp_path_factory):
    folder = tmp_path_factory.mktemp("approved")
    shutil.copy(written, folder / "plan.dcm")
    approve_objects(folder, DECISION)
    return folder / "plan.dcm"


def approvals(path):
    """What the plan and each of its needles say of their approval."""
    items = [item for item in _items(pydicom.dcmread(path)) if item.get("ValueType") == "CODE"]
    named = [item for item in items if item.ConceptNameCodeSequence[0].CodeValue == "APPROVAL"]
    return [str(item.ConceptCodeSequence[0].CodeValue) for item in named]


class TestRoundTrip:
    def test_every_number_and_word_comes_back(self, written):
        assert without_nothing(read_plan_report(written)) == without_nothing(plan_document())

    def test_numbers_are_identical_and_not_near(self, written):
        read, meant = read_plan_report(written), plan_document()
        for part in ("plans", "limits", "approved", "side", "reason", "warnings"):
            assert read[part] == meant[part]
        assert isinstance(read["candidates"]["considered"], int)

    @pytest.mark.parametrize("size", [0.01, 99.99, 999.99, 9999.99])
    def test_coordinates_are_exact_to_a_hundredth(self, sources, tmp_path, size):
        document = plan_document()
        document["plans"][0]["entry_lps_mm"] = [size, -size, size - 0.01]
        path = write_plan_report(document, sources, tmp_path / "a.dcm")
        assert read_plan_report(path)["plans"][0]["entry_lps_mm"] == [size, -size, round(size - 0.01, 2)]

    def test_no_plan_at_all(self, sources, tmp_path):
        document = plan_document(plans=[], reason="bone excluded most", side=None)
        read = read_plan_report(write_plan_report(document, sources, tmp_path / "a.dcm"))
        assert (read["plans"], read["reason"]) == ([], "bone excluded most")
        assert read.get("side") is None


class TestApproval:
    def test_without_one_it_says_so_and_is_not_verified(self, written):
        dataset = pydicom.dcmread(written)
        assert (dataset.VerificationFlag, dataset.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
        assert "not approved" in dataset.SeriesDescription
        assert "VerifyingObserverSequence" not in dataset
        assert approvals(written) == ["NOT_APPROVED"] * (1 + 2)
        assert read_plan_report(written)["approved"] is None

    def test_of_one_needle_by_a_named_person(self, approved):
        dataset = pydicom.dcmread(approved)
        assert dataset.VerificationFlag == "VERIFIED"
        assert dataset.VerifyingObserverSequence[0].VerifyingObserverName == "Panza^Sancho"
        assert dataset.VerifyingObserverSequence[0].VerifyingOrganization == "Barataria"
        assert approvals(approved) == ["APPROVED", "NOT_APPROVED", "APPROVED"]
        assert read_plan_report(approved)["approved"] == DECISION["approved"]

    @pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
    def test_conforms_to_the_standard(self, approved):
        assert conformance(approved) == []

    def test_a_report_is_never_approved_from_the_start(self, sources, tmp_path):
        with pytest.raises(UsageError, match="as a proposal"):
            write_plan_report(DECISION, sources, tmp_path / "a.dcm")
        assert not (tmp_path / "a.dcm").exists()

    def test_by_nobody_or_of_another_plan_is_refused(self, written, tmp_path):
        shutil.copy(written, tmp_path / "plan.dcm")
        with pytest.raises(UsageError, match="nobody is named"):
            approve_objects(tmp_path, plan_document())
        other = approve_document(plan_document(level="L3-L4"), "Panza", "clear", rank=1)
        with pytest.raises(InputUnfitError, match="not the report of this plan"):
            approve_objects(tmp_path, other)
        assert (tmp_path / "plan.dcm").read_bytes() == written.read_bytes()

    def test_a_name_without_the_code_of_approval_approves_nothing(self, approved, tmp_path):
        dataset = pydicom.dcmread(approved)
        for item in _items(dataset):
            if item.ConceptNameCodeSequence[0].CodeValue == "APPROVAL":
                item.ConceptCodeSequence[0].CodeValue = "NOT_APPROVED"
        dataset.save_as(tmp_path / "a.dcm")
        assert read_plan_report(tmp_path / "a.dcm")["approved"] is None

    def test_nor_does_the_code_with_another_number(self, approved, tmp_path):
        dataset = pydicom.dcmread(approved)
        texts = [item for item in _items(dataset) if item.get("TextValue") == "L4-L5"]
        assert texts
        texts[0].TextValue = "L3-L4"
        dataset.save_as(tmp_path / "a.dcm")
        read = read_plan_report(tmp_path / "a.dcm")
        assert (read["level"], read["approved"]) == ("L3-L4", None)


class TestReferences:
    def test_it_belongs_to_the_patients_study(self, written, sources):
        dataset, source = pydicom.dcmread(written), sources.first
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "StudyID", "StudyDate"):
            assert dataset[keyword].value == source[keyword].value
        assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
        (study,) = dataset.CurrentRequestedProcedureEvidenceSequence
        (series,) = study.ReferencedSeriesSequence
        named = {str(one.ReferencedSOPInstanceUID) for one in series.ReferencedSOPSequence}
        assert named == {str(header.SOPInstanceUID) for header in sources.headers}

    def test_the_needle_lies_in_the_frame_of_reference(self, written, sources):
        lines = [item for item in _items(pydicom.dcmread(written)) if item.get("ValueType") == "SCOORD3D"]
        assert len(lines) == 2
        assert {str(line.ReferencedFrameOfReferenceUID) for line in lines} == {sources.frame_of_reference_uid}
        assert list(lines[1].GraphicData) == pytest.approx([-2, 20, 10, 1.02, 11, 19], abs=1e-6)

    def test_the_slice_at_the_target_is_named(self, written, sources):
        images = [item for item in _items(pydicom.dcmread(written)) if item.get("ValueType") == "IMAGE"]
        k = sources.series.grid.affine.inverse.apply([1.01, 11.07, 18.99])[0]
        expected = sources.series.slices[round(k)].instance_uid
        assert images[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == expected

    def test_of_a_multi_frame_image_the_frame(self, tmp_path):
        sources = read_sources(make_series(tmp_path / "ct", enhanced=True))
        path = write_plan_report(plan_document(), sources, tmp_path / "a.dcm")
        image = next(item for item in _items(pydicom.dcmread(path)) if item.get("ValueType") == "IMAGE")
        k = sources.series.grid.affine.inverse.apply([1.01, 11.07, 18.99])[0]
        nearest = min(sources.series.slices, key=lambda one: abs(one.index - k))
        assert image.ReferencedSOPSequence[0].ReferencedFrameNumber == nearest.frame + 1


class TestForOthers:
    def test_it_says_what_it_is_not(self, written):
        dataset = pydicom.dcmread(written)
        assert dataset.ContentQualification == "RESEARCH"
        assert dataset.ContributingEquipmentSequence[-1].ContributionDescription == DISCLAIMER
        assert DISCLAIMER in {str(item.get("TextValue", "")) for item in _items(dataset)}

    @pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
    def test_conforms_to_the_standard(self, written):
        assert conformance(written) == []

    @pytest.mark.skipif(shutil.which("dsrdump") is None, reason="dcmtk is not installed")
    def test_dcmtk_reads_it(self, written):
        command = ["dsrdump", "+Pl", "+U8", str(written)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "Comprehensive 3D SR Document" in run.stdout
        assert '(11994002,SCT,"L4 vertebra")' in run.stdout
        assert '"Clearance from the needle\'s surface")="3.71" (mm,UCUM,"mm")' in run.stdout
        assert "längste Nadel" in run.stdout
        faults = [line for line in run.stderr.splitlines() if not line.startswith("W: The VR checker")]
        assert faults == []


class TestRefusals:
    def test_an_image_is_no_report(self, sources):
        with pytest.raises(InputUnreadableError, match="structured report"):
            read_plan_report(sources.series.files[0])

    def test_another_report(self, written, tmp_path):
        dataset = pydicom.dcmread(written)
        dataset.ContentSequence.pop()
        dataset.save_as(tmp_path / "a.dcm")
        with pytest.raises(InputUnreadableError, match="no needle plan"):
            read_plan_report(tmp_path / "a.dcm")

    @pytest.mark.parametrize("kept", [0, 10, 200, 4000])
    def test_cut_short(self, written, tmp_path, kept):
        (tmp_path / "a.dcm").write_bytes(written.read_bytes()[:kept])
        with pytest.raises(InputUnreadableError):
            read_plan_report(tmp_path / "a.dcm")

    def test_nested_without_end(self, written, tmp_path):
        dataset = pydicom.dcmread(written)
        inner = pydicom.Dataset()
        inner.TextValue = "x"
        for _ in range(120):
            outer = pydicom.Dataset()
            outer.ContentSequence = [inner]
            inner = outer
        dataset.ContentSequence.append(inner)
        dataset.save_as(tmp_path / "a.dcm")
        with pytest.raises(InputUnreadableError):
            read_plan_report(tmp_path / "a.dcm")

    @pytest.mark.parametrize("seed", range(3))
    def test_damaged_anywhere_it_is_read_or_refused(self, written, tmp_path, seed):
        """Never another error, and never approved by damage."""
        random, whole = np.random.default_rng(seed), written.read_bytes()
        refused = 0
        for _ in range(60):
            data = bytearray(whole)
            for place in random.integers(132, len(data), 8):
                data[place] = random.integers(256)
            (tmp_path / "a.dcm").write_bytes(data)
            try:
                assert read_plan_report(tmp_path / "a.dcm")["approved"] is None
            except InputUnreadableError:
                refused += 1
        assert 0 < refused <= 60

    def test_nothing_there(self, tmp_path: Path):
        with pytest.raises(InputUnreadableError):
            read_plan_report(tmp_path / "none.dcm")


def _items(dataset):
    for item in dataset.get("ContentSequence", ()):
        yield item
        yield from _items(item)
