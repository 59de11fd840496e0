"""What an image's edges say of Gibbs ringing, axis by axis: numbers that a detector weighs.

An image whose k-space was cut off shows the finest detail that its matrix holds at full strength beside its
edges, and as strong between the voxels as on them: shifted by half a voxel it looks the same, as nothing lies
beyond the matrix. Where k-space was filtered that detail is gone. Where each voxel is a mean over its place
(an image without ringing), or was unrung, detail from beyond the matrix is folded back, and then the voxels'
places count: it is stronger on them at edges, weaker beside, and halfway between the voxels the image swings
most. Noise favours no place, and can be taken off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.quality.gibbs.unring import share_along, unring_lines

__all__ = ["FEATURES", "LEAST_SAMPLES", "Evidence", "evidence_of"]

LEAST_SAMPLES = 64
"""Fewer samples along an axis hold too few edges far enough from each other. Assumed."""
FEATURES = ("grid_at_edges", "grid_beside", "swing", "finest", "residual")
"""In this order: by how much finest detail is stronger on the voxels than between them, at edges, and beside;
by how much the image swings less from voxel to voxel than between places halfway, beside edges; log of finest
detail at edges less that of noise, over the edges' height; log of what unringing takes away beside edges over
what it takes away elsewhere. Second and third are over the share of what is beside edges that is no noise."""

_EDGES_BELOW = 0.3
"""Cycles a voxel: edges are found in what lies below."""
_UP = 8
"""Places a voxel at which edges are looked for."""
_REACH = 8
"""Voxels to either side of an edge that count as beside it."""
_LEAST_STEP = 0.06
"""Share of the brightest tissue: lower steps are no edges. Assumed."""
_BRIGHT = 0.2
"""As share of the brightest: in the background the magnitude folds noise and ringing."""
_EVERY = 3
"""Of so many lines one is unrung, and drawn between the voxels, which takes longest."""
_BETWEEN = 8
"""Places a voxel at which the image's swing is followed."""
_LEAST_SHARE = 0.1
"""Less than this share beside edges is not told from noise: features that are over it grow no further."""

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Evidence:
    """One axis: ``values`` of :data:`FEATURES`; noise and ringing in per cent (below); how many ``edges``.

    ``noise_percent`` is of the brightest tissue (98th percentile), ``ringing_percent`` what unringing takes
    away beside edges more than elsewhere, root mean square, of the edges' height.
    """

    values: tuple[float, ...]
    noise_percent: float
    ringing_percent: float
    edges: int


@dataclass(frozen=True, eq=False)
class _Lines:
    """What rings along the lines ``part`` ``(lines, n)``, where they are ``bright``, and their edges.

    An edge has the number of its ``line``, a ``place`` along it in voxels and a signed ``height``.
    """

    part: Array
    bright: Mask
    line: NDArray[np.intp]
    place: Array
    height: Array

    def within(self, reach: int) -> Mask:
        """Voxels at most ``reach`` from an edge."""
        near = np.zeros(self.part.shape, dtype=bool)
        middle = np.rint(self.place).astype(np.intp)
        for off in range(-reach, reach + 1):
            near[self.line, (middle + off) % self.part.shape[1]] = True
        return near


def evidence_of(planes: NDArray[np.floating], axis: int) -> Evidence | None:
    """What ``planes`` ``(k, j, i)``, magnitudes at the matrix of their acquisition, say of ``axis`` (1 or 2).

    None where there are fewer than :data:`LEAST_SAMPLES` samples or no edges.
    """
    image = np.asarray(planes, dtype=np.float64)
    top = float(np.percentile(image, 98))
    if image.shape[axis] < LEAST_SAMPLES or top <= 0:
        return None
    bright = [_bright(plane, top) for plane in image]
    lines = [_lines(plane, inside, axis - 1, top) for plane, inside in zip(image, bright, strict=True)]
    heights = np.concatenate([one.height for one in lines])
    if not len(heights) or not any(one.bright.any() for one in lines):
        return None
    height = float(np.sqrt(np.mean(heights**2)))
    noise = _noise(image, bright)
    beside, away = _residual(lines)
    residual = float(np.log((beside / height + 1e-4) / (away / height + 1e-4)))
    share = max(1.0 - np.exp(-2.0 * residual), _LEAST_SHARE)
    grid_at, grid_beside, finest = _finest(lines, height)
    features = (grid_at, grid_beside / share, _swing(lines) / share, finest, residual)
    values = tuple(round(float(value), 6) for value in features)
    ringing = float(np.sqrt(max(beside**2 - away**2, 0.0)))
    return Evidence(values, 100.0 * noise / top, 100.0 * ringing / height, len(heights))


def _bright(plane: Array, top: float) -> Mask:
    """Where tissue is, away from the borders: there cropped lines do not close to rings."""
    from scipy import ndimage

    bright = ndimage.minimum_filter(ndimage.gaussian_filter(plane, 1.0) > _BRIGHT * top, 3)
    inner = np.zeros(plane.shape, dtype=bool)
    inner[_REACH:-_REACH, _REACH:-_REACH] = bright[_REACH:-_REACH, _REACH:-_REACH]
    return inner


def _noise(image: Array, bright: list[Mask]) -> float:
    """Standard deviation of what a smoothing over a voxel takes away, in the middle of its range."""
    from scipy import ndimage

    rest = [np.abs(p - ndimage.gaussian_filter(p, 1.0))[b] for p, b in zip(image, bright, strict=True)]
    return 1.4826 * float(np.median(np.concatenate(rest)))


