"""A vertebral body as needles aim into it: fractions of its depth and height between its own endplates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import VERSE_LABELS, Endplate, Region, Vertebra
from procguide.errors import InputUnfitError
from procguide.geometry import AnatomicalFrame
from procguide.planning.site import LocalLabels

__all__ = ["BodyBox", "label_at", "near", "require_whole", "well_inside"]

_AROUND = np.array(np.meshgrid(*[(-1.0, 0.0, 1.0)] * 3, indexing="ij")).reshape(3, -1).T
_UNITS = _AROUND / np.maximum(np.linalg.norm(_AROUND, axis=1), 1.0)[:, None]


def require_whole(vertebra: Vertebra) -> None:
    """:class:`InputUnfitError` where the image cuts it: the edge would pass for skin, its middle lies off."""
    if not vertebra.complete:
        raise InputUnfitError(
            f"{vertebra.level} is cut off by the image's edge. Load images that show it whole."
        )


@dataclass(frozen=True)
class BodyBox:
    """Between the endplates' planes and the body's front and back walls.

    ``half_width_mm`` and ``half_depth_mm`` are means of both endplates; the frame's origin is the middle.
    """

    vertebra: Vertebra
    half_width_mm: float
    half_depth_mm: float

    @classmethod
    def of(cls, vertebra: Vertebra) -> BodyBox:
        """The box of one vertebra."""
        upper, lower = vertebra.superior_endplate, vertebra.inferior_endplate
        width, depth = (upper.width_mm + lower.width_mm) / 4, (upper.depth_mm + lower.depth_mm) / 4
        return cls(vertebra, width, depth)

    def at(self, across_mm: ArrayLike, from_back: ArrayLike, height: ArrayLike) -> NDArray[np.float64]:
        """Points ``(..., 3)``, LPS mm.

        Left of the midline, share of the depth from the back wall forward, share of the height from the
        lower endplate upward.
        """
        across, back, share = np.broadcast_arrays(across_mm, from_back, height)
        return self.between(across, self.half_depth_mm * (1 - 2 * back), share)

    def between(self, x: ArrayLike, y: ArrayLike, height: ArrayLike) -> NDArray[np.float64]:
        """The same by left and posterior in the vertebra's frame, mm."""
        left, posterior, share = np.broadcast_arrays(
            *(np.asarray(v, dtype=np.float64) for v in (x, y, height))
        )
        frame, vertebra = self.vertebra.frame, self.vertebra
        low = _plane_height(frame, vertebra.inferior_endplate, left, posterior)
        high = _plane_height(frame, vertebra.superior_endplate, left, posterior)
        return frame.to_patient(np.stack([left, posterior, low + share * (high - low)], axis=-1))


def _plane_height(
    frame: AnatomicalFrame, plate: Endplate, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Local height of an endplate's plane at local left and posterior."""
    cx, cy, cz = frame.to_local(plate.centre)
    nx, ny, nz = np.asarray(plate.normal) @ frame.rotation
    return np.asarray(cz - (nx * (x - cx) + ny * (y - cy)) / nz)


def label_at(labels: LocalLabels, points: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Level and region at points ``(..., 3)``, LPS mm; 0 outside the lattice."""
    index = np.round(labels.levels.to_index(points)).astype(int)
    inside: NDArray[np.bool_] = np.asarray(((index >= 0) & (index < labels.levels.shape)).all(axis=-1))
    k, j, i = np.moveaxis(np.where(inside[..., None], index, 0), -1, 0)
    level, region = labels.levels.voxels[k, j, i], labels.regions.voxels[k, j, i]
    return np.where(inside, level, 0).astype(np.int64), np.where(inside, region, 0).astype(np.int64)


def near(points: NDArray[np.float64], radius_mm: float) -> NDArray[np.float64]:
    """Each of ``points`` ``(n, 3)`` with 26 on the sphere about it, ``(n, 27, 3)``."""
    return np.asarray(points[:, None, :] + radius_mm * _UNITS)


def well_inside(
    labels: LocalLabels, vertebra: Vertebra, points: NDArray[np.float64], radius_mm: float
) -> NDArray[np.bool_]:
    """Which of ``points`` ``(n, 3)`` have only that vertebra's body within ``radius_mm`` about them."""
    level, region = label_at(labels, near(points, radius_mm))
    own = (level == VERSE_LABELS[vertebra.level]) & np.isin(region, (Region.BODY, Region.CEMENT))
    return np.asarray(own.all(axis=1))
