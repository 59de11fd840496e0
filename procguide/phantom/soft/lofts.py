"""Solids given by their cross-sections: drawn at a few heights, interpolated between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from procguide.anatomy import Region, Side
from procguide.phantom.solids import Array

__all__ = ["Loft", "ellipse", "loft", "rounded"]

RAYS = 72
STEP_MM = 4.0


@dataclass(frozen=True)
class Loft:
    """Cross-sections as stars: at each of ``heights`` (z, mm) a radius for 72 angles about a centre.

    ``centres`` ``(n, 2)`` LPS mm, ``radii`` ``(n, 72)`` mm from -180 degrees, 0 toward the left.
    ``rough`` is the amplitude of the edge's unevenness, mm, on a scale of ``step`` mm; the outermost
    ``film_mm`` are ``film``.
    """

    region: Region
    side: Side | None
    heights: Array
    centres: Array
    radii: Array
    rough: float = 0.8
    step: float = 14.0
    film: Region = Region.FASCIA
    film_mm: float = 0.0


def ellipse(
    x: float, y: float, a: float, b: float, turn_deg: float = 0.0, n: int = 12
) -> NDArray[np.float64]:
    """``(n, 2)`` points on an ellipse, a little squarer than one, as muscle is."""
    t = np.arange(n) * 2 * np.pi / n
    stretch = (np.abs(np.cos(t)) ** 2.4 + np.abs(np.sin(t)) ** 2.4) ** (-1 / 2.4)
    turn = np.radians(turn_deg)
    p, q = a * stretch * np.cos(t), b * stretch * np.sin(t)
    return np.column_stack([x + p * np.cos(turn) - q * np.sin(turn), y + p * np.sin(turn) + q * np.cos(turn)])


def rounded(polygon: ArrayLike, n: int = 96) -> NDArray[np.float64]:
    """A closed smooth curve through ``(m, 2)`` corners, ``(n, 2)``."""
    corners = np.asarray(polygon, dtype=float)
    m = len(corners)
    place = np.arange(n) * m / n
    k = np.floor(place).astype(int)
    t = (place - k)[:, None]
    p0, p1, p2, p3 = (corners[(k + d) % m] for d in (-1, 0, 1, 2))
    return np.asarray(
        0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
               + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    )  # fmt: skip


def _star(polygon: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    curve = rounded(polygon)
    centre = np.asarray((curve.max(axis=0) + curve.min(axis=0)) / 2 * 0.5 + curve.mean(axis=0) * 0.5)
    offset = curve - centre
    angle = np.arctan2(offset[:, 1], offset[:, 0])
    order = np.argsort(angle)
    rays = -np.pi + np.arange(RAYS) * 2 * np.pi / RAYS
    return centre, np.interp(rays, angle[order], np.hypot(*offset[order].T), period=2 * np.pi)


def loft(
    region: Region, side: Side | None, stations: Sequence[tuple[float, ArrayLike]], *,
    caps: tuple[float, float] = (4.0, 4.0), rough: float = 0.8, step: float = 14.0,
    film: Region = Region.FASCIA, film_mm: float = 0.0,
) -> Loft:  # fmt: skip
    """A loft through ``stations``: height z and ``(m, 2)`` corners, LPS mm, in any order.

    ``caps`` are how far it runs on below and above its last stations, rounding off, mm; 0 cuts it flat.
    """
    ordered = sorted(stations, key=lambda station: station[0])
    z = np.array([height for height, _ in ordered])
    stars = [_star(np.asarray(polygon, dtype=float)) for _, polygon in ordered]
    centres, radii = (np.array([star[n] for star in stars]) for n in range(2))
    heights = np.unique(np.r_[np.arange(z[0], z[-1], STEP_MM), z[-1]])
    if len(z) > 1:
        centres, radii = (np.asarray(PchipInterpolator(z, values)(heights)) for values in (centres, radii))
    rounding = np.array([0.97, 0.8, 0.45, 0.05])
    steps = np.array([0.25, 0.6, 0.9, 1.0])
    below, above = caps
    if below > 0:
        heights = np.r_[(heights[0] - steps * below)[::-1], heights]
        radii = np.vstack([(radii[0] * rounding[:, None])[::-1], radii])
        centres = np.vstack([np.repeat(centres[:1], 4, axis=0), centres])
    if above > 0:
        heights = np.r_[heights, heights[-1] + steps * above]
        radii = np.vstack([radii, radii[-1] * rounding[:, None]])
        centres = np.vstack([centres, np.repeat(centres[-1:], 4, axis=0)])
    f32 = np.float32
    return Loft(
        region, side, heights.astype(f32), centres.astype(f32), radii.astype(f32), rough, step, film, film_mm
    )
