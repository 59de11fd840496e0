"""A made head: an ellipsoid of soft tissue with a skull, a brain, a nose, ears and a neck on shoulders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from procguide.dicom import read_study, read_volume
from procguide.dicom.deidentify import Pseudonyms, Settings, deidentify
from procguide.dicom.deidentify.face import face_mask
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume

MM = 3.0
AIR, SKIN, BONE, BRAIN = -1000, 20, 900, 35


def _places() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z, y, x in LPS mm of a box of 330 x 300 x 420 mm."""
    k, j, i = np.indices((110, 100, 140))
    return k * MM - 195, j * MM - 140, i * MM - 210


def head(*, shoulders: bool = True, nose_mm: float = 55) -> tuple[Volume, dict[str, np.ndarray]]:
    """The head's CT and where its parts are."""
    z, y, x = _places()
    scalp = (x / 78) ** 2 + (y / 98) ** 2 + (z / 105) ** 2 < 1
    skull = (x / 71) ** 2 + (y / 91) ** 2 + (z / 98) ** 2 < 1
    brain = ((x / 64) ** 2 + (y / 84) ** 2 + (z / 90) ** 2 < 1) & (z > -40)
    nose = (np.abs(x) < 15) & (y > -70 - nose_mm) & (y < -70) & (np.abs(z + 25) < 22)
    ears = (np.abs(x) < 95) & (np.abs(x) > 60) & (np.abs(y - 5) < 15) & (np.abs(z + 15) < 25)
    neck = (x / 60) ** 2 + ((y - 15) / 62) ** 2 < 1
    body = scalp | nose | ears | (neck & (z < -60))
    if shoulders:
        body |= (np.abs(x) < 190) & (np.abs(y - 10) < 90) & (z < -165)
    hu = np.where(body, SKIN, AIR).astype(np.int16)
    hu[skull & ~brain & (z > -40)] = BONE
    hu[brain] = BRAIN
    affine = Affine.from_steps([(0, 0, MM), (0, MM, 0), (MM, 0, 0)], (-210, -140, -195))
    return Volume(hu, affine, Modality.CT), {
        "nose": nose & ~scalp,
        "ears": ears & ~scalp,
        "brain": brain,
        "body": body,
    }


@pytest.fixture(scope="module")
def whole() -> tuple[Volume, dict[str, np.ndarray], np.ndarray]:
    """The head with its face mask."""
    volume, parts = head()
    return volume, parts, face_mask(volume)


def test_nose_and_ears_go_and_the_brain_stays(
    whole: tuple[Volume, dict[str, np.ndarray], np.ndarray],
) -> None:
    _, parts, face = whole
    assert face[parts["nose"]].mean() == 1
    assert face[parts["ears"]].mean() > 0.95
    assert face[parts["brain"]].sum() == 0


def test_what_is_left_does_not_show_which_nose_it_was(
    whole: tuple[Volume, dict[str, np.ndarray], np.ndarray],
) -> None:
    _, parts, face = whole
    other, other_parts = head(nose_mm=32)
    fronts = [parts["body"] & ~face, other_parts["body"] & ~face_mask(other)]
    middle = np.s_[45:85, :, 55:85]
    before = [one["body"][middle].argmax(axis=1) * MM for one in (parts, other_parts)]
    after = [front[middle].argmax(axis=1) * MM for front in fronts]
    assert np.abs(before[0] - before[1]).max() > 20
    assert np.abs(after[0] - after[1]).max() <= MM


def test_shoulders_and_the_back_of_the_head_stay(
    whole: tuple[Volume, dict[str, np.ndarray], np.ndarray],
) -> None:
    face = whole[2]
    z, y, _ = _places()
    assert not face[z < -165].any()
    assert not face[y > 66].any()


def test_a_trunk_has_no_face() -> None:
    z, y, x = _places()
    trunk = (x / 170) ** 2 + (y / 110) ** 2 < 1
    volume = Volume(np.where(trunk, SKIN, AIR).astype(np.int16), head()[0].affine, Modality.CT)
    assert not face_mask(volume).any()
    assert z.shape == trunk.shape


@pytest.mark.parametrize("offset", [0, 60, 150])
def test_mr_air_is_no_body_with_noise_and_an_offset(offset: int) -> None:
    """A strip without data at one side is darker still, as in real images that were resampled."""
    volume, parts = head(shoulders=False)
    noise = np.abs(np.random.default_rng(1).normal(0, 15, volume.shape))
    signal = offset + np.where(parts["body"], 300, 0) + np.where(parts["brain"], 200, 0) + noise
    signal[..., :2] = 0
    face = face_mask(Volume(signal.astype(np.int16), volume.affine, Modality.MR))
    assert face[parts["nose"]].mean() > 0.99
    assert face[parts["brain"]].sum() == 0


def test_written_slices_have_no_face(write_stack: Callable[..., Path], tmp_path: Path) -> None:
    volume, parts = head()
    stored = (volume.voxels + 1024).astype(np.uint16)
    positions = volume.to_patient([(k, 0, 0) for k in range(len(stored))])
    folder = write_stack(stored, positions, spacing=(MM, MM), SliceThickness="3")
    report = deidentify(
        folder, tmp_path / "out", Settings(remove_face=True), pseudonyms=Pseudonyms(b"k" * 32)
    )
    assert report.all_written
    after = read_volume(read_study(tmp_path / "out").series[0])
    assert after.voxels.shape == volume.voxels.shape
    assert (after.voxels[parts["nose"]] == AIR).all()
    np.testing.assert_array_equal(after.voxels[parts["brain"]], volume.voxels[parts["brain"]])
    marked = [dcmread(file, stop_before_pixels=True) for file in (tmp_path / "out").rglob("*.dcm")]
    without = [one for one in marked if one.get("RecognizableVisualFeatures") == "NO"]
    assert len(without) == report.pixels["slices without a face"] > 50
    assert all("113102" in [c.CodeValue for c in one.DeidentificationMethodCodeSequence] for one in without)


def test_a_face_stays_unless_asked(write_stack: Callable[..., Path], tmp_path: Path) -> None:
    volume, _ = head()
    stored = (volume.voxels[60:64] + 1024).astype(np.uint16)
    folder = write_stack(stored, volume.to_patient([(k, 0, 0) for k in range(60, 64)]), spacing=(MM, MM))
    assert deidentify(folder, tmp_path / "out").all_written
    after = read_volume(read_study(tmp_path / "out").series[0]).voxels
    np.testing.assert_array_equal(after, volume.voxels[60:64])