def _lines(plane: Array, bright: Mask, axis: int, top: float) -> _Lines:
    """Lines along ``axis``, and the extremes of their slope, found between the voxels in low frequencies."""
    from scipy import fft

    part = np.moveaxis(share_along(plane, axis, (0, 1)), axis, -1)
    n = part.shape[1]
    frequency = np.arange(n // 2 + 1) / n
    low = np.where(frequency < _EDGES_BELOW, 0.5 + 0.5 * np.cos(np.pi * frequency / _EDGES_BELOW), 0.0)
    slope = fft.irfft(fft.rfft(part) * low * (2j * np.pi * frequency), n=n * _UP) * _UP
    steep = np.abs(slope)
    highest = (steep > np.roll(steep, 1, 1)) & (steep >= np.roll(steep, -1, 1))
    at = highest & (steep > _LEAST_STEP * top * _EDGES_BELOW)
    line, fine = np.nonzero(at)
    return _Lines(part, np.moveaxis(bright, axis, -1), line, fine / _UP, slope[at] / _EDGES_BELOW)


def _finest(lines: list[_Lines], height: float) -> tuple[float, float, float]:
    """The two features of the grid, at edges and beside; and finest detail at edges."""
    sums = np.sum([list(_detail_sums(one)) for one in lines], axis=0)
    count_at, count_beside, count_away = np.maximum(sums[:, 0], 1)
    at, between_at = sums[0, 1:3] / count_at
    beside, between_beside = sums[1, 3:5] / count_beside
    noise = 0.5 * (sums[2, 1] + sums[2, 2]) / count_away
    more = 0.5 * (at + between_at) - noise
    grid_at = (at - between_at) / max(more, 0.1 * noise, 1e-9)
    grid_beside = 2.0 * (beside - between_beside) / max(beside + between_beside, 1e-9)
    finest = 0.5 * np.log(max(more / height**2, 1e-6))
    return float(np.clip(grid_at, -2, 2)), float(grid_beside), float(finest)


def _detail_sums(one: _Lines) -> Iterator[tuple[float, ...]]:
    """At edges, beside, away: count, and sums of finest detail on voxels and between, squared and plain."""
    from scipy import fft

    n = one.part.shape[1]
    frequency = np.arange(n // 2 + 1) / n
    spectrum = fft.rfft(one.part) * np.sin(np.pi * frequency) ** 8
    if n % 2 == 0:
        spectrum[:, -1] = 0.0  # it cannot be shifted
    on = np.abs(fft.irfft(spectrum, n=n))
    shifted = np.abs(fft.irfft(spectrum * np.exp(1j * np.pi * frequency), n=n))
    before = np.roll(shifted, 1, 1)
    at, near = one.within(1), one.within(_REACH)
    for where in (at, near & ~at, ~near):
        chosen = where & one.bright
        squared = 0.5 * (shifted[chosen] ** 2 + before[chosen] ** 2)
        plain = 0.5 * (shifted[chosen] + before[chosen])
        yield (
            chosen.sum(), (on[chosen] ** 2).sum(), squared.sum(), on[chosen].sum(), plain.sum()
        )  # fmt: skip


def _swing(lines: list[_Lines]) -> float:
    """Beside edges, how the steps over a voxel vary with where they start: -1 to 1, least on voxels above 0.

    The steps are followed between the voxels; their variation once a voxel is summed with its phase, under
    a window of four voxels, over its size.
    """
    turned, size = 0.0, 0.0
    for one in lines:
        chosen = (one.within(_REACH) & ~one.within(1) & one.bright)[::_EVERY]
        varies = _variation(one.part[::_EVERY])[chosen]
        turned -= float(varies.real.sum())
        size += float(np.abs(varies).sum())
    return turned / size if size > 0 else 0.0


def _variation(part: Array) -> NDArray[np.complex128]:
    """The steps' Fourier component of one cycle a voxel, near each voxel of ``part`` ``(lines, n)``."""
    from scipy import fft

    count, n = part.shape
    slope = (part[:, -1:] - part[:, :1]) / (n - 1)  # taken off: cropped lines do not close to rings
    spectrum = fft.rfft(part - slope * np.arange(n))
    if n % 2 == 0:
        spectrum[:, -1] = 0.0  # it cannot be shifted
    fine = fft.irfft(spectrum, n=n * _BETWEEN) * _BETWEEN
    steps = np.abs(np.roll(fine, -_BETWEEN, 1) - fine + slope).reshape(count, n, _BETWEEN)
    places = np.arange(_BETWEEN) / _BETWEEN
    turn = np.exp(-2j * np.pi * places)
    total = np.zeros((count, n), dtype=np.complex128)
    for off in (-3, -2, -1, 0, 1):
        middle = off + places + 0.5  # of the step that starts there
        window = np.where(np.abs(middle) <= 2.0, 0.5 + 0.5 * np.cos(0.5 * np.pi * middle), 0.0)
        total += np.roll(steps, -off, 1) @ (window * turn)
    return total


def _residual(lines: list[_Lines]) -> tuple[float, float]:
    """What unringing takes away, root mean square: beside edges, and away from them; of some lines."""
    totals = np.zeros((2, 2))
    for one in lines:
        some = one.part[::_EVERY]
        taken = (some - unring_lines(some)) ** 2
        near = one.within(_REACH)
        for n, where in enumerate((near & ~one.within(1), ~near)):
            chosen = taken[(where & one.bright)[::_EVERY]]
            totals[n] += chosen.sum(), chosen.size
    beside, away = np.sqrt(totals[:, 0] / np.maximum(totals[:, 1], 1))
    return float(beside), float(away if totals[1, 1] else beside)
