"""The scanner's sharpness and the grain of its noise, in the frequency domain of one slice.

A kernel's transfer function falls as a Gaussian's power and may rise before it falls (edge enhancement).
Noise of filtered back-projection has the ramp times that transfer (Riederer et al., Phys Med Biol
1978;23:446; Kijewski & Judy, Phys Med Biol 1987;32:565).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from procguide.phantom.ct.settings import Kernel
from procguide.phantom.solids import Array

__all__ = ["PAD", "SECTORS", "Plane", "transfer"]

PAD = 12
SECTORS = 10
"""Directions of frequency whose noise has its own strength; streaks lie across them."""

# Cycles/mm at half height, steepness, and the share by which middle frequencies rise (assumed; typical of
# abdomen, general and bone kernels: half heights about 0.30, 0.38 and 0.75 cycles/mm).
_SHAPE = {Kernel.SOFT: (0.31, 2.0, 0.0), Kernel.STANDARD: (0.40, 2.2, 0.03), Kernel.BONE: (0.68, 2.6, 0.28)}


def transfer(kernel: Kernel, frequency: NDArray[Any]) -> Array:
    """Modulation transfer at cycles/mm; 1 at 0."""
    half, steep, rise = _SHAPE[kernel]
    share = frequency / half
    lift = (1 + rise * np.exp(-(((share - 0.6) / 0.3) ** 2))) / (1 + rise * np.exp(-4.0))
    return np.asarray(np.exp2(-(share**steep)) * lift, dtype=np.float32)


@dataclass(frozen=True)
class Plane:
    """Filters for slices of one size: ``blur`` for the image, ``grain`` ``(sectors, ...)`` for the noise."""

    shape: tuple[int, int]
    padded: tuple[int, int]
    blur: Array
    grain: Array

    @classmethod
    def of(cls, shape: tuple[int, int], pixel_mm: float, kernel: Kernel) -> Plane:
        """Filters for ``(j, i)`` pixels; a pixel's own averaging is taken out of the blur."""
        j, i = (next_fast_len(n + 2 * PAD, real=True) for n in shape)
        fy, fx = np.fft.fftfreq(j, pixel_mm)[:, None], np.fft.rfftfreq(i, pixel_mm)[None, :]
        f = np.hypot(fy, fx)
        gain = transfer(kernel, f)
        pixel = np.maximum(np.sinc(fy * pixel_mm) * np.sinc(fx * pixel_mm), 0.6)
        power = (f + 0.01) * gain**2
        angle = np.arctan2(fy, fx) % np.pi
        twice = np.full(f.shape, 2.0)
        twice[:, 0] = 1.0
        amplitude = np.sqrt(power / (2 * (power * twice).sum())) * (j * i)
        sectors = [amplitude * sector_weight(angle, n) for n in range(SECTORS)]
        return cls(shape, (j, i), (gain / pixel).astype(np.float32), np.asarray(sectors, dtype=np.float32))

    def blurred(self, image: Array) -> Array:
        """``image`` ``(j, i)`` through the kernel."""
        from scipy import fft

        tail = [(PAD, p - n - PAD) for p, n in zip(self.padded, self.shape, strict=True)]
        spectrum = fft.rfft2(np.pad(image, tail, mode="edge")) * self.blur
        out = fft.irfft2(spectrum, s=self.padded)
        return np.asarray(out[PAD : PAD + self.shape[0], PAD : PAD + self.shape[1]], dtype=np.float32)

    def grains(self, spectrum: NDArray[np.complex64]) -> Array:
        """``(sectors, j, i)``: noise of one white ``spectrum``, whose sum has unit variance."""
        from scipy import fft

        j, i = self.shape
        return np.asarray(fft.irfft2(spectrum * self.grain, s=self.padded)[:, :j, :i], dtype=np.float32)


def sector_weight(angle: NDArray[Any], sector: int) -> Array:
    """Share of a direction's amplitude in a sector; over all sectors they add up to 1."""
    width = np.pi / SECTORS
    away = np.abs((angle - sector * width + np.pi / 2) % np.pi - np.pi / 2)
    return np.asarray(np.cos(np.minimum(away / width, 1) * np.pi / 2) ** 2)
