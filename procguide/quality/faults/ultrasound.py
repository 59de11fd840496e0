"""Faults of ultrasound pictures, on any linear-array picture as brightness 0..1.

Each fault is ``(picture (j, i), sector, strength 0..1, seed) -> picture``: ``sector`` is the part with
echoes, as slices along j and i. The picture that was given stays as it was; strength 0 changes nothing.
:func:`frozen` is of a run ``(t, j, i)``; :func:`at_other_depth` moves what is marked, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d, zoom

__all__ = ["FAULTS", "at_other_depth", "frozen", "with_needle"]

Picture = NDArray[np.float32]
Sector = tuple[slice, slice]
Fault = Callable[[Picture, Sector, float, int], Picture]


def contact_lost(picture: Picture, sector: Sector, strength: float, seed: int) -> Picture:
    """Air under part of the probe, up to 80 % of its width: reverberations at the top, nothing below."""
    rng = np.random.default_rng(seed)
    part = picture[sector].copy()
    rows, columns = part.shape
    lost = int(columns * 0.8 * strength)
    if lost == 0:
        return picture
    start = int(rng.choice([0, columns - lost, rng.integers(0, columns - lost + 1)]))
    bands = np.zeros(rows, np.float32)
    for n in range(3):
        bands[int((0.005 + 0.028 * n) * rows) :][: max(rows // 90, 2)] = 0.85 - 0.25 * n
    air = bands[:, None] + np.abs(rng.normal(0, 0.012, (rows, lost)))
    keep = np.ones(columns, np.float32)
    keep[start : start + lost] = 0
    keep = gaussian_filter1d(keep, columns / 80)
    full = np.zeros_like(part)
    full[:, start : start + lost] = air
    return _put(picture, sector, part * keep + full * (1 - keep))


def gain_low(picture: Picture, sector: Sector, strength: float, seed: int) -> Picture:  # noqa: ARG001
    """Amplifier turned down until that share of what shows tissue, up to 95 %, is black."""
    part = picture[sector]
    if strength <= 0 or not (shown := part[part > _ECHO]).size:
        return picture
    return _put(picture, sector, part - np.float32(np.quantile(shown, 0.95 * strength)))


_ECHO = 0.04
"""Brightness from which a pixel shows tissue: black ones are shadow, water or too deep."""


def gain_high(picture: Picture, sector: Sector, strength: float, seed: int) -> Picture:
    """Amplifier turned up by up to 60 % of the display's range, with its noise."""
    rng = np.random.default_rng(seed)
    noise = np.abs(rng.normal(0, 0.25 * strength, picture[sector].shape))
    return _put(picture, sector, np.maximum(picture[sector], noise) + np.float32(0.6 * strength))


def too_deep(picture: Picture, sector: Sector, strength: float, seed: int) -> Picture:
    """Depth set too large: the tissue takes the upper part only, down to a quarter, and below is nothing."""
    rng = np.random.default_rng(seed)
    part = picture[sector]
    rows = part.shape[0]
    kept = max(int(rows * (1 - 0.75 * strength)), 8)
    out = np.abs(rng.normal(0, 0.01, part.shape)).astype(np.float32)
    out[:kept] = zoom(part, (kept / rows, 1), order=1)[:kept]
    fade = np.clip((kept - np.arange(rows)) / (0.06 * rows), 0, 1)[:, None].astype(np.float32)
    return picture if strength <= 0 else _put(picture, sector, out * np.maximum(fade, (out < 0.05)))


def at_other_depth(
    picture: Picture, labels: NDArray[np.bool_], sector: Sector, scale: float, seed: int
) -> tuple[Picture, NDArray[np.bool_]]:
    """The depth set otherwise: what was shown at a depth, and marked there, stands ``scale`` times as deep.

    Above 1 the lower part is cut off; below 1 noise fills what the picture did not show.
    """
    part, marked = picture[sector], labels[sector].astype(np.float32)
    rows = part.shape[0]
    size = (round(rows * scale) / rows, 1)
    kept = min(round(rows * scale), rows)
    noise = np.abs(np.random.default_rng(seed).normal(0, 0.01, part.shape)).astype(np.float32)
    shown, still_marked = noise, np.zeros_like(marked)
    shown[:kept] = zoom(part, size, order=1)[:kept]
    still_marked[:kept] = zoom(marked, size, order=0)[:kept]
    moved = np.zeros_like(labels)
    moved[sector] = still_marked > 0.5
    return _put(picture, sector, shown), moved


