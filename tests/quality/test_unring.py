"""Unringing against exact truths, and against MRtrix3's own reference."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from procguide.quality.faults.ringing import Ellipsoid, measured, random_ellipsoids, true_means, truncated
from procguide.quality.gibbs.unring import unring, unring_lines


def error(image: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((image - truth) ** 2)))


def test_ringing_of_known_bodies_goes() -> None:
    shape = (128, 128)
    bodies = [random_ellipsoids(shape, seed) for seed in range(2)]
    truth = np.stack([true_means(b, shape, fine=4) for b in bodies])
    image = np.stack([measured(b, shape) for b in bodies])
    assert error(unring(image, (1, 2)), truth) < 0.6 * error(image, truth)


def test_all_three_axes_at_once_beat_planes() -> None:
    shape = (48, 48, 48)
    bodies = random_ellipsoids(shape, 3, count=4)
    truth, image = true_means(bodies, shape, fine=3), measured(bodies, shape)
    at_once = error(unring(image, (0, 1, 2)), truth)
    in_turn = error(unring(unring(image, (1, 2)), (0, 1)), truth)
    assert at_once < in_turn < error(image, truth)


def test_threads_and_axes_order_do_not_matter() -> None:
    shape = (32, 40, 36)
    image = measured(random_ellipsoids(shape, 5, count=3), shape)
    once = unring(image, (0, 2))
    assert np.array_equal(once, unring(image, (0, 2), threads=2))
    assert np.allclose(once, unring(image, (2, 0)), atol=1e-6)
    turned = unring(np.ascontiguousarray(np.moveaxis(image, 1, 0)), (1, 2))
    assert np.allclose(np.moveaxis(turned, 0, 1), once, atol=1e-9)


@pytest.mark.parametrize("n", [8, 31, 64])
def test_flat_and_smooth_lines_are_kept(n: int) -> None:
    lines = np.stack([np.full(n, 7.0), np.zeros(n)])
    assert np.array_equal(unring_lines(lines), lines)
    wave = 100 + np.cos(2 * np.pi * np.arange(n) / n)[None]
    assert np.abs(unring_lines(wave) - wave).max() < 0.35


def test_axes_are_two_or_three_different_ones() -> None:
    for axes in ((1,), (1, 1), (0, 1, 2, 0)):
        with pytest.raises(ValueError, match="axes"):
            unring(np.zeros((8, 8, 8)), axes)


@pytest.mark.real
def test_agrees_with_mrtrix_as_closely_as_its_own_test_asks(real_data: Path) -> None:
    image = np.asarray(nib.load(real_data / "gibbs" / "b0.nii.gz").dataobj).T
    reference = np.asarray(nib.load(real_data / "gibbs" / "mrdegibbs_b0_unring.nii.gz").dataobj).T
    assert np.abs(image - reference).max() > 100
    assert np.abs(unring(image, (1, 2)) - reference).max() < 0.2


class TestFault:
    def test_an_exact_transform_gives_the_bodys_sum(self) -> None:
        disc = Ellipsoid((16.0, 17.0), (6.0, 4.0), 50.0, 0.4)
        image = measured([disc], (32, 32))
        assert image.sum() == pytest.approx(50.0 * np.pi * 24.0, rel=1e-4)
        assert true_means([disc], (32, 32)).sum() == pytest.approx(50.0 * np.pi * 24.0, rel=0.01)
        ball = Ellipsoid((16.0, 16.0, 16.0), (5.0, 6.0, 7.0), 10.0)
        assert measured([ball], (32, 32, 32)).sum() == pytest.approx(10 * 4 / 3 * np.pi * 210, rel=1e-4)

    def test_truncation_keeps_values_and_place_and_rings(self) -> None:
        fine = true_means([Ellipsoid((128.0, 128.0), (60.0, 60.0), 100.0)], (256, 256), fine=2)
        coarse = truncated(fine, (64, 64), (0, 1))
        assert coarse.shape == (64, 64)
        assert coarse.mean() == pytest.approx(fine.mean())
        assert coarse[32, 32] == pytest.approx(100.0, abs=3.0)
        assert coarse.max() > 105.0
        centre = (np.indices(coarse.shape) * coarse).sum((1, 2)) / coarse.sum()
        assert centre == pytest.approx([32.0, 32.0], abs=0.2)
        with pytest.raises(ValueError, match="cut"):
            truncated(fine, (300, 64), (0, 1))
