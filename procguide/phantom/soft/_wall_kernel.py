"""The compiled loop that fills skin, fat, wall, lungs and empty cavity, voxel by voxel."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.phantom.noise import noise_at
from procguide.phantom.soft._marbling import marbled
from procguide.phantom.solids import Array

__all__ = ["CAVITY", "MEDIASTINUM", "RETROPERITONEUM", "fill_wall"]

CAVITY, RETROPERITONEUM, MEDIASTINUM = 250, 251, 252
"""Held only while painting: where organs may lie, the fat behind them and that above the diaphragm."""

SKIN, FAT, MUSCLE, FASCIA = int(Region.SKIN), int(Region.FAT), int(Region.MUSCLE), int(Region.FASCIA)
LUNG, PLEURA, SOFT = int(Region.LUNG), int(Region.PLEURA), int(Region.SOFT_TISSUE)
STRAND = int(Region.INTRAMUSCULAR_FAT)

# Columns of ``slices``: one row a slice.
X, Y, SPINE_X, SPINE_Y, HALF, FRONT, PLACE, LAYER_GAP, RETRO, DIAPHRAGM, RETRO_DEPTH = range(11)
# Entries of ``lungs``.
LUNG_A, LUNG_B, LUNG_X, LUNG_Y, TOP_LEFT, TOP_RIGHT, FALL_BACK, FALL_SIDE, FALL_FRONT, FLOOR = range(10)

_njit = numba.njit(nogil=True, cache=True, fastmath=True)


@_njit  # type: ignore[untyped-decorator]
def _lerp(row: Array, at: float) -> float:  # pragma: no cover (compiled)
    low = int(at)
    share = at - low
    high = low + 1
    if high >= row.shape[0]:
        high = 0
    return row[low] * (1 - share) + row[high] * share  # type: ignore[no-any-return]


@_njit  # type: ignore[untyped-decorator]
def dome_height(lungs: Array, x: float, y: float) -> float:  # pragma: no cover (compiled)
    """Height of the diaphragm's upper surface at a place, mm."""
    nx, ny = (x - lungs[LUNG_X]) / lungs[LUNG_A], (y - lungs[LUNG_Y]) / lungs[LUNG_B]
    left = nx > 0
    # Blunt domes: nearly flat on top, falling steeply into the recess along the wall.
    px = (abs(nx) - 0.42) / 0.58
    py = (ny + 0.05) / (1.05 if ny > -0.05 else 0.95)
    if px < 0:
        px *= 1.1
    a, b = px * px, py * py
    far = math.sqrt(math.sqrt(a * a + b * b + 0.6 * a * b))
    fall = lungs[FALL_BACK] if py > 0 else lungs[FALL_FRONT]
    sideways = lungs[FALL_SIDE] if px > 0 else 22.0
    fall = (fall * b + sideways * a) / max(a + b, 1e-6)
    top = lungs[TOP_LEFT] if left else lungs[TOP_RIGHT]
    return max(top - fall * far**3.2, lungs[FLOOR])  # type: ignore[no-any-return]


@_njit  # type: ignore[untyped-decorator]
def _outside(
    depth: float, beyond: float, layer: float, x: float, y: float, z: float, fat: float, noise: Array,
) -> int:  # fmt: skip  # pragma: no cover (compiled)
    """Between skin and ring: muscle of the trunk's surface, or fat with a few septa."""
    layer *= 0.85 + 0.3 * noise_at(noise, y, z, x, 26.0)
    if beyond < layer and beyond > 1.2:
        return MUSCLE
    # The superficial fascia and the septa that run from it: thin and broken.
    sheet = 0.55 * fat + 2.5 * noise_at(noise, x, y, z, 37.0)
    if fat > 9.0 and abs(depth - sheet) < 0.45 and noise_at(noise, y, x, z, 21.0) > 0.1:
        return FASCIA
    return FAT


@_njit  # type: ignore[untyped-decorator]
def _wall_layer(
    share: float, gap: float, thick: float, lateral: float, x: float, y: float, z: float, noise: Array
) -> int:  # pragma: no cover (compiled)
    """Three oblique layers with thin fat between them at the side; one muscle in front."""
    if lateral < -0.5:  # the seat: fascicles, and a film of fat before what lies under it
        if share * thick > thick - 0.9 - gap or marbled(y + 0.7 * x, z, x, 0.02 + 0.03 * gap, noise):
            return STRAND
        return MUSCLE
    if lateral < 0.25:
        return MUSCLE
    bend = 0.05 * noise_at(noise, x, y, z, 30.0)
    half = 0.5 * gap / thick * (0.9 + 0.5 * noise_at(noise, y, x, z, 22.0))
    if abs(share - 0.36 - bend) < half or abs(share - 0.74 - bend) < half:
        return FAT if noise_at(noise, z, x, y, 14.0) > -0.9 else MUSCLE
    return MUSCLE


