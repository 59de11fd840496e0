"""What lies around the patient: the table with its mattress, a sheet, arms beside the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from procguide.imaging import Grid
from procguide.phantom.build import Phantom
from procguide.phantom.ct.settings import Arms, CtSettings
from procguide.phantom.ct.texture import SIZE, coarse_block
from procguide.phantom.solids import Array

__all__ = ["BELOW_MM", "BESIDE_MM", "Surroundings"]

BELOW_MM = 34.0
"""How far the field reaches under the back to hold the table."""
BESIDE_MM = 105.0
"""How far it reaches past either flank to hold the arms."""


@dataclass(frozen=True)
class Surroundings:
    """``still`` ``(j, i)`` is HU above air of what is the same in all slices; the sheet follows the body.

    ``sheet`` is HU above air, 0 for none; ``front`` -1 where the sheet lies toward smaller y.
    """

    still: Array
    sheet: float
    front: int
    pixel: float
    seed: int

    @classmethod
    def of(cls, phantom: Phantom, grid: Grid, settings: CtSettings, seed: int) -> Surroundings:
        """For the scan's lattice ``grid``."""
        rng = np.random.default_rng([seed, 41])
        supine = phantom.posture == "supine"
        y = grid.affine.origin[1] + grid.affine.spacing[1] * np.arange(grid.shape[1])
        x = grid.affine.origin[0] + grid.affine.spacing[2] * np.arange(grid.shape[2])
        low, high, middle = _extent(phantom)
        still = np.zeros((len(y), len(x)), dtype=np.float32)
        if settings.table:
            depth = y - high if supine else low - y
            _put(still, _table(depth[:, None], (x - middle)[None, :], settings.pixel_mm))
        if settings.arms is Arms.BESIDE:
            out, height = _half_width(phantom) + 48, (low + high) / 2 + 25
            for side in (-1, 1):
                _put(still, _arm((x - middle - side * out)[None, :], (y - height)[:, None]))
        sheet = float(rng.uniform(60, 190)) if settings.blanket else 0.0
        return cls(still, sheet, -1 if supine else 1, float(grid.affine.spacing[1]), seed)

    def add(self, image: Array, k: int) -> None:
        """Into the air of slice ``k``'s ``image`` ``(j, i)``, in place."""
        air = np.clip(image * np.float32(-1e-3), 0, 1)
        around = self.still
        if self.sheet:
            around = np.maximum(around, self._sheet(image, k))
        image += around * air

    def _sheet(self, image: Array, k: int) -> Array:
        """Cloth over the front, with folds that lift off the skin."""
        seen = image if self.front < 0 else image[::-1]
        skin = np.argmax(seen > -500, axis=0).astype(np.float32)
        covered = (seen > -500).any(axis=0)
        skin[~covered] = skin[covered].max() if covered.any() else seen.shape[0]
        i = np.arange(seen.shape[1]) * self.pixel
        phase = self.seed % 17
        fold = 3.0 + 2.2 * np.sin(i / 23 + phase + k * self.pixel / 90) + 1.5 * np.sin(i / 9.1 + k / 31)
        smooth = gaussian_filter1d(np.minimum(skin, gaussian_filter1d(skin, 12 / self.pixel)), 3 / self.pixel)
        height = smooth - np.maximum(fold, 0.8) / self.pixel
        over = (height[None, :] - np.arange(seen.shape[0])[:, None]) * self.pixel
        cloth = np.clip(1.6 - np.abs(over), 0, 1)
        across = np.abs(np.linspace(-1, 1, seen.shape[1]))
        slack = (over > 0) & (over < 4 + 32 * across**3)
        cloth = self.sheet * np.maximum(cloth, 0.8 * self._creases(k) * slack) * covered
        return np.asarray(cloth if self.front < 0 else cloth[::-1], dtype=np.float32)

    def _creases(self, k: int) -> Array:
        """Thin winding lines, ``(j, i)``, that wander from slice to slice."""
        from procguide.phantom.ct._tissue_kernels import resample_plane

        block, shape = coarse_block(), self.still.shape
        repeats = [int(np.ceil(n * self.pixel / 96)) + 1 for n in shape]
        lumps = np.tile(block[(3 * self.seed + k) % SIZE], repeats)
        fine = resample_plane(lumps, np.zeros(2), np.full(2, self.pixel / 0.75), shape, 1.0)
        return np.asarray(np.clip(1.0 - np.abs(fine) / 0.16, 0, 1), dtype=np.float32)


def _put(still: Array, more: Array) -> None:
    np.maximum(still, more, out=still)


def _extent(phantom: Phantom) -> tuple[float, float, float]:
    """Least and greatest y of the body, and the middle of its x, LPS mm."""
    grid = phantom.tissues.grid
    seen = phantom.tissues.voxels[:: max(grid.shape[0] // 24, 1)] > 0
    if not seen.any():
        corners = grid.corners
        return float(corners[:, 1].min()), float(corners[:, 1].max()), float(corners[:, 0].mean())
    rows, columns = np.flatnonzero(seen.any(axis=(0, 2))), np.flatnonzero(seen.any(axis=(0, 1)))
    (_, oy, ox), (_, sy, sx) = grid.affine.origin[::-1], grid.affine.spacing
    return oy + sy * rows[0], oy + sy * (rows[-1] + 1), ox + sx * (columns[0] + columns[-1]) / 2


def _half_width(phantom: Phantom) -> float:
    grid = phantom.tissues.grid
    columns = np.flatnonzero((phantom.tissues.voxels[:: max(grid.shape[0] // 24, 1)] > 0).any(axis=(0, 1)))
    return float((columns[-1] - columns[0]) / 2 * grid.affine.spacing[2]) if len(columns) else 150.0


def _table(depth: Array, x: Array, pixel: float) -> Array:
    """A mattress in a cradle: a hollow trough of thin shell; ``depth`` mm under the lowest skin."""
    side = np.abs(x)
    trough = depth - 9.0 + 0.0011 * x * x
    bottom = np.maximum(depth - 48.0, (depth + 0.62 * side - 85.0) / 1.18)
    inside = np.maximum(-trough, bottom)
    mattress = np.maximum(np.maximum(trough, -2.0 - depth - 0.0008 * x * x), side - 172.0)
    out = 45.0 * _covered(-mattress, pixel) + 70.0 * _covered(-inside, pixel)
    for distance, half, hounsfield in ((inside, 0.9, 850.0), (mattress, 0.35, 300.0)):
        out = np.maximum(out, hounsfield * _covered(half - np.abs(distance), pixel))
    # Rails of denser plastic along either edge.
    rail = 3.2 - np.hypot((side - 177.0) / 1.6, depth + 25.0)
    return np.asarray(np.maximum(out, 1150.0 * _covered(rail, pixel)), dtype=np.float32)


def _covered(depth: NDArray[Any], pixel: float) -> NDArray[Any]:
    """A pixel's share that lies inside."""
    return np.asarray(np.clip(0.5 + depth / pixel, 0, 1))


def _arm(x: Array, y: Array) -> Array:
    """A forearm: skin, fat, muscle, radius and ulna; HU above air."""
    reach = np.hypot(x / 40.0, y / 46.0)
    out = np.where(reach < 1, 900.0, 0.0)
    out = np.where(reach < 0.84, 1055.0, out)
    for cx, cy in ((-7.0, -15.0), (8.0, 14.0)):
        bone = np.hypot(x - cx, y - cy)
        out = np.where(bone < 7.5, 2250.0, out)
        out = np.where(bone < 3.6, 960.0, out)
    return np.asarray(out, dtype=np.float32)
