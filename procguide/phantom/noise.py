"""Smooth random fields fixed in patient space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.imaging import Grid
from procguide.phantom.solids import Array

__all__ = ["SmoothNoise"]


class SmoothNoise:
    """A smooth random field fixed in patient space, so that it does not depend on the lattice."""

    def __init__(self, seed: int, stream: int, grid: Grid, step: float) -> None:
        rng = np.random.default_rng([seed, 7, stream])
        self.coarse = rng.normal(size=(64, 64, 64)).astype(np.float32)
        self.step = step
        spacing, origin = grid.affine.spacing, grid.affine.origin
        self.cells = [self._cells(origin[2 - n] + spacing[n] * np.arange(grid.shape[n])) for n in range(3)]

    def _cells(self, at: NDArray[np.float64]) -> tuple[NDArray[np.intp], Array]:
        place = at / self.step + 32.0
        low = np.floor(place).astype(np.intp)
        t = (place - low).astype(np.float32)
        return low, t * t * (3 - 2 * t)

    def slice(self, k: int) -> Array:
        """``(j, i)`` of slice ``k``, about unit variance."""
        (ks, tk), (js, tj), (is_, ti) = self.cells
        low, t = ks[k], tk[k]
        plane = self.coarse[low % 64] * (1 - t) + self.coarse[(low + 1) % 64] * t
        rows = plane[js % 64] * (1 - tj)[:, None] + plane[(js + 1) % 64] * tj[:, None]
        return np.asarray(1.6 * (rows[:, is_ % 64] * (1 - ti) + rows[:, (is_ + 1) % 64] * ti), np.float32)
