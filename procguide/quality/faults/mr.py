"""MR faults at graded strength on any MR volume, through k-space where they arise: 0 is none, 1 beyond use.

What is done at strength 1 is said of each. Slices lie along the first axis; ``phase`` is the in-plane axis
along which phase is encoded, 0 for rows. Magnitudes stand in for the complex image, as they are all that
is stored. The volume given is not changed; the same seed gives the same fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from procguide.geometry import Affine
from procguide.imaging import Volume
from procguide.quality.faults.ct import coarsened, shortened, thickened
from procguide.quality.faults.ringing import filled, truncated

__all__ = [
    "FAULTS",
    "gapped",
    "ghosted",
    "jolted",
    "noisy",
    "shaded",
    "turned",
    "unsuppressed",
    "wrapped",
    "zero_filled",
]

Float = NDArray[np.floating]


def _stored(volume: Volume, values: Float) -> Volume:
    return volume.with_voxels(np.clip(np.rint(values), 0, 32767).astype(np.uint16))


def _tissue(volume: Volume) -> float:
    """The middle value of what is not air."""
    values = volume.voxels[::2, ::2, ::2]
    high = float(np.percentile(values, 98))
    return float(np.median(values[values > 0.15 * high]))


def noisy(volume: Volume, strength: float, seed: int = 0) -> Volume:
    """Receiver noise in both channels, up to half the median tissue signal; the magnitude is Rician."""
    rng = np.random.default_rng(seed)
    sigma = 0.5 * strength * _tissue(volume)
    real, imaginary = rng.normal(scale=max(sigma, 1e-9), size=(2, *volume.shape))
    return _stored(volume, np.hypot(volume.voxels + real, imaginary))


def shaded(volume: Volume, strength: float, seed: int = 0) -> Volume:
    """A receive field that falls off smoothly across the image, up to thirtyfold.

    It falls forwards, or aslant to the head or the feet, within 90 degrees: the other way it would even out
    what the coil behind the patient does already.
    """
    rng = np.random.default_rng(seed)
    backward = volume.affine.directions[1, 1:]
    angle = np.arctan2(*backward) + rng.uniform(-np.pi / 2, np.pi / 2)
    _, rows, columns = volume.shape
    up, across = np.linspace(-0.5, 0.5, rows)[:, None], np.linspace(-0.5, 0.5, columns)[None]
    field = np.exp(np.log(30.0) * strength * (np.sin(angle) * up + np.cos(angle) * across))
    return _stored(volume, volume.voxels * field)


def _by_lines(
    volume: Volume, phase: int, displaced: Callable[[int, int], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Each slice with its phase lines displaced by mm ``(lines, 2)`` along phase and readout."""
    steps = np.delete(volume.spacing, 0)
    out = np.empty(volume.shape)
    for k, plane in enumerate(volume.voxels):
        turned = plane.T if phase == 1 else plane
        lines, samples = turned.shape
        spectrum = np.fft.fftshift(np.fft.fft2(turned), axes=0)
        moved = displaced(k, lines)
        up = np.fft.fftshift(np.fft.fftfreq(lines, steps[phase]))
        across = np.fft.fftfreq(samples, steps[1 - phase])
        turn = np.exp(-2j * np.pi * (moved[:, :1] * up[:, None] + moved[:, 1:] * across))
        image = np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum * turn, axes=0)))
        out[k] = image.T if phase == 1 else image
    return out


def ghosted(volume: Volume, strength: float, seed: int = 0, *, phase: int = 0) -> Volume:
    """Breathing through the scan: everything moves to and fro along phase, up to 5 mm, every few lines."""
    rng = np.random.default_rng(seed)
    period = rng.uniform(6, 14)

    def breathing(_k: int, lines: int) -> NDArray[np.float64]:
        wave = np.sin(2 * np.pi * np.arange(lines) / period + rng.uniform(0, 2 * np.pi))
        wave += 0.2 * rng.normal(size=lines)
        return np.stack([5.0 * strength * wave, 0 * wave], axis=1)

    return _stored(volume, _by_lines(volume, phase, breathing))


