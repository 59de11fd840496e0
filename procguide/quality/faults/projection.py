"""Faults of X-ray pictures, on any picture as brightness 0..1 where bright is much radiation.

Each fault is ``(picture (j, i), strength 0..1, seed) -> picture``, the same shape, and leaves what it was
given alone; strength 0 changes nothing. :func:`lagging` is of a run ``(t, j, i)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

__all__ = [
    "FAULTS",
    "lagging",
    "with_field",
    "with_marker",
    "with_noise",
]

Picture = NDArray[np.float32]
Fault = Callable[[Picture, float, int], Picture]


def noisy(picture: Picture, strength: float, seed: int) -> Picture:
    """Photon noise: from none added down to some 30 photons a pixel in full light."""
    return picture if strength <= 0 else with_noise(picture, 10 ** (4.2 - 2.7 * strength), seed)


def with_noise(picture: Picture, photons: float, seed: int) -> Picture:
    """Poisson noise of ``photons`` a pixel in full light, as the detector sees it (blur of half a pixel)."""
    rng = np.random.default_rng(seed)
    grain = rng.poisson(np.maximum(picture, 0) * photons).astype(np.float32) / photons - picture
    return _picture(picture + gaussian_filter(grain, 0.5))


def over_exposed(picture: Picture, strength: float, seed: int) -> Picture:  # noqa: ARG001
    """More light than the detector takes: up to four times, what passes full is lost."""
    return _picture(picture * (1 + 3 * strength))


def under_exposed(picture: Picture, strength: float, seed: int) -> Picture:
    """Less light than the display expects, down to 8 %, with the noise that it brings."""
    share = 1 - 0.92 * strength
    return picture if strength <= 0 else with_noise(picture * np.float32(share), 3000 * share, seed)


def under_penetrated(picture: Picture, strength: float, seed: int) -> Picture:  # noqa: ARG001
    """Rays too soft for the part: what is dense gives no more signal and goes black, up to the median."""
    floor = np.float32(strength * np.percentile(picture, 60))
    return picture if strength <= 0 else _picture((picture - floor) / (1 - floor))


def over_penetrated(picture: Picture, strength: float, seed: int) -> Picture:  # noqa: ARG001
    """Rays too hard, with scatter: contrast down to a tenth, all grey and bright."""
    if strength <= 0:
        return picture
    middle = np.float32(np.median(picture))
    return _picture(
        middle + (picture - middle) * np.float32(1 - 0.9 * strength) + np.float32(0.15 * strength)
    )


def collimated(picture: Picture, strength: float, seed: int) -> Picture:
    """Shutters closed round the middle: the field's side goes down to a sixth."""
    rng = np.random.default_rng(seed)
    side = 1 - strength * 5 / 6
    half = np.array(picture.shape) * side / 2
    shape = rng.uniform(0.85, 1.15)
    return (
        with_field(picture, np.array(picture.shape) / 2, half * (shape, 1 / shape))
        if strength > 0
        else picture
    )


def off_centre(picture: Picture, strength: float, seed: int) -> Picture:
    """A field of 45 % of the side that has moved toward one corner or edge, up to its border."""
    rng = np.random.default_rng(seed)
    size = np.array(picture.shape)
    way = rng.choice([(-1, 0), (1, 0), (0, -1), (0, 1), (1, 1), (-1, 1)])
    centre = size / 2 + np.asarray(way) * strength * size * 0.275
    return with_field(picture, centre, size * 0.225)


def with_field(picture: Picture, centre: NDArray[np.float64], half: NDArray[np.float64]) -> Picture:
    """Shutters round a rectangle of ``half`` sides (j, i) about ``centre``, with a soft edge."""
    rows, columns = (np.arange(n) for n in picture.shape)
    inside = (np.abs(rows - centre[0]) < half[0])[:, None] & (np.abs(columns - centre[1]) < half[1])[None]
    soft = gaussian_filter(inside.astype(np.float32), 1.5)
    return _picture(picture * soft + np.float32(0.01) * (1 - soft))


