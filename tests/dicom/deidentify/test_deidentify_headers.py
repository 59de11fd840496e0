from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_charset_files
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from procguide.dicom.deidentify import Pseudonyms, Report, Settings, deidentify, report_to_json
from procguide.dicom.deidentify.check import find_in_bytes, secrets_of
from procguide.errors import InputUnreadableError
from tests.dicom.deidentify.conftest import KEY, SECRETS, item

Make = Callable[..., FileDataset]
Run = Callable[..., tuple[Report, list[FileDataset]]]


def _bytes(tmp_path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in tmp_path.glob("out*/**/*") if file.is_file()).lower()


def test_nothing_of_the_patient_is_in_the_bytes(patient_slice: Make, run: Run, tmp_path: Path) -> None:
    report, (written,) = run(patient_slice())
    assert report.all_written
    content = _bytes(tmp_path)
    assert [secret for secret in SECRETS if secret in content] == []
    assert b"1.2.826.0.1.3680043.8.498.1001" not in content
    assert not any(secret.decode() in str(tmp_path.glob("out*/**/*")).lower() for secret in SECRETS)
    assert written.PatientID.startswith("P-")
    assert written.PatientIdentityRemoved == "YES"


def test_the_image_is_as_it_was(patient_slice: Make, run: Run) -> None:
    original = patient_slice()
    _, (written,) = run(original)
    assert written.PixelData == original.PixelData
    for keyword in (
        "Rows",
        "PixelSpacing",
        "ImagePositionPatient",
        "RescaleIntercept",
        "SliceThickness",
        "Modality",
    ):
        assert written[keyword].value == original[keyword].value


def test_options_are_written_down_by_their_codes(patient_slice: Make, run: Run) -> None:
    report, (written,) = run(patient_slice())
    codes = [code.CodeValue for code in written.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107"]
    assert [option["code"] for option in report_to_json(report)["options"]] == codes
    assert written.LongitudinalTemporalInformationModified == "MODIFIED"


def test_uids_are_replaced_alike_everywhere(patient_slice: Make, run: Run) -> None:
    first, second = patient_slice(), patient_slice()
    second.ReferencedImageSequence = item(
        ReferencedSOPClassUID=first.SOPClassUID, ReferencedSOPInstanceUID=first.SOPInstanceUID
    )
    _, written = run(first, second)
    a, b = written
    assert a.StudyInstanceUID == b.StudyInstanceUID == KEY.uid(first.StudyInstanceUID)
    assert a.FrameOfReferenceUID == b.FrameOfReferenceUID
    assert len({a.StudyInstanceUID, a.SeriesInstanceUID, a.FrameOfReferenceUID, a.SOPInstanceUID}) == 4
    assert b.ReferencedImageSequence[0].ReferencedSOPInstanceUID == a.SOPInstanceUID
    assert b.ReferencedImageSequence[0].ReferencedSOPClassUID == first.SOPClassUID
    assert a.file_meta.MediaStorageSOPInstanceUID == a.SOPInstanceUID
    assert a.SOPClassUID == first.SOPClassUID


def test_dates_move_by_the_same_days(patient_slice: Make, run: Run) -> None:
    later = patient_slice(StudyDate="20240409", StudyInstanceUID="1.2.826.0.1.3680043.8.498.2002")
    later.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.2002.1"
    later.AcquisitionDateTime = "20240409101530.5+0100"
    report, written = run(patient_slice(), later)
    first, second = sorted(written, key=lambda one: one.StudyDate)
    days = [date.fromisoformat(one.StudyDate) for one in (first, second)]
    assert (days[1] - days[0]).days == 30
    assert 366 <= (date(2024, 3, 10) - days[0]).days <= 3650
    assert second.AcquisitionDateTime == f"{second.StudyDate}101530.5+0100"
    assert first.StudyTime == "101500"
    assert first.PatientBirthDate == ""
    assert (len(report.pseudonyms), report.studies, report.series) == (1, 2, 2)


def test_dates_can_be_taken(patient_slice: Make, run: Run) -> None:
    _, (written,) = run(patient_slice(), dates="remove")
    assert written.StudyDate == ""
    assert written.StudyTime == ""
    assert "SeriesDate" not in written or "2024" not in written.SeriesDate
    codes = [code.CodeValue for code in written.DeidentificationMethodCodeSequence]
    assert codes == ["113100"]
    assert written.LongitudinalTemporalInformationModified == "REMOVED"


def test_private_elements_go_unless_listed(patient_slice: Make, run: Run) -> None:
    dataset = patient_slice()
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "800")
    block.add_new(0x0D, "LO", "Quixote")
    dataset.private_block(0x0029, "OTHER MAKER", create=True).add_new(0x0C, "LO", "Dulcinea")
    report, (written,) = run(
        dataset, private=[{"creator": "SIEMENS MR HEADER", "group": 0x0019, "element": 0x0C}]
    )
    kept = [element for element in written if element.tag.is_private]
    assert [str(element.value) for element in kept] == ["SIEMENS MR HEADER", "800"]
    assert report.header["private elements removed"] == 3
    assert "113111" in [code.CodeValue for code in written.DeidentificationMethodCodeSequence]


