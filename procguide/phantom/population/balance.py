"""Lordosis that fits the pelvis: the trunk lies over it, whatever wedges the vertebrae have.

Whoever has a steep sacrum has more lordosis (Stagnara et al., Spine 1982;7:335; Roussouly et al., Spine
2005;30:346). A kyphosis from broken or worn vertebrae is made up for by the discs that still can and by the
pelvis, which tips back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from procguide.phantom.bones.wear import worn_shape
from procguide.phantom.population.morphometry import VertebraShape
from procguide.phantom.population.parameters import LevelWear, PelvisShape

__all__ = ["TRUNK_LEAN_DEG", "balanced", "draw_lordosis", "lumbar_lordosis", "settled", "trunk_lean"]

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


def balanced(
    shapes: Mapping[str, VertebraShape], wear: Mapping[str, LevelWear], lordosis_deg: float
) -> dict[str, VertebraShape]:
    """Lumbar disc wedges changed so that they and the bodies give this lordosis, as far as discs can."""
    lumbar = {level: shape for level, shape in shapes.items() if level.startswith("L")}
    wedge = {level: shape.disc_wedge_deg for level, shape in lumbar.items()}
    widest = {level: _widest_wedge(shape, wear.get(level, LevelWear())) for level, shape in lumbar.items()}
    wanted = lordosis_deg - sum(shape.body_wedge_deg for shape in lumbar.values())
    for _ in range(8):
        wedge = {
            level: float(np.clip(value, -widest[level], widest[level])) for level, value in wedge.items()
        }
        lacking = wanted - sum(wedge.values())
        # A disc that has no wedge to give leaves it to the others.
        room = {level: max(0.3, widest[level] - np.sign(lacking) * value) for level, value in wedge.items()}
        share = lacking / sum(room.values())
        wedge = {level: value + share * room[level] for level, value in wedge.items()}
    return dict(shapes) | {
        level: replace(shape, disc_wedge_deg=float(np.clip(wedge[level], -widest[level], widest[level])))
        for level, shape in lumbar.items()
    }


def _widest_wedge(shape: VertebraShape, wear: LevelWear) -> float:
    """The wedge, degrees, that the worn disc can have and be open at both rims."""
    worn = worn_shape(replace(shape, disc_wedge_deg=60.0), wear)
    depth = (shape.depth_upper + shape.depth_lower) / 2
    return float(min(worn.disc_wedge_deg, 2 * np.degrees(np.arctan(0.75 * worn.disc_height / depth))))


def trunk_lean(
    shapes: Mapping[str, VertebraShape], wear: Mapping[str, LevelWear], sacral_slope_deg: float
) -> float:
    """Forward lean of the line from S1's endplate to the top vertebra, degrees. Shapes run caudally."""
    lean, forward, up = np.radians(sacral_slope_deg), 0.0, 0.0
    for level in reversed(list(shapes)):
        shape = worn_shape(shapes[level], wear.get(level, LevelWear()))
        for height, degrees in (
            (shape.disc_height, shape.disc_wedge_deg),
            (shape.body_height, shape.body_wedge_deg),
        ):
            wedge = np.radians(degrees)
            forward += height * np.sin(lean - wedge / 2)
            up += height * np.cos(lean - wedge / 2)
            lean -= wedge
    return float(np.degrees(np.arctan2(forward, up)))


def settled(
    pelvis: PelvisShape,
    shapes: Mapping[str, VertebraShape],
    wear: Mapping[str, LevelWear],
    lordosis_deg: float,
    trunk_lean_deg: float,
) -> tuple[PelvisShape, dict[str, VertebraShape]]:
    """Pelvis and shapes with about this lordosis, the trunk leaning by ``trunk_lean_deg``."""
    slope, lordosis = pelvis.sacral_slope_deg, lordosis_deg
    bones = balanced(shapes, wear, lordosis)
    for _ in range(6):
        excess = trunk_lean(bones, wear, slope) - trunk_lean_deg
        slope = float(np.clip(slope - _PELVIC_PART * excess, 10.0, 62.0))
        lordosis = float(np.clip(lordosis + (1 - _PELVIC_PART) * excess, 15.0, 85.0))
        bones = balanced(shapes, wear, lordosis)
        lordosis = lumbar_lordosis(bones)
    # What discs can no longer give, the pelvis does.
    excess = trunk_lean(bones, wear, slope) - trunk_lean_deg
    return replace(pelvis, sacral_slope_deg=float(np.clip(slope - excess, 4.0, 64.0))), bones
