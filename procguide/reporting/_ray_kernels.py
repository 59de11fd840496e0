"""Compiled loops of the 3D pictures. Import lazily: numba costs a second.

Fields are ``(group, k, j, i)`` uint8, 0 outside a structure and 255 inside, smooth between, with a rim of
zeros all round; a structure's surface is where its field passes 127.5. Everything runs without Python's
lock, so threads may share the rows of a picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from procguide.reporting._field_kernels import BLOCK

__all__ = ["cast_rays", "light_reaching", "sample_fields"]

Array = NDArray[Any]

_SURFACE = 127.5


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _linear(field: Array, k: float, j: float, i: float) -> float:  # pragma: no cover (compiled)
    """``field`` (k, j, i) at a fractional index, 0 outside."""
    k0, j0, i0 = int(np.floor(k)), int(np.floor(j)), int(np.floor(i))
    if k0 < 0 or j0 < 0 or i0 < 0:
        return 0.0
    if k0 + 1 >= field.shape[0] or j0 + 1 >= field.shape[1] or i0 + 1 >= field.shape[2]:
        return 0.0
    fk, fj, fi = k - k0, j - j0, i - i0
    c00 = field[k0, j0, i0] * (1 - fi) + field[k0, j0, i0 + 1] * fi
    c01 = field[k0, j0 + 1, i0] * (1 - fi) + field[k0, j0 + 1, i0 + 1] * fi
    c10 = field[k0 + 1, j0, i0] * (1 - fi) + field[k0 + 1, j0, i0 + 1] * fi
    c11 = field[k0 + 1, j0 + 1, i0] * (1 - fi) + field[k0 + 1, j0 + 1, i0 + 1] * fi
    low = c00 * (1 - fj) + c01 * fj
    high = c10 * (1 - fj) + c11 * fj
    return float(low * (1 - fk) + high * fk)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _tint(
    materials: Array, groups: Array, colours: Array, group: int, k: float, j: float, i: float, out: Array
) -> None:  # pragma: no cover (compiled)
    """RGB at a fractional index: the colours of the voxels round it that are of ``group``, blended.

    Nearer voxels count more, so that borders between parts do not show the voxels.
    """
    ck, cj, ci = round(k), round(j), round(i)
    total = 0.0
    out[0] = out[1] = out[2] = 0.0
    for a in range(max(ck - 1, 0), min(ck + 2, materials.shape[0])):
        for b in range(max(cj - 1, 0), min(cj + 2, materials.shape[1])):
            for c in range(max(ci - 1, 0), min(ci + 2, materials.shape[2])):
                material = materials[a, b, c]
                if material == 0 or groups[material] != group:
                    continue
                square = (a - k) ** 2 + (b - j) ** 2 + (c - i) ** 2
                weight = max(1.0 - square / 2.5, 0.001) ** 2
                total += weight
                for n in range(3):
                    out[n] += weight * colours[material, n]
    if total > 0:
        for n in range(3):
            out[n] /= total
    else:
        out[0] = out[1] = out[2] = 0.8


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _highest(
    fields: Array, present: int, k: float, j: float, i: float
) -> tuple[float, int]:  # pragma: no cover (compiled)
    """The largest field among the groups whose bit is set in ``present``, and which it is."""
    best, group = 0.0, -1
    for n in range(fields.shape[0]):
        if present >> n & 1:
            value = _linear(fields[n], k, j, i)
            if value > best:
                best, group = value, n
    return best, group


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def cast_rays(
    fields: Array,
    blocks: Array,
    block_distance: Array,
    materials: Array,
    groups: Array,
    colours: Array,
    start: Array,
    steps: Array,
    axes: Array,
    length: float,
    rows: tuple[int, int],
    depth: Array,
    normal: Array,
    colour: Array,
) -> None:  # pragma: no cover (compiled)
    """First surface met by parallel rays, for picture rows ``rows[0] <= row < rows[1]``, in place.

    ``start`` (3,) is the index where the ray of pixel (0, 0) begins; ``steps`` (3, 3) holds as columns the
    index step along the ray for one unit of depth, for one row and for one column. ``blocks`` has for
    every cube of 4 voxels a bit a group that is there; ``block_distance`` the number of cubes (in the
    chessboard's metric) to the nearest with any, at most 255. ``depth`` is in units along the ray, inf
    where nothing is met within ``length``. ``normal`` points out of the structure, in the axes whose index
    steps are the columns of ``axes`` (3, 3).
    """
    pace = 1.0 / np.abs(steps[:, 0]).max()
    size_k, size_j, size_i = fields.shape[1:]
    blend = np.zeros(3)
    for row in range(rows[0], rows[1]):
        for column in range(depth.shape[1]):
            k_first = start[0] + row * steps[0, 1] + column * steps[0, 2]
            j_first = start[1] + row * steps[1, 1] + column * steps[1, 2]
            i_first = start[2] + row * steps[2, 1] + column * steps[2, 2]
            t_enter, t_leave = 0.0, length
            for first, step, size in (
                (k_first, steps[0, 0], size_k),
                (j_first, steps[1, 0], size_j),
                (i_first, steps[2, 0], size_i),
            ):
                if abs(step) < 1e-9:
                    if first < 0.0 or first > size - 1.0:
                        t_leave = -1.0
                    continue
                one, other = -first / step, (size - 1.0 - first) / step
                t_enter, t_leave = max(t_enter, min(one, other)), min(t_leave, max(one, other))
            t = t_enter
            before = 0.0
            while t < t_leave:
                k, j, i = k_first + t * steps[0, 0], j_first + t * steps[1, 0], i_first + t * steps[2, 0]
                bk, bj, bi = int(k) // BLOCK, int(j) // BLOCK, int(i) // BLOCK
                far = block_distance[bk, bj, bi]
                if far > 0:
                    t += pace * ((far - 1) * BLOCK + 1.0)
                    before = 0.0
                    continue
                value, group = _highest(fields, blocks[bk, bj, bi], k, j, i)
                if value < _SURFACE:
                    before = value
                    t += pace * 0.7
                    continue
                if before > 0.0:  # between two samples of the same slope: linear, then one secant step
                    back = pace * 0.7 * (value - _SURFACE) / max(value - before, 1e-3)
                    t -= min(back, pace * 0.7)
                k, j, i = k_first + t * steps[0, 0], j_first + t * steps[1, 0], i_first + t * steps[2, 0]
                depth[row, column] = t
                field = fields[group]
                along_k = _linear(field, k - 1, j, i) - _linear(field, k + 1, j, i)
                along_j = _linear(field, k, j - 1, i) - _linear(field, k, j + 1, i)
                along_i = _linear(field, k, j, i - 1) - _linear(field, k, j, i + 1)
                right = along_k * axes[0, 0] + along_j * axes[1, 0] + along_i * axes[2, 0]
                down = along_k * axes[0, 1] + along_j * axes[1, 1] + along_i * axes[2, 1]
                into = along_k * axes[0, 2] + along_j * axes[1, 2] + along_i * axes[2, 2]
                size = max(np.sqrt(right * right + down * down + into * into), 1e-9)
                normal[row, column, 0] = right / size
                normal[row, column, 1] = down / size
                normal[row, column, 2] = into / size
                _tint(materials, groups, colours, group, k, j, i, blend)
                colour[row, column, 0] = blend[0]
                colour[row, column, 1] = blend[1]
                colour[row, column, 2] = blend[2]
                break


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def light_reaching(
    crowding: Array,
    shade: Array,
    places: Array,
    normals: Array,
    turned_away: Array,
    toward_light: Array,
    reach: float,
    sky: Array,
    sun: Array,
) -> None:  # pragma: no cover (compiled)
    """How much of the sky and of the sun gets to surface points, 0 to 1, in place.

    ``crowding`` and ``shade`` (k, j, i) are the share of bone round a place, broadly and closely blurred.
    ``places`` (n, 3), ``normals`` (n, 3) and ``toward_light`` (3,) are in their index space, normals and
    light of length one millimetre; ``reach`` is a millimetre count: the sky is asked for at that distance
    and at 2.5 times it, the sun along 12 steps, unless the surface is ``turned_away`` (n,) from it.
    """
    for n in range(places.shape[0]):
        k, j, i = places[n]
        nk, nj, ni = normals[n]
        near = _linear(shade, k + reach * nk, j + reach * nj, i + reach * ni)
        wide = 2.5 * reach
        broad = _linear(crowding, k + wide * nk, j + wide * nj, i + wide * ni)
        sky[n] = np.exp(-(1.1 * near + 1.9 * broad))
        clear = 1.0
        if turned_away[n]:
            continue
        for step in range(1, 13):
            far = 3.2 * step
            lift = min(3.0, far)
            value = _linear(
                shade,
                k + far * toward_light[0] + lift * nk,
                j + far * toward_light[1] + lift * nj,
                i + far * toward_light[2] + lift * ni,
            )
            clear *= 1.0 - 0.7 * max(value - 0.15, 0.0)
            if clear < 0.02:
                break
        sun[n] = clear


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sample_fields(
    fields: Array, materials: Array, groups: Array, colours: Array, places: Array, values: Array, tints: Array
) -> None:  # pragma: no cover (compiled)
    """Every group's field (0 to 255) and its colour at ``places`` (n, 3), in place.

    ``values`` is ``(n, groups)``, ``tints`` ``(n, groups, 3)``, filled only where the field is over 32.
    """
    blend = np.zeros(3)
    for n in range(places.shape[0]):
        k, j, i = places[n]
        for group in range(fields.shape[0]):
            value = _linear(fields[group], k, j, i)
            values[n, group] = value
            if value > 32.0:
                _tint(materials, groups, colours, group, k, j, i, blend)
                for c in range(3):
                    tints[n, group, c] = blend[c]
