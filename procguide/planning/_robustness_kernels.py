"""Compiled loops for placed needles: where they are tightest, how near they come, what lies ahead of them.

Fields, points and lattices are as in :mod:`procguide.planning._kernels`; capsules are ``(m, 7)`` rows of
both ends and the radius, in the same space as the needles. Import lazily: numba costs a second.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from procguide.planning._kernels import _sample

__all__ = ["capped_minimum", "first_met", "keep_clear", "tightest_points", "undominated"]

Array = NDArray[Any]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _capsule_distance(capsules: Array, x: float, y: float, z: float) -> float:
    """From a point to the nearest capsule's surface, negative inside."""
    best = 1e5
    for m in range(capsules.shape[0]):
        ax, ay, az = x - capsules[m, 0], y - capsules[m, 1], z - capsules[m, 2]
        bx = capsules[m, 3] - capsules[m, 0]
        by = capsules[m, 4] - capsules[m, 1]
        bz = capsules[m, 5] - capsules[m, 2]
        share = (ax * bx + ay * by + az * bz) / max(bx * bx + by * by + bz * bz, 1e-12)
        share = min(max(share, 0.0), 1.0)
        ax, ay, az = ax - share * bx, ay - share * by, az - share * bz
        best = min(best, np.sqrt(ax * ax + ay * ay + az * az) - capsules[m, 6])
    return best


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _value(field: Array, capsules: Array, spacing: Array, point: Array) -> float:
    """The field's value, or the distance to the capsules where there are any; ``point`` (3,) mm."""
    if capsules.shape[0] > 0:
        return _capsule_distance(capsules, point[0], point[1], point[2])  # type: ignore[no-any-return]
    return _sample(field, point[0] / spacing[0], point[1] / spacing[1], point[2] / spacing[2])  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def tightest_points(
    field: Array,
    capsules: Array,
    spacing: Array,
    starts: Array,
    ends: Array,
    offset_mm: float,
    trim_mm: float,
    fixed_sd: float,
    tip_sd: float,
    angle_sd: float,
    spread_sd: float,
) -> Array:
    """Where each needle's room beyond ``offset_mm`` is the fewest standard deviations.

    ``(n, 2)``: from entry (0) to tip (1), -1 where it is never within 3.5; and how many. ``fixed_sd`` acts
    on the whole needle, ``tip_sd`` (mm) and ``angle_sd`` (radians) turn it about its entry, ``spread_sd``
    is the structure's own. A distance cannot fall faster than 1 mm a mm and the deviation only shrinks
    toward the entry, so the room beyond what the least so far needs is skipped.
    """
    found = np.full((starts.shape[0], 2), -1.0)
    point = np.empty(3)
    for n in range(starts.shape[0]):
        axis = ends[n] - starts[n]
        length = np.sqrt((axis**2).sum())
        if length <= trim_mm:
            continue
        axis = axis / length
        turning = tip_sd**2 + (length * angle_sd) ** 2
        travelled, best = trim_mm, 3.5
        while True:
            back = length - travelled
            point[:] = starts[n] + axis * back
            room = _value(field, capsules, spacing, point) - offset_mm
            sd = np.sqrt(fixed_sd**2 + spread_sd**2 + (back / length) ** 2 * turning)
            if room < best * sd:
                best = room / sd
                found[n, 0] = back / length
            if travelled >= length:
                break
            travelled = min(length, travelled + max(0.4, room - max(best, 0.0) * sd))
        found[n, 1] = best
    return found


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def capped_minimum(
    field: Array, capsules: Array, spacing: Array, starts: Array, ends: Array, trim_mm: float, cap_mm: float
) -> Array:
    """Smallest distance along each needle, ``(n,)``, told apart only below ``cap_mm``."""
    smallest = np.full(starts.shape[0], cap_mm)
    for n in range(starts.shape[0]):
        axis = ends[n] - starts[n]
        length = np.sqrt((axis**2).sum())
        axis = axis / length
        travelled = trim_mm
        while travelled <= length:
            value = _value(field, capsules, spacing, ends[n] - axis * travelled)
            smallest[n] = min(smallest[n], value)
            travelled += max(0.4, value - smallest[n])
    return smallest


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def first_met(
    field: Array,
    capsules: Array,
    spacing: Array,
    starts: Array,
    directions: Array,
    offset_mm: float,
    limit_mm: float,
) -> Array:
    """How far along each ray it comes nearer than ``offset_mm``, ``(n,)``; ``limit_mm`` if never."""
    met = np.full(starts.shape[0], limit_mm)
    for n in range(starts.shape[0]):
        travelled = 0.0
        while travelled < limit_mm:
            room = _value(field, capsules, spacing, starts[n] + directions[n] * travelled) - offset_mm
            if room <= 0.0:
                met[n] = travelled
                break
            travelled += max(room, 0.25)
    return met


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _phi(x: float) -> float:
    return 0.5 * (1.0 + math.erf(x * 0.7071067811865476))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def keep_clear(
    kept: Array,
    field: Array,
    capsules: Array,
    spacing: Array,
    starts: Array,
    ends: Array,
    tightest: Array,
    draws: Array,
    offset_mm: float,
    fixed_sd: float,
    tip_sd: float,
    angle_sd: float,
    spread_sd: float,
) -> None:
    """Into ``kept`` ``(n, k)``: times the chance to keep off the structure, for each of ``draws`` ``(k, 9)``.

    Measured at the needle's tightest point (:func:`tightest_points`) where that draw takes it; from two
    standard deviations on, as the same for all draws.
    """
    point = np.empty(3)
    for n in range(starts.shape[0]):
        share = tightest[n, 0]
        if share < 0.0:
            continue
        if tightest[n, 1] > 2.0:
            kept[n] *= _phi(tightest[n, 1])
            continue
        axis = ends[n] - starts[n]
        length = np.sqrt((axis**2).sum())
        axis = axis / length
        for k in range(draws.shape[0]):
            turned = draws[k, 3] * axis[0] + draws[k, 4] * axis[1] + draws[k, 5] * axis[2]
            for c in range(3):
                turn = length * angle_sd * (draws[k, 3 + c] - turned * axis[c]) + tip_sd * draws[k, 6 + c]
                at = starts[n, c] + share * length * axis[c]
                point[c] = at + fixed_sd * draws[k, c] + share * turn
            kept[n, k] *= _phi((_value(field, capsules, spacing, point) - offset_mm) / spread_sd)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def undominated(steps: Array) -> Array:
    """Which rows ``(n, m)`` no other row equals or beats in every column; sorted by their sum, falling."""
    rows, columns = steps.shape
    kept = np.empty(rows, np.int64)
    found = np.zeros(rows, np.bool_)
    count = 0
    for n in range(rows):
        beaten = False
        for at in range(count):
            m = kept[at]
            beaten = True
            for c in range(columns):
                if steps[m, c] < steps[n, c]:
                    beaten = False
                    break
            if beaten:
                break
        if not beaten:
            kept[count] = n
            count += 1
            found[n] = True
    return found
