"""The compiled loop that gives every voxel its protons: kind of tissue, water and fat."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from procguide.anatomy import Region
from procguide.phantom.mri._kernels import noise

__all__ = ["BLOOD_POOL", "DISC_STEPS", "FLUID", "OEDEMA", "compose_voxels"]

# Kinds of tissue beyond the regions; every disc has eight in between, from annulus to nucleus.
BLOOD_POOL, OEDEMA, FLUID = 240, 241, 242

DISC_STEPS = 8
_BODY, _DISC_KINDS = int(Region.BODY), (int(Region.NUCLEUS_PULPOSUS), int(Region.ANNULUS_FIBROSUS))
_NUCLEUS, _ANNULUS = _DISC_KINDS
_DISC = int(Region.DISC)
_FAT, _INTRAMUSCULAR = int(Region.FAT), int(Region.INTRAMUSCULAR_FAT)
_SOFT, _BOWEL = int(Region.SOFT_TISSUE), int(Region.BOWEL)
_FLAVUM, _INTERSPINOUS = int(Region.LIGAMENTUM_FLAVUM), int(Region.INTERSPINOUS_LIGAMENT)
_LIVER, _KIDNEY = int(Region.LIVER), int(Region.KIDNEY)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _marrow_fat(
    x: float, y: float, z: float, mean: float, patchy: float, seed: int
) -> float:  # fmt: skip # pragma: no cover - compiled
    """Fat fraction with patches of two sizes and grain."""
    patches = 0.055 * patchy * noise(x / 11.0, y / 11.0, z / 11.0, seed)
    patches += 0.045 * patchy * noise(x / 4.5, y / 4.5, z / 4.5, seed + 1)
    grain = 0.045 * noise(x / 1.6, y / 1.6, z / 1.6, seed + 2)
    return float(min(max(mean + patches + grain, 0.05), 0.95))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _vein(x: float, y: float, z: float, half_depth: float) -> float:  # pragma: no cover - compiled
    """Basivertebral vein in a body's own mm: 1 in its core, 0 outside; a funnel toward the back wall."""
    along = (y - 0.05 * half_depth) / (0.95 * half_depth)
    if along <= 0 or along > 1.15:
        return 0.0
    wide, high = 0.8 + 4.5 * along * along, 0.6 + 2.1 * along * along
    return float(min(max(1.6 - 1.2 * np.sqrt((x / wide) ** 2 + (z / high) ** 2), 0.0), 1.0))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _body(
    x: float, y: float, z: float, shape: Any, modic: Any, pattern: Any, fat: float, seed: int
) -> tuple[int, float]:  # fmt: skip # pragma: no cover - compiled
    """Kind and fat fraction inside a vertebral body, from its own coordinates.

    ``shape``: half height, half depth; ``modic``: type and depth at the upper and the lower endplate.
    """
    half_height, half_depth = shape
    vein = _vein(x, y, z, half_depth)
    if vein > 0.75:
        return BLOOD_POOL, 0.15
    # Fat gathers round the vein and under the endplates (Ricci et al., Radiology 1990;177:83).
    near_vein = np.exp(-(z * z) / 18.0 - x * x / 90.0) * min(max(0.6 + y / half_depth, 0.0), 1.0)
    ragged = 1.0 + 0.35 * noise(x / 6.0, y / 6.0, 0.0, seed + 5)
    rim = np.exp(-max(half_height - abs(z), 0.0) / (3.5 * max(ragged, 0.3)))
    fat += 0.25 * vein + pattern[0] * near_vein + pattern[1] * rim
    side = 0 if z > 0 else 1
    kind, depth = modic[side, 0], modic[side, 1]
    if depth > 0 and kind > 0:
        swell = depth * (
            1.0 + 0.5 * noise(x / 8.0, y / 8.0, 3.0, seed + 6) + 0.25 * noise(x / 3.0, y / 3.0, z / 3.0, seed)
        )
        forward = (
            1.0 + 0.4 * np.sin(modic[side, 2]) * y / half_depth + 0.4 * np.cos(modic[side, 2]) * x / 22.0
        )
        share = min(max((swell * forward - (half_height - abs(z))) / 3.5, 0.0), 1.0)
        if kind == 1 and share > 0.5:
            return OEDEMA, 0.12
        if kind == 2:
            fat += (0.85 - fat) * share
    return _BODY, min(max(fat, 0.03), 0.95)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _muscle_fat(
    x: float, y: float, z: float, share: float, seed: int
) -> float:  # pragma: no cover - compiled
    """Fat between fibres: thin sheets that run down the body, denser in places."""
    dense = max(0.8 + 0.7 * noise(x / 12.0, y / 12.0, z / 30.0, seed + 18), 0.0)
    broad = max(0.6 * noise(x / 5.0, y / 5.0, z / 30.0, seed + 17), 0.0)
    fine = max(noise(x / 1.7, y / 2.6, z / 22.0, seed + 7), 0.0)
    return float(min(0.02 + share * (0.15 + dense * (0.5 * broad + 0.65 * fine * fine)), 0.8))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _septum(x: float, y: float, z: float, seed: int) -> float:  # pragma: no cover - compiled
    """Connective tissue between lobules of fat, 1 in its middle: fine, and not everywhere."""
    here = min(max(0.35 + 0.5 * noise(x / 16.0, y / 16.0, z / 16.0, seed + 1), 0.0), 1.0)
    wall = abs(noise(x / 24.0, y / 6.0, z / 24.0, seed))
    return float(here * max(1.0 - wall / 0.13, 0.0))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _in_frame(point: Any, frame: Any) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """A bone's or disc's own (left, posterior, superior) mm; ``frame`` ``(4, 3)``: origin and axes."""
    dx, dy, dz = point[0] - frame[0, 0], point[1] - frame[0, 1], point[2] - frame[0, 2]
    x = dx * frame[1, 0] + dy * frame[1, 1] + dz * frame[1, 2]
    y = dx * frame[2, 0] + dy * frame[2, 1] + dz * frame[2, 2]
    z = dx * frame[3, 0] + dy * frame[3, 1] + dz * frame[3, 2]
    return x, y, z


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _wetness(
    point: Any, region: int, disc: Any, cleft: float, seed: int
) -> float:  # fmt: skip # pragma: no cover - compiled
    """0 in the outer annulus to 1 in the nucleus, whose border is gradual; a dark sheet lies across it."""
    a, b, half_height = disc[4]
    if a <= 0:
        return 1.0 if region == _NUCLEUS else 0.0
    x, y, z = _in_frame(point, disc)
    y -= disc[5, 0] * z
    radius = np.sqrt((x / (0.66 * a)) ** 2 + ((y - 0.07 * b) / (0.62 * b)) ** 2)
    radius += 0.05 * noise(x / 5.0, y / 5.0, z / 3.0, seed + 19)
    # The painted border is where the two meet; texture must not move it.
    radius = min(radius, 1.0) if region == _NUCLEUS else max(radius, 1.0)
    tall = min(abs(z) / (half_height + 2.0), 1.0)
    radius = np.sqrt(radius * radius + 0.35 * tall**4)
    wet = min(max((1.28 - radius) / 0.5, 0.0), 1.0)
    level = z - 0.6 * noise(x / 8.0, y / 8.0, 1.0, seed + 20)
    sheet = np.exp(-((level / 1.5) ** 2)) * min(max(2.5 * (1.0 - radius), 0.0), 1.0)
    sheet *= 0.8 + 0.3 * noise(x / 6.0, y / 6.0, 5.0, seed + 21)
    return float(min(max(wet * (1.0 - cleft * sheet), 0.0), 1.0))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _gut(
    x: float, y: float, z: float, seed: int
) -> tuple[int, float, float]:  # fmt: skip # pragma: no cover - compiled
    """Bowel: kind, and factors of density and fat for loops' walls, content and gas."""
    bend = 5.0 * noise(x / 23.0, y / 23.0, z / 23.0, seed + 8)
    loops = noise((x + bend) / 22.0, (y + bend) / 22.0, (z - bend) / 24.0, seed + 9)
    grain = noise(x / 3.0, y / 3.0, z / 3.0, seed + 10)
    if abs(loops) < 0.22:
        return _SOFT, 0.75 + 0.05 * grain, 0.35
    if loops > 0.95:
        return FLUID, 0.8 + 0.05 * grain, 0.0
    return _BOWEL, 0.72 + 0.12 * loops + 0.06 * grain, 0.10


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _soft(
    point: Any, kind: int, amount: float, share: float, muscle: bool, muscle_fat: float, seed: int
) -> tuple[int, float, float]:  # fmt: skip # pragma: no cover - compiled
    """Kind, density and fat fraction of what is neither bone nor disc, with its texture."""
    x, y, z = point[0], point[1], point[2]
    if muscle:
        amount *= 1.0 + 0.035 * noise(x / 1.7, y / 1.7, z / 5.0, seed + 11)
        return kind, amount, _muscle_fat(x, y, z, muscle_fat, seed)
    if kind in (_FAT, _INTRAMUSCULAR):
        septum = _septum(x, y, z, seed + 12)
        amount *= (1.0 - 0.22 * septum) * (1.0 + 0.03 * noise(x / 3.5, y / 3.5, z / 3.5, seed + 13))
        return kind, amount, share * (1.0 - 0.30 * septum)
    if kind == _BOWEL:
        kind, amount, share = _gut(x, y, z, seed)
        return kind, amount, share
    if kind == _INTERSPINOUS:
        # Fibres run backward and up.
        across = 0.7 * (z - y) + 3.5 * noise(x / 9.0, y / 14.0, z / 14.0, seed + 22)
        fibres = noise(x / 2.2, 0.7 * (y + z) / 13.0, across / 2.4, seed + 14)
        share *= 1.0 + 0.22 * fibres + 0.35 * noise(x / 7.0, y / 7.0, z / 7.0, seed + 23)
        return kind, amount, min(max(share, 0.0), 0.9)
    if kind == _FLAVUM:
        amount *= 1.0 + 0.08 * noise(x / 1.5, y / 1.5, z / 4.0, seed + 15)
    elif kind in (_LIVER, _KIDNEY, _SOFT):
        amount *= 1.0 + 0.04 * noise(x / 3.0, y / 3.0, z / 3.0, seed + 16)
    return kind, amount, share


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def compose_voxels(
    tissues: Any, levels: Any, instances: Any, points: Any, density: Any, fat_share: Any, marrow: Any,
    by_level: Any, disc_kinds: Any, discs: Any, cleft: float,
    frames: Any, shapes: Any, modic: Any, pattern: Any,
    muscles: Any, muscle_fat: float, marrow_mean: float, patchy: float, seed: int,
    kind_out: Any, water_out: Any, fat_out: Any,
) -> None:  # fmt: skip # pragma: no cover - compiled
    """Fill ``kind_out``, ``water_out`` and ``fat_out`` for flat arrays of voxels.

    ``points`` ``(n, 3)`` are LPS mm of the supine subject, so that texture moves with a turned one.
    ``density`` and ``fat_share`` are by kind; ``marrow`` is what to add to the marrow's mean fat fraction by
    region, -1 where it is not bone; ``by_level`` the same by vertebral level. ``frames`` ``(levels, 4, 3)``
    hold origin and axes of each body, ``discs`` ``(levels, 6, 3)`` those of the disc under it, half its
    width, depth and height, and its shear; ``disc_kinds`` the first of its kinds. ``cleft`` is how dark the
    sheet across each nucleus is.
    """
    for n in range(tissues.shape[0]):
        region = int(tissues[n])
        if region == 0:
            continue
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        kind, amount, share = region, density[region], fat_share[region]
        if marrow[region] > -1.0:
            label = levels[n]
            share = _marrow_fat(x, y, z, marrow_mean + marrow[region] + by_level[label], patchy, seed)
            amount *= 1.0 + 0.05 * noise(x / 2.2, y / 2.2, z / 2.2, seed + 3)
            if kind == _BODY and shapes[label, 0] > 0:
                a, b, c = _in_frame(points[n], frames[label])
                kind, share = _body(a, b, c, shapes[label], modic[label], pattern, share, seed)
                amount *= density[kind] / density[region]
        elif kind in (_NUCLEUS, _ANNULUS, _DISC):
            label = instances[n] % 100
            wet = _wetness(points[n], kind, discs[label], cleft, seed)
            kind = disc_kinds[label] + int(wet * (DISC_STEPS - 0.01))
            amount = density[kind] * (1.0 + 0.05 * noise(x / 2.5, y / 2.5, z / 1.6, seed + 4))
        else:
            kind, amount, share = _soft(points[n], kind, amount, share, muscles[region], muscle_fat, seed)
        kind_out[n] = kind
        water_out[n] = amount * (1.0 - share)
        fat_out[n] = amount * share
