"""A body-fixed frame: where left, posterior and superior point for one bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.geometry.vectors import Vector, unit, vector

__all__ = ["AnatomicalFrame"]


@dataclass(frozen=True)
class AnatomicalFrame:
    """A right-handed frame fixed to one bone, in patient LPS mm.

    Its axes are unit vectors toward the patient's ``left``, ``posterior`` and ``superior``, so that
    local coordinates read like LPS coordinates of a vertebra that stands straight. ``origin`` is the
    centre of the vertebral body. Not to be mixed with an image's axes, which know nothing of the bone.
    """

    origin: Vector
    left: Vector
    posterior: Vector
    superior: Vector

    @classmethod
    def from_axes(cls, origin: ArrayLike, superior: ArrayLike, left: ArrayLike) -> AnatomicalFrame:
        """Orthonormal frame: ``superior`` is kept, ``left`` made perpendicular to it."""
        up = unit(superior)
        toward_left = np.asarray(left, dtype=np.float64)
        across = unit(toward_left - float(np.dot(toward_left, up)) * np.asarray(up))
        return cls(vector(origin), across, vector(np.cross(up, across)), up)

    @property
    def rotation(self) -> NDArray[np.float64]:
        """Columns left, posterior, superior, ``(3, 3)``: local to patient directions."""
        return np.column_stack([self.left, self.posterior, self.superior])

    def to_patient(self, local: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` local (left, posterior, superior) mm to patient LPS mm."""
        return np.asarray(np.asarray(local, dtype=np.float64) @ self.rotation.T + np.asarray(self.origin))

    def to_local(self, points: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` patient LPS mm to local (left, posterior, superior) mm."""
        return np.asarray((np.asarray(points, dtype=np.float64) - np.asarray(self.origin)) @ self.rotation)
