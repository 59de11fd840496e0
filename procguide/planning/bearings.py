"""Where a needle may come from: the catalogue's approach about the axes of one level."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from procguide.geometry import AnatomicalFrame, beam_direction
from procguide.planning.catalogue import Approach
from procguide.planning.site import Site

__all__ = ["COARSE_DEG", "Bearings", "find_bearings"]

COARSE_DEG = 2.0
"""Step of both angles where needles are many."""
_POOR_DEG = 30.0
_TOLERANCE_DEG = 1e-6
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Bearings:
    """The limits of both angles and of the entry's distance from the midline, for one level and side.

    ``sign`` is +1 where the needle's own side is the patient's left, -1 where it is the right, 0 where it
    has none. ``rotation`` ``(3, 3)`` takes the reference's axes (left, posterior, superior) to the
    patient's; for a needle from the front, the second axis points there. ``level`` has the midline.
    ``steepest_deg``: the most tilt from straight down, as the patient lies.
    """

    approach: Approach
    sign: int
    rotation: Floats
    level: AnatomicalFrame
    steepest_deg: float = 90.0

    @cached_property
    def inward(self) -> Floats:
        """Unit vectors into the patient on a grid of both angles at 2 degrees, ``(n, 3)`` LPS."""
        return self.directions(COARSE_DEG)

    def directions(self, step_deg: float) -> Floats:
        """Unit vectors into the patient on a grid of both angles, ``(n, 3)`` LPS."""
        oblique, tilt = self.approach.oblique_deg, self.approach.tilt_deg
        pairs = [
            (a, b)
            for a in _ticks(oblique.low, oblique.high, oblique.preferred, step_deg)
            for b in _ticks(tilt.low, tilt.high, tilt.preferred, step_deg)
        ]
        sign = self.sign or 1
        return np.array([beam_direction(sign * a, b) for a, b in pairs]) @ self.rotation.T

    def angles(self, inward: Floats) -> tuple[Floats, Floats]:
        """Oblique (positive toward the own side) and tilt of directions ``(n, 3)``, degrees ``(n,)`` each."""
        left, posterior, superior = -(inward @ self.rotation).T
        tilt = np.degrees(np.arcsin(np.clip(superior, -1, 1)))
        oblique = np.degrees(np.arctan2((self.sign or 1) * left, posterior))
        middle = self.approach.oblique_deg.preferred
        return (oblique - middle + 180) % 360 - 180 + middle, tilt

    def misfit(self, inward: Floats) -> Floats:
        """How far directions ``(n, 3)`` are from the preferred one, 0 to 1 (30 degrees or more)."""
        oblique, tilt = self.angles(inward)
        off = np.hypot(oblique - self.approach.oblique_deg.preferred, tilt - self.approach.tilt_deg.preferred)
        return np.asarray(np.clip(off / _POOR_DEG, 0, 1))

    def beyond(self, inward: Floats) -> Truths:
        """Which of the directions ``(n, 3)`` the limits of the angles do not allow, ``(n,)``."""
        off = np.zeros(len(inward), bool)
        limits = (self.approach.oblique_deg, self.approach.tilt_deg)
        for angle, limit in zip(self.angles(inward), limits, strict=True):
            off |= (angle < limit.low - _TOLERANCE_DEG) | (angle > limit.high + _TOLERANCE_DEG)
        return off

    def too_steep(self, inward: Floats) -> Truths:
        """Which of the directions ``(n, 3)`` lean farther to head or feet than is allowed, ``(n,)``."""
        tilt = np.degrees(np.arcsin(np.clip(np.abs(inward[:, 2]), 0, 1)))
        return np.asarray(tilt > self.steepest_deg + _TOLERANCE_DEG)

    def lateral_mm(self, entries: Floats) -> Floats:
        """Distance of points ``(n, 3)`` LPS from the level's midline, positive on the own side, ``(n,)``."""
        across = self.level.to_local(entries)[..., 0]
        return np.asarray(self.sign * across if self.sign else np.abs(across))


def find_bearings(site: Site) -> Bearings:
    """The catalogue's limits for the level and side of ``site``, about the axes that it names."""
    entry, side = site.procedure.entry, site.side
    level = site.level_frame
    rotation = np.eye(3) if entry.reference == "table" else level.rotation
    facing = np.diag([1.0, 1.0 if entry.surface == "back" else -1.0, 1.0])
    return Bearings(
        entry.approach(site.level, sided=side is not None),
        side.sign if side is not None else 0,
        rotation @ facing,
        level,
        entry.steepest_deg.value if entry.steepest_deg is not None else 90.0,
    )


def _ticks(low: float, high: float, preferred: float, step: float) -> Floats:
    """Steps that hit the preferred angle."""
    below = np.arange(preferred, low - 1e-6, -step)[::-1]
    return np.concatenate([below, np.arange(preferred + step, high + 1e-6, step)])
