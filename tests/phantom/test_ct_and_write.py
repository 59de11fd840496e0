"""The CT and what is written of it."""

import json
from pathlib import Path

import numpy as np
import pytest

from procguide.anatomy import Region
from procguide.anatomy.serialise import spine_from_json
from procguide.dicom import read_study, read_volume
from procguide.errors import UsageError
from procguide.imaging import Modality, Volume
from procguide.imaging.files import read_labels
from procguide.imaging.resample import resample
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


def test_tissues_have_their_hounsfield_units(piece: Phantom, ct: Volume) -> None:
    labels = resample(piece.regions, ct.grid).voxels
    expected = {
        Region.MUSCLE: (30, 75), Region.FAT: (-125, -70), Region.DISC: (60, 110), Region.CANAL: (-40, 40),
        Region.AORTA: (25, 65), Region.BODY: (120, 330), Region.LAMINA: (300, 900),
    }  # fmt: skip
    for region, (low, high) in expected.items():
        assert low < np.median(ct.voxels[labels == region]) < high, region


def test_air_around_and_hard_limits(ct: Volume) -> None:
    assert ct.modality is Modality.CT
    assert ct.voxels.dtype == np.int16
    assert np.median(ct.voxels[:, 0]) == pytest.approx(-1000, abs=20)
    assert ct.voxels.min() >= -1000
    assert 500 < ct.voxels.max() <= 3000


def test_same_seed_same_voxels_other_seed_other_noise(piece: Phantom, ct: Volume) -> None:
    np.testing.assert_array_equal(simulate_ct(piece, 5, settings=COARSE).voxels, ct.voxels)
    other = simulate_ct(piece, 6, settings=COARSE).voxels
    assert (other != ct.voxels).mean() > 0.3


def test_table_only_when_asked_for(piece: Phantom, ct: Volume) -> None:
    without = simulate_ct(piece, 5, settings=CtSettings(pixel_mm=1.5, slice_mm=3.0, table=False))
    assert without.shape[1] < ct.shape[1]


def test_pixel_has_to_be_positive(piece: Phantom) -> None:
    with pytest.raises(UsageError, match="positive"):
        simulate_ct(piece, 1, settings=CtSettings(pixel_mm=0))


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
