"""Gibbs ringing removed by local sub-voxel shifts, in two dimensions or three.

A truncated Fourier series rings beside edges, and how much of it the voxels show depends on where they
sample it: shifted by the right fraction of a voxel they meet its zero crossings. Each voxel takes the shift
at which its neighbourhood oscillates least, and is interpolated back (Kellner et al., Magn Reson Med
2016;76:1574). Ringing along one axis is told from that along the others by a weight in k-space; in three
dimensions the same weight has one factor an axis more (Bautista et al., ISMRM 2021, 3535).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

import numpy as np
from numpy.typing import NDArray

__all__ = ["share_along", "unring", "unring_lines"]

_SHIFTS = 20
"""Steps to half a voxel, each way (Kellner et al.)."""
_NEAREST, _FARTHEST = 1, 3
"""Voxels over which oscillation is judged (Kellner et al.)."""
_BLOCK = 2**17
"""Values that a block of shifted lines has: it stays in a core's cache."""

Array = NDArray[np.float64]


def unring(image: NDArray[np.floating], axes: Sequence[int], *, threads: int = 1) -> Array:
    """The image without Gibbs ringing along ``axes``, which were encoded by Fourier.

    ``image`` is ``(k, j, i)``, real, at the matrix it was acquired with and never interpolated since. Two
    axes are unrung plane by plane, three all at once. The corner of k-space, which can be attributed to none
    of them, is lost.
    """
    if image.ndim != 3 or len(set(axes)) != len(axes) or not 2 <= len(axes) <= 3:
        raise ValueError(f"a 3D image and two or three of its axes are needed, got {image.shape} and {axes}")
    with ThreadPoolExecutor(threads) as pool:
        if len(axes) == 3:
            return sum(pool.map(lambda axis: _along(image, axis, (0, 1, 2)), range(3)), np.zeros(image.shape))
        planes = np.moveaxis(image, tuple(axes), (1, 2))
        done = pool.map(lambda plane: _along(plane, 0, (0, 1)) + _along(plane, 1, (0, 1)), planes)
        return np.moveaxis(np.stack(list(done)), (1, 2), tuple(axes))


def _along(image: NDArray[np.floating], axis: int, axes: tuple[int, ...]) -> Array:
    """The part of an image that rings along ``axis``, unrung along it."""
    part = np.moveaxis(share_along(image, axis, axes), axis, -1)
    lines = unring_lines(part.reshape(-1, part.shape[-1]))
    return np.moveaxis(lines.reshape(part.shape), -1, axis)


def share_along(image: NDArray[np.floating], axis: int, axes: tuple[int, ...]) -> Array:
    """What of ``image`` is taken to ring along ``axis``: its high frequencies there, low ones elsewhere.

    The weight is the product of ``1 + cos k`` over the other axes, over the sum of these products for all.
    """
    from scipy import fft

    spectrum = fft.rfftn(np.asarray(image, dtype=np.float64), axes=axes)
    kept = [_low_pass(image.shape[n], n, image.ndim, half=n == axes[-1]) for n in axes]
    weights = [reduce(np.multiply, kept[:n] + kept[n + 1 :]) for n in range(len(axes))]
    total = reduce(np.add, weights)
    share = np.divide(weights[axes.index(axis)], total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(fft.irfftn(spectrum * share, s=image.shape, axes=axes))


def _low_pass(count: int, axis: int, dimensions: int, *, half: bool) -> Array:
    """``1 + cos k`` along one axis, exactly 0 at the Nyquist frequency; broadcasts against the spectrum."""
    frequency = np.fft.rfftfreq(count) if half else np.fft.fftfreq(count)
    values = np.where(np.abs(frequency) == 0.5, 0.0, 1.0 + np.cos(2.0 * np.pi * frequency))
    shape = [1] * dimensions
    shape[axis] = len(values)
    return values.reshape(shape)


def unring_lines(lines: Array) -> Array:
    """Lines ``(count, n)`` unrung along ``n``, each by itself."""
    from scipy import fft

    from procguide.quality.gibbs._kernels import choose_shifts

    n = lines.shape[1]
    steps = np.arange(1, _SHIFTS + 1) / (2.0 * _SHIFTS)
    shifts = np.concatenate([[0.0], steps, -steps])
    phases = np.exp(2j * np.pi * np.outer(shifts, np.arange(n // 2 + 1)) / n)
    if n % 2 == 0:
        phases[1:, -1] = 0.0  # the Nyquist frequency cannot be shifted
    unrung = np.array(lines, dtype=np.float64)
    block = max(1, _BLOCK // (n * len(shifts)))
    busy = np.flatnonzero(np.ptp(unrung, axis=1) > 0)
    for first in range(0, len(busy), block):
        some = busy[first : first + block]
        shifted = fft.irfft(fft.rfft(unrung[some])[:, None, :] * phases, n=n)
        out = np.empty((len(some), n))
        choose_shifts(shifted, shifts, _NEAREST, _FARTHEST, out)
        unrung[some] = out
    return unrung
