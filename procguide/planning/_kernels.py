"""Compiled loops: distance transforms and needles through them. Import lazily: numba costs a second.

Fields are ``(k, j, i)`` float32 on an axis-aligned superior, posterior, left lattice. Points here are
*relative to the lattice's voxel (0, 0, 0)* in mm and in array order (z, y, x), so that index = point /
spacing. Everything runs without Python's lock, so threads may share the work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["distance_squared", "exact_minimum", "skin_exit", "trace_minimum"]

Array = NDArray[Any]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _lower_envelope(line: Array, step: float, sites: Array, starts: Array) -> None:
    """In place: the least over cells q of ``line[q]`` plus the squared gap from point p to cell q.

    The lower envelope of parabolas (Felzenszwalb & Huttenlocher 2012), but rooted at the cells' faces
    ``q - 1/2`` and ``q + 1/2``: a face has the lesser value of the two cells that share it.
    """
    n = line.shape[0]
    scale = step * step
    count = 0
    values = line.copy()
    roots = np.empty(n + 1)
    for m in range(n + 1):
        roots[m] = min(values[max(m - 1, 0)], values[min(m, n - 1)])
        if roots[m] >= 1e10:
            continue
        q = m - 0.5
        start = -1e20
        while count > 0:
            v = sites[count - 1] - 0.5
            start = ((roots[m] - roots[sites[count - 1]]) / scale + q * q - v * v) / (2.0 * (q - v))
            if start > starts[count - 1]:
                break
            count -= 1
            start = -1e20
        sites[count] = m
        starts[count] = start
        count += 1
    if count == 0:
        return
    at = 0
    for p in range(n):
        while at + 1 < count and starts[at + 1] < p:
            at += 1
        offset = step * (p - sites[at] + 0.5)
        line[p] = min(values[p], roots[sites[at]] + offset * offset)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def distance_squared(mask: Array, spacing: Array) -> Array:
    """Squared mm from every voxel's centre to the nearest *cell* of ``mask``, 0 within; 1e10 where none.

    Exact for the union of box-shaped cells, so that a search on this field and a check against the
    cells mean the same surface. (Distances to voxel centres less half a voxel are optimistic where the
    surface is oblique: by 0.7 mm at 1.5 mm voxels.)
    """
    size_k, size_j, size_i = mask.shape
    field = np.empty(mask.shape, np.float32)
    longest = max(size_k, size_j, size_i) + 1
    sites = np.empty(longest, np.int64)
    starts = np.empty(longest, np.float64)
    line = np.empty(longest, np.float64)
    for k in range(size_k):
        for j in range(size_j):
            since = 1 << 20
            for i in range(size_i):
                since = 0 if mask[k, j, i] else since + 1
                field[k, j, i] = since
            since = 1 << 20
            for i in range(size_i - 1, -1, -1):
                since = 0 if mask[k, j, i] else since + 1
                nearest = min(field[k, j, i], np.float32(since))
                gap = max(nearest - 0.5, 0.0) * spacing[2]
                field[k, j, i] = gap * gap if nearest < 1e5 else 1e10
        for i in range(size_i):
            for j in range(size_j):
                line[j] = field[k, j, i]
            _lower_envelope(line[:size_j], spacing[1], sites, starts)
            for j in range(size_j):
                field[k, j, i] = line[j]
    for j in range(size_j):
        for i in range(size_i):
            for k in range(size_k):
                line[k] = field[k, j, i]
            _lower_envelope(line[:size_k], spacing[0], sites, starts)
            for k in range(size_k):
                field[k, j, i] = line[k]
    return field


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sample(field: Array, z: float, y: float, x: float) -> float:
    """Trilinear value at a fractional index, clamped to the lattice.

    A point outside gets the value of the lattice's nearest point. Everything known lies inside, a box is
    convex, and projecting on it brings no two points farther apart: so that value is never more than the
    distance to what is known.
    """
    size_k, size_j, size_i = field.shape
    z = min(max(z, 0.0), size_k - 1.0)
    y = min(max(y, 0.0), size_j - 1.0)
    x = min(max(x, 0.0), size_i - 1.0)
    k, j, i = min(int(z), size_k - 2), min(int(y), size_j - 2), min(int(x), size_i - 2)
    u, v, w = z - k, y - j, x - i
    low = (field[k, j, i] * (1 - w) + field[k, j, i + 1] * w) * (1 - v) + (
        field[k, j + 1, i] * (1 - w) + field[k, j + 1, i + 1] * w
    ) * v
    high = (field[k + 1, j, i] * (1 - w) + field[k + 1, j, i + 1] * w) * (1 - v) + (
        field[k + 1, j + 1, i] * (1 - w) + field[k + 1, j + 1, i + 1] * w
    ) * v
    return low * (1 - u) + high * u  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def trace_minimum(
    field: Array, spacing: Array, starts: Array, ends: Array, trim_mm: float, step_mm: float
) -> Array:
    """Smallest field value along each segment, ``(n,)``, by sphere tracing for the minimum.

    ``starts`` (skin) and ``ends`` (tip) are ``(n, 3)``; the last ``trim_mm`` before the tip is left out.
    A distance cannot fall faster than 1 mm a mm, so where the value exceeds the smallest so far by d,
    the next d mm cannot matter and are skipped; otherwise it goes on by ``step_mm``.
    """
    smallest = np.full(starts.shape[0], 1e5)
    for n in range(starts.shape[0]):
        dz, dy, dx = ends[n, 0] - starts[n, 0], ends[n, 1] - starts[n, 1], ends[n, 2] - starts[n, 2]
        length = np.sqrt(dz * dz + dy * dy + dx * dx)
        if length <= trim_mm:
            continue
        dz, dy, dx = dz / length, dy / length, dx / length
        travelled = trim_mm
        best = 1e5
        while True:
            back = length - travelled
            value = _sample(
                field,
                (starts[n, 0] + dz * back) / spacing[0],
                (starts[n, 1] + dy * back) / spacing[1],
                (starts[n, 2] + dx * back) / spacing[2],
            )
            best = min(best, value)
            if travelled >= length:
                break
            travelled = min(length, travelled + max(step_mm, value - best))
        smallest[n] = best
    return smallest


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def skin_exit(
    field: Array, spacing: Array, starts: Array, directions: Array, air_mm: float, limit_mm: float
) -> Array:
    """Depth (mm, ``(n,)``) at which rays from inside leave the body for at least ``air_mm``; -1 if never.

    Air up to the lattice's edge is enough. ``field`` is the signed distance to the body (negative inside).
    """
    depths = np.full(starts.shape[0], -1.0)
    size = np.array(field.shape)
    step = 0.5
    for n in range(starts.shape[0]):
        travelled = 0.0
        left_at = -1.0
        previous = -1.0
        while travelled < limit_mm:
            position = (starts[n] + directions[n] * travelled) / spacing
            if (position < -0.5).any() or (position > size - 0.5).any():
                depths[n] = left_at
                break
            value = _sample(field, position[0], position[1], position[2])
            if value <= 0.0:
                left_at = -1.0
            elif left_at < 0.0:
                left_at = travelled - step * value / max(value - previous, 1e-6)
            elif travelled - left_at >= air_mm:
                depths[n] = left_at
                break
            previous = value
            travelled += step
    return depths


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def exact_minimum(
    mask: Array,
    field: Array,
    spacing: Array,
    start: Array,
    end: Array,
    trim_mm: float,
    slack_mm: float,
) -> float:
    """Distance from the needle's centre line to the union of ``mask``'s voxel cells, mm.

    Points at 0.1 mm steps; at those where ``field`` (off by at most ``slack_mm``) could be the nearest,
    every cell within reach is measured. The centre line between two points may be nearer by 0.05 mm.
    """
    length = np.sqrt(((end - start) ** 2).sum())
    along = (end - start) / length
    count = int(np.ceil(max(length - trim_mm, 0.0) / 0.1)) + 1
    nominal = np.empty(count)
    for n in range(count):
        position = (start + along * min(0.1 * n, length - trim_mm)) / spacing
        nominal[n] = _sample(field, position[0], position[1], position[2])
    best = nominal.min() + slack_mm
    half = spacing / 2
    for n in range(count):
        if nominal[n] - slack_mm > best:
            continue
        point = start + along * min(0.1 * n, length - trim_mm)
        reach = min(best, nominal[n] + slack_mm)
        low = np.maximum(np.ceil((point - reach - half) / spacing), 0.0).astype(np.int64)
        high = np.floor((point + reach + half) / spacing).astype(np.int64)
        for k in range(low[0], min(high[0], mask.shape[0] - 1) + 1):
            dz = max(abs(point[0] - k * spacing[0]) - half[0], 0.0)
            for j in range(low[1], min(high[1], mask.shape[1] - 1) + 1):
                dy = max(abs(point[1] - j * spacing[1]) - half[1], 0.0)
                for i in range(low[2], min(high[2], mask.shape[2] - 1) + 1):
                    if mask[k, j, i]:
                        dx = max(abs(point[2] - i * spacing[2]) - half[2], 0.0)
                        best = min(best, np.sqrt(dz * dz + dy * dy + dx * dx))
    return best  # type: ignore[no-any-return]
