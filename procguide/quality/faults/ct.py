"""CT faults at graded strength on any CT volume: 0 leaves it as it is, 1 is beyond what anybody would use.

What is done at strength 1 is said of each. The volume given is not changed; the same seed gives the same
fault. Noise and motion follow the Fourier slice theorem for parallel rays: views are wedges of the plane's
spectrum. Metal goes through projections of each slice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from procguide.geometry import Affine
from procguide.imaging import Volume

__all__ = [
    "FAULTS",
    "blurred",
    "coarsened",
    "jerked",
    "metallic",
    "moving",
    "noisy",
    "sharpened",
    "shortened",
    "thickened",
    "tilted",
    "truncated",
]

Float = NDArray[np.float32]
_LOWEST, _HIGHEST = -1024, 3071
_HU = 1000 / 0.2 / 0.2
"""Of attenuation reconstructed on pixels of 0.2 cm: water has 0.2 per cm."""


def _stored(volume: Volume, values: NDArray[np.floating]) -> Volume:
    bounded = np.clip(np.rint(values), min(_LOWEST, int(volume.voxels.min())), _HIGHEST)
    return volume.with_voxels(bounded.astype(np.int16))


def _radius(shape: tuple[int, int], pixel: tuple[float, float]) -> NDArray[np.float64]:
    up, across = np.fft.fftfreq(shape[0], pixel[0]), np.fft.rfftfreq(shape[1], pixel[1])
    return np.asarray(np.hypot(up[:, None], across[None]))


def _pixel(volume: Volume) -> tuple[float, float]:
    _, j, i = (float(step) for step in volume.spacing)
    return (j, i)


def noisy(volume: Volume, strength: float, seed: int = 0) -> Volume:
    """Noise as of filtered back-projection, up to 120 HU a pixel in the middle of the body.

    Its power rises with frequency up to a standard kernel's bend at 0.45/mm; it is strongest where the body
    is thickest: its variance follows the exponential of the mean depth below the skin.
    """
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    pixel, (_, *shape) = _pixel(volume), volume.shape
    radius = _radius((shape[0], shape[1]), pixel)
    gain = np.sqrt(radius) * np.exp(-((radius / 0.45) ** 2))
    out = np.empty(volume.shape, np.float32)
    for k, plane in enumerate(volume.voxels):
        grain = np.fft.irfft2(np.fft.rfft2(rng.normal(size=shape)) * gain, s=shape)
        body = ndimage.gaussian_filter((plane > -300).astype(np.float32), [60.0 / step for step in pixel])
        weight = np.exp(1.5 * (body / max(float(body.max()), 0.1) - 1))
        out[k] = plane + strength * 120.0 * weight * grain / grain.std()
    return _stored(volume, out)


def blurred(volume: Volume, strength: float, seed: int = 0) -> Volume:  # noqa: ARG001 (one shape for all)
    """A kernel too smooth, or pixels too large: blurred in the plane, up to 7 mm wide at half height."""
    from scipy import ndimage

    sigma = [0.0, *(7.0 * strength / 2.3548 / step for step in _pixel(volume))]
    return _stored(volume, ndimage.gaussian_filter(volume.voxels.astype(np.float32), sigma))


def sharpened(volume: Volume, strength: float, seed: int = 0) -> Volume:  # noqa: ARG001
    """A kernel for bone or lung: frequencies about 0.7/mm raised up to eightfold."""
    pixel, (_, *shape) = _pixel(volume), volume.shape
    radius = _radius((shape[0], shape[1]), pixel)
    gain = 1 + 7 * strength * np.exp(-(((radius - 0.7) / 0.3) ** 2))
    out = [np.fft.irfft2(np.fft.rfft2(plane.astype(np.float32)) * gain, s=shape) for plane in volume.voxels]
    return _stored(volume, np.stack(out))


def thickened(volume: Volume, strength: float, seed: int = 0) -> Volume:  # noqa: ARG001
    """Slices averaged, up to 10 mm thick and apart."""
    step = float(volume.spacing[0])
    size = max(1, round(10.0 * strength / step))
    count = volume.shape[0] // size
    if size == 1 or count < 2:
        return volume
    grouped = volume.voxels[: count * size].reshape(count, size, *volume.shape[1:]).astype(np.float32)
    matrix = volume.affine.matrix.copy()
    matrix[:3, 3] = volume.to_patient([(size - 1) / 2, 0, 0])
    matrix[:3, 0] *= size
    thick = np.rint(grouped.mean(axis=1)).astype(np.int16)
    return replace(volume, voxels=thick, affine=Affine(matrix))


def coarsened(volume: Volume, strength: float, seed: int = 0) -> Volume:  # noqa: ARG001
    """Pixels up to 5 mm large, each the mean of those that it takes the place of."""
    size = [max(1, round(5.0 * strength / step)) for step in _pixel(volume)]
    rows, columns = (n // s for n, s in zip(volume.shape[1:], size, strict=True))
    if size == [1, 1] or min(rows, columns) < 2:
        return volume
    cut = volume.voxels[:, : rows * size[0], : columns * size[1]].astype(np.float32)
    means = cut.reshape(volume.shape[0], rows, size[0], columns, size[1]).mean(axis=(2, 4))
    matrix = volume.affine.matrix.copy()
    matrix[:3, 3] = volume.to_patient([0, (size[0] - 1) / 2, (size[1] - 1) / 2])
    matrix[:3, 1:3] *= size
    return replace(volume, voxels=np.rint(means).astype(volume.voxels.dtype), affine=Affine(matrix))


def shortened(volume: Volume, strength: float, seed: int = 0) -> Volume:
    """Only a part of the body's length, down to 20 mm, from anywhere along it."""
    along = int(np.argmax(np.abs(volume.affine.directions[2])))
    step, full = float(volume.spacing[along]), volume.shape[along]
    kept = max(2, round(full + strength * (min(20.0 / step, full) - full)))
    low, high = [0, 0, 0], list(volume.shape)
    low[along] = int(np.random.default_rng(seed).integers(0, full - kept + 1))
    high[along] = low[along] + kept
    return volume.crop((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def tilted(volume: Volume, strength: float, seed: int = 0) -> Volume:
    """The gantry tilted, up to 25 degrees: slices follow one another along a slanting line."""
    sign = np.random.default_rng(seed).choice((-1.0, 1.0))
    matrix = volume.affine.matrix.copy()
    posterior = matrix[:3, 1] / np.linalg.norm(matrix[:3, 1])
    length = float(np.linalg.norm(matrix[:3, 0]))
    matrix[:3, 0] += sign * np.tan(np.radians(25.0 * strength)) * length * posterior
    return replace(volume, affine=Affine(matrix))


def truncated(volume: Volume, strength: float, seed: int = 0) -> Volume:
    """The back out of the field: cut off from behind, up to 90 mm inside the skin, and somewhat oblique."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    middle = volume.voxels[volume.shape[0] // 2].astype(np.float32)
    body = ndimage.binary_opening(middle > -300, iterations=4)
    rows = np.flatnonzero(body.sum(axis=1) > 0.25 * body.sum(axis=1).max())
    back_is_high = volume.affine.directions[1, 1] > 0
    skin = int(rows.max() if back_is_high else rows.min())
    depth = round((-15 + 105 * strength + rng.uniform(-4, 4)) / float(volume.spacing[1]))
    if strength == 0:
        return volume
    if back_is_high:
        return volume.crop((0, 0, 0), (volume.shape[0], min(skin - depth, volume.shape[1]), volume.shape[2]))
    return volume.crop((0, max(skin + depth, 0), 0), volume.shape)


def jerked(volume: Volume, strength: float, seed: int = 0) -> Volume:
    """The patient shifts between slices: from two places on, up to 12 mm in the plane, and back."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    count = volume.shape[0]
    start, stop = sorted(rng.choice(np.arange(count // 5, count - count // 5), 2, replace=False))
    angle = rng.uniform(0, 2 * np.pi)
    shift = 12.0 * strength * np.array([np.sin(angle), np.cos(angle)]) / _pixel(volume)
    out = volume.voxels.astype(np.float32)
    for k in range(start, stop):
        out[k] = ndimage.shift(out[k], shift, order=1, mode="nearest")
    return _stored(volume, out)


def moving(volume: Volume, strength: float, seed: int = 0) -> Volume:
    """Motion within each rotation: half of the views see the patient up to 12 mm aside."""
    rng = np.random.default_rng(seed)
    pixel, (_, *shape) = _pixel(volume), volume.shape
    up, across = np.fft.fftfreq(shape[0], pixel[0])[:, None], np.fft.fftfreq(shape[1], pixel[1])[None]
    angle = np.arctan2(up, across) % np.pi
    out = np.empty(volume.shape, np.float32)
    start = rng.uniform(0, np.pi)
    way = rng.uniform(0, 2 * np.pi)
    for k, plane in enumerate(volume.voxels):
        late = ((angle - start - 0.3 * k) % np.pi) < np.pi / 2
        moved = np.exp(-2j * np.pi * 12.0 * strength * (np.sin(way) * up + np.cos(way) * across))
        spectrum = np.fft.fft2(plane.astype(np.float32) + 1000.0)
        out[k] = np.fft.ifft2(spectrum * np.where(late, moved, 1.0)).real - 1000.0
    return _stored(volume, out)


def metallic(volume: Volume, strength: float, seed: int = 0) -> Volume:
    """Two steel rods beside the spine, up to 14 mm thick, and their streaks (hardening, starved rays)."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    if strength == 0:
        return volume
    pixel = _pixel(volume)
    out = volume.voxels.astype(np.float32)
    radius = 7.0 * strength
    middle = volume.voxels[volume.shape[0] // 2]
    bone = ndimage.gaussian_filter((middle > 200).astype(np.float32), [6.0 / step for step in pixel])
    centre = np.array(np.unravel_index(int(bone.argmax()), bone.shape), np.float64)
    rows, columns = np.ogrid[: out.shape[1], : out.shape[2]]
    rods = np.zeros(out.shape[1:], np.bool_)
    for side in (-1, 1):
        j, i = centre + np.array([rng.uniform(-8, 8), side * rng.uniform(18, 26)]) / pixel
        rods |= ((rows - j) * pixel[0]) ** 2 + ((columns - i) * pixel[1]) ** 2 < radius**2
    for k, plane in enumerate(out):
        out[k] = np.where(rods, 8000.0, plane + _streaks(plane, rods, pixel, rng))
    return _stored(volume, out)


def _streaks(
    plane: Float, rods: NDArray[np.bool_], pixel: tuple[float, float], rng: np.random.Generator
) -> Float:
    """What projections through metal get wrong, reconstructed: HU to add, on a lattice of about 2 mm."""
    from scipy import ndimage
    from skimage.transform import iradon, radon, resize

    size = (int(plane.shape[0] * pixel[0] / 2), int(plane.shape[1] * pixel[1] / 2))
    side = max(size)
    angles = np.linspace(0, 180, 120, endpoint=False)

    def projected(image: Float) -> Float:
        small = resize(image, size, order=1, anti_aliasing=True, preserve_range=True)
        edges = [((side - n) // 2, side - n - (side - n) // 2) for n in size]
        return np.asarray(radon(np.pad(small, edges), angles, circle=False) * 0.2, np.float32)

    water = projected(np.maximum(plane / 1000 + 1, 0).astype(np.float32)) * 0.2
    metal = projected(rods.astype(np.float32)) * 4.5
    true = water + metal
    hardened = metal - 5.0 * (1 - np.exp(-metal / 5.0))
    starved = rng.normal(size=true.shape) * np.sqrt(np.exp(np.minimum(true, 9.0)) / 2e4) * (metal > 0.05)
    wrong = iradon(-hardened + starved, angles, filter_name="hann", circle=False, output_size=side)
    start = [(side - n) // 2 for n in size]
    cut = wrong[start[0] : start[0] + size[0], start[1] : start[1] + size[1]]
    steps = [n / m for n, m in zip(plane.shape, cut.shape, strict=True)]
    return np.asarray(np.clip(ndimage.zoom(cut * _HU, steps, order=1), -1500, 1500), np.float32)


FAULTS: Mapping[str, tuple[Callable[[Volume, float, int], Volume], str]] = MappingProxyType(
    {
        "noisy": (noisy, "noise"),
        "blurred": (blurred, "blur"),
        "sharpened": (sharpened, "sharp kernel"),
        "thickened": (thickened, "resolution"),
        "coarsened": (coarsened, "pixel size"),
        "shortened": (shortened, "coverage"),
        "tilted": (tilted, "gantry tilt"),
        "truncated": (truncated, "truncated field"),
        "jerked": (jerked, "slice shift"),
        "moving": (moving, "streaks"),
        "metallic": (metallic, "streaks"),
    }
)
"""Each fault and the check that has to find it."""
