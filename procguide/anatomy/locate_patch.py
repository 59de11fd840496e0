"""Straightened patches: a bone's neighbourhood resampled along its own left, posterior and superior.

One coarse vocabulary serves every source of labels: body, arch, disc, canal, sacrum. Fine regions of the
posterior elements are all arch here, so that true and predicted labels take one and the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy._kernels import sample_mask
from procguide.anatomy.levels import SACRUM, VERSE_LABELS
from procguide.anatomy.regions import CANAL_CONTENT, Region
from procguide.errors import UsageError
from procguide.geometry import Affine, AnatomicalFrame
from procguide.imaging import Grid, LabelMap

__all__ = ["STEP_MM", "Labels", "Mask", "Patch", "connected", "keep_large", "largest", "without_holes"]

Mask = NDArray[np.bool_]
STEP_MM = 1.0
SACRUM_LABEL = VERSE_LABELS[SACRUM]


@dataclass(frozen=True, eq=False)
class Labels:
    """Instance labels and regions on one lattice, with the coarse masks read from them."""

    levels: LabelMap
    regions: LabelMap

    def __post_init__(self) -> None:
        if not self.levels.grid.isclose(self.regions.grid):
            raise UsageError(
                f"levels {self.levels.shape} and regions {self.regions.shape} lie on different lattices; "
                "resample one onto the other"
            )

    def cropped(self, grid: Grid) -> Labels:
        """Only what ``grid`` covers, with two voxels around."""
        index = self.levels.to_index(grid.corners)
        low, high = np.floor(index.min(axis=0)) - 2, np.ceil(index.max(axis=0)) + 3
        size = np.asarray(self.levels.shape)
        low, high = np.clip(low, 0, size - 1).astype(int), np.clip(high, 1, size).astype(int)
        high = np.maximum(high, low + 1)
        start, stop = tuple(low.tolist()), tuple(high.tolist())
        return Labels(self.levels.crop(start, stop), self.regions.crop(start, stop))

    def body(self, label: int) -> Mask:
        """Voxels of that vertebra's body."""
        return np.asarray((self.levels.voxels == label) & (self.regions.voxels == Region.BODY))

    def arch(self, label: int) -> Mask:
        """Every voxel of that vertebra that is not body: fine regions, coarse ones, or none told apart."""
        outside = np.isin(self.regions.voxels, (Region.BODY, Region.DISC, *CANAL_CONTENT))
        return np.asarray((self.levels.voxels == label) & ~outside)

    def bone(self, label: int) -> Mask:
        """All voxels of a vertebra, or of the sacrum."""
        if label == SACRUM_LABEL:
            return self.sacrum()
        return np.asarray((self.levels.voxels == label) & ~self.canal())

    def sacrum(self) -> Mask:
        """Sacral bone, by either label map."""
        either = (self.levels.voxels == SACRUM_LABEL) | (self.regions.voxels == Region.SACRUM)
        return np.asarray(either & ~self.canal())

    def canal(self) -> Mask:
        """The vertebral canal of all levels."""
        return np.isin(self.regions.voxels, CANAL_CONTENT)

    def disc(self) -> Mask:
        """All discs."""
        return np.asarray(self.regions.voxels == Region.DISC)


