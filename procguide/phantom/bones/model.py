"""What one vertebra is made from, and the points that its half arches run through.

Local mm: x left, y posterior, z superior, from the body's centre.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import VERSE_LABELS, Side
from procguide.geometry import AnatomicalFrame
from procguide.phantom.bones.facets import FacetPose
from procguide.phantom.bones.pose import Pose, posterior_half_height
from procguide.phantom.bones.wear import BodyWear, body_wear
from procguide.phantom.population.morphometry import VertebraShape
from procguide.phantom.population.parameters import LevelWear, PhantomParameters, SideJitter

__all__ = ["LAMINA_THICKNESS", "ArchPoints", "VertebraModel", "arch_points", "vertebra_model"]

LAMINA_THICKNESS = 6.2


@dataclass(frozen=True)
class VertebraModel:
    """``above`` and ``below`` are its facet joints by side; ``sacralised`` is 0 for all but the lowest."""

    level: str
    frame: AnatomicalFrame
    shape: VertebraShape
    size: float
    jitters: Mapping[Side, SideJitter]
    above: Mapping[Side, FacetPose]
    below: Mapping[Side, FacetPose]
    spinous_thickness: float
    wear: LevelWear
    body: BodyWear
    seed: int
    lowest: bool
    sacralised: float

    @property
    def thoracic(self) -> bool:
        """It bears ribs."""
        return self.level.startswith("T")

    @property
    def lumbar_share(self) -> float:
        """How far the posterior elements are lumbar: 0 at T10 and above, T11 and T12 between, 1 below."""
        return {"T11": 0.45, "T12": 0.85, "T13": 0.95}.get(self.level, 0.0 if self.thoracic else 1.0)

    @property
    def label(self) -> int:
        """The level's VerSe integer."""
        return VERSE_LABELS[self.level]


def vertebra_model(parameters: PhantomParameters, pose: Pose, level: str) -> VertebraModel:
    """The vertebra with its neighbours' joints and its own wear."""
    place = parameters.levels.index(level)
    upper = parameters.levels[place - 1] if place else None
    above = {side: pose.facets[upper, side] for side in Side} if upper else pose.crown
    wear, shape = parameters.worn(level), pose.shapes[level]
    worn_above = parameters.worn(upper) if upper else LevelWear()
    lowest = place + 1 == len(parameters.levels)
    return VertebraModel(
        level,
        pose.frames[level],
        shape,
        parameters.size,
        {side: parameters.jitter(level, side.sign) for side in Side},
        above,
        {side: pose.facets[level, side] for side in Side},
        parameters.spinous_thickness,
        wear,
        body_wear(wear, worn_above, shape, parameters.seed, VERSE_LABELS[level]),
        parameters.seed,
        lowest,
        parameters.sacralised if lowest else 0.0,
    )


@dataclass(frozen=True)
class ArchPoints:
    """Local construction points of one side's half arch, ``(3,)`` mm each."""

    isthmus: NDArray[np.float64]
    pedicle_width: float
    junction: NDArray[np.float64]
    lamina_lateral: NDArray[np.float64]
    lamina_medial: NDArray[np.float64]
    process_root: NDArray[np.float64]
    process_tip: NDArray[np.float64]


def arch_points(model: VertebraModel, side: Side) -> ArchPoints:
    """Where the pedicle, lamina and transverse process of one side run."""
    shape, s, size = model.shape, side.sign, model.size
    jitter = model.jitters[side]
    wall = (shape.depth_upper + shape.depth_lower) / 4
    half_height = posterior_half_height(shape)
    width = shape.pedicle_width * jitter.pedicle
    middle = shape.canal_width / 2 + width / 2
    top = half_height - (0.5 if model.thoracic else 2.2) * size
    z = top - shape.pedicle_height / 2
    angle = np.radians(shape.pedicle_angle_deg)
    isthmus = np.array([s * middle, wall + 4.0 * size, z])
    junction = isthmus + 8.5 * size * np.array([s * np.sin(angle) * 0.6, np.cos(angle), -0.12])
    behind = wall + shape.canal_depth + (LAMINA_THICKNESS * 0.5 + 1.0) * size
    low = (-0.42 + 0.10 * (1 - model.lumbar_share)) * half_height
    aside = shape.canal_width / 2 + (0.5 + 3.8 * (1 - model.lumbar_share)) * size
    # In the chest the laminae stand back to the level of the facets; L5's leave room for its lateral recess.
    back = 0.74 if model.lowest else 0.80 - 0.18 * model.lumbar_share
    lateral = np.array([s * aside, wall + back * shape.canal_depth, low + 1.5])
    medial = np.array([0.0, behind, low])
    # In the chest it comes off high; that of the lowest vertebra from all of the pedicle's side, behind.
    behind_junction, above = (1.5, 0.0) if model.lowest else (-0.5, 0.5 + 2.0 * (1 - model.lumbar_share))
    root = junction + np.array([s * 0.22 * width, behind_junction, above * size])
    reach = shape.process_span / 2 * jitter.process_length - abs(root[0])
    swept, up = np.radians([shape.process_back_deg, shape.process_up_deg + jitter.process_up_deg])
    tip = root + reach * np.array([s, np.tan(swept), np.tan(up)])
    # A sacralised process reaches down to the ala.
    tip = tip + model.sacralised * size * np.array([0.0, -3.0, -12.0])
    return ArchPoints(isthmus, width, junction, lateral, medial, root, tip)
