"""Every input of the table in docs/dicom.md gives what the table says."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom import dcmread

from procguide.dicom import read_study, read_volume
from procguide.errors import ProcguideError
from tests.dicom.input_cases import (
    PYDICOM,
    REPOSITORY,
    SHARED,
    expected,
    made_cases,
    outcome_of,
    pydicom_cases,
    sample_cases,
)

EXPECTED = expected()


@pytest.mark.parametrize(
    "case", [*pydicom_cases(), *sample_cases(), *made_cases()], ids=lambda case: f"{case.source}:{case.name}"
)
def test_it_gives_what_is_on_record(case, tmp_path):
    key = f"{case.source}:{case.name}"
    if case.source == "pydicom" and key not in EXPECTED:
        pytest.skip("a file that this version of pydicom has, and the one on record had not")
    assert outcome_of(case.place(tmp_path)) == EXPECTED[key]


@pytest.mark.real
@pytest.mark.parametrize("name", SHARED)
def test_real_images_give_what_is_on_record(name, real_data):
    assert outcome_of(real_data / name) == EXPECTED[f"shared:{name}"]


def test_the_table_in_the_docs_is_of_these():
    page = (REPOSITORY / "docs" / "dicom.md").read_text()
    missing = [name for name in EXPECTED if f"`{name.split(':', 1)[1]}`" not in page]
    assert missing == []


GREY = sorted(
    file
    for file in (PYDICOM / "test_files").glob("*.dcm")
    if file.name.startswith(("CT_", "MR_", "693_", "J2K_", "examples_overlay"))
)


@pytest.mark.parametrize("file", GREY, ids=lambda file: file.name)
def test_values_are_those_of_another_reader(file: Path):
    """GDCM, through SimpleITK, rescales as we do."""
    try:
        volume = read_volume(read_study(file).series[0])
    except ProcguideError:
        assert file.name == "MR_truncated.dcm"
        return
    theirs = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))
    theirs = np.maximum(theirs, -1024) if dcmread(file).Modality == "CT" else theirs
    padding = dcmread(file, stop_before_pixels=True).get("PixelPaddingValue")
    inside = np.ones(theirs.shape, bool) if padding is None else volume.voxels > -1024
    np.testing.assert_array_equal(volume.voxels[inside], theirs[inside])
