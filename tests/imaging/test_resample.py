import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation

from procguide.geometry import Affine
from procguide.imaging import Grid, LabelMap, Modality, Volume
from procguide.imaging.resample import resample, working_grid

FLIPS = st.sampled_from([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])


def smooth_at(points):
    x, y, z = np.moveaxis(points, -1, 0)
    return 100 * np.sin(x / 25) + 80 * np.cos(y / 30) + 2 * z


def places(grid):
    return grid.affine.apply(np.stack(np.indices(grid.shape), axis=-1))


@st.composite
def grids(draw):
    """Any orientation, flip and obliquity, some gantry tilt; about 60 mm wide round the origin."""
    rotation = Rotation.random(rng=np.random.default_rng(draw(st.integers(0, 10**6)))).as_matrix()
    spacing = np.array(draw(st.tuples(*[st.floats(1.5, 3.5)] * 3)))
    steps = (rotation * spacing * draw(FLIPS)).T[list(draw(st.permutations([0, 1, 2])))]
    steps[0] = steps[0] + draw(st.floats(-0.3, 0.3)) * steps[1]
    shape = tuple(int(n) for n in np.ceil(60 / np.linalg.norm(steps, axis=1)))
    return Grid(shape, Affine.from_steps(steps, -(np.array(shape) - 1) / 2 @ steps))


class TestWorkingGrid:
    @given(grids(), st.floats(0.8, 4))
    def test_it_covers_the_input(self, grid, spacing):
        work = working_grid(grid, spacing)
        assert work.affine.orientation == "SPL"
        assert work.contains(grid.corners * (1 - 1e-9)).all()
        np.testing.assert_allclose(work.affine.spacing, spacing)

    def test_a_region_narrows_it(self):
        grid = Grid((50, 50, 50), Affine.axis_aligned(2.0, (0, 0, 0)))
        work = working_grid(grid, 1.0, (np.array([10.0, 20, 30]), np.array([40.0, 50, 500])))
        np.testing.assert_allclose(work.corners.min(axis=0), (10, 20, 30))
        np.testing.assert_allclose(work.corners.max(axis=0), (40, 50, 99))
        with pytest.raises(ValueError, match="outside the image"):
            working_grid(grid, 1.0, (np.array([200.0, 0, 0]), np.array([300.0, 9, 9])))


class TestThereAndBack:
    @settings(max_examples=15)
    @given(grids())
    def test_a_smooth_image_keeps_its_values(self, grid):
        volume = Volume(smooth_at(places(grid)), grid.affine, Modality.CT)
        work = resample(volume, working_grid(grid, 1.5), fill=-1000)
        inside = grid.contains(places(work.grid)) & ~_near_border(grid, places(work.grid))
        assert np.abs(work.voxels - smooth_at(places(work.grid)))[inside].max() < 2.0
        back = resample(work, grid)
        core = (slice(2, -2),) * 3
        assert np.abs(back.voxels - volume.voxels)[core].max() < 3.0
        assert work.modality is Modality.CT
        assert work.voxels.min() >= -1000.1

    @settings(max_examples=15)
    @given(grids())
    def test_labels_come_back_where_they_were(self, grid):
        ball = (np.linalg.norm(places(grid) - (8, -4, 5), axis=-1) < 12).astype(np.uint8) * 23
        labels = LabelMap(ball, grid.affine, names={23: "L4"})
        work = resample(labels, working_grid(grid, 1.0))
        assert set(work.present()) == {23}
        assert work.names[23] == "L4"
        np.testing.assert_allclose(work.centroid(23), (8, -4, 5), atol=0.7)
        back = resample(work, grid)
        overlap = ((back.voxels > 0) & (ball > 0)).sum() * 2 / ((back.voxels > 0).sum() + (ball > 0).sum())
        assert overlap > 0.93

    @settings(max_examples=25)
    @given(grids(), st.sampled_from([0, 1, 2]), st.sampled_from([-1, 1]))
    def test_left_stays_left(self, grid, axis, sign):
        """A marker toward the patient's left, back or head lies at higher i, j or k; else at lower."""
        place = np.zeros(3)
        place[axis] = 15.0 * sign
        marker = np.exp(-(np.linalg.norm(places(grid) - place, axis=-1) ** 2) / 50)
        work = resample(Volume(marker, grid.affine), working_grid(grid, 2.0))
        top = np.array(np.unravel_index(np.argmax(work.voxels), work.shape))
        middle = (np.array(work.shape) - 1) / 2
        assert (top - middle)[2 - axis] * sign > 4
        np.testing.assert_allclose(work.to_patient(top), place, atol=3.0)

    def test_coarser_is_averaged_not_skipped(self):
        """Thin bright sheets every 8 mm keep their mean when every fourth voxel is taken."""
        voxels = np.zeros((64, 32, 32), np.float32)
        voxels[::8] = 800
        volume = Volume(voxels, Affine.axis_aligned(1.0, (0, 0, 0)))
        coarse = resample(volume, working_grid(volume.grid, 4.0))
        assert coarse.voxels[2:-2].mean() == pytest.approx(100, abs=15)

    def test_the_same_grid_is_the_same_volume(self):
        volume = Volume(np.zeros((4, 5, 6)), Affine.axis_aligned(1.0, (0, 0, 0)))
        assert resample(volume, volume.grid) is volume


