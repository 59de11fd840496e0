"""Where bone is, known before any lattice of the caller's: nerves and vessels are laid round it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from procguide.geometry import Affine
from procguide.imaging import Grid
from procguide.phantom.solids import Array

if TYPE_CHECKING:
    from procguide.phantom.assemble import Anatomy

__all__ = ["BoneField", "bone_field"]

SPACING_MM = 2.0
ASIDE_MM = np.array([82.0, 78.0, 24.0])
KNOWN_MM = 9.0
BACKWARD = np.array([0.0, 1.0, 0.0])
DEEP_MM = -0.8
"""Deeper than this in bone, what has to lie on its back leaves backward: the slope may point either way."""


@dataclass(frozen=True)
class BoneField:
    """Distance to bone ``(k, j, i)`` on a coarse lattice, mm, negative inside, at most 9."""

    grid: Grid
    values: Array

    def distance(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mm from ``(n, 3)`` patient points to bone, linear between nodes."""
        return self._sample(points)

    def outward(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Unit directions ``(n, 3)`` away from bone."""
        step = np.eye(3) * SPACING_MM * 0.5
        probes = np.concatenate([points + s for s in step] + [points - s for s in step])
        d = self._sample(probes).reshape(2, 3, -1)
        gradient = (d[0] - d[1]).T
        return np.asarray(gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-6))

    def clear(
        self,
        points: NDArray[np.float64],
        margin: NDArray[np.float64],
        rounds: int = 24,
        *,
        backward: bool = False,
    ) -> NDArray[np.float64]:
        """The curve pushed off bone until every point is ``margin`` mm away, kept smooth on the way.

        ``backward``: what lies deep in bone leaves it behind.
        """
        out = np.array(points, dtype=float)
        for n in range(rounds):
            d = self.distance(out)
            lack = np.clip(margin - d, 0, 1.5)
            if not (lack > 0.02).any():
                break
            direction = self.outward(out)
            if backward:
                direction[d < DEEP_MM] = BACKWARD
            push = lack[:, None] * direction
            if n < rounds - 4:
                for _ in range(2):
                    push[1:-1] = 0.5 * push[1:-1] + 0.25 * (push[:-2] + push[2:])
            out += push
            if n < rounds - 6:
                out[1:-1] += 0.1 * (out[:-2] + out[2:] - 2 * out[1:-1])
        return out

    def onto(self, points: NDArray[np.float64], distance: float, rounds: int = 16) -> NDArray[np.float64]:
        """Points moved to lie ``distance`` mm off bone; what lies deep in it first leaves backward."""
        out = np.array(points, dtype=float)
        for _ in range(rounds):
            d = self.distance(out)
            direction = np.where((d < DEEP_MM)[:, None], BACKWARD, self.outward(out))
            out += (0.8 * np.clip(distance - d, -2, 2))[:, None] * direction
        return out

    def _sample(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        index = ((points - self.grid.affine.origin) / SPACING_MM).T[::-1]
        return np.asarray(map_coordinates(self.values, index, order=1, mode="nearest"), dtype=np.float64)


def bone_field(anatomy: Anatomy) -> BoneField:
    """All bones round the canal, painted coarsely."""
    from procguide.phantom.bones.paint import paint_bones
    from procguide.phantom.canvas import Canvas
    from procguide.phantom.neural.paint import canal_distance

    line = anatomy.canal.points
    low, high = line.min(axis=0) - ASIDE_MM, line.max(axis=0) + ASIDE_MM
    k, j, i = (int(n) for n in np.ceil((high - low) / SPACING_MM)[::-1])
    canvas = Canvas.blank(Grid((k, j, i), Affine.axis_aligned(SPACING_MM, low)))
    paint_bones(canvas, anatomy, canal_distance(canvas.grid, anatomy))
    return BoneField(canvas.grid, np.minimum(canvas.bone, np.float32(KNOWN_MM)))
