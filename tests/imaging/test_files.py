import gzip
import struct
import warnings

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from procguide.errors import CannotWriteError, InputUnreadableError, UsageError
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.files import image_suffix, read_image, read_labels, write_image

SHEARED = Affine.from_steps([(0.2, 0.5, 2.5), (0, 0.8, -0.1), (0.9, 0.1, 0.05)], (-60.125, 33.5, 712.25))
STRAIGHT = Affine.from_steps([(0, 0, -2.5), (0, 0.8, 0), (-0.9, 0, 0)], (-60.125, 33.5, 712.25))
FORMATS = (".nii", ".nii.gz", ".nrrd", ".mha")
ANY_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)


def ras_ijk(affine):
    """Our matrix as nibabel has it."""
    return np.diag([-1, -1, 1, 1]) @ affine.matrix[:, [2, 1, 0, 3]]


@pytest.fixture
def voxels():
    return np.arange(-1000, -1000 + 5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)


@st.composite
def affines(draw, shear=0.4):
    rotation = Rotation.random(rng=np.random.default_rng(draw(st.integers(0, 10**6)))).as_matrix()
    spacing = np.array(draw(st.tuples(*[st.floats(0.3, 6.0)] * 3)))
    flips = draw(st.tuples(*[st.sampled_from([-1, 1])] * 3))
    skew = np.eye(3)
    skew[1, 0] = draw(st.floats(-shear, shear))
    return Affine.from_steps(
        (rotation @ skew * spacing * flips).T, draw(st.tuples(*[st.floats(-800, 800)] * 3))
    )


class TestRoundTrips:
    @pytest.mark.parametrize("suffix", FORMATS)
    @pytest.mark.parametrize("affine", [STRAIGHT, SHEARED], ids=["straight", "sheared"])
    @pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32, np.int32, np.uint16])
    def test_every_format_affine_and_type(self, tmp_path, voxels, suffix, affine, dtype):
        values = (voxels + 1000).astype(dtype)
        path = write_image(Volume(values, affine), tmp_path / f"image{suffix}")
        image = read_image(path)
        np.testing.assert_array_equal(image.voxels, values)
        assert image.voxels.dtype == dtype
        assert image.affine.isclose(affine, 1e-4)

    @ANY_FILE
    @given(affines(), st.sampled_from(FORMATS))
    def test_any_affine(self, tmp_path, affine, suffix):
        values = np.zeros((2, 3, 4), np.uint8)
        path = write_image(Volume(values, affine), tmp_path / f"any{suffix}")
        found = read_image(path).affine
        np.testing.assert_allclose(found.apply((1, 2, 3)), affine.apply((1, 2, 3)), atol=2e-4)

    def test_masks_are_written_as_bytes(self, tmp_path):
        mask = Volume(np.eye(3, dtype=bool)[None].repeat(2, axis=0), STRAIGHT)
        for suffix in FORMATS:
            assert read_image(write_image(mask, tmp_path / f"m{suffix}")).voxels.sum() == 6

    def test_the_same_volume_gives_the_same_bytes(self, tmp_path, voxels):
        paths = [write_image(Volume(voxels, SHEARED), tmp_path / f"{name}.nii.gz") for name in "ab"]
        assert paths[0].read_bytes() == paths[1].read_bytes()


