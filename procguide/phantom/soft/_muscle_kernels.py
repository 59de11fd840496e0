"""Compiled loops: the muscle column behind the spine, fat within muscle, and the last tidying."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.phantom.noise import noise_at
from procguide.phantom.soft._marbling import marbled
from procguide.phantom.soft._solid_kernels import _span
from procguide.phantom.soft._wall_kernel import CAVITY
from procguide.phantom.solids import Array

__all__ = ["finish_fat", "paint_column"]

MULTIFIDUS, ERECTOR = int(Region.MULTIFIDUS), int(Region.ERECTOR_SPINAE)
FASCIA, STRAND, FAT = int(Region.FASCIA), int(Region.INTRAMUSCULAR_FAT), int(Region.FAT)
SOFT = int(Region.SOFT_TISSUE)

_njit = numba.njit(nogil=True, cache=True, fastmath=True)


@_njit  # type: ignore[untyped-decorator]
def _column_tissue(
    u: float, t: float, edge: float, row: Array, place: float, fat: float, x: float, y: float, z: float,
    noise: Array,
) -> int:  # fmt: skip  # pragma: no cover (compiled)
    """Multifidus, erector, the fat between them or the fascia behind them; ``edge`` mm from the outline."""
    if edge < 1.1 and t > 0.25:
        return FASCIA
    bend = 2.6 * noise_at(noise, x, y, 0.4 * z, 19.0)
    inner = row[4] + (row[5] - row[4]) * t + bend
    outer = row[6] + (row[7] - row[6]) * t - bend
    cleft = (0.35 + 2.2 * fat) * (0.8 + 0.5 * noise_at(noise, y, x, 0.5 * z, 13.0))
    if abs(u - inner) < cleft or (abs(u - outer) < 0.8 * cleft and place > 1.5):
        return STRAND
    low = min(max((3.2 - place) / 2.6, 0.0), 1.0)
    if u < inner:
        # Fat gathers next to the laminae of L4 to S1 first.
        deep = min(max(1.0 - 1.6 * t, 0.0), 1.0)
        if marbled(x, y, z, min(fat * (0.6 + 0.5 * low + 0.9 * low * deep), 0.85), noise):
            return STRAND
        return MULTIFIDUS
    if marbled(x, y, z, fat * (0.45 + 0.35 * low), noise):
        return STRAND
    return ERECTOR


@_njit  # type: ignore[untyped-decorator]
def paint_column(
    out: NDArray[np.uint8], instances: NDArray[np.uint8], origin: Array, spacing: Array,
    heights: Array, centres: Array, radii: Array, clefts: Array, turns: Array, places: Array, sign: int,
    fat: float, instance: int, over: NDArray[np.bool_], noise: Array,
) -> None:  # fmt: skip  # pragma: no cover (compiled)
    """Fill the outline with its muscles; arguments are those of a ``Column``."""
    m = radii.shape[1]
    scale = m / (2 * math.pi)
    begin, end = _span(heights[0], heights[-1], origin[2], spacing[2], out.shape[0])
    for k in range(begin, end):
        z = origin[2] + k * spacing[2]
        n = 0
        while n < heights.shape[0] - 2 and heights[n + 1] < z:
            n += 1
        w = (z - heights[n]) / (heights[n + 1] - heights[n])
        cx = centres[n, 0] * (1 - w) + centres[n + 1, 0] * w
        cy = centres[n, 1] * (1 - w) + centres[n + 1, 1] * w
        star = radii[n] * (1 - w) + radii[n + 1] * w
        row = clefts[n] * (1 - w) + clefts[n + 1] * w
        turn = turns[n] * (1 - w) + turns[n + 1] * w
        place = places[n] * (1 - w) + places[n + 1] * w
        cosine, sine = math.cos(turn), math.sin(turn)
        widest = star.max() + 2.0
        j0, j1 = _span(cy - widest, cy + widest, origin[1], spacing[1], out.shape[1])
        i0, i1 = _span(cx - widest, cx + widest, origin[0], spacing[0], out.shape[2])
        for j in range(j0, j1):
            y = origin[1] + j * spacing[1]
            for i in range(i0, i1):
                if not over[out[k, j, i]]:
                    continue
                x = origin[0] + i * spacing[0]
                dx, dy = x - cx, y - cy
                r = math.sqrt(dx * dx + dy * dy)
                if r >= widest:
                    continue
                at = (math.atan2(dy, dx) + math.pi) * scale
                low = int(at) % m
                share = at - int(at)
                edge = star[low] * (1 - share) + star[(low + 1) % m] * share - r
                edge += 0.5 * noise_at(noise, x, y, z, 12.0)
                if edge <= 0:
                    continue
                px, py = x - row[0], y - row[1]
                u = sign * (px * cosine + py * sine)
                t = (py * cosine - px * sine - row[2]) / row[3]
                if u < 0.6:
                    continue
                out[k, j, i] = _column_tissue(u, t, edge, row, place, fat, x, y, z, noise)
                instances[k, j, i] = instance


@_njit  # type: ignore[untyped-decorator]
def finish_fat(
    out: NDArray[np.uint8], origin: Array, spacing: Array, temporary: int, noise: Array, vessels: float
) -> None:  # pragma: no cover (compiled)
    """What is left of the cavity becomes fat, with small vessels where the mesentery is."""
    for k in range(out.shape[0]):
        z = origin[2] + k * spacing[2]
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                here = out[k, j, i]
                if here < temporary:
                    continue
                out[k, j, i] = FAT
                if here == CAVITY:
                    x, y = origin[0] + i * spacing[0], origin[1] + j * spacing[1]
                    a = noise_at(noise, x, y, z, 9.0)
                    if abs(a) < vessels and abs(noise_at(noise, z, x, y, 11.0)) < 2.2 * vessels:
                        out[k, j, i] = SOFT
