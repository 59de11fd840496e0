import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from procguide.dicom import read_study, read_volume
from procguide.errors import InputUnreadableError

POSITIONS = np.column_stack([np.zeros((12, 2)), np.arange(12) * 2.0])


def hounsfield(folder):
    return read_volume(read_study(folder).series[0]).voxels


class TestValues:
    @pytest.mark.parametrize("dtype", [np.uint16, np.int16])
    def test_signed_and_unsigned(self, write_stack, dtype):
        stored = np.linspace(0, 3000, 12 * 400).reshape(12, 20, 20).astype(dtype)
        values = hounsfield(write_stack(stored, POSITIONS, RescaleSlope="1", RescaleIntercept="-1000"))
        np.testing.assert_array_equal(values, stored.astype(int) - 1000)
        assert values.dtype == np.int16

    def test_negative_stored_values(self, write_stack, voxels):
        stored = voxels.astype(np.int16) - 900
        values = hounsfield(write_stack(stored, POSITIONS, RescaleSlope="1", RescaleIntercept="0"))
        np.testing.assert_array_equal(values, stored)

    def test_fractional_slope_gives_floats(self, write_stack, voxels):
        values = hounsfield(write_stack(voxels, POSITIONS, RescaleSlope="0.5", RescaleIntercept="-10.25"))
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, voxels * 0.5 - 10.25)

    def test_a_slope_of_each_slice_is_applied_to_it(self, write_stack, voxels):
        write_stack(voxels[:6], POSITIONS[:6], folder="s/a", RescaleSlope="1", RescaleIntercept="0")
        write_stack(voxels[6:], POSITIONS[6:], folder="s/b", RescaleSlope="2", RescaleIntercept="5")
        values = hounsfield(write_stack(voxels[:0], [], folder="s"))
        np.testing.assert_array_equal(values[:6], voxels[:6])
        np.testing.assert_array_equal(values[6:], voxels[6:].astype(int) * 2 + 5)

    def test_values_beyond_int16(self, write_stack, voxels):
        stored = (voxels + 60000).astype(np.uint16)
        values = hounsfield(
            write_stack(stored, POSITIONS, Modality="MR", RescaleSlope=None, RescaleIntercept=None)
        )
        assert values.dtype == np.int32
        np.testing.assert_array_equal(values, stored)

    def test_nothing_in_ct_is_below_air(self, write_stack, voxels):
        values = hounsfield(write_stack(voxels, POSITIONS, RescaleSlope="1", RescaleIntercept="-2000"))
        assert values.min() == -1024


class TestPadding:
    def ring(self, value, inside=1000, dtype=np.int16):
        stored = np.full((12, 20, 16), value, dtype)
        stored[:, 5:15, 4:12] = inside
        return stored

    def test_padding_becomes_air(self, write_stack):
        stored = self.ring(-2000)
        values = hounsfield(write_stack(stored, POSITIONS, PixelPaddingValue=-2000))
        assert set(np.unique(values)) == {-1024, -24}

    def test_padding_above_air_becomes_air(self, write_stack):
        values = hounsfield(write_stack(self.ring(4000), POSITIONS, PixelPaddingValue=4000))
        assert values[0, 0, 0] == -1024
        assert values[0, 10, 8] == -24

    def test_a_padding_value_that_tissue_has_is_kept(self, write_stack):
        stored = self.ring(0, inside=1000)
        stored[:, 10, 8] = 1064
        values = hounsfield(write_stack(stored, POSITIONS, PixelPaddingValue=1064))
        assert values[0, 10, 8] == 40

    def test_mr_padding_becomes_the_lowest_signal(self, write_stack):
        values = hounsfield(
            write_stack(
                self.ring(-7, 100),
                POSITIONS,
                Modality="MR",
                PixelPaddingValue=-7,
                RescaleSlope=None,
                RescaleIntercept=None,
            )
        )
        assert values.min() == 100

    def test_a_range_of_padding(self, write_stack):
        stored = self.ring(-2000)
        stored[:, 0, 0:8] = -1990
        values = hounsfield(
            write_stack(stored, POSITIONS, PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1980)
        )
        assert set(np.unique(values)) == {-1024, -24}


