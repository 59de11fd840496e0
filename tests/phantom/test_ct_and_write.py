"""What is written of a phantom."""

import json
from pathlib import Path

import numpy as np
import pytest

from procguide.anatomy.serialise import spine_from_json
from procguide.dicom import read_study, read_volume
from procguide.imaging import Volume
from procguide.imaging.files import read_labels
from procguide.phantom import (
    CtSettings,
    Phantom,
    PhantomParameters,
    build,
    parameters_from_json,
    simulate_ct,
    write_phantom,
)

COARSE = CtSettings(pixel_mm=1.5, slice_mm=3.0)


@pytest.fixture(scope="module")
def piece() -> Phantom:
    """About L2 to L4, a strip from front to back."""
    return build(PhantomParameters(), 1.5, box=((-60, -500, 75), (60, 500, 130)))


@pytest.fixture(scope="module")
def ct(piece: Phantom) -> Volume:
    return simulate_ct(piece, 5, settings=COARSE)


def test_written_study_reads_back(piece: Phantom, ct: Volume, tmp_path: Path) -> None:
    files = write_phantom(piece, ct, tmp_path)
    assert all(file.is_file() for file in files)
    series = read_study(tmp_path).choose("CT")
    volume = read_volume(series)
    np.testing.assert_array_equal(volume.voxels, ct.voxels)
    assert volume.affine.isclose(ct.affine, 1e-3)
    regions = read_labels(tmp_path / "truth/regions.nii.gz", piece.regions.names)
    np.testing.assert_array_equal(regions.voxels, piece.regions.voxels)
    truth = tmp_path / "truth"
    assert spine_from_json(json.loads((truth / "spine.json").read_text())).levels == piece.spine.levels
    assert parameters_from_json(json.loads((truth / "parameters.json").read_text())) == piece.parameters


def test_written_study_is_the_same_each_time(piece: Phantom, ct: Volume, tmp_path: Path) -> None:
    cut = ct.crop((0, 0, 0), (2, 60, 60))
    for name in ("a", "b"):
        write_phantom(piece, cut, tmp_path / name)
    first, second = ((tmp_path / n / "ct/CT_0001.dcm").read_bytes() for n in ("a", "b"))
    assert first == second