@dataclass(frozen=True, eq=False)
class Patch:
    """A box of the patient in a bone's own axes: arrays on it are ``(superior, posterior, left)``, 1 mm.

    ``low`` is the local position (left, posterior, superior; mm) of the centre of sample (0, 0, 0).
    """

    frame: AnatomicalFrame
    low: NDArray[np.float64]
    shape: tuple[int, int, int]
    labels: Labels

    @classmethod
    def around(cls, labels: Labels, frame: AnatomicalFrame, low: ArrayLike, high: ArrayLike) -> Patch:
        """The box between two local corners (left, posterior, superior), mm."""
        start, stop = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        left, posterior, superior = (int(n) + 1 for n in np.ceil((stop - start) / STEP_MM))
        shape = (superior, posterior, left)
        return cls(frame, start, shape, labels.cropped(Grid(shape, _affine(frame, start))))

    @property
    def grid(self) -> Grid:
        """Its lattice in the patient."""
        return Grid(self.shape, _affine(self.frame, self.low))

    def sample(self, mask: Callable[[Labels], Mask]) -> Mask:
        """A mask of the cropped labels, interpolated linearly and cut at one half."""
        voxels = np.ascontiguousarray(mask(self.labels))
        if not voxels.any():
            return np.zeros(self.shape, dtype=bool)
        index_map = (self.labels.levels.affine.inverse @ self.grid.affine).matrix[:3]
        sampled = np.empty(self.shape, dtype=np.uint8)
        sample_mask(voxels.view(np.uint8), np.ascontiguousarray(index_map), sampled)
        return sampled.view(np.bool_)

    def local(self, index: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` sample index (superior, posterior, left) to local (left, posterior, superior) mm."""
        return np.asarray(np.asarray(index, dtype=np.float64)[..., ::-1] * STEP_MM + self.low)

    def points(self, mask: Mask) -> NDArray[np.float64]:
        """Local (left, posterior, superior) positions of a mask's samples, ``(n, 3)`` mm."""
        return self.local(np.argwhere(mask))

    def to_patient(self, local: ArrayLike) -> NDArray[np.float64]:
        """Local mm to patient LPS mm."""
        return self.frame.to_patient(local)

    @property
    def left(self) -> NDArray[np.float64]:
        """Local left coordinate along the last axis."""
        return np.asarray(self.low[0] + STEP_MM * np.arange(self.shape[2]))

    @property
    def posterior(self) -> NDArray[np.float64]:
        """Local posterior coordinate along the middle axis."""
        return np.asarray(self.low[1] + STEP_MM * np.arange(self.shape[1]))

    @property
    def superior(self) -> NDArray[np.float64]:
        """Local superior coordinate along the first axis."""
        return np.asarray(self.low[2] + STEP_MM * np.arange(self.shape[0]))


def _affine(frame: AnatomicalFrame, low: NDArray[np.float64]) -> Affine:
    axes = (frame.superior, frame.posterior, frame.left)
    return Affine.from_steps(np.asarray(axes) * STEP_MM, frame.to_patient(low))


def largest(mask: Mask, *, corners: bool = False) -> Mask:
    """The largest connected piece of two or three axes; ``corners``: samples join across corners too."""
    pieces, count = connected(mask, corners=corners)
    if count < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == int(sizes.argmax()))


def keep_large(mask: Mask, share: float = 0.1, least: int = 200) -> Mask:
    """Pieces of at least ``share`` of the largest and ``least`` samples; stray crumbs go."""
    pieces, count = connected(mask, corners=True)
    if count < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    keep = sizes >= max(share * sizes.max(), min(least, sizes.max()))
    keep[0] = False
    return np.asarray(keep[pieces])


def without_holes(mask: Mask) -> Mask:
    """The mask with all that no path of free samples joins to the patch's border."""
    pieces, count = connected(~mask)
    if count < 2:
        return mask
    outside = np.zeros(count + 1, dtype=bool)
    for axis in range(mask.ndim):
        outside[np.unique(pieces.take([0, -1], axis=axis))] = True
    outside[0] = False
    return np.asarray(~outside[pieces])


def connected(mask: Mask, *, corners: bool = False) -> tuple[NDArray[np.uint16 | np.uint32], int]:
    """Numbered connected pieces, from 1, and how many there are."""
    flat = mask.ndim == 2
    pieces, count = cc3d.connected_components(
        np.ascontiguousarray(mask),
        connectivity=((8 if corners else 4) if flat else (26 if corners else 6)),
        return_N=True,
    )
    return pieces, int(count)