def _near_border(grid, points):
    index = grid.affine.inverse.apply(points)
    return ((index < 1.5) | (index > np.array(grid.shape) - 2.5)).any(axis=-1)


class TestSlabs:
    """Work goes slab by slab; its seams must not show."""

    @pytest.mark.parametrize("spacing", [0.6, 1.5, 3.0])
    def test_thin_slabs_give_what_one_does(self, spacing: float, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(0)
        voxels = ndimage.gaussian_filter(rng.normal(size=(60, 50, 40)), 1.0) * 3000
        oblique = np.eye(4)
        oblique[:3, :3] = [[0.05, 0.0, 0.9], [0.02, 0.7, 0.2], [0.7, 0.05, 0.0]]
        volume = Volume(voxels.astype(np.int16), Affine(oblique), Modality.CT)
        grid = working_grid(volume.grid, spacing)
        at_once = resample(volume, grid, -1000.0).voxels
        monkeypatch.setattr("procguide.imaging.resample._SLAB_VOXELS", 20_000)
        np.testing.assert_allclose(resample(volume, grid, -1000.0).voxels, at_once, atol=0.05)

    def test_a_region_costs_no_more_than_itself(self) -> None:
        """The rest of the image is not even looked at: here it is poison."""
        voxels = np.full((60, 60, 60), np.nan, dtype=np.float32)
        voxels[16:50, 16:50, 16:50] = 1.0
        volume = Volume(voxels, Affine.axis_aligned(1.0, (0, 0, 0)))
        region = (np.full(3, 30.0), np.full(3, 40.0))
        assert (resample(volume, working_grid(volume.grid, 2.0, region)).voxels == 1.0).all()


def test_labels_on_a_part_of_their_own_lattice_are_cut_out():
    voxels = np.random.default_rng(0).integers(0, 9, (6, 7, 8)).astype(np.uint8)
    labels = LabelMap(voxels, Affine.axis_aligned((1.1, 0.9, 1.3), (-3.0, 4.0, 7.0)))
    part = resample(labels, Grid((3, 4, 5), labels.affine.shifted((2, 1, 3))))
    np.testing.assert_array_equal(part.voxels, voxels[2:5, 1:5, 3:8])
    beyond = resample(labels, Grid((3, 4, 5), labels.affine.shifted((5, 1, 3))))
    np.testing.assert_array_equal(beyond.voxels[:1], voxels[5:, 1:5, 3:8])
    assert not beyond.voxels[1:].any()
