"""Low bumps on bone, fixed in patient space: nothing in a body is perfectly smooth."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from procguide.imaging import Grid
from procguide.phantom.solids import Array, Window

__all__ = ["bumps", "unevenness"]

CELLS = 48
LARGE_BUMPS = ((9.0, 0.30), (4.0, 0.15))
"""Width and standard deviation of the unevenness of sacrum and hip bones, mm; assumed."""


@lru_cache(maxsize=16)
def _coarse(seed: int, stream: int) -> Array:
    return np.random.default_rng([seed, 37, stream]).normal(size=(CELLS, CELLS, CELLS)).astype(np.float32)


def _weights(at: NDArray[np.float64], step: float) -> tuple[NDArray[np.intp], Array]:
    """Cells that a line of places touches, and ``(places, cells)`` weights of a smooth step between them."""
    place = at / step
    low = np.floor(place).astype(np.intp)
    t = (place - low).astype(np.float32)
    t = t * t * (3 - 2 * t)
    first = int(low[0])
    count = int(low[-1]) - first + 2
    table = np.zeros((len(at), count), dtype=np.float32)
    rows = np.arange(len(at))
    table[rows, low - first] = 1 - t
    table[rows, low - first + 1] = t
    return (first + np.arange(count)) % CELLS, table


def bumps(grid: Grid, where: Window, seed: int, stream: int, step: float) -> Array:
    """Smooth noise on a window, ``(k, j, i)``, about unit variance, bumps about ``step`` mm wide."""
    spacing, origin = grid.affine.spacing, grid.affine.origin
    axes = [
        _weights(origin[2 - n] + spacing[n] * np.arange(where[n].start, where[n].stop), step)
        for n in range(3)
    ]
    (ks, wk), (js, wj), (is_, wi) = axes
    coarse = _coarse(seed, stream)[np.ix_(ks, js, is_)]
    rows = np.tensordot(wk, coarse, axes=(1, 0))
    rows = np.matmul(wj, rows)
    return np.asarray(1.6 * np.matmul(rows, wi.T), dtype=np.float32)


def unevenness(grid: Grid, where: Window | None, seed: int, stream: int) -> Array:
    """Of a large bone's surface, on a window or everywhere, mm; nothing finer than the lattice shows."""
    k, j, i = grid.shape
    place = where or (slice(0, k), slice(0, j), slice(0, i))
    rough = np.zeros([s.stop - s.start for s in place], dtype=np.float32)
    for n, (step, height) in enumerate(LARGE_BUMPS):
        if step > 2 * max(grid.affine.spacing):
            rough += np.float32(height) * bumps(grid, place, seed, 10 * stream + n, step)
    return rough