def moved(picture: Picture, strength: float, seed: int) -> Picture:
    """Motion during the exposure, along a straight line of up to 4 % of the picture's width."""
    rng = np.random.default_rng(seed)
    length = strength * 0.04 * picture.shape[1]
    if length < 0.5:
        return picture
    angle = rng.uniform(0, np.pi)
    transform = np.fft.rfft2(np.pad(picture, _PAD, mode="reflect"))
    rows, columns = picture.shape[0] + 2 * _PAD, picture.shape[1] + 2 * _PAD
    along = np.fft.fftfreq(rows)[:, None] * np.sin(angle) + np.fft.rfftfreq(columns)[None] * np.cos(angle)
    blurred = np.fft.irfft2(transform * np.sinc(along * length), (rows, columns))
    return _picture(blurred[_PAD:-_PAD, _PAD:-_PAD])


_PAD = 48


def with_metal(picture: Picture, strength: float, seed: int) -> Picture:
    """Rods and screws that let 4 % through: up to a fifth of the picture."""
    rng = np.random.default_rng(seed)
    absorbed = np.zeros(picture.shape, np.float32)
    rows, columns = np.indices(picture.shape)
    size = picture.shape[1]
    while strength > 0 and absorbed.mean() < 0.2 * strength:
        centre = rng.uniform(0.2, 0.8, 2) * picture.shape
        angle = rng.uniform(0, np.pi)
        along = (rows - centre[0]) * np.sin(angle) + (columns - centre[1]) * np.cos(angle)
        across = -(rows - centre[0]) * np.cos(angle) + (columns - centre[1]) * np.sin(angle)
        half, width = rng.uniform(0.06, 0.22) * size, rng.uniform(0.008, 0.02) * size
        absorbed[(np.abs(along) < half) & (np.abs(across) < width)] = 1
    soft = gaussian_filter(absorbed, 0.8)
    return _picture(picture * (1 - np.float32(0.96) * soft))


def with_marker(picture: Picture, letter: str, seed: int, *, mirrored: bool = False) -> Picture:
    """A lead letter near an upper corner; ``mirrored`` as where the picture was turned over."""
    from PIL import Image, ImageDraw, ImageFont

    rng = np.random.default_rng(seed)
    size = int(rng.uniform(0.045, 0.075) * picture.shape[0])
    stamp = Image.new("L", (2 * size, 2 * size))
    font = ImageFont.load_default(size)
    ImageDraw.Draw(stamp).text((size // 2, size // 3), letter, fill=255, font=font, stroke_width=size // 24)
    turned = stamp.rotate(float(rng.uniform(-6, 6)), resample=Image.Resampling.BILINEAR)
    shape = np.asarray(turned, np.float32)[:, :: -1 if mirrored else 1] / 255
    absorbed = np.zeros(picture.shape, np.float32)
    j = int(rng.uniform(0.03, 0.2) * picture.shape[0])
    i = int(rng.choice([rng.uniform(0.02, 0.1), rng.uniform(0.72, 0.84)]) * picture.shape[1])
    absorbed[j : j + 2 * size, i : i + 2 * size] = shape[: picture.shape[0] - j, : picture.shape[1] - i]
    return _picture(picture * (1 - np.float32(0.98) * absorbed))


def lagging(run: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """A run ``(t, j, i)`` in which each frame keeps up to 90 % of the one before."""
    kept = np.float32(0.9 * strength)
    out = run.copy()
    for n in range(1, len(run)):
        out[n] = (1 - kept) * run[n] + kept * out[n - 1]
    return out


def _picture(values: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(values, 0, 1), np.float32)


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "noise": noisy,
        "over-exposed": over_exposed,
        "under-exposed": under_exposed,
        "under-penetrated": under_penetrated,
        "over-penetrated": over_penetrated,
        "collimated": collimated,
        "off centre": off_centre,
        "motion": moved,
        "metal": with_metal,
    }
)
