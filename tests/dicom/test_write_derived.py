"""Points, surfaces, drawings and pictures of a plan as DICOM objects."""

import shutil
import subprocess
from io import BytesIO

import numpy as np
import pydicom
import pytest
import SimpleITK
import trimesh

from procguide import DISCLAIMER
from procguide.dicom import read_sources
from procguide.dicom.write_capture import Capture, write_captures
from procguide.dicom.write_fiducials import Fiducial, read_fiducials, write_fiducials
from procguide.dicom.write_model import Model, read_model, write_model
from procguide.dicom.write_presentation import DrawnNeedle, write_presentation
from procguide.errors import UsageError
from tests.dicom.derived_case import AFFINE, conformance, make_series, small_picture

POINTS = [
    Fiducial("1 entry", "entry of plan 1, not approved", (-5.13, 19.87, 12.34)),
    Fiducial("1 target", "target of plan 1, not approved", (1.01, 11.07, 18.99)),
]
ENTRY, TARGET = AFFINE.apply([7.2, 20.0, 3.0]), AFFINE.apply([3.4, 10.0, 12.0])
NEEDLE = DrawnNeedle(tuple(ENTRY.tolist()), tuple(TARGET.tolist()), "plan 1, not approved")
STATUS = "proposal of the software, not approved"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return read_sources(make_series(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def objects(sources, tmp_path_factory):
    """One of each kind, by name."""
    folder = tmp_path_factory.mktemp("objects")
    cube = trimesh.creation.box((10, 20, 31))
    model = Model("Box, not approved", cube.vertices, cube.faces)
    captures = [
        Capture(small_picture(), "Axial", "Two bands."),
        Capture(small_picture(64, 64), "Narrow", "Small."),
    ]
    first, second = write_captures(captures, sources, folder, status=STATUS)
    return {
        "points": write_fiducials(POINTS, sources, folder / "points.dcm", "Ends, not approved"),
        "model": write_model(model, sources, folder / "box.dcm"),
        "drawing": write_presentation([NEEDLE], sources, folder / "drawing.dcm", "Needle, not approved"),
        "picture": first,
        "small picture": second,
    }


KINDS = ["points", "model", "drawing", "picture", "small picture"]


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_belongs_to_the_patients_study(self, objects, sources, kind):
        dataset, source = pydicom.dcmread(objects[kind]), sources.first
        for keyword in ("PatientName", "PatientID", "PatientSex", "StudyInstanceUID", "StudyID", "StudyDate"):
            assert dataset[keyword].value == source[keyword].value
        assert dataset.SeriesInstanceUID != source.SeriesInstanceUID

    def test_refers_to_nothing_but_the_source(self, objects, sources, kind):
        named = set()
        pydicom.dcmread(objects[kind]).walk(
            lambda _dataset, element: (
                named.add(str(element.value)) if element.keyword == "ReferencedSOPInstanceUID" else None
            )
        )
        known = {str(header.SOPInstanceUID) for header in sources.headers}
        assert named
        assert named <= known

    def test_says_what_it_is_not(self, objects, kind):
        dataset = pydicom.dcmread(objects[kind])
        assert dataset.ContentQualification == "RESEARCH"
        assert dataset.ContributingEquipmentSequence[-1].ContributionDescription == DISCLAIMER
        assert "not approved" in dataset.SeriesDescription

    @pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
    def test_conforms_to_the_standard(self, objects, kind):
        assert conformance(objects[kind]) == []


class TestPoints:
    def test_come_back_as_they_are(self, objects, sources):
        dataset = pydicom.dcmread(objects["points"])
        assert read_fiducials(dataset) == tuple(POINTS)
        assert dataset.FiducialSetSequence[0].FrameOfReferenceUID == sources.frame_of_reference_uid

    def test_none_are_refused(self, sources, tmp_path):
        with pytest.raises(UsageError, match="no points"):
            write_fiducials([], sources, tmp_path / "a.dcm", "x")


class TestModel:
    def test_another_reader_finds_the_same_solid(self, objects):
        dataset = pydicom.dcmread(objects["model"])
        data = dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength]
        mesh = trimesh.load_mesh(BytesIO(data), file_type="stl")
        assert mesh.is_watertight
        assert mesh.volume == pytest.approx(10 * 20 * 31, rel=1e-6)
        assert mesh.extents.tolist() == pytest.approx([10, 20, 31])
        assert dataset.MIMETypeOfEncapsulatedDocument == "model/stl"
        assert dataset.MeasurementUnitsCodeSequence[0].CodeValue == "mm"

    def test_our_reader_finds_the_same_corners(self, objects):
        corners = read_model(pydicom.dcmread(objects["model"]))
        assert corners.shape == (12, 3, 3)
        assert np.abs(corners).reshape(-1, 3).max(axis=0).tolist() == [5, 10, 15.5]

    def test_normals_point_outward(self, objects):
        data = bytes(pydicom.dcmread(objects["model"]).EncapsulatedDocument)
        facets = np.frombuffer(data[84:], "(3,)<f4,(3,3)<f4,<u2", count=12)
        outward = (facets["f1"].mean(axis=1) * facets["f0"]).sum(axis=1)
        assert (outward > 0).all()

    def test_nothing_is_refused(self, sources, tmp_path):
        with pytest.raises(UsageError, match="no faces"):
            write_model(Model("x", np.zeros((0, 3)), np.zeros((0, 3), int)), sources, tmp_path / "a.dcm")


class TestDrawing:
    def test_each_piece_lies_on_its_slice_and_on_the_needle(self, objects, sources):
        dataset = pydicom.dcmread(objects["drawing"])
        by_uid = {one.instance_uid: one for one in sources.series.slices}
        direction = (TARGET - ENTRY) / np.linalg.norm(TARGET - ENTRY)
        drawn = set()
        for annotation in dataset.GraphicAnnotationSequence:
            place = by_uid[annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID].index
            columns, rows = np.reshape(annotation.GraphicObjectSequence[0].GraphicData, (-1, 2)).T - 0.5
            middle = AFFINE.apply([place, rows.mean(), columns.mean()])
            off = middle - ENTRY - ((middle - ENTRY) @ direction) * direction
            within = place in (7.0, 3.0)  # the ends lie within these slices, not across them
            assert within or np.linalg.norm(off) < 0.01
            drawn.add(place)
        assert drawn == {3.0, 4.0, 5.0, 6.0, 7.0}

    def test_the_target_is_ringed_and_named_once(self, objects):
        annotations = pydicom.dcmread(objects["drawing"]).GraphicAnnotationSequence
        texts = [text for one in annotations for text in one.get("TextObjectSequence", ())]
        assert [str(text.UnformattedTextValue) for text in texts] == ["plan 1, not approved"]
        assert list(texts[0].AnchorPoint) == pytest.approx([12.5, 10.5], abs=1e-4)
        rings = [one for one in annotations if len(one.GraphicObjectSequence) == 2]
        ring = np.reshape(rings[0].GraphicObjectSequence[1].GraphicData, (-1, 2)) - [12.5, 10.5]
        spacing = [AFFINE.spacing[2], AFFINE.spacing[1]]
        assert np.linalg.norm(ring * spacing, axis=1) == pytest.approx(3.0, abs=1e-4)

    @pytest.mark.skipif(shutil.which("dcmpschk") is None, reason="dcmtk is not installed")
    def test_dcmtk_finds_it_sound(self, objects):
        run = subprocess.run(
            ["dcmpschk", str(objects["drawing"])], capture_output=True, text=True, check=False
        )
        assert "Test passed" in run.stdout + run.stderr, run.stdout + run.stderr

    def test_a_needle_within_one_slice(self, sources, tmp_path):
        ends = [tuple(AFFINE.apply([4.0, j, 5.0]).tolist()) for j in (3.0, 12.0)]
        path = write_presentation([DrawnNeedle(*ends, "x")], sources, tmp_path / "a.dcm", "x")
        (annotation,) = pydicom.dcmread(path).GraphicAnnotationSequence
        assert list(annotation.GraphicObjectSequence[0].GraphicData) == pytest.approx([5.5, 3.5, 5.5, 12.5])

    def test_a_needle_that_enters_beyond_the_image_is_drawn_to_its_edge(self, sources, tmp_path):
        """Skin that the reconstruction cut off; a target in the last row, whose ring would stick out."""
        ends = [tuple(AFFINE.apply([4.0, 23.0, i]).tolist()) for i in (40.0, 5.0)]
        path = write_presentation([DrawnNeedle(*ends, "x")], sources, tmp_path / "a.dcm", "x")
        (annotation,) = pydicom.dcmread(path).GraphicAnnotationSequence
        line, ring = (one.GraphicData for one in annotation.GraphicObjectSequence)
        assert list(line) == pytest.approx([20.0, 23.5, 5.5, 23.5])
        assert max(ring[1::2]) == 24.0

    def test_a_target_beyond_the_image_has_no_ring(self, sources, tmp_path):
        ends = [tuple(AFFINE.apply([4.0, 10.0, i]).tolist()) for i in (5.0, 40.0)]
        path = write_presentation([DrawnNeedle(*ends, "x")], sources, tmp_path / "a.dcm", "x")
        (annotation,) = pydicom.dcmread(path).GraphicAnnotationSequence
        assert len(annotation.GraphicObjectSequence) == 1
        assert "TextObjectSequence" not in annotation

    def test_a_needle_that_meets_no_slice(self, sources, tmp_path):
        away = DrawnNeedle((0.0, 0.0, 900.0), (0.0, 0.0, 950.0), "x")
        assert write_presentation([away], sources, tmp_path / "a.dcm", "x") is None
        assert not (tmp_path / "a.dcm").exists()

    def test_on_a_multi_frame_image_the_frames_are_named(self, tmp_path):
        sources = read_sources(make_series(tmp_path / "ct", enhanced=True))
        path = write_presentation([NEEDLE], sources, tmp_path / "a.dcm", "x")
        annotations = pydicom.dcmread(path).GraphicAnnotationSequence
        frames = {one.ReferencedImageSequence[0].ReferencedFrameNumber for one in annotations}
        expected = {one.frame + 1 for one in sources.series.slices if 3 <= one.index <= 7}
        assert frames == expected


class TestPictures:
    def test_are_one_series(self, objects):
        first, second = (pydicom.dcmread(objects[kind]) for kind in ("picture", "small picture"))
        assert first.SeriesInstanceUID == second.SeriesInstanceUID
        assert (first.InstanceNumber, second.InstanceNumber) == (1, 2)
        assert first.SOPInstanceUID != second.SOPInstanceUID

    def test_another_reader_sees_the_picture_and_small_print_below(self, objects):
        image = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(objects["picture"])))[0].astype(int)
        assert image.shape[1:] == (300, 3)
        assert image.shape[0] > 200 + 2 * 15
        assert np.abs(image[100, 40] - (200, 40, 40)).max() < 6
        assert np.abs(image[100, 260] - (40, 40, 200)).max() < 6
        print_below = image[200:]
        assert (print_below.max(axis=2) > 180).sum() > 200
        assert print_below[-2:].max() < 60

    def test_words_and_status_stand_in_the_object(self, objects):
        dataset = pydicom.dcmread(objects["picture"])
        assert dataset.DerivationDescription == "Axial"
        assert dataset.ImageComments == f"Two bands. {DISCLAIMER}"
        assert dataset.BurnedInAnnotation == "NO"
        assert (dataset.Modality, dataset.ConversionType) == ("OT", "WSD")
