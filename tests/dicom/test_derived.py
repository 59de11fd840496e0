import shutil
import warnings

import numpy as np
import pydicom
import pytest

from procguide.dicom import (
    read_plan_report,
    read_sources,
    read_study,
    write_plan_report,
    write_segmentation,
)
from procguide.dicom.derived import references
from procguide.dicom.write_capture import Capture, write_captures
from procguide.dicom.write_fiducials import Fiducial, write_fiducials
from procguide.dicom.write_presentation import DrawnNeedle, write_presentation
from procguide.errors import InputUnfitError, UsageError
from procguide.imaging import LabelMap, Volume
from procguide.imaging.files import write_image
from tests.dicom.derived_case import AFFINE, conformance, make_series, plan_document, small_picture


def change(series, **attributes):
    for file in series.files:
        dataset = pydicom.dcmread(file)
        for keyword, value in attributes.items():
            if value is None:
                dataset.pop(keyword, None)
            else:
                dataset.add_new(keyword, pydicom.datadict.dictionary_VR(keyword), value)
        dataset.save_as(file)


@pytest.fixture
def series(tmp_path):
    return make_series(tmp_path / "ct")


class TestOddSources:
    @pytest.mark.filterwarnings("ignore:Invalid value for VR")
    @pytest.mark.parametrize(
        "attributes",
        [
            {"PatientBirthDate": None, "StudyID": None, "AccessionNumber": None, "StudyTime": None},
            {"PatientSex": "U"},
            {"StudyDate": "1999.1", "StudyTime": "99:99"},
            {"PatientName": None, "PatientID": None},
        ],
    )
    def test_are_completed(self, series, tmp_path, attributes):
        change(series, **attributes)
        sources = read_sources(series)
        path = write_plan_report(plan_document(), sources, tmp_path / "a.dcm")
        assert read_plan_report(path)["level"] == "L4-L5"
        write_fiducials([Fiducial("1", "x", (1.0, 2.0, 3.0))], sources, tmp_path / "b.dcm", "x")
        written = pydicom.dcmread(tmp_path / "b.dcm")
        for keyword in attributes:
            assert not written[keyword].value

    @pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
    def test_images_that_do_not_say_how_they_lost_their_names(self, series, tmp_path):
        change(series, PatientIdentityRemoved="YES")
        path = write_plan_report(plan_document(), read_sources(series), tmp_path / "a.dcm")
        assert pydicom.dcmread(path).DeidentificationMethod == "not stated in the images"
        assert conformance(path) == []

    def test_without_a_frame_of_reference_all_objects_share_one(self, series):
        change(series, FrameOfReferenceUID=None)
        sources = read_sources(series)
        assert len({str(header.FrameOfReferenceUID) for header in sources.headers}) == 1
        assert sources.frame_of_reference_uid

    def test_without_a_study_nothing_is_added_to_it(self, series):
        change(series, StudyInstanceUID=None)
        with pytest.raises(InputUnfitError, match="no study"):
            read_sources(series)

    @pytest.mark.parametrize("name", ["Onepiece", "A^B^C^D^E^F^Onepiece", "Onepiece=" * 4])
    @pytest.mark.filterwarnings("ignore")  # those of writing the sources
    def test_a_name_that_others_remark_on_is_not_quoted(self, series, tmp_path, caplog, name):
        change(series, PatientName=name)
        with warnings.catch_warnings(record=True) as said, caplog.at_level("DEBUG"):
            warnings.simplefilter("always")
            sources = read_sources(series)
            labels = LabelMap(np.ones(series.shape, np.uint8), AFFINE, names={1: "L4"})
            ends = [tuple(AFFINE.apply(index).tolist()) for index in ((7, 20, 3), (3, 10, 12))]
            write_segmentation(labels, series, tmp_path / "a.dcm", sources=sources)
            write_plan_report(plan_document(), sources, tmp_path / "b.dcm")
            write_fiducials([Fiducial("1", "x", ends[0])], sources, tmp_path / "c.dcm", "x")
            write_presentation([DrawnNeedle(*ends, "x")], sources, tmp_path / "d.dcm", "x")
            write_captures([Capture(small_picture(), "x", "x")], sources, tmp_path, status="x")
        quoted = [str(one.message) for one in said] + [record.getMessage() for record in caplog.records]
        assert not any("Onepiece" in words for words in quoted)
        assert pydicom.dcmread(tmp_path / "b.dcm").PatientID == "ID-4711"

    def test_names_in_other_letters_are_kept(self, series, tmp_path):
        name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
        change(series, SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName=name)
        sources = read_sources(series)
        path = write_plan_report(plan_document(), sources, tmp_path / "a.dcm")
        written = pydicom.dcmread(path)
        assert written.SpecificCharacterSet == "ISO_IR 192"
        assert str(written.PatientName) == name
        assert str(pydicom.dcmread(series.files[0]).PatientName) == name


def test_what_is_no_dicom_has_no_sources(tmp_path):
    write_image(Volume(np.zeros((6, 7, 8), np.int16), AFFINE), tmp_path / "ct.nii.gz")
    with pytest.raises(UsageError, match="write NIfTI"):
        read_sources(read_study(tmp_path / "ct.nii.gz").series[0])


def test_references_go_by_series(series):
    headers = read_sources(series).headers
    other = pydicom.Dataset()
    other.SOPClassUID, other.SOPInstanceUID, other.SeriesInstanceUID = "1.2.3", "1.2.4", "1.2.5"
    first, second = references([*headers, other])
    assert len(first.ReferencedInstanceSequence) == len(headers)
    assert second.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == "1.2.4"