class TestTransferSyntaxes:
    @pytest.mark.parametrize(
        "syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: uid.name
    )
    def test_compressed_decodes_equal(self, write_stack, slice_maker, voxels, tmp_path, syntax):
        voxels = np.ascontiguousarray(np.tile(voxels, (1, 2, 3)))  # JPEG 2000's encoder wants 32 pixels
        plain = hounsfield(write_stack(voxels, POSITIONS))
        folder = tmp_path / "compressed"
        folder.mkdir()
        for k, pixels in enumerate(voxels):
            dataset = slice_maker(pixels, POSITIONS[k], InstanceNumber=k)
            dataset.compress(syntax, generate_instance_uid=False)
            dataset.save_as(folder / f"{k}", enforce_file_format=True)
        np.testing.assert_array_equal(hounsfield(folder), plain)

    def test_jpeg_lossless(self, slice_maker, tmp_path):
        from pydicom.encaps import encapsulate
        from pydicom.uid import JPEGLosslessSV1

        dataset = slice_maker(np.full((16, 16), 0, np.uint16), (0, 0, 0))
        dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
        dataset.PixelData = encapsulate([constant_jpeg_lossless(16, 16)])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.save_as(tmp_path / "one", enforce_file_format=True)
        values = read_volume(read_study(tmp_path).series[0]).voxels
        np.testing.assert_array_equal(values, np.full((1, 16, 16), 2**15 - 1024))

    def test_implicit_little_endian_without_preamble(self, slice_maker, voxels, tmp_path):
        for k, pixels in enumerate(voxels):
            dataset = slice_maker(pixels, POSITIONS[k])
            del dataset.file_meta
            dataset.preamble = None
            dataset.save_as(
                tmp_path / f"{k}", implicit_vr=True, little_endian=True, enforce_file_format=False
            )
        np.testing.assert_array_equal(hounsfield(tmp_path), voxels.astype(int) - 1024)

    def test_damaged_compressed_pixels_say_so(self, slice_maker, voxels, tmp_path):
        for k, pixels in enumerate(voxels):
            dataset = slice_maker(pixels, POSITIONS[k])
            dataset.compress(JPEGLSLossless, generate_instance_uid=False)
            dataset.save_as(tmp_path / f"{k}", enforce_file_format=True)
        file = tmp_path / "5"
        data = file.read_bytes()
        cut = int(len(data) * 0.8)
        file.write_bytes(data[:cut] + bytes(len(data) - cut - 8) + data[-8:])
        series = read_study(tmp_path).series[0]
        with pytest.raises(InputUnreadableError, match=r"cut short.*export it again"):
            read_volume(series)

    def test_a_compressed_slice_that_is_cut_short_is_left_out(self, slice_maker, voxels, tmp_path):
        for k, pixels in enumerate(voxels):
            dataset = slice_maker(pixels, POSITIONS[k])
            dataset.compress(JPEGLSLossless, generate_instance_uid=False)
            dataset.save_as(tmp_path / f"{k}", enforce_file_format=True)
        file = tmp_path / "5"
        file.write_bytes(file.read_bytes()[:-100])
        study = read_study(tmp_path)
        assert [(finding.name, finding.score) for finding in study.findings] == [("damaged files", 1)]
        assert len(study.series[0].files) == 11
        assert read_volume(study.series[0]).shape == (12, 20, 16)


def constant_jpeg_lossless(rows, columns):
    """16-bit lossless JPEG, predictor 1, all differences 0: every sample is the initial 2**15."""
    frame = bytes(
        [0xFF, 0xC3, 0, 11, 16, *rows.to_bytes(2, "big"), *columns.to_bytes(2, "big"), 1, 1, 0x11, 0]
    )
    table = bytes([0xFF, 0xC4, 0, 20, 0, 1, *[0] * 15, 0])
    scan = bytes([0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 0, 0])
    return b"\xff\xd8" + frame + table + scan + bytes(rows * columns // 8) + b"\xff\xd9"


class TestMultiFrame:
    def test_enhanced_ct_is_ordered_by_frame_positions(self, multi_frame, voxels, tmp_path):
        order = np.random.default_rng(0).permutation(12)
        multi_frame(voxels, order, tilt=0.25).save_as(tmp_path / "ct", enforce_file_format=True)
        (series,) = read_study(tmp_path).series
        volume = read_volume(series)
        np.testing.assert_array_equal(volume.voxels, voxels.astype(int) - 1000)
        np.testing.assert_allclose(volume.to_patient((11, 1, 1)), (1.9, 2 + 2.75 + 0.7, 22), atol=1e-9)
        assert len(series.files) == 1

    def test_frames_without_places_are_not_cross_sectional(self, slice_maker, voxels, tmp_path):
        dataset = slice_maker(voxels[0], (0, 0, 0), Modality="US", NumberOfFrames=12)
        dataset.PixelData = voxels.tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.save_as(tmp_path / "us", enforce_file_format=True)
        (series,) = read_study(tmp_path / "us").series
        assert series.shape == (12, 20, 16)
        assert series.usable_for == "viewing only: ultrasound"


def test_progress_runs_to_one(write_stack, voxels):
    heard = []
    read_volume(read_study(write_stack(voxels, POSITIONS)).series[0], heard.append)
    assert heard == pytest.approx(np.arange(1, 13) / 12)
