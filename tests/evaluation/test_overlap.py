"""Overlap and surfaces against brute force and against shapes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from procguide.evaluation.mask import Mask
from procguide.evaluation.overlap import compare
from procguide.evaluation.surface import Gaps, gaps, surface_of
from procguide.geometry import Affine

ISOTROPIC = Affine.axis_aligned(1.0, (0, 0, 0))
ANISOTROPIC = Affine.axis_aligned((3.0, 1.0, 0.8), (5, -7, 11))
OBLIQUE = Affine.from_steps([(0.3, 0.2, 2.5), (0.0, 0.9, 0.4), (0.8, -0.1, 0.0)], (4, 5, 6))
MASKS = arrays(bool, (4, 5, 6), elements=st.booleans())


def ball(
    affine: Affine, centre: tuple[float, float, float], radius: float, shape: tuple[int, int, int]
) -> Mask:
    points = affine.apply(np.stack(np.indices(shape), axis=-1))
    return Mask.of(np.linalg.norm(points - centre, axis=-1) <= radius, affine)


def brute_dice(one: np.ndarray, other: np.ndarray) -> float:
    pairs = set(map(tuple, np.argwhere(one))), set(map(tuple, np.argwhere(other)))
    return 2 * len(pairs[0] & pairs[1]) / (len(pairs[0]) + len(pairs[1]))


@given(MASKS, MASKS, st.sampled_from([ISOTROPIC, ANISOTROPIC, OBLIQUE]))
def test_any_two_masks_are_measured_as_brute_force_measures_them(
    one: np.ndarray, other: np.ndarray, affine: Affine
) -> None:
    if not one.any() or not other.any():
        return
    masks = Mask.of(one, affine), Mask.of(other, affine)
    result = compare(*masks)
    assert result.dice == pytest.approx(brute_dice(one, other))
    surfaces = [surface_of(mask) for mask in masks]
    apart = np.linalg.norm(surfaces[0].points[:, None] - surfaces[1].points[None], axis=-1)
    nearest = apart.min(axis=1), apart.min(axis=0)
    within = sum(s.areas[near <= 2.0 + 1e-9].sum() for s, near in zip(surfaces, nearest, strict=True))
    assert result.surface_dice[2.0] == pytest.approx(within / sum(s.areas.sum() for s in surfaces))
    assert result.hd95_mm is not None
    for surface, near in zip(surfaces, nearest, strict=True):
        # No more than 5 % of either surface is further away than HD95.
        assert surface.areas[near > result.hd95_mm + 1e-6].sum() <= 0.0501 * surface.areas.sum()
    assert min(map(min, nearest)) - 1e-9 <= result.hd95_mm <= max(map(max, nearest)) + 1e-9


@pytest.mark.parametrize("affine", [ISOTROPIC, ANISOTROPIC, OBLIQUE])
def test_the_same_mask_is_perfect(affine: Affine) -> None:
    mask = ball(affine, tuple(affine.apply((5, 9, 10))), 5.0, (11, 20, 21))
    result = compare(mask, mask)
    assert (result.dice, result.hd95_mm) == (1.0, 0.0)
    assert result.surface_dice == {1.0: 1.0, 2.0: 1.0}
    assert result.volume_ml == result.reference_ml


def test_a_ball_moved_by_four_millimetres() -> None:
    """Of a sphere of radius r moved by d the common volume is a lens: Dice = 1 - 3d/4r + d^3/16r^3."""
    fine = Affine.axis_aligned((1.25, 0.5, 0.8), (0, 0, 0))
    shape = (32, 80, 50)
    here, moved = ball(fine, (20, 20, 20), 12.0, shape), ball(fine, (20, 24, 20), 12.0, shape)
    result = compare(here, moved)
    assert result.dice == pytest.approx(1 - 3 * 4 / 48 + 64 / (16 * 12**3), abs=0.01)
    assert result.hd95_mm is not None
    # The distance at the angle t from the motion is nearly 4 |cos t|; areas are uniform in cos t.
    assert result.hd95_mm == pytest.approx(0.95 * 4, abs=0.35)
    assert result.surface_dice[1.0] == pytest.approx(1 / 4, abs=0.06)
    assert result.surface_dice[2.0] == pytest.approx(2 / 4, abs=0.06)


def test_two_concentric_balls_are_their_radii_apart() -> None:
    lattice = Affine.axis_aligned(0.5, (0, 0, 0))
    small, large = (ball(lattice, (12, 12, 12), radius, (48, 48, 48)) for radius in (7.0, 10.0))
    result = compare(small, large)
    assert result.dice == pytest.approx(2 * 343 / (343 + 1000), abs=0.01)
    assert result.hd95_mm == pytest.approx(3.0, abs=0.25)
    assert result.surface_dice == {1.0: 0.0, 2.0: 0.0}


def test_the_area_of_a_ball_and_of_a_cube() -> None:
    lattice = Affine.axis_aligned(0.5, (0, 0, 0))
    area = surface_of(ball(lattice, (12, 12, 12), 10.0, (48, 48, 48))).areas.sum()
    # Marching cubes on a binary mask keeps steps: its area is up to a tenth too large.
    assert 4 * np.pi * 100 <= area <= 1.12 * 4 * np.pi * 100
    cube = Mask.of(np.ones((10, 20, 30), dtype=bool), ANISOTROPIC)
    sides = np.array([30.0, 20.0, 24.0])
    exact = 2 * sum(sides[a] * sides[b] for a, b in ((0, 1), (0, 2), (1, 2)))
    assert surface_of(cube).areas.sum() == pytest.approx(exact, rel=0.1)


def test_distances_are_true_millimetres_on_thick_slices() -> None:
    """One slice of 3 mm lower: half the surface or less is displaced, and by 3 mm."""
    block = np.zeros((12, 40, 40), dtype=bool)
    block[2:8, 5:35, 5:35] = True
    result = compare(Mask.of(np.roll(block, 1, axis=0), ANISOTROPIC), Mask.of(block, ANISOTROPIC))
    assert result.hd95_mm == pytest.approx(3.0, abs=0.01)
    along = compare(Mask.of(np.roll(block, 1, axis=2), ANISOTROPIC), Mask.of(block, ANISOTROPIC))
    assert along.hd95_mm == pytest.approx(0.8, abs=0.01)
    assert along.surface_dice[1.0] == 1.0


@pytest.mark.slow
def test_beside_monai_on_thick_slices() -> None:
    """MONAI 1.6 measures from voxel corner to voxel corner: near, but further from the known answer."""
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.metrics.hausdorff_distance import compute_hausdorff_distance
        from monai.metrics.surface_dice import compute_surface_dice

        shape, spacing = (14, 46, 48), (3.0, 1.0, 0.8)
        one, other = (
            ball(ANISOTROPIC, tuple(ANISOTROPIC.apply((7, 20 + dy, 24))), 17.0, shape) for dy in (0, 5)
        )
        whole = [torch.from_numpy(mask.within((0, 0, 0), shape))[None, None] for mask in (one, other)]
        options = {"include_background": True, "spacing": spacing}
        hausdorff = float(compute_hausdorff_distance(*whole, percentile=95, **options))
        share = float(compute_surface_dice(*whole, [2.0], use_subvoxels=True, **options))
    result = compare(one, other)
    assert result.hd95_mm == pytest.approx(hausdorff, abs=0.6)
    assert result.hd95_mm == pytest.approx(0.95 * 5, abs=0.4)
    assert result.surface_dice[2.0] == pytest.approx(share, abs=0.2)
    # Areas are uniform in the cosine of the angle from the motion: 2 mm of 5 mm.
    assert abs(result.surface_dice[2.0] - 2 / 5) < min(0.05, abs(share - 2 / 5))


def test_an_empty_prediction_scores_nothing_and_has_no_distance() -> None:
    mask = ball(ISOTROPIC, (5, 5, 5), 3.0, (11, 11, 11))
    nothing = Mask.of(np.zeros((11, 11, 11), dtype=bool), ISOTROPIC)
    for result in (compare(nothing, mask), compare(mask, nothing)):
        assert (result.dice, result.hd95_mm) == (0.0, None)
        assert set(result.surface_dice.values()) == {0.0}
    with pytest.raises(ValueError, match="nothing to compare"):
        compare(nothing, nothing)


def test_a_percentile_weighs_by_area() -> None:
    gap = Gaps(np.array([1.0, 9.0, 2.0]), np.array([50.0, 4.0, 46.0]))
    assert gap.percentile(0.95) == 2.0
    assert gap.percentile(1.0) == 9.0
    assert gap.area_within(2.0) == 96.0


def test_a_very_large_surface_is_sampled_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    lattice = Affine.axis_aligned(0.5, (0, 0, 0))
    one, other = (ball(lattice, (12, y, 12), 9.0, (48, 60, 48)) for y in (12, 15))
    whole = gaps(surface_of(one), surface_of(other))
    monkeypatch.setattr("procguide.evaluation.surface._MAX_ASKED", 500)
    some = gaps(surface_of(one), surface_of(other))
    assert len(some.distances) <= 500
    assert some.area == pytest.approx(whole.area)
    assert some.percentile(0.95) == pytest.approx(whole.percentile(0.95), abs=0.1)


@given(MASKS, MASKS)
def test_a_crop_keeps_every_voxel_in_its_place(one: np.ndarray, other: np.ndarray) -> None:
    masks = Mask.of(one, ANISOTROPIC), Mask.of(other, ANISOTROPIC)
    assert np.array_equal(masks[0].within((0, 0, 0), (4, 5, 6)), one)
    both = masks[0] & masks[1]
    assert np.array_equal(both.within((0, 0, 0), (4, 5, 6)), one & other)
    assert np.array_equal((masks[0] | masks[1]).within((0, 0, 0), (4, 5, 6)), one | other)
    if one.any():
        assert masks[0].centroid == pytest.approx(ANISOTROPIC.apply(np.argwhere(one).mean(axis=0)))
        assert masks[0].volume_mm3 == pytest.approx(one.sum() * 3.0 * 1.0 * 0.8)
