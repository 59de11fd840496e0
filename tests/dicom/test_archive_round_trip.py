"""Everything that is derived from a study, through a real archive and back."""

import subprocess

import numpy as np
import pydicom
import pytest
import SimpleITK
import trimesh

from procguide.dicom import read_plan_report, read_sources, write_plan_report, write_segmentation
from procguide.dicom.write_capture import Capture, write_captures
from procguide.dicom.write_fiducials import Fiducial, read_fiducials, write_fiducials
from procguide.dicom.write_model import Model, read_model, write_model
from procguide.dicom.write_presentation import DrawnNeedle, write_presentation
from procguide.imaging import LabelMap
from tests.dicom.derived_case import OBLIQUE, make_series, plan_document, small_picture, without_nothing
from tests.servers import dcmtk, orthanc


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """The images of a study and one object of each kind derived from them, by name."""
    folder = tmp_path_factory.mktemp("sent")
    series = make_series(folder / "ct", affine=OBLIQUE)
    sources = read_sources(series)
    voxels = np.zeros(series.shape, np.uint8)
    voxels[6:9, 3:9, 4:11], voxels[2:4, 5:12, 2:17] = 23, 24
    labels = LabelMap(voxels, series.grid.affine, names={23: "L4", 24: "L5"})
    segmentation = write_segmentation(labels, series, folder / "labels.dcm", sources=sources)
    header = pydicom.dcmread(segmentation, stop_before_pixels=True)
    ends = [tuple(OBLIQUE.apply(index).tolist()) for index in ((7.2, 20.0, 3.0), (3.4, 10.0, 12.0))]
    cube = trimesh.creation.box((10, 20, 31))
    return {
        "segmentation": segmentation,
        "report": write_plan_report(plan_document(), sources, folder / "plan.dcm", related=[header]),
        "points": write_fiducials([Fiducial("1", "x", (1.25, -2.5, 3.01))], sources, folder / "p.dcm", "x"),
        "model": write_model(Model("Box", cube.vertices, cube.faces), sources, folder / "m.dcm"),
        "drawing": write_presentation([DrawnNeedle(*ends, "1")], sources, folder / "d.dcm", "x"),
        "picture": write_captures([Capture(small_picture(), "x", "x.")], sources, folder, status="x")[0],
        "image": series.files[0],
    }, (folder, labels)


@pytest.fixture(scope="module")
def fetched(sent, tmp_path_factory):
    """The same as the archive gives them back, by name."""
    files, (folder, _) = sent
    back = tmp_path_factory.mktemp("fetched")
    with orthanc(tmp_path_factory.mktemp("archive")) as server:
        command = [dcmtk("dcmsend"), "--decompress-never", "-aec", "ORTHANC", "+sd", "+r", "127.0.0.1"]
        subprocess.run([*command, str(server.dicom_port), str(folder)], check=True)
        instances = server.ask("/instances")
        for number, instance in enumerate(instances):
            (back / f"{number}.dcm").write_bytes(server.file(instance))
        assert len(server.ask("/studies")) == 1
        assert len(instances) == len(list(folder.rglob("*.dcm")))
    by_uid = {str(pydicom.dcmread(file).SOPInstanceUID): file for file in back.iterdir()}
    return {name: by_uid[str(pydicom.dcmread(file).SOPInstanceUID)] for name, file in files.items()}


@pytest.mark.parametrize("kind", ["segmentation", "report", "points", "model", "drawing", "picture", "image"])
def test_it_comes_back_as_it_was(sent, fetched, kind):
    assert pydicom.dcmread(fetched[kind]) == pydicom.dcmread(sent[0][kind])


def test_the_plan_is_the_same_to_the_last_digit(fetched):
    assert without_nothing(read_plan_report(fetched["report"])) == without_nothing(plan_document())


def test_points_and_surface_are_the_same(fetched):
    (point,) = read_fiducials(pydicom.dcmread(fetched["points"]))
    assert point.position == (1.25, -2.5, 3.01)
    assert np.abs(read_model(pydicom.dcmread(fetched["model"]))).max(axis=(0, 1)).tolist() == [5, 10, 15.5]


def test_simpleitk_lays_the_segmentation_on_the_image_to_the_voxel(sent, fetched):
    """Frames as SimpleITK decodes them, placed by the geometry that SimpleITK reads from the slices."""
    files, (folder, labels) = sent
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder / "ct")))
    image = reader.Execute()
    frames = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(fetched["segmentation"])))
    dataset = pydicom.dcmread(fetched["segmentation"])
    numbers = {int(one.SegmentNumber): str(one.SegmentLabel) for one in dataset.SegmentSequence}
    found = np.zeros(SimpleITK.GetArrayFromImage(image).shape, np.uint8)
    for frame, group in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        position = [float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient]
        i, j, k = image.TransformPhysicalPointToIndex(position)
        assert image.TransformIndexToPhysicalPoint((i, j, k)) == pytest.approx(position, abs=1e-4)
        name = numbers[int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)]
        found[k][frame > 0] = {"L4": 23, "L5": 24}[name]
    np.testing.assert_array_equal(found, labels.voxels)
    assert files["segmentation"] != fetched["segmentation"]
