"""The body told from the air round it where values have no unit, as in MR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

__all__ = ["Air", "air_of", "eroded", "grown", "outlined"]

_BINS = 64
_COMMON = 0.25
"""A value is common that occurs this often beside the commonest one (assumed)."""
_HALF_WIDTH = 1.177
"""Half the width at half of a normal distribution's height, in standard deviations."""


@dataclass(frozen=True)
class Air:
    """What air looks like in one image: its commonest value, and its standard deviation, by its darker side.

    ``tissue`` is Li's threshold of minimal cross-entropy, above which only tissue lies.
    """

    level: float
    deviation: float
    tissue: float

    @property
    def half_way(self) -> float:
        """Between air and ``tissue``: dark tissue lies above, noise in air below."""
        return (self.level + self.tissue) / 2


def air_of(values: NDArray[np.float32]) -> Air:
    """Air as the darkest of the common dark values; it need not be dark where a scanner adds an offset."""
    from skimage.filters import threshold_li

    threshold = float(threshold_li(values))
    dark = values[values <= threshold]
    counts, edges = np.histogram(dark, bins=_BINS)
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), 1.0, mode="constant")
    peaks = (smooth >= np.roll(smooth, 1)) & (smooth >= np.roll(smooth, -1))
    commonest = int(np.flatnonzero(peaks & (smooth >= _COMMON * smooth.max()))[0])
    level = float(edges[commonest] + edges[commonest + 1]) / 2
    fewer = np.flatnonzero(counts[:commonest] < counts[commonest] / 2)
    half_width = level - float(edges[fewer[-1] + 1] if fewer.size else edges[0])
    deviation = half_width / _HALF_WIDTH
    return Air(level, deviation, threshold)


def outlined(
    solid: NDArray[np.bool_],
    spacing_mm: ArrayLike,
    airway_mm: float,
    joining: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """The patient ``(k, j, i)``, airways, sinuses and all: the largest object in each plane of ``solid``.

    Ways narrower than twice ``airway_mm`` let no air in, nor do a plane's first and last column: what an
    image shows there is cut off, and where its air is the patient's outside it joins the first or last row.
    What hangs together with the largest object by ``joining``, as skin by fat that is nearly dark, is of it.
    """
    closed = eroded(grown(solid, spacing_mm, airway_mm), spacing_mm, airway_mm)
    if joining is None:
        return np.stack([_filled(_largest(plane)) for plane in closed])
    return np.stack(
        [_filled(plane & _largest(plane | join)) for plane, join in zip(closed, joining, strict=True)]
    )


def _filled(plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
    walled = np.pad(plane, ((0, 0), (1, 1)), constant_values=True)
    return np.asarray(ndimage.binary_fill_holes(walled)[:, 1:-1])


def _largest(plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(plane)
    if count < 2:
        return plane
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def eroded(mask: NDArray[np.bool_], spacing_mm: ArrayLike, by_mm: float) -> NDArray[np.bool_]:
    """Without what lies within ``by_mm`` of the outside; the image's own border is no outside."""
    return ~grown(~mask, spacing_mm, by_mm)


def grown(mask: NDArray[np.bool_], spacing_mm: ArrayLike, by_mm: float) -> NDArray[np.bool_]:
    """With what lies within ``by_mm`` of it."""
    if not mask.any():
        return mask
    distance = ndimage.distance_transform_edt(~mask, sampling=np.broadcast_to(spacing_mm, 3))
    return np.asarray(distance <= by_mm)
