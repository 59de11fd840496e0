"""A structure's surface as area elements, and how far one surface lies from another, in mm.

Triangles of marching cubes at the half-way level between inside and outside, after Nikolov et al.
(J Med Internet Res 2021, surface Dice). Elements are placed by the lattice's own affine, so that
anisotropic, oblique and sheared lattices are measured in true millimetres. Where the image's border
cuts a structure, the cut is surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from skimage import measure

from procguide.evaluation.mask import Mask

__all__ = ["Gaps", "Surface", "gaps", "surface_of"]

_MAX_ASKED = 60_000


@dataclass(frozen=True, eq=False)
class Surface:
    """Elements' centres ``(n, 3)`` LPS mm and their areas ``(n,)`` mm2."""

    points: NDArray[np.float64]
    areas: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gaps:
    """From elements of one surface to the nearest of another: ``(n,)`` mm, with their ``areas`` mm2."""

    distances: NDArray[np.float64]
    areas: NDArray[np.float64]

    @property
    def area(self) -> float:
        """All area, mm2."""
        return float(self.areas.sum())

    def area_within(self, tolerance_mm: float) -> float:
        """Area no further than that from the other surface, mm2."""
        return float(self.areas[self.distances <= tolerance_mm + 1e-9].sum())

    def percentile(self, share: float) -> float:
        """The distance that ``share`` (0 to 1) of the area does not exceed, mm."""
        order = np.argsort(self.distances)
        reached = np.cumsum(self.areas[order])
        position = int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-9)))
        return float(self.distances[order[min(position, len(order) - 1)]])


def surface_of(mask: Mask) -> Surface:
    """The surface of a mask that is not empty."""
    padded = np.pad(mask.voxels, 1).astype(np.float32)
    vertices, faces, _, _ = measure.marching_cubes(padded, 0.5)
    corners = mask.affine.apply(vertices - 1.0 + np.asarray(mask.start))[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return Surface(corners.mean(axis=1), 0.5 * np.linalg.norm(normals, axis=1))


def gaps(surface: Surface, other: Surface) -> Gaps:
    """How far ``surface`` lies from ``other``; of a very large one every n-th element is asked."""
    step = max(1, -(-len(surface.points) // _MAX_ASKED))
    distances, _ = KDTree(other.points).query(surface.points[::step])
    scale = surface.areas.sum() / surface.areas[::step].sum()
    return Gaps(np.asarray(distances), surface.areas[::step] * scale)