class TestAgainstNibabel:
    @ANY_FILE
    @given(affines())
    def test_it_reads_our_files(self, tmp_path, affine):
        values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
        image = nibabel.load(write_image(Volume(values, affine), tmp_path / "ours.nii.gz"))
        np.testing.assert_allclose(image.affine, ras_ijk(affine), atol=1e-4)
        np.testing.assert_array_equal(np.asarray(image.dataobj), values.T)
        assert image.header.get_xyzt_units()[0] == "mm"

    @ANY_FILE
    @given(affines(), st.sampled_from([nibabel.Nifti1Image, nibabel.Nifti2Image]))
    def test_we_read_its_files(self, tmp_path, affine, kind):
        values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
        nibabel.save(kind(values.T, ras_ijk(affine)), tmp_path / "theirs.nii")
        image = read_image(tmp_path / "theirs.nii")
        np.testing.assert_allclose(image.affine.matrix, affine.matrix, atol=1e-4)
        np.testing.assert_array_equal(image.voxels, values)

    @ANY_FILE
    @given(affines(shear=0))
    def test_qform_alone(self, tmp_path, affine):
        image = nibabel.Nifti1Image(np.zeros((4, 3, 2), np.uint8), None)
        image.set_qform(ras_ijk(affine), code=1)
        image.set_sform(None, code=0)
        nibabel.save(image, tmp_path / "q.nii")
        np.testing.assert_allclose(read_image(tmp_path / "q.nii").affine.matrix, affine.matrix, atol=2e-3)

    def test_neither_form(self, tmp_path):
        image = nibabel.Nifti1Image(np.zeros((4, 3, 2), np.uint8), None)
        image.header.set_zooms((1, 2, 3))
        image.set_sform(None, code=0)
        image.set_qform(None, code=0)
        nibabel.save(image, tmp_path / "n.nii")
        np.testing.assert_allclose(read_image(tmp_path / "n.nii").affine.spacing, (3, 2, 1))

    def test_scaled_and_big_endian(self, tmp_path):
        values = np.arange(24, dtype=">i2").reshape(4, 3, 2)
        image = nibabel.Nifti1Image(values, np.eye(4), nibabel.Nifti1Header(endianness=">"))
        image.header.set_slope_inter(0.5, 3)
        nibabel.save(image, tmp_path / "s.nii")
        found = read_image(tmp_path / "s.nii").voxels
        np.testing.assert_allclose(found, nibabel.load(tmp_path / "s.nii").get_fdata().T, atol=1e-4)

    def test_whole_scaling_stays_whole(self, tmp_path, voxels):
        path = write_image(Volume(voxels + 1000, STRAIGHT), tmp_path / "w.nii")
        data = bytearray(path.read_bytes())
        struct.pack_into("<2f", data, 112, 1.0, -1024.0)
        path.write_bytes(data)
        image = read_image(path)
        assert image.voxels.dtype == np.int16
        np.testing.assert_array_equal(image.voxels, voxels - 24)

    def test_simpleitk_agrees_where_it_can(self, tmp_path, voxels):
        path = write_image(Volume(voxels, STRAIGHT), tmp_path / "i.nii.gz")
        image = SimpleITK.ReadImage(str(path))
        np.testing.assert_allclose(
            image.TransformIndexToPhysicalPoint((6, 5, 4)), STRAIGHT.apply((4, 5, 6)), atol=1e-3
        )


class TestModalityAndLabels:
    def test_modality_by_values_or_as_said(self, tmp_path, voxels):
        ct = write_image(Volume(voxels, STRAIGHT), tmp_path / "ct.nii.gz")
        mr = write_image(Volume(voxels + 1000, STRAIGHT), tmp_path / "mr.nii.gz")
        assert read_image(ct).modality is Modality.CT
        assert read_image(mr).modality is Modality.OTHER
        assert read_image(mr, Modality.MR).modality is Modality.MR
        assert read_image(ct).source == "NIfTI image, 5x6x7 voxels"

    def test_labels(self, tmp_path):
        values = np.zeros((4, 5, 6), np.uint8)
        values[1:3] = 23
        path = write_image(LabelMap(values, SHEARED, names={23: "L4"}), tmp_path / "l.nii.gz")
        labels = read_labels(path, {23: "L4"})
        assert labels.present() == (23,)
        assert labels.voxels.dtype == np.uint8
        assert labels.names == {23: "L4"}

    def test_float_labels_are_read_if_whole(self, tmp_path):
        path = write_image(Volume(np.full((2, 2, 2), 300.0, np.float32), STRAIGHT), tmp_path / "f.nrrd")
        assert read_labels(path, {}).voxels.dtype == np.uint16

    @pytest.mark.parametrize(
        ("value", "words"), [(0.5, "not whole numbers"), (-3, "from -3 to"), (70000, "to 70000")]
    )
    def test_an_image_is_no_label_map(self, tmp_path, value, words):
        path = write_image(Volume(np.full((2, 2, 2), value, np.float32), STRAIGHT), tmp_path / "f.nii")
        with pytest.raises(InputUnreadableError, match=words):
            read_labels(path, {})


