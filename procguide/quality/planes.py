"""The planes of a volume that checks look at: a few acquired slices, with the body in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Box, Examined, Kind

__all__ = ["LEAST_SIDE_MM", "Planes", "planes_of", "slice_axis"]

LEAST_SIDE_MM = 80.0
"""Smaller pictures are crops of a structure: too few homogeneous parts and lines for MR checks. Assumed."""
_MOST = 24
"""Slices looked at, spread evenly: a fault of one slice alone is found by its neighbours' checks only."""
_AIR_HU, _SKIN_HU = -1000.0, -300.0
_SHARE_OF_BRIGHT = 0.1
"""Tissue of an MR image is brighter than this share of its 98th percentile, smoothed over 2 mm. Assumed."""

_ABOVE_AIR, _MOST_AIR = 1.5, 0.25
"""And than so many times the air's noise: the darkest 2 % of the plane, where that is no tissue. Assumed."""


@dataclass(frozen=True, eq=False)
class Planes:
    """Slices as ``values`` ``(n, j, i)`` float32, CT not below air; ``body`` is where the patient is.

    ``numbers`` are their places along ``axis`` of the volume; ``pixel_mm`` the steps along the two other
    axes in their order, ``step_mm`` from slice to slice of the volume.
    """

    values: NDArray[np.float32]
    body: NDArray[np.bool_]
    numbers: tuple[int, ...]
    axis: int
    pixel_mm: tuple[float, float]
    step_mm: float

    def box(self, n: int, low: tuple[int, int], high: tuple[int, int]) -> Box:
        """A part of plane ``n`` in the volume's index space."""
        start, stop = list(low), list(high)
        start.insert(self.axis, self.numbers[n])
        stop.insert(self.axis, self.numbers[n] + 1)
        return Box(tuple(start), tuple(stop))

    def whole(self, n: int) -> Box:
        """All of plane ``n``."""
        _, rows, columns = self.values.shape
        return self.box(n, (0, 0), (rows, columns))

    @property
    def least_side_mm(self) -> float:
        """The shorter side of the planes."""
        return float(min(n * step for n, step in zip(self.values.shape[1:], self.pixel_mm, strict=True)))

    def pixels(self, mm: float) -> tuple[float, float]:
        """A length in pixels along both axes."""
        return (mm / self.pixel_mm[0], mm / self.pixel_mm[1])


def slice_axis(spacing: NDArray[np.float64]) -> int:
    """The axis along which slices follow: the one with clearly the longest step, else the first."""
    order = np.argsort(spacing)
    clear = spacing[order[2]] > 1.2 * spacing[order[1]]
    return int(order[2]) if clear else 0


def planes_of(examined: Examined) -> Planes:
    """The planes of an examined volume, worked out once; ``ValueError`` where there is no volume."""
    found: Planes = examined.once("planes", _planes)
    return found


def _planes(examined: Examined) -> Planes:
    volume = examined.volume
    if volume is None:
        raise ValueError("only a volume has planes")
    spacing = volume.spacing
    axis = slice_axis(spacing)
    stack = np.moveaxis(volume.voxels, axis, 0)
    count = stack.shape[0]
    margin = count // 12 if count > _MOST else 0
    numbers = np.unique(np.linspace(margin, count - 1 - margin, min(count, _MOST)).round().astype(int))
    values = stack[numbers].astype(np.float32)
    first, second = (float(step) for step in np.delete(spacing, axis))
    ct = examined.kind is Kind.CT
    if ct:
        np.maximum(values, _AIR_HU, out=values)
    body = np.stack([_body(plane, (first, second), values if not ct else None) for plane in values])
    return Planes(values, body, tuple(numbers.tolist()), axis, (first, second), float(spacing[axis]))


def _body(
    plane: NDArray[np.float32], pixel: tuple[float, float], bright: NDArray[np.float32] | None
) -> NDArray[np.bool_]:
    """Where the patient is in one plane; ``bright`` are all planes of an MR image, None for CT."""
    from scipy import ndimage

    factor = max(1, round(2.0 / max(min(pixel), 0.1)))
    coarse = ndimage.gaussian_filter(plane, [1.0 / step for step in pixel])[::factor, ::factor]
    limit = _SKIN_HU if bright is None else _darkest_tissue(coarse, bright)
    mask = ndimage.binary_opening(np.pad(coarse > limit, 2, mode="edge"), iterations=2)[2:-2, 2:-2]
    labels, count = ndimage.label(mask)
    if not count:
        return np.zeros(plane.shape, np.bool_)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = ndimage.binary_fill_holes(labels == sizes.argmax())
    fine = np.kron(largest, np.ones((factor, factor), np.bool_))
    return np.asarray(fine[: plane.shape[0], : plane.shape[1]])


def _darkest_tissue(coarse: NDArray[np.float32], bright: NDArray[np.float32]) -> float:
    """A share of what is bright in all planes, but above the air's noise where a plane shows air."""
    high, air = float(np.percentile(bright[:, ::4, ::4], 98)), float(np.percentile(coarse, 2))
    noise = air if air < _MOST_AIR * high else 0.0
    return max(_SHARE_OF_BRIGHT * high, _ABOVE_AIR * noise)
