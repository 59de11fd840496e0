"""One structure's voxels: a crop, and where it lies on its lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.geometry import Affine, Vector, vector

__all__ = ["Mask", "joined_boxes"]

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Mask:
    """``voxels`` (k, j, i) is a crop whose first voxel has the index ``start`` on the lattice ``affine``."""

    voxels: NDArray[np.bool_]
    start: tuple[int, int, int]
    affine: Affine

    @classmethod
    def of(cls, voxels: NDArray[np.bool_], affine: Affine) -> Mask:
        """The smallest crop that holds all that is true; of nothing, an empty one."""
        low, high = [], []
        for axis in range(3):
            filled = np.flatnonzero(voxels.any(axis=tuple(n for n in range(3) if n != axis)))
            low.append(int(filled[0]) if len(filled) else 0)
            high.append(int(filled[-1]) + 1 if len(filled) else 0)
        crop = voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        return cls(crop, (low[0], low[1], low[2]), affine)

    @property
    def count(self) -> int:
        """How many voxels there are."""
        return int(np.count_nonzero(self.voxels))

    @property
    def volume_mm3(self) -> float:
        """Their volume, mm3."""
        return self.count * abs(float(np.linalg.det(self.affine.matrix[:3, :3])))

    @property
    def stop(self) -> tuple[int, int, int]:
        """The index after the crop's last voxel."""
        k, j, i = (first + size for first, size in zip(self.start, self.voxels.shape, strict=True))
        return (k, j, i)

    @property
    def centroid(self) -> Vector:
        """Mean position, LPS mm; of nothing a ``ValueError``."""
        index = np.argwhere(self.voxels)
        if not len(index):
            raise ValueError("an empty mask has no centroid")
        return vector(self.affine.apply(index.mean(axis=0) + self.start))

    def within(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> NDArray[np.bool_]:
        """The voxels on the lattice's box ``start <= index < stop``, which must hold the crop."""
        whole = np.zeros(np.subtract(stop, start), dtype=bool)
        k, j, i = np.subtract(self.start, start)
        depth, rows, columns = self.voxels.shape
        whole[k : k + depth, j : j + rows, i : i + columns] = self.voxels
        return whole

    def __and__(self, other: Mask) -> Mask:
        """What both hold; they must be on one lattice."""
        start = np.maximum(self.start, other.start)
        stop = np.maximum(np.minimum(self.stop, other.stop), start)
        crops = [
            mask.voxels[
                tuple(slice(a, b) for a, b in zip(start - mask.start, stop - mask.start, strict=True))
            ]
            for mask in (self, other)
        ]
        both = Mask.of(crops[0] & crops[1], self.affine)
        k, j, i = both.start + start
        return Mask(both.voxels, (int(k), int(j), int(i)), self.affine)

    def __or__(self, other: Mask) -> Mask:
        """What either holds; they must be on one lattice."""
        start, stop = joined_boxes(self, other)
        return Mask(self.within(start, stop) | other.within(start, stop), start, self.affine)


def joined_boxes(one: Mask, other: Mask) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """First index and the one after the last, of the smallest box that holds both crops."""
    filled = [mask for mask in (one, other) if mask.voxels.size] or [one]
    k, j, i = np.min([mask.start for mask in filled], axis=0)
    depth, rows, columns = np.max([mask.stop for mask in filled], axis=0)
    return (int(k), int(j), int(i)), (int(depth), int(rows), int(columns))
