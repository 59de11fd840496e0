"""Whatever the bytes, the answer is a volume or one of our errors: never a crash, never a hang."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Sequence, dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    MediaStorageDirectoryStorage,
    RLELossless,
)

from procguide.dicom import read_frames, read_study, read_volume
from procguide.errors import InputUnreadableError, ProcguideError
from procguide.geometry import Affine
from procguide.imaging import Cine, Volume
from procguide.imaging.files import read_image, write_image
from tests.dicom.made_images import make_image, ramp, region, saved

FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
DAMAGE = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12)


def damaged(data, damage, kept):
    changed = bytearray(data)
    for place, byte in damage:
        changed[int(place * (len(changed) - 1))] = byte
    return bytes(changed[: int(kept * len(changed))])


@FUZZ
@given(
    damage=DAMAGE,
    kept=st.sampled_from([1.0, 1.0, 0.7, 0.2]),
    syntax=st.sampled_from(["plain", "ls", "j2k", "rle"]),
)
def test_damaged_dicom(tmp_path, slice_maker, damage, kept, syntax):
    pixels = np.random.default_rng(0).integers(0, 3000, (40, 40)).astype(np.uint16)
    dataset = slice_maker(pixels, (0, 0, 0))
    compressed = {"ls": JPEGLSLossless, "j2k": JPEG2000Lossless, "rle": RLELossless}.get(syntax)
    if compressed:
        dataset.compress(compressed, generate_instance_uid=False)
    file = tmp_path / "slice"
    dataset.save_as(file, enforce_file_format=True)
    file.write_bytes(damaged(file.read_bytes(), damage, kept))
    with suppress(ProcguideError):
        for series in read_study(file).series:
            volume = read_volume(series)
            assert volume.shape[0] >= 1


@FUZZ
@given(
    damage=DAMAGE,
    kept=st.sampled_from([1.0, 1.0, 0.7]),
    kind=st.sampled_from(["rotation", "ultrasound", "colour"]),
)
def test_damaged_frames(tmp_path, damage, kept, kind):
    made = {
        "rotation": lambda: make_image(
            "XA",
            ramp(3, 16, 16),
            PositionerPrimaryAngle="1",
            PositionerSecondaryAngle="2",
            PositionerPrimaryAngleIncrement=["0", "5", "9"],
            FrameTimeVector=["0", "40", "40"],
            ImagerPixelSpacing=["0.3", "0.3"],
            WindowCenter="100",
            WindowWidth="50",
        ),
        "ultrasound": lambda: make_image(
            "US", ramp(16, 16), SequenceOfUltrasoundRegions=Sequence([region((0, 0, 15, 15), (0.1, 0.1))])
        ),
        "colour": lambda: make_image("US cine", ramp(2, 16, 16, 3), colour=True, FrameTime="40"),
    }[kind]()
    file = saved(made, tmp_path / "frames")
    data = file.read_bytes()
    head = [(place * 0.6, byte) for place, byte in damage] if kind == "rotation" else damage
    file.write_bytes(damaged(data, head, kept))
    with suppress(ProcguideError):
        for series in read_study(file).series:
            for image in read_frames(series):
                assert image.pixels.size
                for frame in image if isinstance(image, Cine) else [image]:
                    assert frame.shown().dtype == np.uint8


@FUZZ
@given(
    damage=DAMAGE,
    kept=st.sampled_from([1.0, 1.0, 0.9, 0.3]),
    suffix=st.sampled_from([".nii", ".nii.gz", ".nrrd", ".mha"]),
)
def test_damaged_images(tmp_path, damage, kept, suffix):
    values = np.random.default_rng(0).integers(-1000, 3000, (6, 7, 8)).astype(np.int16)
    path = write_image(Volume(values, Affine.axis_aligned(1.0, (0, 0, 0))), tmp_path / f"a{suffix}")
    head = [(place * 0.4, byte) for place, byte in damage]
    path.write_bytes(damaged(path.read_bytes(), head, kept))
    with suppress(ProcguideError):
        assert read_image(path).voxels.ndim == 3


class TestOddButWhole:
    def test_deflated(self, slice_maker, voxels, tmp_path):
        for k, pixels in enumerate(voxels):
            dataset = slice_maker(pixels, (0, 0, 2 * k))
            dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
            dataset.save_as(tmp_path / f"{k}", enforce_file_format=True)
        values = read_volume(read_study(tmp_path).series[0]).voxels
        np.testing.assert_array_equal(values, voxels.astype(int) - 1024)

    def test_a_dicomdir_beside_the_images(self, write_stack, slice_maker, voxels):
        positions = np.column_stack([np.zeros((12, 2)), np.arange(12) * 2.0])
        folder = write_stack(voxels, positions)
        directory = slice_maker(voxels[0], (0, 0, 0))
        for element in list(directory):
            del directory[element.tag]
        directory.SOPClassUID = MediaStorageDirectoryStorage
        directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
        del directory.SOPClassUID
        directory.FileSetID = "CD"
        directory.save_as(folder / "DICOMDIR", enforce_file_format=True)
        study = read_study(folder)
        assert [series.shape for series in study.series] == [(12, 20, 16)]
        assert study.findings == ()

    def test_a_report_object_is_not_an_image(self, slice_maker, voxels, tmp_path):
        dataset = slice_maker(voxels[0], (0, 0, 0), Modality="SR")
        for keyword in ("PixelData", "Rows", "Columns", "ImagePositionPatient"):
            delattr(dataset, keyword)
        dataset.save_as(tmp_path / "report", enforce_file_format=True)
        (series,) = read_study(tmp_path).series
        assert series.usable_for == "not an image"

    def test_ct_without_rescale_is_a_caution(self, write_stack, voxels):
        positions = np.column_stack([np.zeros((12, 2)), np.arange(12) * 2.0])
        (series,) = read_study(write_stack(voxels, positions, RescaleSlope=None)).series
        assert "no Hounsfield units" in series.usable_for
        np.testing.assert_array_equal(read_volume(series).voxels, voxels)

    @pytest.mark.parametrize(
        "attributes",
        [
            {"ImageOrientationPatient": ["1", "0", "0", "1", "0", "0"]},
            {"ImageOrientationPatient": ["3", "0", "0", "0", "1", "0"]},
            {"PixelSpacing": ["0", "1"]},
            {"ImagePositionPatient": ["1", "2"]},
        ],
    )
    def test_unusable_geometry_is_no_geometry(self, slice_maker, voxels, tmp_path, attributes):
        slice_maker(voxels[0], (0, 0, 0), **attributes).save_as(tmp_path / "a", enforce_file_format=True)
        assert read_study(tmp_path).series[0].grid is None

    @pytest.mark.parametrize("thickness", ["4e-21", "1e300"])
    def test_a_thickness_that_is_none(self, slice_maker, voxels, tmp_path, thickness):
        slice_maker(voxels[0], (0, 0, 0), SliceThickness=thickness).save_as(tmp_path / "a")
        (series,) = read_study(tmp_path).series
        assert series.spacing_mm[0] == 1

    def test_pixels_that_vanish_after_reading_the_headers(self, write_stack, voxels):
        positions = np.column_stack([np.zeros((12, 2)), np.arange(12) * 2.0])
        series = read_study(write_stack(voxels, positions)).series[0]
        Path(series.files[3]).unlink()
        with pytest.raises(InputUnreadableError, match="export the series again"):
            read_volume(series)

    def test_an_image_that_changes_its_size_after_reading_the_headers(self, write_stack, slice_maker, voxels):
        positions = np.column_stack([np.zeros((12, 2)), np.arange(12) * 2.0])
        series = read_study(write_stack(voxels, positions)).series[0]
        slice_maker(voxels[0, :4], (0, 0, 0)).save_as(
            series.files[3], enforce_file_format=True, overwrite=True
        )
        assert dcmread(series.files[3]).Rows == 4
        with pytest.raises(InputUnreadableError, match="another size"):
            read_volume(series)