def shadowed(picture: Picture, sector: Sector, strength: float, seed: int) -> Picture:
    """Bone or gas across up to 90 % of the width: a bright surface with nothing behind."""
    rng = np.random.default_rng(seed)
    part = picture[sector].copy()
    rows, columns = part.shape
    wide = int(columns * 0.9 * strength)
    if wide == 0:
        return picture
    start = int(rng.integers(0, columns - wide + 1))
    top = rng.uniform(0.15, 0.3) + gaussian_filter1d(rng.standard_normal(wide), wide / 6 + 1) * 0.03
    deep = np.arange(rows)[:, None] / rows
    struck = slice(start, start + wide)
    dark = np.clip((deep - top[None]) / 0.05, 0, 1)
    floor = np.abs(rng.normal(0, 0.012, (rows, wide)))
    part[:, struck] = part[:, struck] * (1 - dark) + floor * dark
    surface = np.exp(-(((deep - top[None]) / 0.008) ** 2)) * rng.uniform(0.75, 0.95)
    part[:, struck] = np.maximum(part[:, struck], surface)
    return _put(picture, sector, part)


def defocused(picture: Picture, sector: Sector, strength: float, seed: int) -> Picture:  # noqa: ARG001
    """Beams too broad: smeared across by up to 2 % of the width, and along by a fifth of that."""
    part = picture[sector]
    smear = 0.02 * strength * part.shape[1]
    return picture if strength <= 0 else _put(picture, sector, gaussian_filter(part, (smear / 5, smear)))


def written_on(picture: Picture, sector: Sector, strength: float, seed: int) -> Picture:
    """Calipers and words over the tissue: one mark, up to a dozen."""
    from PIL import Image, ImageDraw, ImageFont

    rng = np.random.default_rng(seed)
    part = picture[sector]
    rows, columns = part.shape
    canvas = Image.fromarray((part * 255).astype(np.uint8))
    pen = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(max(rows // 32, 11))
    for _ in range(int(np.ceil(12 * strength))):
        j, i = int(rng.uniform(0.1, 0.85) * rows), int(rng.uniform(0.05, 0.75) * columns)
        if rng.random() < 0.5:
            pen.text(
                (i, j), str(rng.choice(["D1 2.31 cm", "L4 TP", "N. fem", "0.84 cm"])), fill=255, font=font
            )
        else:
            arm = max(rows // 80, 5)
            pen.line((i - arm, j, i + arm, j), fill=255, width=1)
            pen.line((i, j - arm, i, j + arm), fill=255, width=1)
    return _put(picture, sector, np.asarray(canvas, np.float32) / 255) if strength > 0 else picture


def needle_lost(picture: Picture, sector: Sector, strength: float, seed: int) -> Picture:
    """A needle that leaves the picture's plane: at 0 it is seen whole, at 1 not at all."""
    return with_needle(picture, sector, 1 - strength, seed)


def with_needle(picture: Picture, sector: Sector, seen: float, seed: int) -> Picture:
    """A needle in the plane, ``seen`` 0..1 of its length, with two reverberations below it."""
    rng = np.random.default_rng(seed)
    part = picture[sector].copy()
    rows, columns = part.shape
    angle = np.radians(rng.uniform(12, 50)) * rng.choice([-1, 1])
    entry = np.array([rng.uniform(0.05, 0.2) * rows, 0.0 if angle > 0 else columns - 1.0])
    way = np.array([np.sin(abs(angle)), np.cos(angle) * np.sign(angle)])
    reach = rng.uniform(0.45, 0.65) * min(columns / abs(way[1]), 0.9 * rows / way[0])
    j, i = np.indices(part.shape)
    along = (j - entry[0]) * way[0] + (i - entry[1]) * way[1]
    across = np.abs(-(j - entry[0]) * way[1] + (i - entry[1]) * way[0]) * 1.0
    width = max(rows / 260, 1.2)
    lit = np.clip(seen * reach - along, 0, 1) * (along > 0.04 * reach)
    bright = np.exp(-((across / width) ** 2)) * lit * rng.uniform(0.8, 0.95)
    return _put(picture, sector, np.maximum(part, bright)) if seen > 0 else picture


def frozen(run: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """A run ``(t, j, i)`` whose last part, up to the whole, stands still."""
    out = run.copy()
    first = round((1 - strength) * (len(run) - 1))
    out[first:] = run[first]
    return out


def _put(picture: Picture, sector: Sector, part: NDArray[np.floating]) -> Picture:
    out = picture.copy()
    out[sector] = np.clip(part, 0, 1)
    return out


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "contact lost": contact_lost,
        "gain low": gain_low,
        "gain high": gain_high,
        "too deep": too_deep,
        "shadow": shadowed,
        "defocused": defocused,
        "written on": written_on,
        "needle lost": needle_lost,
    }
)
