"""Where readers that are not ours put a landmark of what we write: SimpleITK and dcm2niix."""

import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from procguide.dicom import CtAcquisition, MrAcquisition, StudyIdentity, write_series
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume

TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
LANDMARK = (4.0, 21.0, 9.0)
"""Index (k, j, i) of the one bright voxel."""


def oblique(tilt_deg: float) -> Affine:
    """Axial slices tilted as along a disc, and turned a little."""
    tilt, turn = np.radians(tilt_deg), np.radians(4.0)
    row = np.array([np.cos(turn), np.sin(turn), 0.0])
    column = np.cross(np.array([0.0, -np.sin(tilt), np.cos(tilt)]), row)
    column -= (column @ row) * row
    column /= np.linalg.norm(column)
    return Affine.from_steps([4.4 * np.cross(row, column), 0.625 * column, 0.7 * row], (-71.3, -40.2, -13.7))


SHAPES = {
    "CT": (CtAcquisition(), Affine.axis_aligned((2.5, 0.9, 0.8), (-31.7, -120.1, 55.5))),
    "sagittal MR": (
        MrAcquisition("T1 TSE", "T1"),
        Affine.from_steps([(-4.4, 0, 0.1), (-0.01, 0, -0.8), (0, 0.75, 0)], (30.1, -60.2, 140.3)),
    ),
    "axial oblique MR": (MrAcquisition("T2 TSE", slice_mm=4.0), oblique(23.0)),
}


@pytest.fixture(params=list(SHAPES))
def written(request, tmp_path):
    """A function that writes one kind, classic or enhanced; gives the volume and the folder."""
    facts, affine = SHAPES[request.param]
    k, j, i = affine.directions.T
    steps = np.array([k - (k @ j) * j - (k @ i) * i, j, i])
    affine = Affine.from_steps(
        steps / np.linalg.norm(steps, axis=1)[:, None] * affine.spacing[:, None], affine.origin
    )
    ct = isinstance(facts, CtAcquisition)
    voxels = np.random.default_rng(3).integers(0, 900, (8, 40, 32)).astype(np.int16)
    voxels[tuple(int(n) for n in LANDMARK)] = 3000
    volume = Volume(voxels, affine, Modality.CT if ct else Modality.MR)

    def write(*, enhanced):
        folder = tmp_path / "dicom"
        write_series(volume, folder, facts, study=StudyIdentity(seed=2), enhanced=enhanced)
        return volume, folder

    return write


@pytest.mark.parametrize("enhanced", [False, True])
def test_simpleitk(written, enhanced):
    volume, folder = written(enhanced=enhanced)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute() if not enhanced else SimpleITK.ReadImage(str(next(folder.iterdir())))
    brightest = np.argwhere(SimpleITK.GetArrayFromImage(image) == 3000)[0]
    place = image.TransformContinuousIndexToPhysicalPoint([float(n) for n in brightest[::-1]])
    np.testing.assert_allclose(place, volume.to_patient(LANDMARK), atol=0.1)
    values = SimpleITK.GetArrayFromImage(image)
    np.testing.assert_array_equal(values, _as_stacked(volume, values, brightest))


@pytest.mark.parametrize("enhanced", [False, True])
def test_dcm2niix(written, enhanced, tmp_path):
    tool = Path(sys.executable).with_name("dcm2niix")
    found = str(tool) if tool.exists() else shutil.which("dcm2niix")
    if found is None:
        pytest.skip("dcm2niix is not installed")
    volume, folder = written(enhanced=enhanced)
    subprocess.run(
        [found, "-b", "n", "-z", "n", "-f", "out", "-o", str(tmp_path), str(folder)],
        check=True,
        capture_output=True,
    )
    image = nibabel.load(tmp_path / "out.nii")
    values = np.asarray(image.dataobj)
    brightest = np.argwhere(values == 3000)[0]
    place = (TO_RAS @ image.affine @ [*brightest, 1.0])[:3]
    np.testing.assert_allclose(place, volume.to_patient(LANDMARK), atol=0.1)
    assert sorted(values.ravel()) == sorted(volume.voxels.ravel())
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in values.shape])).reshape(3, -1)
    theirs = (TO_RAS @ image.affine @ np.vstack([corners, np.ones(8)]))[:3].T
    for index, place in zip(corners.T, theirs, strict=True):
        ours = np.rint(volume.to_index(place)).astype(int)
        assert values[tuple(index)] == volume.voxels[tuple(ours)]


def _as_stacked(volume, values, brightest):
    """Our voxels in the order in which the reader has stacked them: it may count k from the other end."""
    assert values.shape == volume.shape
    return volume.voxels if brightest[0] == LANDMARK[0] else volume.voxels[::-1]
