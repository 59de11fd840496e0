"""Compiled loops: noise fixed in the body, sampling of slices, splatting along lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["displace_lines", "mark_edges", "noise", "sample_plane"]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _node(i: int, j: int, k: int, seed: int) -> float:  # pragma: no cover - compiled
    """A number in -1 to 1 that belongs to a lattice node: integer hash."""
    h = (i * 374761393 + j * 668265263 + k * 2147483647 + seed * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 2246822519) & 0xFFFFFFFF
    h ^= h >> 15
    return h / 2147483647.5 - 1.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def noise(x: float, y: float, z: float, seed: int) -> float:  # pragma: no cover - compiled
    """Smooth noise of about unit variance with cells of size 1, fixed in space."""
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    total = 0.0
    for dk in range(2):
        for dj in range(2):
            for di in range(2):
                share = (u if di else 1 - u) * (v if dj else 1 - v) * (w if dk else 1 - w)
                total += share * _node(i + di, j + dj, k + dk, seed)
    return 3.2 * total


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _plain(
    z: float, y: float, x: float, kind: Any, water: Any, fat: Any, water_signal: Any, fat_signal: float
) -> tuple[float, float]:  # fmt: skip # pragma: no cover - compiled
    """Water's and fat's signal well inside one tissue: linear between voxels."""
    k, j, i = int(z), int(y), int(x)
    w, v, u = z - k, y - j, x - i
    total_w, total_f = 0.0, 0.0
    for dk in range(2):
        for dj in range(2):
            share = (w if dk else 1 - w) * (v if dj else 1 - v)
            row = water[k + dk, j + dj]
            total_w += share * ((1 - u) * row[i] + u * row[i + 1])
            row = fat[k + dk, j + dj]
            total_f += share * ((1 - u) * row[i] + u * row[i + 1])
    return total_w * water_signal[kind], total_f * fat_signal


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _edge(
    z: float, y: float, x: float, kind: Any, water: Any, fat: Any, water_signal: Any, fat_signal: float,
    bone: Any, marrow: Any, flowing: Any, cortex: Any, softness: float,
) -> tuple[float, float, float]:  # fmt: skip # pragma: no cover - compiled
    """Water, fat and flowing water where tissues meet: quadratic B-spline, which hides the labels' steps.

    Bone and what surrounds it are averaged apart and mixed where the distance says the surface lies.
    """
    k, j, i = int(z + 0.5), int(y + 0.5), int(x + 0.5)
    w, v, u = z - k, y - j, x - i
    soft_w, soft_f, soft_c, soft = 0.0, 0.0, 0.0, 0.0
    bone_w, bone_f, inside, thick, distance = 0.0, 0.0, 0.0, 0.0, 0.0
    for dk in range(-1, 2):
        a = 0.75 - w * w if dk == 0 else 0.5 * (0.5 + dk * w) ** 2
        for dj in range(-1, 2):
            b = a * (0.75 - v * v if dj == 0 else 0.5 * (0.5 + dj * v) ** 2)
            for di in range(-1, 2):
                share = b * (0.75 - u * u if di == 0 else 0.5 * (0.5 + di * u) ** 2)
                what, depth = kind[k + dk, j + dj, i + di], bone[k + dk, j + dj, i + di]
                here_w = share * water[k + dk, j + dj, i + di] * water_signal[what]
                here_f = share * fat[k + dk, j + dj, i + di] * fat_signal
                if marrow[what] or depth < 0:  # cement and metal within bone are on its side
                    bone_w += here_w
                    bone_f += here_f
                    thick += share * cortex[what]
                    inside += share
                else:
                    soft_w += here_w
                    soft_f += here_f
                    soft += share
                    if flowing[what]:
                        soft_c += here_w
                distance += share * min(depth, 8.0)
    if inside > 1e-4:
        part = min(max(0.5 - distance / softness, 0.0), 1.0) if soft > 1e-4 else 1.0
        shell = min(max((thick / inside + distance) / 0.6 + 0.5, 0.0), 1.0)
        live = part * (1 - shell) / inside
        rest = (1 - part) / soft if soft > 1e-4 else 0.0
        soft_w, soft_f, soft_c = soft_w * rest + bone_w * live, soft_f * rest + bone_f * live, soft_c * rest
    return soft_w, soft_f, soft_c


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def sample_plane(
    start: Any, step_row: Any, step_column: Any, offsets: Any, weights: Any,
    kind: Any, edge: Any, water: Any, fat: Any, water_signal: Any, fat_signal: float, bone: Any,
    marrow: Any, flowing: Any, cortex: Any, softness: float, out: Any,
) -> None:  # fmt: skip # pragma: no cover - compiled
    """Mean of the signal maps through a slice's thickness on an in-plane lattice.

    ``start``, steps and ``offsets`` ``(n, 3)`` are index vectors (k, j, i) of the maps ``(k, j, i)``:
    ``kind`` of tissue, ``edge`` where kinds meet, ``water`` and ``fat`` densities, ``bone`` distance (mm).
    By kind: signed signal of a unit of water, whether it is ``marrow``, whether it is ``flowing`` CSF,
    thickness of the ``cortex`` in mm. ``softness`` mm is how wide bone's surface is mixed. ``out``
    ``(3, r, c)``: water, fat, flowing water.
    """
    size_k, size_j, size_i = water.shape
    for r in range(out.shape[1]):
        for c in range(out.shape[2]):
            total_w, total_f, total_c = 0.0, 0.0, 0.0
            for n in range(offsets.shape[0]):
                z = start[0] + r * step_row[0] + c * step_column[0] + offsets[n, 0]
                y = start[1] + r * step_row[1] + c * step_column[1] + offsets[n, 1]
                x = start[2] + r * step_row[2] + c * step_column[2] + offsets[n, 2]
                if z < 1 or y < 1 or x < 1 or z >= size_k - 2 or y >= size_j - 2 or x >= size_i - 2:
                    continue
                at = (int(z + 0.5), int(y + 0.5), int(x + 0.5))
                if edge[at]:
                    a, b, fluid = _edge(
                        z, y, x, kind, water, fat, water_signal, fat_signal,
                        bone, marrow, flowing, cortex, softness,
                    )  # fmt: skip
                    total_c += weights[n] * fluid
                else:
                    what = kind[at]
                    if what == 0:
                        continue
                    a, b = _plain(z, y, x, what, water, fat, water_signal, fat_signal)
                    if flowing[what]:
                        total_c += weights[n] * a
                total_w += weights[n] * a
                total_f += weights[n] * b
            out[0, r, c], out[1, r, c], out[2, r, c] = total_w, total_f, total_c


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def mark_edges(
    kind: Any, marrow: Any, bone: Any, deep: float, start: int, stop: int, out: Any
) -> None:  # pragma: no cover
    """1 where a voxel's 26 neighbours are not all of its kind, or in bone less than ``deep`` mm inside."""
    size_k, size_j, size_i = kind.shape
    for k in range(max(start, 1), min(stop, size_k - 1)):
        for j in range(1, size_j - 1):
            for i in range(1, size_i - 1):
                what = kind[k, j, i]
                mixed = marrow[what] and bone[k, j, i] > -deep
                if not mixed:
                    for dk in range(-1, 2):
                        for dj in range(-1, 2):
                            row = kind[k + dk, j + dj]
                            if row[i - 1] != what or row[i] != what or row[i + 1] != what:
                                mixed = True
                out[k, j, i] = mixed


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def displace_lines(source: Any, shift: Any, out: Any) -> None:  # pragma: no cover - compiled
    """Move every sample of ``(r, c)`` along c by ``shift`` samples (same shape), adding where they meet."""
    for r in range(source.shape[0]):
        for c in range(source.shape[1]):
            value = source[r, c]
            if value == 0:
                continue
            at = c + shift[r, c]
            low = int(np.floor(at))
            share = at - low
            if 0 <= low < source.shape[1]:
                out[r, low] += value * (1 - share)
            if 0 <= low + 1 < source.shape[1]:
                out[r, low + 1] += value * share
