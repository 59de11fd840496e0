"""Compiled loops from label maps to HU. Import lazily: numba costs a second."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["add_bone", "resample_plane", "soft_plane"]

Array = NDArray[Any]

# Articular processes among the regions; pattern numbers of procguide.phantom.ct.hounsfield.Pattern.
_SUPERIOR, _INFERIOR = 6, 7
_FIBRES, _SEPTA, _BOWEL, _LUNG, _VESSEL = 1, 2, 3, 4, 5


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _at(block: Array, z: float, y: float, x: float, step: float) -> Any:  # pragma: no cover - compiled
    """The block's value at a place in mm, nearest voxel, periodic."""
    mask = block.shape[0] - 1
    k = np.int64(np.floor(z / step)) & mask
    j = np.int64(np.floor(y / step)) & mask
    i = np.int64(np.floor(x / step)) & mask
    return block[k, j, i]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _smooth_at(block: Array, z: float, y: float, x: float, step: float) -> Any:  # pragma: no cover - compiled
    """The block's value at a place in mm, linear within the slice, periodic."""
    mask = block.shape[0] - 1
    k = np.int64(np.floor(z / step)) & mask
    v, u = y / step, x / step
    b, a = np.floor(v), np.floor(u)
    j, i = np.int64(b) & mask, np.int64(a) & mask
    m, n = (j + 1) & mask, (i + 1) & mask
    t, s = v - b, u - a
    upper = block[k, j, i] * (1 - s) + block[k, j, n] * s
    lower = block[k, m, i] * (1 - s) + block[k, m, n] * s
    return upper * (1 - t) + lower * t


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _patterned(
    pattern: int, spread: float, z: float, y: float, x: float, blocks: Any, extra: Array
) -> Any:  # pragma: no cover - compiled
    """HU to add to a tissue's mean at a place; ``extra`` is fat in muscle, calcium in arteries, shares."""
    fine, fibre, coarse = blocks
    if pattern == _FIBRES:
        strand = _at(fibre, z, y, x, 1.0)
        streak = max(strand - (1.5 - extra[0]), 0.0)
        return spread * 0.5 * strand - min(75.0 * streak, 130.0)
    if pattern == _SEPTA:
        lump = _smooth_at(coarse, z, y, x, 1.5)
        wall = 1.0 - abs(_smooth_at(coarse, z + 60.0, y * 1.3, x * 0.8, 1.5)) / 0.07
        return spread * 0.6 * _at(fine, z, y, x, 1.0) + (55.0 * wall if wall > 0 and lump > 0.2 else 0.0)
    if pattern == _BOWEL:
        lump = _smooth_at(coarse, z, y, x, 1.5)
        stool = min(max(lump * 2.0, -1.0), 1.0)
        return spread * stool + 12.0 * max(stool, 0.0) * _at(fine, z, y, x, 1.0)
    if pattern == _LUNG:
        a = _smooth_at(coarse, z, y, x, 1.5)
        b = _smooth_at(coarse, z + 70.0, y + 31.0, x, 1.5)
        vessel = np.exp(-(a * a + b * b) / 0.012)
        small = max(_at(fine, z, y, x, 1.0) - 1.9, 0.0)
        return spread * 0.6 * _at(fine, z, y, x, 1.0) + 850.0 * vessel + min(260.0 * small, 350.0)
    return spread * _at(fine, z, y, x, 1.0)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _beside(
    tissues: Array, bone: Array, k: int, j: int, i: int, table: Array, is_bone: Array
) -> Any:  # pragma: no cover - compiled
    """Mean HU of what is not bone near a voxel of bone, so that its surface does not borrow its own."""
    if bone[k, j, i] < -2.5:
        return 45.0
    total, count = 0.0, 0
    for reach in (1, 2):
        for n in range(4):
            jj = j + (reach if n == 0 else -reach if n == 1 else 0)
            ii = i + (reach if n == 2 else -reach if n == 3 else 0)
            if 0 <= jj < tissues.shape[1] and 0 <= ii < tissues.shape[2]:
                label = tissues[k, jj, ii]
                if not is_bone[label] and table[0, label] < 1000.0:
                    total += table[0, label]
                    count += 1
        if count:
            return total / count
    return 45.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def soft_plane(  # pragma: no cover - compiled
    tissues: Array, bone: Array, ks: Array, weights: Array, table: Array, is_bone: Array, place: Array,
    blocks: Any, extra: Array,
) -> Array:  # fmt: skip
    """``(j, i)`` HU of the phantom's slices ``ks`` weighted, bone filled with what lies beside it.

    ``place`` holds origin (z, y, x) and spacing of the phantom's lattice, the origin with the subject's
    shift within the texture blocks already added.
    """
    size_j, size_i = tissues.shape[1:]
    out = np.zeros((size_j, size_i), np.float32)
    for n in range(ks.shape[0]):
        k, weight = ks[n], weights[n]
        z = place[0, 0] + k * place[1, 0]
        for j in range(size_j):
            y = place[0, 1] + j * place[1, 1]
            for i in range(size_i):
                label = tissues[k, j, i]
                if label == 0:
                    out[j, i] -= 1000.0 * weight
                    continue
                if is_bone[label]:
                    out[j, i] += weight * _beside(tissues, bone, k, j, i, table, is_bone)
                    continue
                value = table[0, label]
                if table[1, label] > 0:
                    x = place[0, 2] + i * place[1, 2]
                    pattern = int(table[2, label])
                    if pattern == _VESSEL:
                        edge = 0 < j < size_j - 1 and 0 < i < size_i - 1 and (
                            tissues[k, j - 1, i] != label or tissues[k, j + 1, i] != label
                            or tissues[k, j, i - 1] != label or tissues[k, j, i + 1] != label
                        )  # fmt: skip
                        if edge and _smooth_at(blocks[2], z, y, x, 1.5) > 2.6 - extra[1]:
                            value += 650.0
                    value += _patterned(pattern, table[1, label], z, y, x, blocks, extra)
                out[j, i] += weight * value
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def resample_plane(
    plane: Array, start: Array, step: Array, shape: Any, outside: float
) -> Array:  # pragma: no cover - compiled
    """``plane`` at the index positions ``start + n * step`` (j, i), linear; ``outside`` beyond it."""
    out = np.empty(shape, np.float32)
    last_j, last_i = plane.shape[0] - 1, plane.shape[1] - 1
    for n in range(shape[0]):
        v = start[0] + n * step[0]
        for m in range(shape[1]):
            u = start[1] + m * step[1]
            if v < -0.5 or u < -0.5 or v > last_j + 0.5 or u > last_i + 0.5:
                out[n, m] = outside
                continue
            y, x = min(max(v, 0.0), last_j), min(max(u, 0.0), last_i)
            j, i = min(int(y), max(last_j - 1, 0)), min(int(x), max(last_i - 1, 0))
            jj, ii = min(j + 1, last_j), min(i + 1, last_i)
            t, s = y - j, x - i
            out[n, m] = (plane[j, i] * (1 - s) + plane[j, ii] * s) * (1 - t) + (
                plane[jj, i] * (1 - s) + plane[jj, ii] * s
            ) * t
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _depth(bone: Array, z: float, y: float, x: float) -> Any:  # pragma: no cover - compiled
    """Depth under the bone's surface (mm) at an index position, linear, clamped."""
    last = (bone.shape[0] - 1, bone.shape[1] - 1, bone.shape[2] - 1)
    z, y, x = min(max(z, 0.0), last[0]), min(max(y, 0.0), last[1]), min(max(x, 0.0), last[2])
    k, j, i = int(z), int(y), int(x)
    kk, jj, ii = min(k + 1, last[0]), min(j + 1, last[1]), min(i + 1, last[2])
    c, b, a = z - k, y - j, x - i
    near = (bone[k, j, i] * (1 - a) + bone[k, j, ii] * a) * (1 - b) + (
        bone[k, jj, i] * (1 - a) + bone[k, jj, ii] * a
    ) * b
    far = (bone[kk, j, i] * (1 - a) + bone[kk, j, ii] * a) * (1 - b) + (
        bone[kk, jj, i] * (1 - a) + bone[kk, jj, ii] * a
    ) * b
    return -(near * (1 - c) + far * c)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _owner(
    tissues: Array, instances: Array, k: int, j: int, i: int, is_bone: Array
) -> Any:  # pragma: no cover - compiled
    """Label and level (times 256) of the bone that a point near a surface belongs to; -1 in metal."""
    size = tissues.shape
    if is_bone[tissues[k, j, i]]:
        return tissues[k, j, i] + 256 * (instances[k, j, i] % 100)
    for n in range(6):
        kk = k + (1 if n == 4 else -1 if n == 5 else 0)
        jj = j + (1 if n == 2 else -1 if n == 3 else 0)
        ii = i + (1 if n == 0 else -1 if n == 1 else 0)
        if 0 <= kk < size[0] and 0 <= jj < size[1] and 0 <= ii < size[2] and is_bone[tissues[kk, jj, ii]]:
            return tissues[kk, jj, ii] + 256 * (instances[kk, jj, ii] % 100)
    return -1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _vertebral(x: float, y: float, z: float, bone: Array) -> Any:  # pragma: no cover - compiled
    """Factor for spongy bone at local mm in a body: denser behind and by the plates, a vein to the wall.

    ``bone`` holds half height, half depth, wear above and below of that vertebra.
    """
    half, deep = bone[0], bone[1]
    toward = abs(z) / half
    factor = 1.0 + 0.16 * toward**4 + 0.07 * y / deep
    wear = bone[2] if z > 0 else bone[3]
    factor += 1.5 * wear * wear * np.exp(-max(half - abs(z), 0.0) / 4.0)
    # Basivertebral vein: from the middle of the posterior wall, forking within the body.
    along = y / deep
    if along > -0.1 and abs(z) < 6.0:
        fork = abs(abs(x) - 15.0 * max(0.4 - along, 0.0))
        reach = 1.6 + 1.6 * max(along, 0.0)
        fade = min(max((along + 0.1) / 0.4, 0.0), 1.0)
        factor *= 1 - 0.75 * fade * np.exp(-((fork / reach) ** 2) - (z / 2.3) ** 2)
    return factor


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _bone_value(  # pragma: no cover - compiled
    depth: float, thin: float, label: int, level: int, point: Array, normal_z: float, look: Any
) -> Any:
    """HU of bone at ``depth`` mm under its surface; ``thin`` is the sample's own size, mm."""
    cortex, frames, makeup, spongy_block, patch_block, subject = look
    x, y, z = point[0] - frames[level, 0, 0], point[1] - frames[level, 0, 1], point[2] - frames[level, 0, 2]
    a = frames[level, 1, 0] * x + frames[level, 1, 1] * y + frames[level, 1, 2] * z
    b = frames[level, 2, 0] * x + frames[level, 2, 1] * y + frames[level, 2, 2] * z
    c = frames[level, 3, 0] * x + frames[level, 3, 1] * y + frames[level, 3, 2] * z
    grain = _at(spongy_block, c + subject[2] + 7 * level, b + subject[3] + 11 * level, a + subject[4], 0.5)
    # Neither shell nor spongy bone is even: both have stronger and weaker places.
    far, wide = 2.4 * c + 13 * level + 3 * subject[2], 2.4 * a + 5 * label + 3 * subject[4]
    strong = _at(patch_block, far, 2.4 * b, wide, 1.5)
    lean = _at(patch_block, 1.6 * a + 3 * subject[3], 1.6 * c + 17 * level, 1.6 * b + 3 * subject[4], 1.5)
    # Only the bodies lose all that age takes.
    spongy = (subject[0] if label == 1 else 80.0 + 0.5 * subject[0]) * cortex[label, 2] * makeup[level, 4]
    thick = cortex[label, 0] * subject[1] * min(max(1 + cortex[label, 3] * strong, 0.35), 2.0)
    spongy *= max(1 + (0.10 if label == 1 else 0.32) * lean, 0.25)
    if label == 1:
        spongy *= _vertebral(a, b, c, makeup[level])
        # Endplates are thicker than the wall, and more so where worn.
        plate = min(max((abs(normal_z) - 0.5) / 0.3, 0.0), 1.0)
        thick *= 1.0 + plate * (0.7 + 0.8 * (makeup[level, 2] if c > 0 else makeup[level, 3]))
        if b > 0 and abs(a) < 5 and abs(c) < 3.0 and plate < 0.5:
            thick *= 0.35
    elif label in (_SUPERIOR, _INFERIOR):
        worn = makeup[level, 5] if label == _SUPERIOR else makeup[level, 6]
        spongy += 320.0 * worn * np.exp(-max(depth - thick, 0.0) / 4.0)
        thick *= 1 + 0.7 * worn
    # Marrow is fatty: little bone means below water.
    value = max(spongy * (1 + subject[5] * grain) + subject[6] * min(grain + 1.2, 0.0), -95.0)
    # Denser spongy bone under every surface.
    value += 0.55 * cortex[label, 1] * 0.25 * np.exp(-max(depth - thick, 0.0) / 1.3)
    shell = (min(depth + thin / 2, thick) - max(depth - thin / 2, 0.0)) / thin
    shell = min(max(shell, 0.0), 1.0)
    return value + shell * (cortex[label, 1] - value)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _bone_sample(
    point: Array, thin: float, maps: Any, place: Array, is_bone: Array, look: Any
) -> Any:  # pragma: no cover - compiled
    """Share of bone and its HU at one place (x, y, z mm); ``thin`` is the sample's own size."""
    tissues, instances, bone = maps
    size = tissues.shape
    w = min(max((point[2] - place[0, 0]) / place[1, 0], 0.0), size[0] - 1.0)
    v, u = (point[1] - place[0, 1]) / place[1, 1], (point[0] - place[0, 2]) / place[1, 2]
    depth = _depth(bone, w, v, u)
    part = min(max(0.5 + depth / thin, 0.0), 1.0)
    if part <= 0:
        return 0.0, 0.0
    j, i = min(max(int(np.round(v)), 0), size[1] - 1), min(max(int(np.round(u)), 0), size[2] - 1)
    owner = _owner(tissues, instances, int(np.round(w)), j, i, is_bone)
    if owner < 0:
        return 0.0, 0.0
    label, level = owner % 256, owner // 256
    slope = 0.0
    if label == 1 and depth < 3.0:
        slope = (_depth(bone, w + 1, v, u) - _depth(bone, w - 1, v, u)) / (2 * place[1, 0])
    return part, _bone_value(depth, thin, label, level, point, slope, look)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def add_bone(  # pragma: no cover - compiled
    image: Array, maps: Any, place: Array, pixels: Array, heights: Array, weights: Array, is_bone: Array,
    look: Any,
) -> None:  # fmt: skip
    """Mix bone into one slice's ``image`` ``(j, i)`` by its share of every pixel, in place.

    ``maps``: tissues, instances, bone distance; ``place``: their origin and spacing (z, y, x); ``pixels``:
    image's origin y, x and pixel, mm; ``heights`` and ``weights``: the slice profile, with two samples in
    the plane at each height; ``look``: see :class:`procguide.phantom.ct.subject.Subject`.
    """
    step, bone, point = pixels[2], maps[2], np.empty(3)
    reach = step + np.min(place[1])
    ks = np.empty(heights.shape[0], np.int64)
    for n in range(heights.shape[0]):
        ks[n] = min(max(round((heights[n] - place[0, 0]) / place[1, 0]), 0), bone.shape[0] - 1)
    for j in range(image.shape[0]):
        y = pixels[0] + j * step
        jj = int(np.round((y - place[0, 1]) / place[1, 1]))
        if jj < 0 or jj >= bone.shape[1]:
            continue
        for i in range(image.shape[1]):
            x = pixels[1] + i * step
            ii = int(np.round((x - place[0, 2]) / place[1, 2]))
            if ii < 0 or ii >= bone.shape[2]:
                continue
            total, share = 0.0, 0.0
            for n in range(heights.shape[0]):
                if bone[ks[n], jj, ii] > reach:
                    continue
                # Deep in bone one sample does.
                count = 1 if bone[ks[n], jj, ii] < -4.0 else 2
                for m in range(count):
                    side = 0.25 * step * (2 * m - 1)
                    point[0], point[1], point[2] = x + side, y + side * (1 - 2 * (n & 1)), heights[n]
                    part, value = _bone_sample(point, 0.6 * step, maps, place, is_bone, look)
                    total += weights[n] / count * part * value
                    share += weights[n] / count * part
            if share > 0:
                image[j, i] = image[j, i] * (1 - share) + total
