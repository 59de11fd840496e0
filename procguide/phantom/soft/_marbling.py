"""Fat within muscle, compiled."""

from __future__ import annotations

import math

import numba

from procguide.phantom.noise import noise_at
from procguide.phantom.solids import Array

__all__ = ["marbled"]

_njit = numba.njit(nogil=True, cache=True, fastmath=True)


@_njit  # type: ignore[untyped-decorator]
def marbled(x: float, y: float, z: float, share: float, noise: Array) -> bool:  # pragma: no cover (compiled)
    """Whether fat lies here in a muscle of which ``share`` is fat: streaks along its fibres."""
    if share <= 0.0:
        return False
    streak = 0.75 * noise_at(noise, x, y, 0.3 * z, 9.0) + 0.5 * noise_at(noise, y, x, 0.3 * z, 3.4)
    streak -= 1.1 * abs(noise_at(noise, x, y, 0.25 * z, 5.5))
    # The field's own quantiles, measured: -0.83 at one half, a logistic of scale 0.62.
    return streak > -0.83 - 0.62 * math.log(share / (1.0 - share))  # type: ignore[no-any-return]
