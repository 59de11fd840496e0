"""The face of a head's CT or MR: a smooth surface in the place of nose, lips, eyes, ears and cheeks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.outline import air_of, eroded, grown, outlined
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
    kept = grown(eroded(body, _WORKING_MM, _SMOOTHEST_MM + _DEPTH_MM), _WORKING_MM, _SMOOTHEST_MM)
    face = LabelMap((front & ~kept).astype(np.uint8), grid.affine, names={1: "face"})
    return np.asarray(resample(face, volume.grid).voxels > 0)


def _body(volume: Volume) -> NDArray[np.bool_]:
    """The patient ``(k, j, i)``, airways, sinuses and all."""
    image = volume.voxels
    solid = image > (_AIR_HU if volume.modality is Modality.CT else air_of(image).half_way)
    return outlined(solid, _WORKING_MM, _AIRWAY_MM)


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
