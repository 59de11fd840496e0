from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import VERSE_NAMES, Region
from procguide.geometry import Affine, distance_to_segment
from procguide.imaging import Grid, LabelMap
from procguide.planning._kernels import capsule_minimum, distance_squared
from procguide.planning._skin_kernels import fill_planes, opened, skin_exit
from procguide.planning.clearance import Shafts, exact_clearance
from procguide.planning.nouns import StructureOrigin, Tube
from procguide.planning.scene import Scene, Structure
from procguide.planning.skin import Body

REGION_NAMES = {region.value: region.label for region in Region}


def scene_with(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> tuple[Scene, Structure]:
    affine = Affine.axis_aligned(spacing, (-7.0, 12.0, 3.0))
    k, j, i = mask.shape
    grid = Grid((k, j, i), affine)
    field = np.sqrt(distance_squared(mask, affine.spacing))
    field[mask] = -affine.spacing.min() / 2
    structure = Structure("bone", StructureOrigin.SEGMENTED, mask, field)
    empty = np.zeros(mask.shape, np.uint8)
    levels = LabelMap(empty, affine, names=VERSE_NAMES)
    regions = LabelMap(empty, affine, names=REGION_NAMES)
    return Scene(grid, {"bone": structure}, Body(field, grid), levels, regions), structure


def random_mask(rng: np.random.Generator, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """A few boxes and single voxels."""
    mask = np.zeros(shape, bool)
    for _ in range(4):
        low = rng.integers(0, np.array(shape) - 6)
        k, j, i = (slice(a, a + n) for a, n in zip(low, rng.integers(1, 7, 3), strict=True))
        mask[k, j, i] = True
    mask[tuple(rng.integers(0, np.array(shape), (5, 3)).T)] = True
    return mask


def brute_force(
    scene: Scene, mask: NDArray[np.bool_], entry: NDArray[np.float64], tip: NDArray[np.float64]
) -> float:
    """Points at 0.1 mm against every voxel's cell."""
    count = int(np.linalg.norm(tip - entry) / 0.1) + 2
    points = entry + np.linspace(0, 1, count)[:, None] * (tip - entry)
    centres = scene.grid.affine.apply(np.argwhere(mask))
    half = scene.grid.affine.spacing[::-1] / 2
    gaps = np.maximum(np.abs(points[:, None] - centres[None]) - half, 0)
    return float(np.sqrt((gaps**2).sum(axis=-1)).min())


def random_needle(rng: np.random.Generator, scene: Scene) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = scene.grid.corners.min(axis=0) + 1, scene.grid.corners.max(axis=0) - 1
    return rng.uniform(low, high), rng.uniform(low, high)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.5, 0.8, 1.0)])
def test_distance_transform_is_exact(spacing: tuple[float, float, float]) -> None:
    mask = random_mask(np.random.default_rng(1), (18, 21, 24))
    computed = np.sqrt(distance_squared(mask, np.array(spacing)))
    centres = np.argwhere(mask) * spacing
    everywhere = np.argwhere(np.ones(mask.shape, bool)) * spacing
    gaps = np.maximum(np.abs(everywhere[:, None] - centres[None]) - np.array(spacing) / 2, 0)
    expected = np.linalg.norm(gaps, axis=-1).min(axis=1).reshape(mask.shape)
    np.testing.assert_allclose(computed, expected, atol=1e-4)


def test_distance_without_any_voxel_is_far() -> None:
    assert (distance_squared(np.zeros((3, 4, 5), bool), np.ones(3)) >= 1e9).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(1.0, 1.0, 1.0), (1.5, 0.9, 0.9)]))
def test_exact_clearance_matches_brute_force(seed: int, spacing: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(seed)
    mask = random_mask(rng, (24, 26, 28))
    scene, structure = scene_with(mask, spacing)
    entry, tip = random_needle(rng, scene)
    exact = exact_clearance(scene, structure, entry, tip, 0.0)
    truth = brute_force(scene, mask, entry, tip)
    assert exact <= truth + 0.05
    assert exact >= truth - 0.01


def test_the_last_millimetres_may_be_left_out() -> None:
    mask = np.zeros((20, 40, 20), bool)
    mask[:, :10] = True
    scene, structure = scene_with(mask, (1.0, 1.0, 1.0))
    entry = scene.grid.affine.apply((10, 35, 10))
    tip = scene.grid.affine.apply((10, 9.6, 10))
    assert exact_clearance(scene, structure, entry, tip, 0.0) == pytest.approx(0.1, abs=0.05)
    assert exact_clearance(scene, structure, entry, tip, 3.0) == pytest.approx(3.1, abs=0.05)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000))
def test_capsule_distance_matches_dense_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, radii = rng.normal(0, 10, (4, 3)), np.array([1.0, 2.0, 3.0])
    capsules = np.column_stack([points[:-1], points[1:], radii])
    entries, tips = rng.normal(0, 15, (2, 5, 3))
    computed = capsule_minimum(capsules, entries, tips, 0.0)
    for n in range(5):
        needle = entries[n] + np.linspace(0, 1, 2001)[:, None] * (tips[n] - entries[n])
        ends = zip(points, points[1:], radii, strict=False)
        dense = min(distance_to_segment(needle, a, b).min() - radius for a, b, radius in ends)
        assert computed[n] == pytest.approx(dense, abs=0.03)


def test_a_needle_passes_before_or_behind_a_root_by_where_it_comes_nearest() -> None:
    """A root that runs down, outward and forward, and needles from behind to a disc's centre."""
    scene, _ = scene_with(np.ones((40, 40, 40), bool), (1.0, 1.0, 1.0))
    course = ((15.0, 0.0, 10.0), (25.0, -6.0, 0.0), (30.0, -10.0, -12.0))
    root = Structure("nerve_root", StructureOrigin.MODELLED, tubes=(Tube("root", course, (2.0, 2.0)),))
    centre = np.zeros((3, 3)) - (0.0, 20.0, 0.0)
    entries = np.array([(80.0, 80.0, 0.0), (95.0, 20.0, 0.0), (10.0, 90.0, 0.0)])
    shafts = Shafts.between(scene, entries, centre)
    assert shafts.before(root).tolist() == [False, True, False]
    assert not Shafts.between(scene, entries, centre).before(Structure("nerve_root", root.origin)).any()


def test_skin_is_where_a_ray_leaves_for_good() -> None:
    """A gap of air thinner than 15 mm is a fold, not the outside."""
    y = np.arange(80, dtype=np.float32)
    body = np.minimum(y - 30.2, np.maximum(36 - y, y - 41.7))
    field = np.ascontiguousarray(np.broadcast_to(body[None, :, None], (10, 80, 10)))
    starts = np.array([[5.0, 10.0, 5.0], [5.0, 10.0, 5.0]])
    directions = np.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    depth = skin_exit(field, np.ones(3), starts, directions, 15.0, 200.0)
    assert depth[0] == pytest.approx(31.7, abs=0.05)
    assert depth[1] == -1.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 0.9))
def test_opening_and_filling_are_those_of_scipy(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((7, 12, 13)) < share
    cross = ndimage.generate_binary_structure(3, 1)
    np.testing.assert_array_equal(opened(mask), ndimage.binary_opening(mask, cross))
    filled = mask.copy()
    fill_planes(filled)
    np.testing.assert_array_equal(filled, [ndimage.binary_fill_holes(plane) for plane in mask])
