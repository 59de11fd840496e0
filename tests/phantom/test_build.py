"""The label maps: right parts, right side, right neighbours."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from procguide.anatomy import BONE, VERSE_LABELS, VERTEBRA, Region
from procguide.errors import UsageError
from procguide.geometry import Affine
from procguide.imaging import Grid
from procguide.phantom import Phantom, PhantomParameters, build, sample_parameters
from procguide.phantom.population.morphometry import PHANTOM_LEVELS

NEAR_SPINE = ((-70, -60, -30), (70, 100, 160))


class TestContents:
    def test_every_level_and_the_sacrum_are_there(self, phantom: Phantom) -> None:
        expected = [VERSE_LABELS[level] for level in (*PHANTOM_LEVELS, "sacrum", "coccyx")]
        assert phantom.levels.present() == tuple(expected)

    def test_whole_body_shows_every_region_but_the_coarse_arch(self, mean_phantom: Phantom) -> None:
        broad = {int(r) for r in Region if 0 < r <= Region.SOFT_TISSUE}
        assert broad - set(mean_phantom.regions.present()) == {int(Region.ARCH)}

    def test_levels_are_exactly_the_vertebrae_and_the_sacrum(self, phantom: Phantom) -> None:
        bone = phantom.regions.mask(*(int(r) for r in (*VERTEBRA, Region.SACRUM)))
        np.testing.assert_array_equal(phantom.levels.voxels > 0, bone)

    @pytest.mark.parametrize("part", [r for r in VERTEBRA if r is not Region.ARCH])
    def test_every_lumbar_vertebra_has_every_part(self, phantom: Phantom, part: Region) -> None:
        for level in ("L1", "L2", "L3", "L4", "L5"):
            voxels = (phantom.levels.voxels == VERSE_LABELS[level]) & (phantom.regions.voxels == part)
            assert voxels.sum() > 60, (level, part)

    def test_each_vertebra_is_one_piece(self, phantom: Phantom) -> None:
        for level in PHANTOM_LEVELS:
            _, pieces = _sizes(phantom.levels.voxels == VERSE_LABELS[level])
            assert pieces.max() / pieces.sum() > 0.995, level

    def test_air_surrounds_the_body(self, mean_phantom: Phantom) -> None:
        regions = mean_phantom.regions.voxels
        for face in (regions[:, 0], regions[:, -1], regions[:, :, 0], regions[:, :, -1]):
            assert not face.any()

    def test_skin_covers_the_body(self, mean_phantom: Phantom) -> None:
        regions = mean_phantom.regions.voxels
        outside, _ = ndimage.label(regions == 0)
        outside = outside == outside[0, 0, 0]
        touched = ndimage.binary_dilation(outside, iterations=1) & ~outside
        touched[[0, -1]] = False
        assert (regions[touched] == Region.SKIN).mean() > 0.98


def _sizes(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    components, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    return components, np.bincount(components.ravel())[1:]


class TestSides:
    def test_liver_side_is_right_and_aorta_left(self, mean_phantom: Phantom) -> None:
        assert mean_phantom.regions.centroid(Region.AORTA)[0] > 3

    def test_spinous_process_is_behind_the_body(self, phantom: Phantom) -> None:
        regions = phantom.regions
        assert regions.centroid(Region.SPINOUS_PROCESS)[1] > regions.centroid(Region.BODY)[1] + 30

    def test_levels_ascend(self, phantom: Phantom) -> None:
        heights = [phantom.levels.centroid(VERSE_LABELS[level])[2] for level in PHANTOM_LEVELS]
        assert (np.diff(heights) < -20).all()


class TestRelations:
    def test_neighbours_do_not_touch(self) -> None:
        fine = build(sample_parameters(3), 0.8, box=NEAR_SPINE)
        levels = fine.levels.voxels
        for upper, lower in ((23, 24), (24, 26)):
            grown = ndimage.binary_dilation(levels == upper)
            assert not (grown & (levels == lower)).any()

    def test_facets_face_each_other_across_a_narrow_gap(self) -> None:
        fine = build(PhantomParameters(), 0.8, box=NEAR_SPINE)
        superior = (fine.levels.voxels == 24) & (fine.regions.voxels == Region.SUPERIOR_ARTICULAR_PROCESS)
        inferior = (fine.levels.voxels == 23) & (fine.regions.voxels == Region.INFERIOR_ARTICULAR_PROCESS)
        distance = ndimage.distance_transform_edt(~inferior) * 0.8
        assert 1.0 < distance[superior].min() < 3.0
        assert (distance[superior] < 4.0).sum() * 0.8**3 > 150

    def test_superior_process_lies_lateral_and_in_front_of_the_inferior_one(self, phantom: Phantom) -> None:
        spine = phantom.spine
        for level, below in pairwise(PHANTOM_LEVELS[1:]):
            upper, lower = spine.vertebra(level), spine.vertebra(below)
            for side, inferior in upper.inferior_articular_processes.items():
                outward = upper.frame.to_local(lower.superior_articular_processes[side])
                inward = upper.frame.to_local(inferior)
                assert side.sign * (outward[0] - inward[0]) > 1.0
                assert outward[1] < inward[1] - 0.5

    def test_canal_holds_no_bone_and_runs_through(self, phantom: Phantom) -> None:
        regions = phantom.regions
        line = np.array(phantom.spine.canal)
        inside = line[regions.grid.contains(line)]
        k, j, i = np.rint(regions.to_index(inside)).astype(int).T
        labels = regions.voxels[k, j, i]
        assert not np.isin(labels, [int(r) for r in BONE]).any()
        assert (labels == Region.CANAL).mean() > 0.97

    def test_ilium_keeps_its_distance_from_the_sacrum(self) -> None:
        fine = build(PhantomParameters(), 1.0, box=((-110, -20, -80), (110, 80, 20)))
        ilium = fine.regions.mask(Region.ILIUM)
        distance = ndimage.distance_transform_edt(~fine.regions.mask(Region.SACRUM))
        nearest = distance[ilium].min()
        assert 1.0 <= nearest < 3.5
        assert (distance[ilium] < 4).sum() > 900


class TestLattice:
    def test_same_parameters_same_voxels(self) -> None:
        first, second = (build(sample_parameters(7), 4.0) for _ in range(2))
        np.testing.assert_array_equal(first.regions.voxels, second.regions.voxels)

    def test_volumes_hardly_depend_on_spacing(self) -> None:
        box = ((-70, -60, 0), (70, 100, 130))
        volumes = [_volumes(build(PhantomParameters(), spacing, box=box), spacing) for spacing in (1.0, 2.0)]
        np.testing.assert_allclose(volumes[0], volumes[1], rtol=0.06)

    def test_a_given_lattice_is_used(self) -> None:
        grid = Grid((20, 40, 40), Affine.axis_aligned((3.0, 1.5, 1.5), (-30, -30, 20)))
        phantom = build(PhantomParameters(), grid=grid)
        assert phantom.regions.grid.isclose(grid)
        assert phantom.levels.mask(24, 23).any()

    def test_a_lattice_away_from_the_body_is_air(self) -> None:
        grid = Grid((4, 4, 4), Affine.axis_aligned(2.0, (2000, 0, 0)))
        assert not build(PhantomParameters(), grid=grid).regions.voxels.any()

    def test_other_orientation_is_refused(self) -> None:
        grid = Grid((4, 4, 4), Affine.from_steps([(0, 0, -1), (0, 1, 0), (1, 0, 0)], (0, 0, 0)))
        with pytest.raises(UsageError, match="SPL"):
            build(PhantomParameters(), grid=grid)

    def test_spacing_has_to_be_positive(self) -> None:
        with pytest.raises(UsageError, match="spacing"):
            build(PhantomParameters(), 0.0)


def _volumes(phantom: Phantom, spacing: float) -> list[float]:
    return [float((phantom.levels.voxels == label).sum()) * spacing**3 for label in (22, 23)]
