"""A neighbourhood of bone in the bone's own axes, sampled finely enough to read contours from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import SACRUM as SACRUM_NAME
from procguide.anatomy import VERSE_LABELS, Region, Sacrum, Side, Vertebra
from procguide.geometry import AnatomicalFrame, Vector
from procguide.planning.site import LocalLabels

__all__ = ["STEP_MM", "SidePatch", "label_of"]

STEP_MM = 0.5


def label_of(bone: Vertebra | Sacrum) -> int:
    """Its VerSe integer."""
    return VERSE_LABELS[SACRUM_NAME if isinstance(bone, Sacrum) else bone.level]


@dataclass(frozen=True, eq=False)
class SidePatch:
    """Labels every 0.5 mm on axes (lateral, posterior, superior) of a frame; lateral is away from midline.

    ``levels`` and ``regions`` are arrays of labels on these axes, 0 outside the scene; ``origin`` is the
    position of sample (0, 0, 0), mm on the same axes. ``labels`` are those they were read from, and
    ``lattice_index`` ``(..., 3)`` where in their lattice each sample lies.
    """

    frame: AnatomicalFrame
    side: Side
    origin: NDArray[np.float64]
    levels: NDArray[np.integer]
    regions: NDArray[np.integer]
    labels: LocalLabels
    lattice_index: NDArray[np.float64]

    @classmethod
    def around(
        cls,
        labels: LocalLabels,
        frame: AnatomicalFrame,
        side: Side,
        point: Vector,
        low: tuple[float, float, float],
        high: tuple[float, float, float],
    ) -> SidePatch:
        """From ``low`` to ``high`` (lateral, posterior, superior; mm) about a point in LPS mm."""
        middle = frame.to_local(point) * (side.sign, 1, 1)
        axes = [np.arange(a, b + STEP_MM / 2, STEP_MM) for a, b in zip(low, high, strict=True)]
        local = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) + middle
        lattice = labels.levels
        exact = lattice.to_index(frame.to_patient(local * (side.sign, 1, 1)))
        index = np.round(exact).astype(int)
        inside: NDArray[np.bool_] = np.asarray(((index >= 0) & (index < lattice.shape)).all(axis=-1))
        k, j, i = np.moveaxis(np.where(inside[..., None], index, 0), -1, 0)
        levels, regions = (
            np.where(inside, voxels[k, j, i], 0) for voxels in (lattice.voxels, labels.regions.voxels)
        )
        return cls(frame, side, middle + low, levels, regions, labels, exact)

    def bone(self, label: int) -> NDArray[np.bool_]:
        """One bone by its VerSe integer, its surface between the labels' voxels."""
        return self.solid(self.labels.levels.voxels == label)

    def arch(self, label: int) -> NDArray[np.bool_]:
        """One bone less its body, as :meth:`bone`."""
        own = self.labels.levels.voxels == label
        return self.solid(own & (self.labels.regions.voxels != Region.BODY))

    def solid(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask on the labels' lattice read between its voxels: inside from a half on."""
        from scipy.ndimage import map_coordinates

        window = self.window
        inner = self.lattice_index - [axis.start for axis in window]
        share = map_coordinates(mask[window].astype(np.float32), np.moveaxis(inner, -1, 0), order=1)
        return np.asarray(share >= 0.5)

    @property
    def window(self) -> tuple[slice, ...]:
        """The part of the labels' lattice that the samples lie in."""
        flat, shape = self.lattice_index.reshape(-1, 3), self.labels.levels.shape
        low = np.clip(np.floor(flat.min(axis=0)).astype(int), 0, shape)
        high = np.clip(np.ceil(flat.max(axis=0)).astype(int) + 1, low + 1, shape)
        return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))

    def local(self, index: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` sample index to (lateral, posterior, superior) mm."""
        return np.asarray(self.origin + np.asarray(index, dtype=np.float64) * STEP_MM)

    def index(self, local: ArrayLike) -> NDArray[np.float64]:
        """(lateral, posterior, superior) mm to sample index, not rounded."""
        return np.asarray((np.asarray(local, dtype=np.float64) - self.origin) / STEP_MM)

    def to_patient(self, local: ArrayLike) -> NDArray[np.float64]:
        """(lateral, posterior, superior) mm to patient LPS mm."""
        return self.frame.to_patient(np.asarray(local) * (self.side.sign, 1, 1))

    def from_patient(self, points: ArrayLike) -> NDArray[np.float64]:
        """Patient LPS mm to (lateral, posterior, superior) mm."""
        return np.asarray(self.frame.to_local(points) * (self.side.sign, 1, 1))
