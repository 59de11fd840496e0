"""A known map between two postures of one subject: rigid in each bone, blended between, soft under skin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.geometry import Affine, AnatomicalFrame, Vector, vector
from procguide.imaging import Grid
from procguide.phantom._deformation_kernels import pull, sample

__all__ = ["Deformation", "moved_frame", "moved_point", "warp"]

_ITERATIONS = 30


@dataclass(frozen=True, eq=False)
class Deformation:
    """Where every point of the prone subject lies in the supine one.

    ``displacement`` ``(k, j, i, 3)`` float32, LPS mm, on ``grid`` (axis-aligned SPL): prone point plus
    displacement is the supine point, linear between nodes; that is the truth for registration.
    ``motions`` are the rigid 4x4 maps from supine to prone of each level's vertebra and of ``"sacrum"``
    (which carries the pelvis): inside those bones the field follows them to a few tenths of a millimetre.
    """

    grid: Grid
    displacement: NDArray[np.float32]
    motions: Mapping[str, NDArray[np.float64]]

    def to_supine(self, points: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` prone LPS mm to supine LPS mm."""
        prone = np.asarray(points, dtype=np.float64)
        flat = np.ascontiguousarray(prone.reshape(-1, 3))
        affine = self.grid.affine
        shift = np.asarray(sample(self.displacement, affine.origin, affine.spacing[::-1].copy(), flat))
        return np.asarray((flat + shift).reshape(prone.shape), dtype=np.float64)

    def to_prone(self, points: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` supine LPS mm to prone LPS mm, by fixed-point iteration to about 1e-3 mm."""
        supine = np.asarray(points, dtype=np.float64)
        prone = supine.copy()
        for _ in range(_ITERATIONS):
            step = supine - self.to_supine(prone)
            prone += step
            if not step.size or float(np.abs(step).max()) < 1e-3:
                break
        return prone


def moved_point(motion: NDArray[np.float64], point: ArrayLike) -> Vector:
    """A point carried along by a rigid 4x4 motion."""
    return vector(motion[:3, :3] @ np.asarray(point, dtype=np.float64) + motion[:3, 3])


def moved_frame(motion: NDArray[np.float64], frame: AnatomicalFrame) -> AnatomicalFrame:
    """A frame carried along by a rigid 4x4 motion."""
    rotation = motion[:3, :3] @ frame.rotation
    return AnatomicalFrame(moved_point(motion, frame.origin), *(vector(axis) for axis in rotation.T))


Maps = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]


def warp(source: Maps, source_affine: Affine, deformation: Deformation, target: Maps, grid: Grid) -> None:
    """Fill ``target``, maps on the prone lattice ``grid``, from supine maps; both lattices axis-aligned SPL.

    The three label maps take the nearest voxel's label, the fourth (bone's distance) is linear between
    voxels; outside the source all stay as they are.
    """
    field = deformation.grid.affine
    lattices = ((a.origin, a.spacing[::-1].copy()) for a in (source_affine, field, grid.affine))
    source_at, field_at, target_at = lattices
    pull(*source, *source_at, deformation.displacement, *field_at, *target, *target_at)
