"""The compiled loop that lays muscle on both faces of an ilium."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.phantom.noise import noise_at
from procguide.phantom.soft._marbling import marbled
from procguide.phantom.soft._wall_kernel import CAVITY
from procguide.phantom.solids import Array

__all__ = ["clothe_ilium"]

MUSCLE, FAT, STRAND, SKIN = (
    int(Region.MUSCLE), int(Region.FAT), int(Region.INTRAMUSCULAR_FAT), int(Region.SKIN)
)  # fmt: skip

_njit = numba.njit(nogil=True, cache=True, fastmath=True)


@_njit  # type: ignore[untyped-decorator]
def _plane(table: Array, a: float, b: float) -> float:  # pragma: no cover (compiled)
    k, j = int(a), int(b)
    p, q = a - k, b - j
    return (  # type: ignore[no-any-return]
        (table[k, j] * (1 - q) + table[k, j + 1] * q) * (1 - p)
        + (table[k + 1, j] * (1 - q) + table[k + 1, j + 1] * q) * p
    )


@_njit  # type: ignore[untyped-decorator]
def _outer(
    gap: float, beyond: float, z: float, size: float, bulk: float, fat: float, x: float, y: float,
    noise: Array,
) -> int:  # fmt: skip  # pragma: no cover (compiled)
    """Gluteus minimus and medius: thin at the crest, filling everything below it."""
    depth = (5.0 + 0.95 * max(40.0 * size - z, 0.0)) * bulk
    # The joint and the thigh's upper end lie within it further down.
    depth = min(depth, (60.0 + 0.9 * max(-50.0 * size - z, 0.0)) * bulk) - (
        1.1 if z > -55.0 * size else 0.45
    ) * max(beyond - 3.0, 0.0)
    if z > 40.0 * size or gap > depth:
        return 0
    sheet = 0.30 * min(depth, 40.0) + 1.5 * noise_at(noise, x, y, z, 18.0)
    if z < 5.0 and abs(gap - sheet) < 0.45 + 1.2 * fat:
        return STRAND
    return STRAND if marbled(x, y, z, 0.45 * fat, noise) else MUSCLE


@_njit  # type: ignore[untyped-decorator]
def clothe_ilium(  # noqa: PLR0912
    out: NDArray[np.uint8], instances: NDArray[np.uint8], origin: Array, spacing: Array, sign: int,
    low: Array, inner: Array, outer: Array, beyond: Array, size: float, bulk: float, fat: float,
    front: float, instance: int, noise: Array,
) -> None:  # fmt: skip  # pragma: no cover (compiled)
    """Muscle outside (gluteal) and inside (iliacus above the brim, obturator internus below it).

    ``front`` is y of the anterior spines: before them no muscle is laid. Cavity beside the bone becomes
    fat, so that no bowel lies outside the pelvis.
    """
    for k in range(out.shape[0]):
        z = origin[2] + k * spacing[2]
        a = (z - low[1]) / 4.0
        if a < 0 or a >= inner.shape[0] - 1 or z > 48.0 * size:
            continue
        for j in range(out.shape[1]):
            y = origin[1] + j * spacing[1]
            b = (y - low[0]) / 4.0
            if b < 0 or b >= inner.shape[1] - 1:
                continue
            far = _plane(beyond, a, b)
            if far > 34.0:
                continue
            near_face, far_face = _plane(inner, a, b), _plane(outer, a, b)
            # The fossa is filled by iliacus: thickest in its middle.
            middle = (y - front) / (75.0 * size)
            thick = 0.0
            if z > -58.0 * size:
                hump = max(1.0 - (2.0 * middle - 0.95) ** 2, 0.0)
                thick = (3.0 + 19.0 * hump * min(max((36.0 * size - z) / 45.0, 0.0), 1.0)) * bulk
            elif y < 25.0 * size:
                thick = 13.0 * bulk
            thick -= 0.9 * max(far - 2.0, 0.0)
            for i in range(out.shape[2]):
                x = origin[0] + i * spacing[0]
                across = sign * x
                if across < 20.0:
                    continue
                here = out[k, j, i]
                if here in (0, SKIN):
                    continue
                if across > far_face:
                    if here != FAT and here < CAVITY:
                        continue
                    found = _outer(across - far_face, far, z, size, bulk, fat, x, y, noise)
                    if found > 0 and here >= CAVITY:
                        out[k, j, i] = found
                        instances[k, j, i] = instance
                    elif here >= CAVITY:
                        out[k, j, i] = FAT
                elif here >= CAVITY and near_face - across < thick + 1.2 * noise_at(noise, x, y, z, 15.0):
                    out[k, j, i] = MUSCLE
                    instances[k, j, i] = instance
