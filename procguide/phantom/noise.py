"""Smooth random fields fixed in patient space."""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from procguide.imaging import Grid
from procguide.phantom.solids import Array

__all__ = ["SmoothNoise", "noise_at", "noise_table"]


@lru_cache(maxsize=24)
def noise_table(seed: int, stream: int) -> Array:
    """Random values on a periodic ``(64, 64, 64)`` lattice, read-only."""
    table = np.random.default_rng([seed, 7, stream]).normal(size=(64, 64, 64)).astype(np.float32)
    table.setflags(write=False)
    return table


@numba.njit(nogil=True, cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def noise_at(table: Array, x: float, y: float, z: float, step: float) -> float:  # pragma: no cover (compiled)
    """Smooth noise of a :func:`noise_table` at a place, mm; points ``step`` mm apart, variance about 1."""
    a, b, c = z / step + 32.0, y / step + 32.0, x / step + 32.0
    k, j, i = int(np.floor(a)), int(np.floor(b)), int(np.floor(c))
    p, q, r = a - k, b - j, c - i
    p, q, r = p * p * (3 - 2 * p), q * q * (3 - 2 * q), r * r * (3 - 2 * r)
    k, j, i = k & 63, j & 63, i & 63
    below, m, n = (k + 1) & 63, (j + 1) & 63, (i + 1) & 63
    near = (table[k, j, i] * (1 - r) + table[k, j, n] * r) * (1 - q) + (
        table[k, m, i] * (1 - r) + table[k, m, n] * r
    ) * q
    far = (table[below, j, i] * (1 - r) + table[below, j, n] * r) * (1 - q) + (
        table[below, m, i] * (1 - r) + table[below, m, n] * r
    ) * q
    return 1.6 * (near * (1 - p) + far * p)  # type: ignore[no-any-return]


class SmoothNoise:
    """A smooth random field fixed in patient space, so that it does not depend on the lattice."""

    def __init__(self, seed: int, stream: int, grid: Grid, step: float) -> None:
        self.coarse = noise_table(seed, stream)
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