@_njit  # type: ignore[untyped-decorator]
def _inside(
    x: float, y: float, z: float, deep: float, row: Array, lungs: Array, noise: Array, thin: float
) -> int:  # pragma: no cover (compiled)
    """Within the wall: lung and pleura above the diaphragm, cavity below."""
    surface = dome_height(lungs, x, y) + 2.5 * noise_at(noise, x, y, 0.3 * z, 45.0)
    beside = abs(x - row[SPINE_X])
    behind = y - row[SPINE_Y]
    if z > surface:
        ahead = row[FRONT] - y
        edge = row[HALF] + 5.0 if ahead < 0 else 23.0 + 3.0 * noise_at(noise, x, y, z, 20.0)
        if ahead > 35.0:
            edge = max(20.0 - 0.22 * (ahead - 35.0), 5.0)
        if beside < edge or (behind > 2.0 and beside < row[HALF] + 6.0):
            return MEDIASTINUM
        if deep < 0.9 * thin or z - surface < 0.9 * thin:
            return PLEURA
        return LUNG
    if row[PLACE] > row[DIAPHRAGM] and surface - z < 4.0:
        return MUSCLE
    near = (x - row[SPINE_X]) / 42.0
    spine = row[RETRO_DEPTH] * math.exp(-near * near * near * near)
    if y > row[RETRO] - spine + 4.0 * noise_at(noise, x, y, z, 40.0):
        return RETROPERITONEUM
    return CAVITY


@_njit  # type: ignore[untyped-decorator]
def fill_wall(
    out: NDArray[np.uint8], instances: NDArray[np.uint8], origin: Array, spacing: Array, under: Array,
    slices: Array, skin: Array, slope: Array, ring: Array, wall: Array, layer: Array, lateral: Array,
    lungs: Array, noise: Array,
) -> None:  # fmt: skip  # pragma: no cover (compiled)
    """Fill ``out`` ``(k, j, i)``. ``origin`` and ``spacing`` are (x, y, z) mm.

    Polar tables ``(k, 360)``: radii of the ``skin``, of its ``under`` side and of the ``ring``; ``slope``
    the cosine between radius and the skin's normal; ``wall`` thickness inside the ring, ``layer`` that of
    the muscles outside it; ``lateral`` 1 where the wall has three layers, -1 where it is the seat.
    """
    scale = 180.0 / math.pi
    for k in range(out.shape[0]):
        row = slices[k]
        z = origin[2] + k * spacing[2]
        widest = skin[k].max()
        for j in range(out.shape[1]):
            y = origin[1] + j * spacing[1]
            dy = y - row[Y]
            if abs(dy) > widest:
                continue
            for i in range(out.shape[2]):
                x = origin[0] + i * spacing[0]
                dx = x - row[X]
                r = math.sqrt(dx * dx + dy * dy)
                if r >= widest:
                    continue
                at = (math.atan2(dy, dx) + math.pi) * scale
                if at >= 360.0:
                    at -= 360.0
                steep = _lerp(slope[k], at)
                depth = (_lerp(skin[k], at) - r) * steep
                if depth <= 0:
                    continue
                if r > _lerp(under[k], at):
                    out[k, j, i] = SKIN
                    continue
                inner = (_lerp(ring[k], at) - r) * steep
                if inner <= 0:
                    out[k, j, i] = _outside(depth, -inner, _lerp(layer[k], at), x, y, z, depth - inner, noise)
                    continue
                thick = _lerp(wall[k], at)
                if inner < thick:
                    out[k, j, i] = _wall_layer(
                        inner / thick, row[LAYER_GAP], thick, _lerp(lateral[k], at), x, y, z, noise
                    )
                    continue
                found = _inside(x, y, z, inner - thick, row, lungs, noise, spacing[0])
                out[k, j, i] = found
                if found in (LUNG, PLEURA):
                    instances[k, j, i] = 100 if x > row[SPINE_X] else 200