def test_a_listed_element_of_another_creator_goes(patient_slice: Make, run: Run) -> None:
    dataset = patient_slice()
    dataset.private_block(0x0019, "OTHER MAKER", create=True).add_new(0x0C, "IS", "800")
    _, (written,) = run(dataset, private=[{"creator": "SIEMENS MR HEADER", "group": 0x0019, "element": 0x0C}])
    assert not any(element.tag.is_private for element in written)


def test_sequences_are_cleaned_inside(patient_slice: Make, run: Run, tmp_path: Path) -> None:
    inner = item(PersonName="Quixote^Dulcinea", TextValue="seen by Cervantes", ConceptNameCodeSequence=[])
    dataset = patient_slice(
        RequestAttributesSequence=item(RequestedProcedureDescription="for Quixote"),
        DerivationCodeSequence=item(CodeMeaning="of Dulcinea", CodeValue="1", CodingSchemeDesignator="99X"),
        SharedFunctionalGroupsSequence=item(UnassignedSharedConvertedAttributesSequence=inner),
    )
    report, (written,) = run(dataset)
    assert report.all_written
    assert "RequestAttributesSequence" not in written
    assert written.DerivationCodeSequence[0].CodeMeaning == "ANONYMIZED"
    assert written.DerivationCodeSequence[0].CodeValue == "1"
    assert b"quixote" not in _bytes(tmp_path)
    assert report.header["texts with a name replaced"] >= 1


def test_words_of_the_site_go_too(patient_slice: Make, run: Run) -> None:
    report, (written,) = run(patient_slice(ConvolutionKernel="Barataria B30"), words=("barataria",))
    assert written.ConvolutionKernel == "ANONYMIZED"
    assert report.header["texts with a name replaced"] == 1


def test_what_is_to_be_kept_is_kept(patient_slice: Make, run: Run) -> None:
    _, (without,) = run(patient_slice())
    _, (with_age,) = run(patient_slice(), keep=("PatientAge", "PatientSex"))
    assert "PatientAge" not in without
    assert (with_age.PatientAge, with_age.PatientSex) == ("067Y", "O")


def test_the_same_key_gives_the_same_names(patient_slice: Make, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    patient_slice().save_as(tmp_path / "in" / "a", enforce_file_format=True)
    names = []
    for n, key in enumerate((KEY, KEY, Pseudonyms(b"other key of 32 bytes or about .."))):
        deidentify(tmp_path / "in", tmp_path / f"out{n}", pseudonyms=key)
        (folder,) = (tmp_path / f"out{n}").iterdir()
        names.append(folder.name)
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    "name", ["chrH31.dcm", "chrGreek.dcm", "chrRuss.dcm", "chrKoreanMulti.dcm", "chrX1.dcm"]
)
def test_names_in_any_character_set(name: str, tmp_path: Path) -> None:
    (file,) = get_charset_files(name)
    original = _with_image(Path(file), tmp_path)
    report = deidentify(tmp_path / "in", tmp_path / "out", pseudonyms=KEY)
    assert report.all_written, report.left_out
    (written,) = (tmp_path / "out").rglob("*.dcm")
    assert find_in_bytes(written, secrets_of(original)) == ()
    raw = original.PatientName.original_string
    assert raw
    assert raw not in written.read_bytes()


