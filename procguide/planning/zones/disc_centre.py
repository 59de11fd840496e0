"""The centre of a disc, half-way between the endplates that border it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import BONE, Vertebra
from procguide.geometry import AnatomicalFrame, Vector, vector
from procguide.planning.site import LocalLabels, Site
from procguide.planning.zones.body import label_at
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]


@dataclass(frozen=True)
class _Disc:
    """The disc's own axes, its origin in the middle, and half its width, depth and height, mm."""

    frame: AnatomicalFrame
    half_mm: NDArray[np.float64]

    @classmethod
    def of(cls, site: Site) -> _Disc:
        """Between the endplates above and below."""
        upper, below = site.upper.inferior_endplate, site.below
        lower = below.superior_endplate if isinstance(below, Vertebra) else below.endplate
        top, bottom = np.asarray(upper.centre), np.asarray(lower.centre)
        upward = np.asarray(upper.normal) + np.asarray(lower.normal)
        frame = AnatomicalFrame.from_axes((top + bottom) / 2, upward, site.upper.frame.left)
        height = float((top - bottom) @ np.asarray(frame.superior))
        width, depth = upper.width_mm + lower.width_mm, upper.depth_mm + lower.depth_mm
        return cls(frame, np.array([width / 4, depth / 4, max(height, 0.0) / 2]))

    def at(self, shares: ArrayLike) -> NDArray[np.float64]:
        """Points ``(n, 3)`` LPS mm at shares of the half-sizes (left, posterior, superior)."""
        return self.frame.to_patient(np.asarray(shares) * self.half_mm)


def centre(site: Site) -> Vector:
    """Half-way between the centres of both endplates."""
    return vector(_Disc.of(site).frame.origin)


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """The nucleus: shares of the disc's half width, depth and height about its centre, free of bone.

    The shaft comes in through the posterolateral border, between articular process and leaving nerve.
    """
    disc, number = _Disc.of(site), site.number
    ticks = (np.linspace(-1, 1, 9), np.linspace(-1, 1, 9), np.linspace(-1, 1, 5))
    within = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    within = within[np.linalg.norm(within[:, :2], axis=1) <= 1.0]
    extent = np.array([number("width_fraction"), number("depth_fraction"), number("height_fraction")])
    points = disc.at(within * extent)
    level, region = label_at(labels, points)
    free = (level == 0) & ~np.isin(region, BONE)
    misfit = 0.8 * np.linalg.norm(within[:, :2], axis=1) + 0.2 * np.abs(within[:, 2])
    return TargetZone(points[free], np.clip(misfit[free], 0, 1), _gates(site, disc))


def _gates(site: Site, disc: _Disc) -> NDArray[np.float64]:
    """Points of the border on the needle's side, ``(m, 3)``: at angles behind straight lateral."""
    number = site.number
    behind = np.radians(np.arange(number("border_low_deg"), number("border_high_deg") + 0.1, 1.0))
    reach = number("border_height_fraction")
    angle, height = (
        axis.ravel() for axis in np.meshgrid(behind, np.linspace(-reach, reach, 11), indexing="ij")
    )
    radius = 1 / np.hypot(np.cos(angle) / disc.half_mm[0], np.sin(angle) / disc.half_mm[1])
    x, y = site.own_side.sign * radius * np.cos(angle), radius * np.sin(angle)
    return disc.frame.to_patient(np.stack([x, y, height * disc.half_mm[2]], axis=1))
