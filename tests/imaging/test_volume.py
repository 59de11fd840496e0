import numpy as np
import pytest

from procguide.geometry import Affine
from procguide.imaging import Grid, LabelMap, Modality, Volume

AFFINE = Affine.from_steps([(0, 0.5, 2), (0, 1.5, 0), (-1, 0, 0)], (5, 6, 7))


class TestGrid:
    def test_corners_are_the_outer_faces(self):
        grid = Grid((2, 3, 4), Affine.axis_aligned((1, 2, 3), (0, 0, 0)))
        np.testing.assert_allclose(grid.corners.min(axis=0), (-1.5, -1, -0.5))
        np.testing.assert_allclose(grid.corners.max(axis=0), (10.5, 5, 1.5))

    def test_contains_up_to_the_faces(self):
        grid = Grid((2, 3, 4), AFFINE)
        inside = AFFINE.apply([(-0.49, 0, 0), (1.49, 2.49, 3.49), (1.51, 0, 0), (0, 0, -0.51)])
        np.testing.assert_array_equal(grid.contains(inside), [True, True, False, False])

    @pytest.mark.parametrize("shape", [(0, 1, 1), (1, 2)])
    def test_sizes_are_three_and_positive(self, shape):
        with pytest.raises(ValueError, match="three positive sizes"):
            Grid(shape, AFFINE)

    def test_isclose(self):
        grid = Grid((2, 3, 4), AFFINE)
        assert grid.isclose(Grid((2, 3, 4), AFFINE.shifted((0, 0, 1e-6))))
        assert not grid.isclose(Grid((2, 3, 4), AFFINE.shifted((0, 0, 0.01))))
        assert not grid.isclose(Grid((2, 3, 5), AFFINE))


class TestVolume:
    def test_places_and_back(self):
        volume = Volume(np.zeros((3, 4, 5)), AFFINE)
        index = np.array([(0.5, 1, 2), (2, 3, 4)])
        np.testing.assert_allclose(volume.to_index(volume.to_patient(index)), index, atol=1e-12)
        np.testing.assert_allclose(volume.spacing, (np.hypot(0.5, 2), 1.5, 1))

    def test_voxels_cannot_be_changed_through_it(self):
        voxels = np.zeros((3, 4, 5))
        volume = Volume(voxels, AFFINE)
        with pytest.raises(ValueError, match="read-only"):
            volume.voxels[0, 0, 0] = 1
        voxels[0, 0, 0] = 1  # the caller's own array stays the caller's

    def test_it_is_three_dimensional(self):
        with pytest.raises(ValueError, match="3D"):
            Volume(np.zeros((3, 4)), AFFINE)

    def test_crop_keeps_places(self):
        voxels = np.arange(60).reshape(3, 4, 5)
        crop = Volume(voxels, AFFINE, Modality.CT).crop((1, -3, 2), (3, 2, 99))
        assert crop.shape == (2, 2, 3)
        assert crop.modality is Modality.CT
        assert crop.voxels[0, 0, 0] == voxels[1, 0, 2]
        np.testing.assert_allclose(crop.to_patient((0, 0, 0)), AFFINE.apply((1, 0, 2)))

    def test_with_voxels_keeps_the_shape(self):
        volume = Volume(np.zeros((3, 4, 5)), AFFINE)
        assert volume.with_voxels(np.ones((3, 4, 5))).voxels.sum() == 60
        with pytest.raises(ValueError, match="expected shape"):
            volume.with_voxels(np.zeros((3, 4, 4)))


class TestLabelMap:
    @pytest.fixture
    def labels(self):
        voxels = np.zeros((3, 4, 5), np.uint8)
        voxels[1, 1:3, 2] = 23
        voxels[2, 2, 2] = 26
        return LabelMap(voxels, AFFINE, names={23: "L4", 26: "sacrum"})

    def test_present(self, labels):
        assert labels.present() == (23, 26)

    def test_mask_of_one_and_several(self, labels):
        assert labels.mask(23).sum() == 2
        assert labels.mask(23, 26).sum() == 3
        assert labels.mask(200).sum() == 0

    def test_centroid(self, labels):
        np.testing.assert_allclose(labels.centroid(23), AFFINE.apply((1, 1.5, 2)))
        with pytest.raises(KeyError, match="does not occur"):
            labels.centroid(20)

    def test_labels_are_unsigned(self):
        with pytest.raises(ValueError, match="unsigned"):
            LabelMap(np.zeros((1, 1, 1), np.int16), AFFINE)

    def test_names_cannot_be_changed(self, labels):
        with pytest.raises(TypeError):
            labels.names[1] = "x"
