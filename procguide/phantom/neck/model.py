"""One vertebra of a neck with its joints and neighbours' wear, and points that its solids run through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import VERSE_LABELS, Side
from procguide.geometry import AnatomicalFrame
from procguide.phantom.bones.facets import FacetPose
from procguide.phantom.neck.parameters import NECK_LEVELS, NeckParameters, NeckShape
from procguide.phantom.neck.pose import NeckPose, back_wall, pillar_middle

__all__ = ["NeckVertebra", "neck_vertebra"]


@dataclass(frozen=True)
class NeckVertebra:
    """``above`` and ``below`` are its facet joints by side; none at the ends of the phantom."""

    level: str
    frame: AnatomicalFrame
    shape: NeckShape
    size: float
    above: Mapping[Side, FacetPose]
    below: Mapping[Side, FacetPose]
    worn_above: float
    worn_below: float
    bifid: bool
    seed: int

    @property
    def label(self) -> int:
        """The level's VerSe integer."""
        return VERSE_LABELS[self.level]

    @property
    def has_foramen(self) -> bool:
        """Whether its transverse processes are cervical: with two bars and a foramen between them."""
        return self.level in ("C2", "C3", "C4", "C5", "C6")

    @property
    def wall(self) -> float:
        """Local y of the body's back."""
        return back_wall(self.shape)

    @property
    def lamina_top(self) -> NDArray[np.float64]:
        """Front of the lamina's upper edge in the midline, local mm."""
        shape = self.shape
        return np.array([0.0, self.wall - 0.6 + shape.canal_depth, 0.15 * shape.height])

    @property
    def lamina_lean(self) -> float:
        """How far back the lamina's lower edge stands, mm: room for the fat under it."""
        return max(self.shape.epidural * 0.85, 1.6)

    def pillar(self, side: Side) -> NDArray[np.float64]:
        """The articular pillar's middle, local mm: between its joints."""
        x, y = pillar_middle(self.shape, side)
        heights = [
            float(self.frame.to_local(joint[side].frame.origin)[2])
            for joint in (self.above, self.below)
            if joint
        ]
        half = (self.shape.height + self.shape.disc) / 2
        heights += [half] * (not self.above) + [-half] * (not self.below)
        return np.array([x, y, float(np.mean(heights))])

    def isthmus(self, side: Side) -> NDArray[np.float64]:
        """The pedicle's narrowest place, local mm."""
        shape = self.shape
        x = side.sign * (shape.canal_width / 2 + 0.2 * shape.pedicle_width)
        return np.array([x, self.wall + 1.2 * self.size, 0.12 * shape.height])

    def foramen(self, side: Side) -> NDArray[np.float64]:
        """Middle of the transverse foramen, or of the place before the process where there is none."""
        shape, size = self.shape, self.size
        x = max(shape.width_upper, shape.width_lower) / 2 + 3.9 * size
        return np.array([side.sign * x, self.wall - 4.2 * size, -0.5 * size])

    def process_tip(self, side: Side) -> NDArray[np.float64]:
        """End of the transverse process (its posterior tubercle), local mm."""
        shape, size = self.shape, self.size
        back = {"C7": 6.0, "T1": 16.0, "T2": 19.0, "T3": 21.0}.get(self.level)
        if back is None:
            return np.asarray(self.foramen(side) + size * np.array([side.sign * 7.5, 4.2, -3.0]))
        low = 1.5 if self.level == "C7" else -0.5
        return np.array([side.sign * shape.process_span / 2, self.wall + back * size, -low * size])

    @property
    def spinous_tip(self) -> NDArray[np.float64]:
        """End of the spinous process in the midline, local mm."""
        shape, slope = self.shape, np.radians(self.shape.spinous_slope_deg)
        away = np.array([0, np.cos(slope), -np.sin(slope)])
        return np.asarray(self.spinous_root + shape.spinous_length * away)

    @property
    def spinous_root(self) -> NDArray[np.float64]:
        """Where the laminae meet, local mm."""
        shape = self.shape
        back = self.lamina_lean * 0.6 + shape.lamina_thickness * 0.5
        return np.asarray(self.lamina_top + np.array([0, back, -0.6 * shape.lamina_height]))


def neck_vertebra(parameters: NeckParameters, pose: NeckPose, level: str) -> NeckVertebra:
    """The vertebra of that level."""
    place = NECK_LEVELS.index(level)
    upper = NECK_LEVELS[place - 1] if place else None
    last = place + 1 == len(NECK_LEVELS)
    return NeckVertebra(
        level,
        pose.frames[level],
        pose.shapes[level],
        parameters.size,
        {side: pose.joints[upper, side] for side in Side} if upper else {},
        {} if last else {side: pose.joints[level, side] for side in Side},
        parameters.wear[upper] if upper else 0.0,
        parameters.wear[level],
        parameters.bifid.get(level, False),
        parameters.seed,
    )
