"""Where a column goes on that the locator lost: at the neck, where shoulders streak, it sees little."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["continued"]

_TANGENT_MM = 60.0
_FURTHER_MM = 45.0
"""About two vertebrae: what is farther is not guessed from the tangent. Assumed."""
_RADIUS_MM = 15.0
_LEAST_MM = 40.0


def continued(spine: NDArray[np.bool_], spacing: float) -> NDArray[np.bool_]:
    """``spine`` (k, j, i; k upward) and, at its upper end, 45 mm further along its own direction.

    The direction is that of its upper 60 mm. A field that ends there ends it.
    """
    points = np.argwhere(spine) * spacing
    top = points[:, 0].max()
    upper = points[points[:, 0] >= top - _TANGENT_MM]
    rows = np.unique(upper[:, 0])
    if len(rows) * spacing < _LEAST_MM:
        return spine
    centres = np.array([upper[upper[:, 0] == row].mean(axis=0) for row in rows])
    slope = np.polyfit(centres[:, 0], centres[:, 1:], 1)[0]
    tangent = np.array([1.0, *slope]) / np.linalg.norm([1.0, *slope])
    end = centres[-1] + _FURTHER_MM * tangent
    low = np.maximum(np.floor((np.minimum(centres[-1], end) - _RADIUS_MM) / spacing), 0).astype(int)
    high = np.minimum(np.ceil((np.maximum(centres[-1], end) + _RADIUS_MM) / spacing) + 1, spine.shape)
    box = tuple(slice(first, int(last)) for first, last in zip(low, high, strict=True))
    places = np.moveaxis(np.mgrid[box], 0, -1) * spacing - centres[-1]
    along = np.clip(places @ tangent, 0.0, _FURTHER_MM)
    near = np.linalg.norm(places - along[..., None] * tangent, axis=-1) <= _RADIUS_MM
    grown = spine.copy()
    grown[box] |= near
    return grown
