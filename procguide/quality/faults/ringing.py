"""Gibbs ringing on demand: bodies whose Fourier transform is known exactly, and images cut off in k-space.

And what is to be told from it: k-space filled with zeros or filtered, voxels that are means over their place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Ellipsoid",
    "block_means",
    "filled",
    "filtered",
    "measured",
    "random_ellipsoids",
    "soft_bodies",
    "true_means",
    "truncated",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ellipsoid:
    """A body of one value in two or three dimensions: centre and half axes in voxels, an axis each.

    ``turn`` in radians turns it in the plane of the last two axes.
    """

    centre: tuple[float, ...]
    half_axes: tuple[float, ...]
    value: float
    turn: float = 0.0

    def spectrum(self, frequencies: Sequence[Array]) -> NDArray[np.complex128]:
        """Fourier transform at frequencies in cycles a voxel, one array an axis, broadcast together."""
        from scipy.special import j1

        along = list(frequencies)
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        along[-2:] = cosine * along[-2] + sine * along[-1], cosine * along[-1] - sine * along[-2]
        q = 2.0 * np.pi * np.sqrt(sum((a * f) ** 2 for a, f in zip(self.half_axes, along, strict=True)))
        q = np.maximum(q, 1e-3)
        size = float(np.prod(self.half_axes))
        if len(self.centre) == 2:
            shape = np.pi * size * 2.0 * j1(q) / q
        else:
            shape = 4.0 * np.pi * size * (np.sin(q) - q * np.cos(q)) / q**3
        place = sum(c * f for c, f in zip(self.centre, frequencies, strict=True))
        return np.asarray(self.value * shape * np.exp(-2j * np.pi * place))

    def holds(self, points: Sequence[Array]) -> NDArray[np.bool_]:
        """Whether points (voxels, one array an axis, broadcast together) lie inside."""
        off = [p - c for p, c in zip(points, self.centre, strict=True)]
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        off[-2:] = cosine * off[-2] + sine * off[-1], cosine * off[-1] - sine * off[-2]
        return np.asarray(sum((o / a) ** 2 for o, a in zip(off, self.half_axes, strict=True)) <= 1.0)

    @classmethod
    def drawn(cls, shape: Sequence[int], rng: np.random.Generator) -> Self:
        """One that lies well inside an image of ``shape``."""
        sizes = np.array(shape, dtype=float)
        half = rng.uniform(0.03, 0.16, len(shape)) * sizes
        centre = sizes / 2 + rng.uniform(-0.2, 0.2, len(shape)) * sizes
        turn = float(rng.uniform(0.0, np.pi)) if len({*shape[-2:]}) == 1 else 0.0
        return cls(tuple(centre), tuple(half), float(rng.uniform(-60.0, 60.0)), turn)


def random_ellipsoids(shape: Sequence[int], seed: int, count: int = 12) -> tuple[Ellipsoid, ...]:
    """A large body of value 100 that holds ``count`` smaller ones, in an image of ``shape`` (2D or 3D)."""
    rng = np.random.default_rng(seed)
    sizes = np.array(shape, dtype=float)
    outer = Ellipsoid(tuple(sizes / 2), tuple(sizes * rng.uniform(0.38, 0.44, len(shape))), 100.0)
    return (outer, *(Ellipsoid.drawn(shape, rng) for _ in range(count)))


def measured(bodies: Sequence[Ellipsoid], shape: Sequence[int]) -> Array:
    """The image of ``shape`` that a scanner makes of them: their spectrum to the matrix's edge, no more."""
    grids = np.meshgrid(*(np.fft.fftfreq(n) for n in shape), indexing="ij", sparse=True)
    return np.asarray(np.fft.ifftn(sum(body.spectrum(grids) for body in bodies)).real)


def true_means(bodies: Sequence[Ellipsoid], shape: Sequence[int], fine: int = 8) -> Array:
    """The truth: the mean over each voxel, sampled at ``fine`` points an axis."""
    offsets = (np.arange(fine) + 0.5) / fine - 0.5
    total = np.zeros(tuple(shape))
    for shift in np.stack(np.meshgrid(*[offsets] * len(shape), indexing="ij"), -1).reshape(-1, len(shape)):
        axes = [np.arange(n) + d for n, d in zip(shape, shift, strict=True)]
        points = np.meshgrid(*axes, indexing="ij", sparse=True)
        for body in bodies:
            total += body.value * body.holds(points)
    return np.asarray(total / fine ** len(shape))


