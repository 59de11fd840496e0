"""Lordosis that fits the pelvis: the trunk lies over it, whatever wedges the vertebrae have.

Whoever has a steep sacrum has more lordosis (Stagnara et al., Spine 1982;7:335; Roussouly et al., Spine
2005;30:346). A kyphosis from broken or worn vertebrae is made up for by the discs that still can and by the
pelvis, which tips back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from procguide.phantom.bones.wear import worn_shape
from procguide.phantom.population.morphometry import VertebraShape
from procguide.phantom.population.parameters import LevelWear, PelvisShape

__all__ = ["TRUNK_LEAN_DEG", "draw_lordosis", "lumbar_lordosis", "settled", "trunk_lean"]

_Reals = NDArray[np.float64]

TRUNK_LEAN_DEG = (0.0, 4.0)
"""Forward lean of the line from S1 to the top vertebra, lying on the back: mean and SD (assumed)."""
_PELVIC_PART = 0.35
"""How much of an imbalance the pelvis takes; the discs take the rest (assumed)."""


def draw_lordosis(rng: np.random.Generator, pelvis: PelvisShape) -> float:
    """Lordosis from L1's upper endplate to S1, degrees.

    Standing, it is 0.54 incidence + 27.6 (Eur Spine J 2016;25:3630); lying, 13 degrees of 50 go (Asian Spine
    J 2019, PMC6680033: 36.8 +- 13.2 against 49.8 +- 11.2, T12-S1, posture not told); here 6, assumed for
    lying on the back.
    """
    return float(np.clip(0.54 * pelvis.incidence_deg + 27.6 - 6.0 + rng.normal(0, 5.0), 22.0, 80.0))


def lumbar_lordosis(shapes: Mapping[str, VertebraShape]) -> float:
    """Wedges of the lumbar bodies and discs, degrees, without what fractures did."""
    lumbar = [shape for level, shape in shapes.items() if level.startswith("L")]
    return float(sum(shape.disc_wedge_deg + shape.body_wedge_deg for shape in lumbar))


@dataclass(frozen=True)
class _Column:
    """The worn spine from the top down as arrays ``(n_levels,)``: mm and degrees.

    ``healthy_body_wedge`` is without fractures. ``widest`` is the wedge that the worn disc can have and be
    open at both rims.
    """

    levels: tuple[str, ...]
    disc_height: _Reals
    disc_wedge: _Reals
    body_height: _Reals
    body_wedge: _Reals
    healthy_body_wedge: _Reals
    lumbar: NDArray[np.bool_]
    widest: _Reals

    @classmethod
    def of(cls, shapes: Mapping[str, VertebraShape], wear: Mapping[str, LevelWear]) -> _Column:
        levels = tuple(shapes)
        worn = [worn_shape(shapes[level], wear.get(level, LevelWear())) for level in levels]
        open_at_most = [
            worn_shape(
                replace(shapes[level], disc_wedge_deg=60.0), wear.get(level, LevelWear())
            ).disc_wedge_deg
            for level in levels
        ]
        depth = np.array([(shape.depth_upper + shape.depth_lower) / 2 for shape in worn])
        height = np.array([shape.disc_height for shape in worn])
        return cls(
            levels,
            height,
            np.array([shape.disc_wedge_deg for shape in worn]),
            np.array([shape.body_height for shape in worn]),
            np.array([shape.body_wedge_deg for shape in worn]),
            np.array([shape.body_wedge_deg for shape in shapes.values()]),
            np.array([level.startswith("L") for level in levels]),
            # A quarter of the middle's height is left at one rim.
            np.minimum(open_at_most, 2 * np.degrees(np.arctan(0.75 * height / depth))),
        )

    def wedges_for(self, lordosis_deg: float, wedge: _Reals) -> _Reals:
        """Lumbar disc wedges changed so that they and the bodies give this lordosis, as far as discs can."""
        wedge, widest = wedge.copy(), self.widest[self.lumbar]
        lumbar = wedge[self.lumbar]
        wanted = lordosis_deg - self.healthy_body_wedge[self.lumbar].sum()
        for _ in range(8):
            lumbar = np.clip(lumbar, -widest, widest)
            lacking = wanted - lumbar.sum()
            # A disc that has no wedge to give leaves it to the others.
            room = np.maximum(0.3, widest - np.sign(lacking) * lumbar)
            lumbar = lumbar + lacking * room / room.sum()
        wedge[self.lumbar] = np.clip(lumbar, -widest, widest)
        return wedge

    def lordosis(self, wedge: _Reals) -> float:
        """Lumbar wedges together, without what fractures did."""
        return float((wedge + self.healthy_body_wedge)[self.lumbar].sum())

    def lean(self, wedge: _Reals, sacral_slope_deg: float) -> float:
        """Forward lean of the line from S1's endplate to the top vertebra, degrees."""
        heights = np.column_stack([self.disc_height, self.body_height])[::-1].ravel()
        wedges = np.radians(np.column_stack([wedge, self.body_wedge])[::-1].ravel())
        lean = np.radians(sacral_slope_deg) - np.cumsum(wedges) + wedges / 2
        return float(np.degrees(np.arctan2((heights * np.sin(lean)).sum(), (heights * np.cos(lean)).sum())))


def trunk_lean(
    shapes: Mapping[str, VertebraShape], wear: Mapping[str, LevelWear], sacral_slope_deg: float
) -> float:
    """Forward lean of the line from S1's endplate to the top vertebra, degrees. Shapes run caudally."""
    column = _Column.of(shapes, wear)
    return column.lean(column.disc_wedge, sacral_slope_deg)


def settled(
    pelvis: PelvisShape,
    shapes: Mapping[str, VertebraShape],
    wear: Mapping[str, LevelWear],
    lordosis_deg: float,
    trunk_lean_deg: float,
) -> tuple[PelvisShape, dict[str, VertebraShape]]:
    """Pelvis and shapes with about this lordosis, the trunk leaning by ``trunk_lean_deg``."""
    column = _Column.of(shapes, wear)
    slope = pelvis.sacral_slope_deg
    wedge = column.wedges_for(lordosis_deg, column.disc_wedge)
    for _ in range(6):
        excess = column.lean(wedge, slope) - trunk_lean_deg
        slope = float(np.clip(slope - _PELVIC_PART * excess, 10.0, 62.0))
        lordosis = np.clip(column.lordosis(wedge) + (1 - _PELVIC_PART) * excess, 15.0, 85.0)
        wedge = column.wedges_for(float(lordosis), wedge)
    # What discs can no longer give, the pelvis does.
    slope -= column.lean(wedge, slope) - trunk_lean_deg
    bones = {
        level: replace(shapes[level], disc_wedge_deg=float(value))
        for level, value in zip(column.levels, wedge, strict=True)
    }
    return replace(pelvis, sacral_slope_deg=float(np.clip(slope, 4.0, 64.0))), bones