def jolted(volume: Volume, strength: float, seed: int = 0, *, phase: int = 0) -> Volume:
    """The patient shifts for good at three moments of the scan, up to 8 mm each along either axis."""
    rng = np.random.default_rng(seed)

    def jolts(_k: int, lines: int) -> NDArray[np.float64]:
        moved = np.zeros((lines, 2))
        for at in rng.integers(lines // 4, 3 * lines // 4, 3):
            moved[at:] += rng.uniform(-8, 8, 2) * strength
        return moved

    return _stored(volume, _by_lines(volume, phase, jolts))


def wrapped(volume: Volume, strength: float, seed: int = 0, *, phase: int = 0) -> Volume:  # noqa: ARG001
    """A field of view up to 45 % smaller than the body along phase: what lies outside is folded in."""
    axis = 1 + phase
    count = volume.shape[axis]
    kept = count - 2 * round(count * 0.225 * strength)
    values = np.moveaxis(volume.voxels, axis, 0).astype(np.float64)
    start = (count - kept) // 2
    out = np.zeros((kept, *values.shape[1:]))
    for n in range(count):
        out[(n - start) % kept] += values[n]
    low, high = [0, 0, 0], list(volume.shape)
    low[axis], high[axis] = start, start + kept
    cut = volume.crop((low[0], low[1], low[2]), (high[0], high[1], high[2]))
    return _stored(cut, np.moveaxis(out, 0, axis))


def zero_filled(volume: Volume, strength: float, seed: int = 0) -> Volume:  # noqa: ARG001
    """A coarse matrix made fine by zeros: down to 15 % of the lines and samples were measured."""
    share, shown = 1 - 0.85 * strength, volume.shape[1:]
    counts = [min(n, 2 * round(0.5 * share * n)) for n in shown]
    return _stored(volume, np.abs(filled(truncated(volume.voxels, counts, (1, 2)), shown, (1, 2))))


def unsuppressed(volume: Volume, fat: Volume, strength: float, seed: int = 0) -> Volume:
    """Fat that comes back over up to 70 % of the field, where the main field is off; ``fat`` is its image."""
    rng = np.random.default_rng(seed)
    _, rows, columns = volume.shape
    angle = rng.uniform(0, 2 * np.pi)
    up, across = np.linspace(-0.5, 0.5, rows)[:, None], np.linspace(-0.5, 0.5, columns)[None]
    slope = np.sin(angle) * up + np.cos(angle) * across
    edge = np.quantile(slope, 1 - 0.7 * strength)
    returned = 1 / (1 + np.exp(-(slope - edge) / 0.03)) if strength else np.zeros_like(slope)
    return _stored(volume, volume.voxels + returned * fat.voxels)


def gapped(volume: Volume, strength: float, seed: int = 0) -> Volume:  # noqa: ARG001
    """Slices left out between those that stay, up to three of four: these are as thick as they were."""
    every = 1 + round(3 * strength)
    matrix = volume.affine.matrix.copy()
    matrix[:3, 0] *= every
    return replace(volume, voxels=volume.voxels[::every], affine=Affine(matrix))


def turned(volume: Volume, strength: float, seed: int = 0) -> Volume:
    """Slices planned aslant: the whole stack turned about the patient's long axis, up to 90 degrees.

    Where it lies is what is turned; the anatomy in it is not cut anew.
    """
    angle = np.radians(90.0 * strength) * np.random.default_rng(seed).choice((-1.0, 1.0))
    middle = volume.to_patient((np.array(volume.shape) - 1) / 2)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    matrix = volume.affine.matrix.copy()
    matrix[:3, :3] = turn @ matrix[:3, :3]
    matrix[:3, 3] = middle + turn @ (matrix[:3, 3] - middle)
    return replace(volume, affine=Affine(matrix))


FAULTS: Mapping[str, tuple[Callable[..., Volume], str]] = MappingProxyType(
    {
        "noisy": (noisy, "signal to noise"),
        "shaded": (shaded, "shading"),
        "ghosted": (ghosted, "motion"),
        "jolted": (jolted, "sudden motion"),
        "wrapped": (wrapped, "wrap-around"),
        "zero_filled": (zero_filled, "interpolation"),
        "thickened": (thickened, "resolution"),
        "shortened": (shortened, "coverage"),
        "coarsened": (coarsened, "pixel size"),
        "gapped": (gapped, "gap"),
        "turned": (turned, "orientation"),
    }
)
"""Each fault that needs nothing but the volume, and the check that has to find it."""
