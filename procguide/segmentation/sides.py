"""Left from right: every voxel of an arch against its own vertebra's mid-sagittal plane.

The plane holds the centres of the body and of the canal behind it, and the column's direction there, so that
it turns and tilts with the vertebra in a scoliosis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.segmentation.classes import CANAL_PARTS, VERTEBRAL, TissueClass
from procguide.segmentation.instances import Instances, body_centres

__all__ = ["LEFT", "RIGHT", "arch_sides"]

LEFT, RIGHT = 100, 200
"""What is added to a level's VerSe integer for that side, as in the phantom's instances."""
_UNSIDED = (TissueClass.BODY, TissueClass.SPINOUS_PROCESS)
_CANAL_HALF_HEIGHT_MM = 10.0
_CANAL_ASIDE_MM = 25.0
_MIN_CANAL_MM3 = 500.0

Array = NDArray[np.float64]


def arch_sides(classes: NDArray[np.uint8], instances: Instances, spacing_mm: float) -> NDArray[np.uint8]:
    """``(k, j, i)``: :data:`LEFT` or :data:`RIGHT` on the paired parts of arches, 0 elsewhere.

    Bodies and spinous processes have no side. ``classes`` lies on the instances' lattice (superior,
    posterior, left).
    """
    sides = np.zeros(classes.shape, dtype=np.uint8)
    paired = np.isin(classes, [tissue for tissue in VERTEBRAL if tissue not in _UNSIDED])
    body = classes == TissueClass.BODY
    centres = body_centres(instances.labels, body, instances.count)[1][1:] * spacing_mm
    for number, box in enumerate(ndimage.find_objects(instances.labels, instances.count), start=1):
        own = paired[box] & (instances.labels[box] == number)
        points = np.argwhere(own) + [part.start for part in box]
        left = _left_axis(classes, centres, number - 1, spacing_mm)
        across = (points * spacing_mm - centres[number - 1]) @ left
        sides[tuple(points.T)] = np.where(across >= 0, LEFT, RIGHT)
    return sides


def _left_axis(classes: NDArray[np.uint8], centres: Array, n: int, spacing: float) -> Array:
    """Unit vector (k, j, i) to the left of the n-th vertebra from below."""
    up = centres[min(n + 1, len(centres) - 1)] - centres[max(n - 1, 0)]
    up = up / np.linalg.norm(up) if len(centres) > 1 else np.array([1.0, 0.0, 0.0])
    back = _canal_centre(classes, centres[n], up, spacing) - centres[n]
    back -= (back @ up) * up
    # Patient axes are (i, j, k) in this lattice: left is posterior across superior.
    left = np.cross(back[::-1], up[::-1])[::-1]
    return np.asarray(left / np.linalg.norm(left))


def _canal_centre(classes: NDArray[np.uint8], centre: Array, up: Array, spacing: float) -> Array:
    """Of what of the canal lies behind a body, mm; straight behind it where no canal is seen."""
    half = np.array([2 * _CANAL_HALF_HEIGHT_MM, 50.0, _CANAL_ASIDE_MM])
    low = np.maximum(np.round((centre - half) / spacing).astype(int), 0)
    high = np.round((centre + half) / spacing).astype(int) + 1
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    points = (np.argwhere(np.isin(classes[window], CANAL_PARTS)) + low) * spacing
    beside = np.abs((points - centre) @ up) <= _CANAL_HALF_HEIGHT_MM
    if beside.sum() * spacing**3 < _MIN_CANAL_MM3:
        return np.asarray(centre + np.array([0.0, 25.0, 0.0]))
    return np.asarray(points[beside].mean(axis=0))
