"""Rays through a slice, and the scanner's sharpness and grain."""

import numpy as np
import pytest

from procguide.phantom.ct._ray_kernels import back_project, project
from procguide.phantom.ct.kernel import SECTORS, Plane, sector_weight, transfer
from procguide.phantom.ct.rays import coarse, enlarge, metal_error, through
from procguide.phantom.ct.settings import Kernel

PIXEL = 3.0
ANGLES = np.arange(72) * np.pi / 72


def _disc(radius: float, centre: tuple[float, float] = (0.0, 0.0), size: int = 91) -> np.ndarray:
    y, x = (np.indices((size, size)) - (size - 1) / 2) * PIXEL
    return np.hypot(y - centre[0], x - centre[1]) < radius


def _body(*more: tuple[float, tuple[float, float], float]) -> np.ndarray:
    image = np.where(_disc(110), 0.0, -1000.0)
    for radius, centre, hounsfield in more:
        image[_disc(radius, centre)] = hounsfield
    return image.astype(np.float32)


def test_rays_measure_chords() -> None:
    lengths = project(_disc(90).astype(np.float32), PIXEL, ANGLES, 131)
    assert lengths[:, 65] == pytest.approx(180, abs=6)
    assert lengths[:, 65 + 20] == pytest.approx(2 * np.sqrt(90**2 - 60**2), abs=9)
    assert lengths[:, 0] == pytest.approx(0)


def test_rays_and_pixels_agree_on_where_things_are() -> None:
    spot = np.zeros((41, 51), np.float32)
    spot[12, 33] = 1.0
    views = project(spot, 1.0, ANGLES, 69)
    back = back_project(views, np.ones((1, 72), np.float32), ANGLES, spot.shape, 1)[0]
    assert np.unravel_index(back.argmax(), back.shape) == (12, 33)


def test_no_bone_no_bands_and_bone_makes_them_between() -> None:
    assert not through(_body(), PIXEL, 72, 1e6, 1.0).error.any()
    ends = (18.0, (0.0, -60.0), 1300.0), (18.0, (0.0, 60.0), 1300.0)
    error = through(_body(*ends), PIXEL, 72, 1e6, 1.0).error
    assert error[45, 45] < -10
    assert error[45, 45] < error[20, 45] - 10


def test_noise_is_strongest_along_the_longest_way() -> None:
    wide = np.full((61, 121), -1000.0, np.float32)
    wide[10:51, 5:116] = 0.0
    variance = through(wide, PIXEL, 72, 1e6, 0.0).variance
    middle = variance[:, variance.shape[1] // 2, variance.shape[2] // 2]
    # Rays along the rows carry frequencies down the columns: the sector at a right angle.
    assert middle.argmax() == SECTORS // 2
    assert middle.max() > 20 * middle.min()


def test_metal_streaks_and_bone_does_not() -> None:
    rng = np.random.default_rng(1)
    metal = metal_error(_body((6.0, (0.0, 30.0), 8000.0)), PIXEL, 72, 1e6, rng)
    assert np.abs(metal).max() > 50
    assert not metal_error(_body((6.0, (0.0, 30.0), 1200.0)), PIXEL, 72, 1e6, rng).any()


def test_coarse_and_back() -> None:
    y, x = np.indices((60, 84)).astype(np.float32)
    image = 3 * x + 2 * y
    np.testing.assert_allclose(
        enlarge(coarse(image, 4), 4, (60, 84))[4:-4, 4:-4], image[4:-4, 4:-4], atol=1e-3
    )


def test_coarse_fills_what_is_too_small() -> None:
    assert coarse(np.full((1, 5), 7.0, np.float32), 3).tolist() == [[7.0, 7.0]]


def test_sectors_share_every_direction() -> None:
    angles = np.linspace(0, np.pi, 50)
    assert sum(sector_weight(angles, n) for n in range(SECTORS)) == pytest.approx(1)


@pytest.mark.parametrize("kernel", list(Kernel))
def test_grain_has_unit_spread_and_little_at_the_ends(kernel: Kernel) -> None:
    plane = Plane.of((200, 240), 0.7, kernel)
    rng = np.random.default_rng(2)
    half = (plane.padded[0], plane.padded[1] // 2 + 1, 2)
    white = rng.standard_normal(half, dtype=np.float32).view(np.complex64)[..., 0]
    noise = plane.grains(white).sum(axis=0)
    assert noise.std() == pytest.approx(1, abs=0.05)
    power = np.abs(np.fft.rfft2(noise)) ** 2
    f = np.hypot(np.fft.fftfreq(200, 0.7)[:, None], np.fft.rfftfreq(240, 0.7)[None, :])
    peak = power[(f > 0.15) & (f < 0.35)].mean()
    assert power[(f > 0) & (f < 0.03)].mean() < 0.5 * peak


def test_kernels_from_soft_to_sharp() -> None:
    f = np.linspace(0, 1.2, 100)
    soft, standard, bone = (transfer(kernel, f) for kernel in Kernel)
    assert [soft[0], standard[0], bone[0]] == pytest.approx([1, 1, 1])
    assert (soft[5:] < standard[5:]).all()
    assert (standard[5:] < bone[5:]).all()
    assert bone.max() > 1.1


def test_blur_keeps_flat_images_flat() -> None:
    plane = Plane.of((50, 70), 0.9, Kernel.BONE)
    np.testing.assert_allclose(plane.blurred(np.full((50, 70), 60.0, np.float32)), 60, rtol=1e-3)