class TestUnreadable:
    def check(self, path, words):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(InputUnreadableError, match=words):
                read_image(path)

    def test_missing_or_unknown(self, tmp_path):
        self.check(tmp_path / "a.nii.gz", "check the path")
        (tmp_path / "a.png").write_bytes(b"x")
        self.check(tmp_path / "a.png", r"not one of \.nii")

    @pytest.mark.parametrize("suffix", [*FORMATS, ".mhd", ".nhdr"])
    @pytest.mark.parametrize("content", [b"", b"ab", b"not an image at all" * 50])
    def test_something_else_under_that_name(self, tmp_path, suffix, content):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(content)
        self.check(path, "NIfTI|another format")

    @pytest.mark.parametrize("suffix", FORMATS)
    @pytest.mark.parametrize("kept", [0.5, 0.97])
    def test_cut_short(self, tmp_path, suffix, kept):
        noise = np.random.default_rng(0).integers(0, 30000, (20, 20, 20)).astype(np.int16)
        path = write_image(Volume(noise, STRAIGHT), tmp_path / f"a{suffix}")
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
        self.check(path, "cut short|damaged")

    def test_a_sheared_nifti_from_nibabel_is_not_coerced(self, tmp_path):
        nibabel.save(nibabel.Nifti1Image(np.zeros((4, 3, 2), np.uint8), ras_ijk(SHEARED)), tmp_path / "s.nii")
        assert read_image(tmp_path / "s.nii").affine.isclose(SHEARED, 1e-4)

    def test_absurd_header_sizes_are_refused_at_once(self, tmp_path):
        path = write_image(Volume(np.zeros((4, 4, 4), np.uint8), STRAIGHT), tmp_path / "b.nii")
        data = bytearray(path.read_bytes())
        struct.pack_into("<8h", data, 40, 3, 30000, 30000, 30000, 1, 1, 1, 1)
        path.write_bytes(data)
        self.check(path, "claims 30000x30000x30000 voxels")
        struct.pack_into("<8h", data, 40, 3, 1000, 1000, 1000, 1, 1, 1, 1)
        path.write_bytes(data)
        self.check(path, "cut short or damaged")
        (tmp_path / "b.nii.gz").write_bytes(gzip.compress(data))
        self.check(tmp_path / "b.nii.gz", "cut short or damaged")
        header = (
            "NRRD0004\ntype: short\ndimension: 3\nsizes: 1200 1200 1200\nencoding: raw\nendian: little\n\n"
        )
        (tmp_path / "b.nrrd").write_text(header)
        self.check(tmp_path / "b.nrrd", "cut short or damaged")

    def test_damaged_dimensions(self, tmp_path):
        path = write_image(Volume(np.zeros((4, 4, 4), np.uint8), STRAIGHT), tmp_path / "b.nii")
        data = bytearray(path.read_bytes())
        struct.pack_into("<8h", data, 40, 99, 4, 4, 4, 1, 1, 1, 1)
        path.write_bytes(data)
        self.check(path, "header is damaged")

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_not_finite(self, tmp_path, value):
        values = np.zeros((3, 3, 3), np.float32)
        values[1, 1, 1] = value
        for suffix in FORMATS:
            self.check(write_image(Volume(values, STRAIGHT), tmp_path / f"n{suffix}"), "1 voxels")

    def test_no_usable_place(self, tmp_path):
        path = write_image(Volume(np.zeros((4, 4, 4), np.uint8), STRAIGHT), tmp_path / "b.nii")
        data = bytearray(path.read_bytes())
        struct.pack_into("<4f", data, 280, np.nan, 0, 0, 0)
        path.write_bytes(data)
        self.check(path, "no usable place")

    def test_four_dimensions_and_colour(self, tmp_path):
        nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4, 3), np.uint8), np.eye(4)), tmp_path / "4d.nii")
        self.check(tmp_path / "4d.nii", "4 dimensions")
        colour = np.zeros((4, 4, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
        nibabel.save(nibabel.Nifti1Image(colour, np.eye(4)), tmp_path / "rgb.nii")
        self.check(tmp_path / "rgb.nii", "colour")
        SimpleITK.WriteImage(
            SimpleITK.Image([4, 4, 4], SimpleITK.sitkVectorUInt8, 3), str(tmp_path / "v.mha")
        )
        self.check(tmp_path / "v.mha", "3 values for each voxel")
        SimpleITK.WriteImage(SimpleITK.Image([4, 4, 4, 3], SimpleITK.sitkUInt8), str(tmp_path / "4d.mha"))
        self.check(tmp_path / "4d.mha", "4 dimensions")
        SimpleITK.WriteImage(SimpleITK.Image([4, 4], SimpleITK.sitkUInt8), str(tmp_path / "2d.mha"))
        self.check(tmp_path / "2d.mha", "2 dimensions")

    def test_a_fourth_dimension_of_one_is_passed_over(self, tmp_path):
        nibabel.save(nibabel.Nifti1Image(np.ones((4, 3, 2, 1), np.uint8), np.eye(4)), tmp_path / "a.nii")
        SimpleITK.WriteImage(SimpleITK.Image([4, 3, 2, 1], SimpleITK.sitkUInt8), str(tmp_path / "a.mha"))
        assert read_image(tmp_path / "a.nii").shape == (2, 3, 4)
        assert read_image(tmp_path / "a.mha").shape == (2, 3, 4)

    def test_two_dimensional_nifti_is_one_slice(self, tmp_path):
        nibabel.save(nibabel.Nifti1Image(np.ones((4, 3), np.uint8), np.eye(4)), tmp_path / "a.nii")
        assert read_image(tmp_path / "a.nii").shape == (1, 3, 4)


class TestDetachedHeaders:
    @pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
    def test_they_are_read(self, tmp_path, voxels, suffix):
        image = SimpleITK.GetImageFromArray(voxels)
        image.SetSpacing((0.9, 0.8, 2.5))
        SimpleITK.WriteImage(image, str(tmp_path / f"a{suffix}"))
        found = read_image(tmp_path / f"a{suffix}")
        np.testing.assert_array_equal(found.voxels, voxels)
        np.testing.assert_allclose(found.spacing, (2.5, 0.8, 0.9))

    def test_without_their_voxels(self, tmp_path, voxels):
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(tmp_path / "a.mhd"))
        (tmp_path / "a.raw").unlink()
        with pytest.raises(InputUnreadableError):
            read_image(tmp_path / "a.mhd")

    def test_they_are_not_written(self, tmp_path, voxels):
        with pytest.raises(UsageError, match=r"one of \.nii"):
            write_image(Volume(voxels, STRAIGHT), tmp_path / "a.mhd")


class TestWriting:
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_a_failed_write_leaves_the_old_file_and_no_other(self, tmp_path, voxels, suffix, monkeypatch):
        path = write_image(Volume(voxels, STRAIGHT), tmp_path / f"a{suffix}")
        before = path.read_bytes()

        def fail(*_arguments):
            raise OSError("disk full")

        monkeypatch.setattr("os.replace", fail)
        with pytest.raises(CannotWriteError, match="disk full; check that the folder"):
            write_image(Volume(voxels * 0, STRAIGHT), path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_a_failing_image_writer(self, tmp_path, voxels, monkeypatch):
        def fail(*_arguments, **_options):
            raise RuntimeError("ITK says no")

        monkeypatch.setattr(SimpleITK, "WriteImage", fail)
        with pytest.raises(CannotWriteError):
            write_image(Volume(voxels, STRAIGHT), tmp_path / "a.mha")
        assert list(tmp_path.iterdir()) == []

    def test_folders_are_made_and_files_replaced(self, tmp_path, voxels):
        path = tmp_path / "deep" / "er" / "a.nii.gz"
        write_image(Volume(voxels, STRAIGHT), path)
        write_image(Volume(voxels[:2], STRAIGHT), path)
        assert read_image(path).shape == (2, 6, 7)
        assert list(path.parent.iterdir()) == [path]

    def test_what_nifti_cannot_hold(self, tmp_path):
        with pytest.raises(UsageError, match=r"write \.nrrd"):
            write_image(Volume(np.zeros((2, 2, 2), np.complex64), STRAIGHT), tmp_path / "a.nii")


def test_suffixes(tmp_path):
    assert image_suffix(tmp_path / "CT.NII.GZ") == ".nii.gz"
    assert image_suffix(tmp_path / "ct.dcm") is None


@pytest.mark.real
def test_real_images_lie_where_nibabel_says(real_data):
    for name in (
        "ct_lumbar_3mm/ct.nii.gz",
        "ct_l3_crop/label-22_ct.nii.gz",
        "mri_lumbar/VB2_04_image.nii.gz",
    ):
        image = read_image(real_data / name)
        reference = nibabel.load(real_data / name)
        np.testing.assert_allclose(ras_ijk(image.affine), reference.affine, atol=1e-4)
        np.testing.assert_allclose(image.voxels, np.asarray(reference.dataobj).T, atol=1e-3)