def _with_image(file: Path, tmp_path: Path) -> FileDataset:
    """pydicom's name in a file, on a one-pixel CT image of 40 rows."""
    from pydicom import dcmread

    dataset = dcmread(file)
    for keyword, value in {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.77",
        "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.78",
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.79",
        "Rows": 40,
        "Columns": 1,
        "BitsAllocated": 16,
        "PixelData": b"\1\2" * 40,
    }.items():
        setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OW"
    (tmp_path / "in").mkdir()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(tmp_path / "in" / "a")
    return dcmread(tmp_path / "in" / "a")


def test_a_preamble_and_a_deflated_file_hold_nothing(patient_slice: Make, run: Run, tmp_path: Path) -> None:
    dataset = patient_slice()
    dataset.preamble = b"QUIXOTE^DULCINEA".ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = "TOBOSO"
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    report, (written,) = run(dataset)
    assert report.all_written
    assert written.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert [secret for secret in SECRETS if secret in _bytes(tmp_path)] == []


def test_what_is_no_image_or_damaged_is_left_out_and_counted(
    patient_slice: Make, run: Run, tmp_path: Path
) -> None:
    report_object = patient_slice(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33")
    del report_object.PixelData
    report_object.file_meta.MediaStorageSOPClassUID = report_object.SOPClassUID
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken").write_bytes(b"\0" * 128 + b"DICM" + b"\x08\0\x05\0ZZ garbage")
    (tmp_path / "in" / "notes.txt").write_text("Quixote")
    outside = tmp_path / "elsewhere"
    patient_slice().save_as(outside, enforce_file_format=True)
    (tmp_path / "in" / "link").symlink_to(outside)
    report, written = run(patient_slice(), report_object)
    assert len(written) == 1
    assert (report.read, report.written) == (4, 1)
    assert report.left_out == {
        "it cannot be read": 1,
        "no image: documents and reports may hold any text": 1,
        "a link leads out of the folder": 1,
    }


def test_a_folder_without_images_is_said(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("no image")
    with pytest.raises(InputUnreadableError, match="no DICOM file"):
        deidentify(tmp_path / "in", tmp_path / "out")


def test_what_slips_through_is_withheld(patient_slice: Make, run: Run) -> None:
    """A person lets a field stay that names the patient: the second check finds it all the same."""
    report, written = run(
        patient_slice(StudyDescription="Spine of Quixote"), patient_slice(), keep=("StudyDescription",)
    )
    assert len(written) == 1
    assert report.left_out == {"the second check found the patient in it": 1}
    document = report_to_json(report)["second_check"]
    assert document == {
        "clean": False,
        "withheld": 1,
        "found": {"name or identifier": 1},
        "text_reader": document["text_reader"],
    }


def test_the_report_names_nobody(patient_slice: Make, run: Run) -> None:
    report, _ = run(patient_slice(), words=("barataria",))
    text = str(report_to_json(report)).lower().encode()
    assert [secret for secret in (*SECRETS, b"barataria") if secret in text] == []


def test_bits_of_old_overlays_are_cleared(patient_slice: Make, run: Run) -> None:
    dataset = patient_slice(BitsStored=12, HighBit=11, BitsAllocated=16)
    plain = np.frombuffer(dataset.PixelData, "<u2") & 0x0FFF
    drawn = plain.copy()
    drawn[::7] |= 1 << 15
    dataset.PixelData = drawn.tobytes()
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 15)
    _, (written,) = run(dataset)
    np.testing.assert_array_equal(np.frombuffer(written.PixelData, "<u2"), plain)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dciodvfy of dicom3tools")
def test_a_checked_object_stays_without_error(tmp_path: Path) -> None:
    """The sample study's slices pass dciodvfy before and after."""
    samples = Path(__file__).resolve().parents[3] / "sample_dicom"
    source = tmp_path / "in"
    source.mkdir()
    for file in sorted(samples.rglob("*.dcm"))[:2]:
        shutil.copy(file, source)
    deidentify(source, tmp_path / "out", Settings(), pseudonyms=KEY)
    files = list((tmp_path / "out").rglob("*.dcm"))
    assert len(files) == 2
    for file in files:
        told = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
        assert not [line for line in told.stderr.splitlines() if line.startswith("Error")], told.stderr
