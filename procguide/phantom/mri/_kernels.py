"""Compiled loops: noise fixed in the body, sampling of slices, splatting along lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["displace_lines", "noise", "sample_plane"]


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
def sample_plane(
    start: Any, step_row: Any, step_column: Any, offsets: Any, weights: Any,
    kind: Any, water: Any, fat: Any, water_signal: Any, fat_signal: float, bone: Any,
    marrow: Any, flowing: Any, cortex: Any, softness: float, out: Any,
) -> None:  # fmt: skip # pragma: no cover - compiled
    """Mean of the signal maps through a slice's thickness on an in-plane lattice.

    ``start``, steps and ``offsets`` ``(n, 3)`` are index vectors (k, j, i) of the maps ``(k, j, i)``:
    ``kind`` of tissue, ``water`` and ``fat`` densities, ``bone`` distance (mm). By kind: signed signal of a
    unit of water, whether it is ``marrow``, whether it is ``flowing`` CSF, thickness of the ``cortex`` in
    mm. Bone and what surrounds it are interpolated apart and mixed where the distance says that the surface
    lies, over ``softness`` mm. ``out`` ``(3, r, c)``: water, fat, flowing water.
    """
    size_k, size_j, size_i = water.shape
    for r in range(out.shape[1]):
        for c in range(out.shape[2]):
            total_w, total_f, total_c = 0.0, 0.0, 0.0
            for n in range(offsets.shape[0]):
                z = start[0] + r * step_row[0] + c * step_column[0] + offsets[n, 0]
                y = start[1] + r * step_row[1] + c * step_column[1] + offsets[n, 1]
                x = start[2] + r * step_row[2] + c * step_column[2] + offsets[n, 2]
                if z < 0 or y < 0 or x < 0 or z >= size_k - 1 or y >= size_j - 1 or x >= size_i - 1:
                    continue
                k, j, i = int(z), int(y), int(x)
                w, v, u = z - k, y - j, x - i
                soft_w, soft_f, soft_c, soft = 0.0, 0.0, 0.0, 0.0
                bone_w, bone_f, inside, thick = 0.0, 0.0, 0.0, 0.0
                distance = 0.0
                for dk in range(2):
                    for dj in range(2):
                        for di in range(2):
                            share = (w if dk else 1 - w) * (v if dj else 1 - v) * (u if di else 1 - u)
                            kk, jj, ii = k + dk, j + dj, i + di
                            what = kind[kk, jj, ii]
                            here_w = water[kk, jj, ii] * water_signal[what]
                            here_f = fat[kk, jj, ii] * fat_signal
                            if marrow[what]:
                                bone_w += share * here_w
                                bone_f += share * here_f
                                thick += share * cortex[what]
                                inside += share
                            else:
                                soft_w += share * here_w
                                soft_f += share * here_f
                                if flowing[what]:
                                    soft_c += share * here_w
                                soft += share
                            distance += share * min(bone[kk, jj, ii], 8.0)
                if inside > 0:
                    part = min(max(0.5 - distance / softness, 0.0), 1.0) if soft > 0 else 1.0
                    thick /= inside
                    shell = min(max((thick + distance) / 0.6 + 0.5, 0.0), 1.0)
                    live = part * (1 - shell) / inside
                    if soft > 0:
                        rest = (1 - part) / soft
                        soft_w *= rest
                        soft_f *= rest
                        soft_c *= rest
                    soft_w += bone_w * live
                    soft_f += bone_f * live
                total_w += weights[n] * soft_w
                total_f += weights[n] * soft_f
                total_c += weights[n] * soft_c
            out[0, r, c], out[1, r, c], out[2, r, c] = total_w, total_f, total_c


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
