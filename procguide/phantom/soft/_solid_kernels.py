"""Compiled loops that paint lofts, chains of balls and kidneys over what is there."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.phantom.noise import noise_at
from procguide.phantom.soft._wall_kernel import RETROPERITONEUM
from procguide.phantom.solids import Array

__all__ = ["paint_chain", "paint_kidney", "paint_loft"]

KIDNEY, SINUS, FASCIA, FAT = (
    int(Region.KIDNEY), int(Region.RENAL_SINUS), int(Region.FASCIA), int(Region.FAT)
)  # fmt: skip
BOWEL, GAS = int(Region.BOWEL), int(Region.GAS)

_njit = numba.njit(nogil=True, cache=True, fastmath=True)


@_njit  # type: ignore[untyped-decorator]
def _span(
    low: float, high: float, origin: float, spacing: float, size: int
) -> tuple[int, int]:  # pragma: no cover
    start = math.ceil((low - origin) / spacing)
    stop = math.floor((high - origin) / spacing) + 1
    return max(start, 0), min(stop, size)


@_njit  # type: ignore[untyped-decorator]
def paint_loft(
    out: NDArray[np.uint8], instances: NDArray[np.uint8], origin: Array, spacing: Array,
    heights: Array, centres: Array, radii: Array, region: int, instance: int, over: NDArray[np.bool_],
    noise: Array, rough: float, step: float, film: int, film_mm: float,
) -> None:  # fmt: skip  # pragma: no cover (compiled)
    """A solid whose cross-section at each of ``heights`` is a star: ``radii`` ``(n, m)`` about ``centres``.

    Painted where ``over`` holds for what is there; ``rough`` mm of noise on its edge; the outermost
    ``film_mm`` are ``film`` instead.
    """
    m = radii.shape[1]
    scale = m / (2 * math.pi)
    begin, end = _span(heights[0], heights[-1], origin[2], spacing[2], out.shape[0])
    for k in range(begin, end):
        z = origin[2] + k * spacing[2]
        n = 0
        while n < heights.shape[0] - 2 and heights[n + 1] < z:
            n += 1
        t = (z - heights[n]) / (heights[n + 1] - heights[n])
        cx = centres[n, 0] * (1 - t) + centres[n + 1, 0] * t
        cy = centres[n, 1] * (1 - t) + centres[n + 1, 1] * t
        star = radii[n] * (1 - t) + radii[n + 1] * t
        widest = star.max() + 2.5 * rough
        j0, j1 = _span(cy - widest, cy + widest, origin[1], spacing[1], out.shape[1])
        i0, i1 = _span(cx - widest, cx + widest, origin[0], spacing[0], out.shape[2])
        for j in range(j0, j1):
            y = origin[1] + j * spacing[1]
            dy = y - cy
            for i in range(i0, i1):
                if not over[out[k, j, i]]:
                    continue
                x = origin[0] + i * spacing[0]
                dx = x - cx
                r = math.sqrt(dx * dx + dy * dy)
                if r >= widest:
                    continue
                at = (math.atan2(dy, dx) + math.pi) * scale
                low = int(at) % m
                share = at - int(at)
                edge = star[low] * (1 - share) + star[(low + 1) % m] * share
                if rough > 0:
                    edge += rough * noise_at(noise, x, y, z, step)
                if r < edge:
                    out[k, j, i] = film if edge - r < film_mm else region
                    instances[k, j, i] = instance


@_njit  # type: ignore[untyped-decorator]
def paint_chain(  # noqa: PLR0912
    out: NDArray[np.uint8], instances: NDArray[np.uint8], origin: Array, spacing: Array,
    points: Array, radii: Array, gas: Array, region: int, instance: int, over: NDArray[np.bool_],
    noise: Array, mottle: float, wall_mm: float, lumps: float, near: Array, best: NDArray[np.int32],
) -> None:  # fmt: skip  # pragma: no cover (compiled)
    """A tube of balls: solid, or hollow with ``gas`` (0 none to 1 full) lying in front.

    ``near`` and ``best`` are scratch of the slab's shape, ``near`` filled with 0 before and after.
    ``mottle`` is the noise level above which the content is a bubble of gas; ``lumps`` mm make its outline
    uneven.
    """
    low_k, high_k = out.shape[0], 0
    box_j0, box_j1, box_i0, box_i1 = out.shape[1], 0, out.shape[2], 0
    for n in range(points.shape[0]):
        x, y, z, r = points[n, 0], points[n, 1], points[n, 2], radii[n]
        k0, k1 = _span(z - r, z + r, origin[2], spacing[2], out.shape[0])
        j0, j1 = _span(y - r, y + r, origin[1], spacing[1], out.shape[1])
        i0, i1 = _span(x - r, x + r, origin[0], spacing[0], out.shape[2])
        if k0 >= k1 or j0 >= j1 or i0 >= i1:
            continue
        low_k, high_k = min(low_k, k0), max(high_k, k1)
        box_j0, box_j1 = min(box_j0, j0), max(box_j1, j1)
        box_i0, box_i1 = min(box_i0, i0), max(box_i1, i1)
        for k in range(k0, k1):
            dz = origin[2] + k * spacing[2] - z
            for j in range(j0, j1):
                dy = origin[1] + j * spacing[1] - y
                rest = r * r - dz * dz - dy * dy
                if rest <= 0:
                    continue
                for i in range(i0, i1):
                    dx = origin[0] + i * spacing[0] - x
                    if dx * dx < rest:
                        depth = r - math.sqrt(r * r - rest + dx * dx)
                        if depth > near[k, j, i]:
                            near[k, j, i] = depth
                            best[k, j, i] = n
    for k in range(low_k, high_k):
        z = origin[2] + k * spacing[2]
        for j in range(box_j0, box_j1):
            y = origin[1] + j * spacing[1]
            for i in range(box_i0, box_i1):
                depth = near[k, j, i]
                if depth <= 0:
                    continue
                near[k, j, i] = 0.0
                if not over[out[k, j, i]]:
                    continue
                x = origin[0] + i * spacing[0]
                if lumps > 0:
                    depth += lumps * (noise_at(noise, z, x, y, 7.5) - 0.3)
                    if depth <= 0:
                        continue
                out[k, j, i] = region
                instances[k, j, i] = instance
                n = best[k, j, i]
                if depth > wall_mm and gas[n] > 0:
                    level = points[n, 1] + radii[n] * (2 * gas[n] - 1)
                    if y < level or (mottle > 0 and noise_at(noise, x, y, z, 3.6) > mottle):
                        out[k, j, i] = GAS


@_njit  # type: ignore[untyped-decorator]
def paint_kidney(
    out: NDArray[np.uint8], instances: NDArray[np.uint8], origin: Array, spacing: Array,
    centre: Array, rotation: Array, half: Array, halo: float, gerota: float, instance: int,
    over: NDArray[np.bool_], noise: Array,
) -> None:  # fmt: skip  # pragma: no cover (compiled)
    """A kidney with its sinus, perirenal fat ``halo`` mm thick and a film of fascia round that."""
    a, b, c = half[0], half[1], half[2]
    reach = c + halo + 6.0
    k0, k1 = _span(centre[2] - reach, centre[2] + reach, origin[2], spacing[2], out.shape[0])
    j0, j1 = _span(centre[1] - reach, centre[1] + reach, origin[1], spacing[1], out.shape[1])
    i0, i1 = _span(centre[0] - reach, centre[0] + reach, origin[0], spacing[0], out.shape[2])
    for k in range(k0, k1):
        z = origin[2] + k * spacing[2]
        for j in range(j0, j1):
            y = origin[1] + j * spacing[1]
            for i in range(i0, i1):
                if not over[out[k, j, i]]:
                    continue
                x = origin[0] + i * spacing[0]
                dx, dy, dz = x - centre[0], y - centre[1], z - centre[2]
                p = dx * rotation[0, 0] + dy * rotation[1, 0] + dz * rotation[2, 0]
                q = dx * rotation[0, 1] + dy * rotation[1, 1] + dz * rotation[2, 1]
                s = dx * rotation[0, 2] + dy * rotation[1, 2] + dz * rotation[2, 2]
                # Bean: the middle is bent away from the hilum, the poles toward it.
                p += 0.16 * a * (2.2 * (s / c) ** 2 - 0.6)
                length = math.sqrt(p * p + q * q + s * s)
                e = math.sqrt((p / a) ** 2 + (q / b) ** 2 + (s / c) ** 2)
                d = length * (1 - 1 / max(e, 0.05)) + 0.9 * noise_at(noise, x, y, z, 17.0)
                if d < 0:
                    inner = (p + 0.75 * a) / (0.85 * a)
                    sinus = math.sqrt(inner * inner + (q / (0.36 * b)) ** 2 + (s / (0.58 * c)) ** 2)
                    sinus += 0.16 * noise_at(noise, x, y, z, 8.0)
                    out[k, j, i] = SINUS if sinus < 1 else KIDNEY
                    instances[k, j, i] = instance
                elif d < halo:
                    out[k, j, i] = RETROPERITONEUM
                elif d < halo + gerota and noise_at(noise, y, x, z, 19.0) > -0.3:
                    out[k, j, i] = FASCIA
