"""Periodic blocks of random texture with a chosen power spectrum, looked up by place.

Made once, the same for every subject: what differs is where a subject's origin falls in them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from procguide.phantom.solids import Array

__all__ = ["SIZE", "STEP_MM", "coarse_block", "fibre_block", "fine_block", "shift_of", "spongy_block"]

SIZE = 128
"""Voxels along each side."""

STEP_MM = {"spongy": 0.5, "fine": 1.0, "fibre": 1.0, "coarse": 1.5}


def _block(
    stream: int, exponent: float, corner_mm: float, step: float, stretch: float, finest: float
) -> Array:
    """``(z, y, x)`` of zero mean and unit variance whose power falls as ``f ** -exponent``.

    ``corner_mm`` is the wavelength above which it is flat, ``finest`` that below which there is nothing;
    ``stretch`` makes it longer along z by that factor.
    """
    from scipy import fft

    white = np.random.default_rng([stream, 23]).standard_normal((SIZE,) * 3, dtype=np.float32)
    f = np.fft.fftfreq(SIZE, step)
    fz, fy, fx = f[:, None, None] * stretch, f[None, :, None], np.abs(f[None, None, : SIZE // 2 + 1])
    square = fz * fz + fy * fy + fx * fx
    gain = (square + corner_mm**-2) ** (-exponent / 4) * np.exp(-square * finest**2 / 2)
    gain[0, 0, 0] = 0
    out = fft.irfftn(fft.rfftn(white) * gain.astype(np.float32), s=white.shape)
    return np.ascontiguousarray(out / out.std(), dtype=np.float32)


@lru_cache(maxsize=1)
def spongy_block() -> Array:
    """Trabeculae and their groups at 0.5 mm: upright, with the straight power law of cancellous bone."""
    return _block(1, 2.7, 18.0, STEP_MM["spongy"], 2.2, 0.35)


@lru_cache(maxsize=1)
def fine_block() -> Array:
    """Grain of organs at 1 mm."""
    return _block(2, 2.6, 12.0, STEP_MM["fine"], 1.0, 0.8)


@lru_cache(maxsize=1)
def fibre_block() -> Array:
    """Strands along z at 1 mm, for muscle."""
    return _block(3, 3.0, 10.0, STEP_MM["fibre"], 6.0, 0.8)


@lru_cache(maxsize=1)
def coarse_block() -> Array:
    """Smooth lumps about a centimetre across at 1.5 mm."""
    return _block(4, 9.0, 22.0, STEP_MM["coarse"], 1.0, 1.5)


def shift_of(seed: int, stream: int) -> NDArray[np.int64]:
    """Where a subject's origin falls in a block, three whole voxels."""
    return np.random.default_rng([seed, 29, stream]).integers(0, SIZE, 3)
