"""What is being painted, and how a structure's level and side become one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import VERSE_LABELS, VERSE_NAMES, Region, Side
from procguide.geometry import Affine
from procguide.imaging import Grid
from procguide.phantom.solids import FAR, Array, Window

__all__ = ["SACRAL_LABELS", "Canvas", "grid_between", "instance_of", "instance_words"]

SACRAL_LABELS = {f"S{n}": 29 + n for n in range(1, 6)}
"""Sacral segments, for nerves: S1 30 to S5 34; bone of the sacrum is 26 as a whole."""

_LABELS = dict(VERSE_LABELS) | SACRAL_LABELS
_NAMES = dict(VERSE_NAMES) | {label: name for name, label in SACRAL_LABELS.items()}
_SIDES = {None: 0, Side.LEFT: 100, Side.RIGHT: 200}


def instance_of(level: str | None = None, side: Side | None = None) -> int:
    """VerSe integer of the level (a disc has that of the vertebra above), +100 left, +200 right."""
    return (_LABELS[level] if level else 0) + _SIDES[side]


def instance_words(number: int) -> str:
    """``"left L3"`` for 122; the inverse of :func:`instance_of` in words."""
    side, label = divmod(number, 100)
    return " ".join(word for word in (("", "left", "right")[side], _NAMES.get(label, "")) if word)


@dataclass(frozen=True)
class Canvas:
    """Arrays ``(k, j, i)`` on one axis-aligned SPL lattice, painted in place, later over earlier.

    ``tissues`` holds :class:`Region`, ``levels`` the VerSe integer of vertebrae, sacrum and coccyx,
    ``instances`` :func:`instance_of`, ``bone`` mm to the nearest bone surface, negative inside, 1000 where
    unknown.
    """

    grid: Grid
    tissues: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    instances: NDArray[np.uint8]
    bone: Array

    @classmethod
    def blank(cls, grid: Grid) -> Self:
        """All air."""
        tissues, levels, instances = np.zeros((3, *grid.shape), dtype=np.uint8)
        return cls(grid, tissues, levels, instances, np.full(grid.shape, FAR, dtype=np.float32))

    def put(
        self, where: Window, mask: NDArray[np.bool_], region: Region,
        level: str | None = None, side: Side | None = None,
    ) -> None:  # fmt: skip
        """Paint a structure that is not bone on ``mask``, the window's own shape."""
        self.tissues[where][mask] = region
        self.instances[where][mask] = instance_of(level, side)

    def slab(self, start: int, stop: int) -> Canvas:
        """Slices ``start`` up to ``stop``, clipped; paints into this canvas."""
        part = slice(start, min(stop, self.grid.shape[0]))
        _, j, i = self.grid.shape
        grid = Grid((part.stop - part.start, j, i), self.grid.affine.shifted((start, 0, 0)))
        return Canvas(grid, self.tissues[part], self.levels[part], self.instances[part], self.bone[part])


def grid_between(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    spacing_mm: float,
    box: tuple[ArrayLike, ArrayLike] | None,
) -> Grid:
    """The isotropic lattice from ``low`` to ``high`` (LPS mm), or what of it lies in ``box``."""
    if box is not None:
        low, high = np.maximum(low, np.asarray(box[0], float)), np.minimum(high, np.asarray(box[1], float))
    k, j, i = (max(1, int(n)) for n in np.ceil((high - low) / spacing_mm)[::-1])
    return Grid((k, j, i), Affine.axis_aligned(spacing_mm, low + spacing_mm / 2))