def truncated(image: NDArray[np.floating], shape: Sequence[int], axes: Sequence[int]) -> Array:
    """The image that k-space cut to ``shape`` along ``axes`` gives: coarser, of the same extent, ringing.

    ``image`` is real, and finer than ``shape`` there. Values keep their scale.
    """
    spectrum = np.fft.fftshift(np.fft.fftn(image, axes=axes), axes=axes)
    window = [slice(None)] * image.ndim
    for axis, count in zip(axes, shape, strict=True):
        have = image.shape[axis]
        if not 2 <= count <= have:
            raise ValueError(f"axis {axis} has {have} voxels: it can be cut to 2 to {have}, not {count}")
        first = have // 2 - count // 2
        window[axis] = slice(first, first + count)
    cut = np.fft.ifftshift(spectrum[tuple(window)], axes=axes)
    scale = cut.size / spectrum.size
    return np.asarray(np.fft.ifftn(cut, axes=axes).real * scale)


def filled(image: NDArray[np.number], shape: Sequence[int], axes: Sequence[int]) -> NDArray[np.complex128]:
    """The image shown on ``shape`` voxels along ``axes``, k-space filled with zeros: what scanners do.

    ``image`` is real or complex; the result is complex, of the same scale.
    """
    spectrum = np.fft.fftshift(np.fft.fftn(image, axes=axes), axes=axes)
    room = [(0, 0)] * image.ndim
    for axis, count in zip(axes, shape, strict=True):
        have = image.shape[axis]
        first = count // 2 - have // 2
        if count < have:
            raise ValueError(f"axis {axis} has {have} voxels: it cannot be filled with zeros to {count}")
        room[axis] = (first, count - have - first)
    padded = np.fft.ifftshift(np.pad(spectrum, room), axes=axes)
    return np.asarray(np.fft.ifftn(padded, axes=axes) * (padded.size / spectrum.size))


def filtered(
    image: NDArray[np.number], axes: Sequence[int], window: Callable[[Array], Array]
) -> NDArray[np.complex128]:
    """The image after ``window`` of the absolute frequency (cycles a voxel, to 0.5) along ``axes``."""
    spectrum = np.fft.fftn(image, axes=axes)
    for axis in axes:
        shape = [1] * image.ndim
        shape[axis] = image.shape[axis]
        spectrum = spectrum * window(np.abs(np.fft.fftfreq(image.shape[axis]))).reshape(shape)
    return np.asarray(np.fft.ifftn(spectrum, axes=axes))


def block_means(image: NDArray[np.floating], factor: int) -> Array:
    """Planes ``(k, j, i)`` whose voxels are means of ``factor`` by ``factor`` finer ones: without ringing."""
    k, j, i = image.shape
    rows, columns = j // factor, i // factor
    whole = image[:, : rows * factor, : columns * factor]
    return np.asarray(whole.reshape(k, rows, factor, columns, factor).mean(axis=(2, 4)))


def soft_bodies(seed: int, size: int, planes: int) -> Array:
    """Finely drawn planes ``(planes, size, size)`` to cut off: bodies with edges of several widths, texture.

    No anatomy: from plane to plane nothing continues. The body is about 100 bright.
    """
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    widths = np.exp(rng.uniform(np.log(0.5), np.log(0.006 * size), 3))
    texture, grain = np.exp(rng.uniform(np.log(0.5), np.log(12.0))), rng.uniform(0.7, 2.2)
    along = np.arange(float(size))
    grid = np.meshgrid(along, along, indexing="ij", sparse=True)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) + 1.0 / size
    out = np.zeros((planes, size, size))
    for number in range(planes):
        count = int(rng.integers(8, 30))
        first, *others = random_ellipsoids((size, size), int(rng.integers(2**31)), count)
        layers = np.zeros((3, size, size))
        layers[0] = first.value * first.holds(grid)
        inside = ndimage.gaussian_filter(layers[0], widths[0]) / first.value
        for body in others:
            thin = (body.half_axes[0], body.half_axes[1] * rng.choice([1.0, 0.3, 0.08]))
            layers[rng.integers(3)] += body.value * replace(body, half_axes=thin).holds(grid)
        plane = sum(ndimage.gaussian_filter(layer, w) for layer, w in zip(layers, widths, strict=True))
        noise = np.fft.rfft2(rng.normal(size=(size, size))) / frequency**grain
        grains = np.fft.irfft2(noise, s=(size, size))
        out[number] = np.maximum((plane + texture * grains / grains.std()) * inside, 0.0)
    return out
