"""The face of a head's CT or MR: a smooth surface in the place of nose, lips, eyes, ears and cheeks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_li

from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.resample import resample, working_grid

__all__ = ["face_mask"]

_WORKING_MM = 3.0
_AIR_HU = -300.0
_SMOOTHEST_MM = 24.0
"""Radius of the ball that fits no nose, lip, ear or brow. Assumed."""
_DEPTH_MM = 9.0
"""Skin and fat over the skull of an adult's forehead are about 5 mm thick. Assumed with room."""
_WIDEST_HEAD_MM = 240.0
"""No head is wider, ears and all; shoulders are. Assumed."""
_AIRWAY_MM = 9.0
"""Half of the widest way by which air gets in. Assumed."""
_BINS = 64
_BEHIND_MM = 45.0
"""How far behind the head's middle the surface still goes: over the ears. Assumed."""


def face_mask(volume: Volume) -> NDArray[np.bool_]:
    """``(k, j, i)`` True where voxels of ``volume`` show the front surface of head and neck.

    The body is found by its contrast with air. What a ball of 24 mm cannot enter (nose, lips, ears) and
    the outer 9 mm go, in front of a plane 45 mm behind the head's middle, in slices narrower than any
    shoulders. It takes skin, cartilage and eyes; of the brain it takes nothing that lies deeper than 9 mm.
    """
    grid = working_grid(volume.grid, _WORKING_MM)
    body = _body(resample(volume, grid, fill=float(volume.voxels.min())))
    front = _front_of_head(body)
    if not front.any():
        return np.zeros(volume.shape, dtype=bool)
    kept = _grown(_eroded(body, _SMOOTHEST_MM + _DEPTH_MM), _SMOOTHEST_MM)
    face = LabelMap((front & ~kept).astype(np.uint8), grid.affine, names={1: "face"})
    return np.asarray(resample(face, volume.grid).voxels > 0)


def _body(volume: Volume) -> NDArray[np.bool_]:
    """The patient ``(k, j, i)``, airways, sinuses and all: the largest object in each slice."""
    image = volume.voxels
    solid = image > (_AIR_HU if volume.modality is Modality.CT else _between_air_and_tissue(image))
    closed = _eroded(_grown(solid, _AIRWAY_MM), _AIRWAY_MM)
    return np.stack([_largest(ndimage.binary_fill_holes(plane)) for plane in closed])


def _between_air_and_tissue(image: NDArray[np.float32]) -> float:
    """Half-way from air, the commonest of the dark values, to Li's threshold of minimal cross-entropy.

    Dark tissue counts as body, noise in air does not; air need not be dark where a scanner adds an offset.
    """
    threshold = float(threshold_li(image))
    counts, edges = np.histogram(image[image <= threshold], bins=_BINS)
    fullest = int(np.argmax(counts))
    return float(edges[fullest] + edges[fullest + 1] + 2 * threshold) / 4


def _largest(plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(plane)
    if count < 2:
        return plane
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def _front_of_head(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """From the top down to the first slice as wide as shoulders: all in front of the plane."""
    front = np.zeros_like(body)
    for k in reversed(range(len(body))):
        rows, columns = np.flatnonzero(body[k].any(axis=1)), np.flatnonzero(body[k].any(axis=0))
        if not len(rows):
            continue
        if (columns[-1] - columns[0] + 1) * _WORKING_MM > _WIDEST_HEAD_MM:
            break
        middle = (rows[0] + rows[-1]) / 2 + _BEHIND_MM / _WORKING_MM
        front[k, : int(middle) + 1] = True
    return front


def _eroded(mask: NDArray[np.bool_], by_mm: float) -> NDArray[np.bool_]:
    """Without what lies within ``by_mm`` of the outside; the image's own border is no outside."""
    return ~_grown(~mask, by_mm)


def _grown(mask: NDArray[np.bool_], by_mm: float) -> NDArray[np.bool_]:
    if not mask.any():
        return mask
    distance = ndimage.distance_transform_edt(~mask, sampling=_WORKING_MM)
    return np.asarray(distance <= by_mm)
