"""What is written of a phantom."""

import json
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from procguide.anatomy.serialise import spine_from_json
from procguide.dicom import read_study, read_volume
from procguide.errors import UsageError
from procguide.imaging.files import read_labels
from procguide.phantom import (
    CtSettings,
    Phantom,
    PhantomImage,
    PhantomParameters,
    build,
    parameters_from_json,
    take_images,
    turn_prone,
    write_phantom,
)
from procguide.phantom.truth.segments import true_segments

COARSE = CtSettings(pixel_mm=2.0, slice_mm=4.0)
TRUTH = {"tissues", "regions", "levels", "instances", "spine", "courses", "zones", "parameters"}


@pytest.fixture(scope="module")
def piece() -> Phantom:
    """About L3 to L5 round the canal."""
    return build(PhantomParameters(), 2.0, box=((-60, -50, 20), (60, 100, 90)))


@pytest.fixture(scope="module")
def images(piece: Phantom) -> tuple[PhantomImage, ...]:
    """CT and T1, MR cut small: what it holds is tested elsewhere."""
    ct, mr = take_images(piece, ("ct", "t1-sagittal", "ct"), 5, ct=COARSE)
    small = mr.volume.crop((5, 160, 160), (9, 220, 216))
    return ct, PhantomImage(mr.name, small, mr.acquisition)


@pytest.fixture(scope="module", params=[False, True], ids=["classic", "enhanced"])
def folder(
    request: pytest.FixtureRequest,
    piece: Phantom,
    images: tuple[PhantomImage, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder: Path = tmp_path_factory.mktemp("study")
    files = write_phantom(piece, images, folder, enhanced=request.param)
    assert all(file.is_file() for file in files)
    assert {file for file in folder.rglob("*") if file.is_file()} == set(files)
    return folder


def test_series_read_back_equal(folder: Path, images: tuple[PhantomImage, ...]) -> None:
    for image, name in zip(images, ("ct", "t1_sagittal"), strict=True):
        (series,) = read_study(folder / name).series
        volume = read_volume(series)
        by_place = np.rint(image.volume.to_index(volume.to_patient((0, 0, 0)))).astype(int)
        along = 1 if by_place[0] == 0 else -1
        np.testing.assert_array_equal(volume.voxels[::along], image.volume.voxels)
        assert volume.modality is image.volume.modality


def test_all_objects_share_study_and_frame_of_reference(folder: Path) -> None:
    read = [pydicom.dcmread(file, stop_before_pixels=True) for file in folder.rglob("*.dcm")]
    assert len({one.StudyInstanceUID for one in read}) == 1
    assert len({one.FrameOfReferenceUID for one in read}) == 1
    assert {one.Modality for one in read} == {"CT", "MR", "SEG"}
    assert {one.PatientAge for one in read if one.Modality != "SEG"} == {"045Y"}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_every_kind_conforms_to_the_standard(folder: Path) -> None:
    for file in {file.parent: file for file in folder.rglob("*.dcm")}.values():
        run = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
        assert [line for line in (run.stdout + run.stderr).splitlines() if "Error" in line] == []


def test_the_truth_is_complete(folder: Path, piece: Phantom) -> None:
    truth = folder / "truth"
    assert {file.name.split(".")[0] for file in truth.iterdir()} == TRUTH | {"segmentation"}
    for name in ("tissues", "regions", "levels", "instances"):
        labels = getattr(piece, name)
        found = read_labels(truth / f"{name}.nii.gz", labels.names)
        np.testing.assert_array_equal(found.voxels, labels.voxels)
        assert found.affine.isclose(labels.affine, 1e-3)
    assert spine_from_json(_json(truth / "spine.json")).levels == piece.spine.levels
    subject = _json(truth / "parameters.json")
    assert parameters_from_json(subject["parameters"]) == piece.parameters
    assert subject["posture"] == "supine"


def test_documents_have_versions_and_the_same_points(folder: Path, piece: Phantom) -> None:
    courses, zones = (_json(folder / "truth" / f"{name}.json") for name in ("courses", "zones"))
    assert courses["schema"] == "procguide.phantom.courses/1"
    assert zones["schema"] == "procguide.phantom.zones/1"
    for written, true in zip(courses["courses"], piece.courses, strict=True):
        assert written["name"] == true.name
        np.testing.assert_allclose(written["points"], true.points, atol=0.006)
        np.testing.assert_allclose(written["radius_mm"], true.radius, atol=0.006)
    for entry, zone in zip(zones["zones"], piece.zones, strict=True):
        assert entry["procedure"] == zone.procedure
        np.testing.assert_allclose(entry["centre"], zone.centre, atol=0.006)


def test_segments_lie_where_the_truth_is(folder: Path, piece: Phantom) -> None:
    """Centres of vertebrae and discs through highdicom, against the phantom's own lattice."""
    import highdicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = highdicom.seg.segread(folder / "truth" / "segmentation.dcm")
    true = true_segments(piece)
    by_name = {name: label for label, name in true.names.items()}
    numbers = {s.SegmentLabel: s.SegmentNumber for s in written.SegmentSequence}
    assert {"L4", "L3-L4 disc", "canal", "cauda equina", "left L3 nerve root"} <= set(numbers)
    for name in ("L4", "L3-L4 disc", "canal"):
        volume = written.get_volume(segment_numbers=[numbers[name]], combine_segments=True)
        index = np.argwhere(np.asarray(volume.array) > 0).mean(axis=0)
        place = (volume.affine @ [*index, 1.0])[:3]
        np.testing.assert_allclose(place, true.centroid(by_name[name]), atol=1.5)


def test_the_same_each_time(piece: Phantom, images: tuple[PhantomImage, ...], tmp_path: Path) -> None:
    cut = [PhantomImage(i.name, i.volume.crop((0, 0, 0), (3, 60, 60)), i.acquisition) for i in images]
    first, second = ([f.read_bytes() for f in write_phantom(piece, cut, tmp_path / n)] for n in "ab")
    assert first == second


def test_a_prone_subject_comes_with_the_way_back(piece: Phantom, tmp_path: Path) -> None:
    prone, deformation = turn_prone(piece)
    write_phantom(prone, take_images(prone, ("ct",), 5, ct=CtSettings(4.0, 8.0)), tmp_path)
    (file, *_) = sorted((tmp_path / "ct").iterdir())
    assert pydicom.dcmread(file).PatientPosition == "HFP"
    field = SimpleITK.ReadImage(str(tmp_path / "truth/supine_from_prone.mha"), SimpleITK.sitkVectorFloat64)
    transform = SimpleITK.DisplacementFieldTransform(field)
    point = piece.spine.vertebra("L4").frame.origin
    np.testing.assert_allclose(transform.TransformPoint(point), deformation.to_supine(point), atol=0.01)


def test_what_cannot_be_taken_is_said(piece: Phantom) -> None:
    with pytest.raises(UsageError, match="'pet' cannot be taken of a phantom; use ct, t1-sagittal"):
        take_images(piece, ("pet",))


def _json(path: Path) -> dict:
    return json.loads(path.read_text())
