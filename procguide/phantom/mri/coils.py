"""Receive coils: a posterior spine array, bright near its loops and fading into the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from procguide.phantom.build import Phantom
from procguide.phantom.mri.geometry import Geometry
from procguide.phantom.solids import Array

__all__ = ["CoilArray", "posterior_array"]

LOOP_RADIUS_MM = 78.0
BEHIND_SKIN_MM = 22.0
ROW_STEP_MM = 100.0
SIDE_MM = 52.0
PHASE_PER_MM = 0.004


@dataclass(frozen=True, eq=False)
class CoilArray:
    """``centres`` ``(n, 3)`` LPS mm; ``phases`` ``(n, 4)``: offset, and its slope along x, y, z, rad/mm.

    Sensitivity falls with distance d from a loop of radius a as (1 + d^2 / a^2)^(-3/2), that on a loop's
    axis (Biot-Savart), taken for every direction. An infinite ``radius`` is a volume coil.
    """

    centres: NDArray[np.float64]
    phases: NDArray[np.float64]
    radius: float

    def __len__(self) -> int:
        return len(self.centres)

    def seen_by(
        self, element: int, plane: NDArray[np.complex64], start: Any, first: Any, second: Any
    ) -> NDArray[np.complex64]:
        """``plane`` ``(r, c)`` as that element receives it; ``start`` and steps are LPS mm."""
        out = np.empty_like(plane)
        _receive(plane, start, first, second, self.centres[element], self.phases[element], self.radius, out)
        return out

    def strength(self, start: Any, first: Any, second: Any, shape: tuple[int, int]) -> Array:
        """Root of the sum of squared sensitivities on a plane ``(r, c)``."""
        total = np.zeros(shape, dtype=np.float32)
        _add_strength(start, first, second, self.centres, self.radius, total)
        return np.asarray(np.sqrt(total), dtype=np.float32)

    def strength_at(self, point: Any) -> float:
        """The same at one LPS mm point."""
        nothing = np.zeros(3)
        return float(self.strength(np.asarray(point, float), nothing, nothing, (1, 1))[0, 0])


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _receive(
    plane: Any, start: Any, first: Any, second: Any, centre: Any, phase: Any, radius: float, out: Any
) -> None:  # fmt: skip # pragma: no cover - compiled
    for r in range(plane.shape[0]):
        for c in range(plane.shape[1]):
            if plane[r, c] == 0:
                out[r, c] = 0
                continue
            dx = start[0] + r * first[0] + c * second[0] - centre[0]
            dy = start[1] + r * first[1] + c * second[1] - centre[1]
            dz = start[2] + r * first[2] + c * second[2] - centre[2]
            near = 1.0 + (dx * dx + dy * dy + dz * dz) / (radius * radius)
            angle = phase[0] + phase[1] * dx + phase[2] * dy + phase[3] * dz
            out[r, c] = plane[r, c] / (near * np.sqrt(near)) * complex(np.cos(angle), np.sin(angle))


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _add_strength(
    start: Any, first: Any, second: Any, centres: Any, radius: float, out: Any
) -> None:  # fmt: skip # pragma: no cover - compiled
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            for n in range(centres.shape[0]):
                dx = start[0] + r * first[0] + c * second[0] - centres[n, 0]
                dy = start[1] + r * first[1] + c * second[1] - centres[n, 1]
                dz = start[2] + r * first[2] + c * second[2] - centres[n, 2]
                near = 1.0 + (dx * dx + dy * dy + dz * dz) / (radius * radius)
                out[r, c] += 1.0 / (near * near * near)


def posterior_array(phantom: Phantom, geometry: Geometry, elements: int) -> CoilArray:
    """Pairs of loops down the back, centred on the scan; one element is a volume coil."""
    rng = np.random.default_rng([phantom.parameters.seed, 53])
    phases = np.column_stack([
        rng.uniform(0, 2 * np.pi, elements), rng.normal(0, PHASE_PER_MM, (elements, 3))
    ])  # fmt: skip
    centre = np.asarray(geometry.centre)
    if elements == 1:
        return CoilArray(centre[None, :], phases, np.inf)
    rows = elements // 2
    back = _back_skin(phantom) + BEHIND_SKIN_MM
    middle = phantom.anatomy.sacrum.frame.origin[0]
    height = (np.arange(rows) - (rows - 1) / 2) * ROW_STEP_MM + centre[2]
    centres = [(middle + side * SIDE_MM, back, z) for z in height for side in (-1, 1)]
    return CoilArray(np.array(centres), phases, LOOP_RADIUS_MM)


def _back_skin(phantom: Phantom) -> float:
    """The body's rearmost y, LPS mm."""
    body = (phantom.tissues.voxels > 0).any(axis=(0, 2))
    affine = phantom.tissues.affine
    last = int(np.flatnonzero(body)[-1]) if body.any() else body.size - 1
    return float(affine.origin[1] + affine.spacing[1] * last)
