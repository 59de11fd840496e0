"""The spinal canal as one tube from above the top vertebra through the sacrum, and heights along it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.phantom.bones.pose import Pose
from procguide.phantom.bones.sacrum import SacrumModel, canal_nodes, to_straight
from procguide.phantom.bones.sacrum_shape import BACK, CANAL_DEPTH, FORAMINA
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.tubes import Tube, smooth_curve, tube_axes

__all__ = ["SACRAL_SEGMENTS", "CanalLine", "canal_line", "canal_tube", "sacral_edges"]

TAPER = 0.22
BEYOND = 1.1
"""How far above the top vertebra's centre the canal goes on, in body heights: past the field's end."""
STENOSIS = (0.26, 0.34)
STENOSIS_REACH_MM = 8.0
"""Share of width and depth that the worst stenosis takes at the disc, and over what length; assumed."""
SACRAL_SEGMENTS = ("S1", "S2", "S3", "S4", "S5")


def canal_tube(parameters: PhantomParameters, pose: Pose, sacrum: SacrumModel) -> Tube:
    """The canal's wall: at each vertebra's pedicles, at its lower border, and through the sacrum."""
    points, half, posterior = [], [], []
    for n, level in enumerate(pose.frames):
        frame, shape = pose.frames[level], pose.shapes[level]
        wall = (shape.depth_upper + shape.depth_lower) / 4
        size = np.array([shape.canal_width / 2 * 0.96, shape.canal_depth / 2 * 0.97])
        heights = (BEYOND, 0.5, 0.15, -0.4) if n == 0 else (0.15, -0.4)
        for height in heights:
            waist = 0.0 if height > 0 else 0.06
            points.append(
                frame.to_patient((0, wall - 0.8 + shape.canal_depth / 2, height * shape.body_height))
            )
            half.append(size * (1 - waist))
            posterior.append(np.asarray(frame.posterior))
    below, sacral_half, sacral_posterior = canal_nodes(sacrum)
    curve, sizes, behind = smooth_curve(
        np.vstack([*points, below]),
        np.vstack([*half, sacral_half]),
        np.vstack([*posterior, sacral_posterior]),
    )
    return Tube(curve, sizes * _narrowing(parameters, pose, curve), behind, taper=TAPER, power=2.2)


def _narrowing(parameters: PhantomParameters, pose: Pose, curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """What central stenosis leaves of width and depth, ``(n, 2)``."""
    left = np.ones((len(curve), 2))
    for level in parameters.levels:
        share = parameters.worn(level).central_stenosis
        if share > 0:
            frame, shape = pose.frames[level], pose.shapes[level]
            back = shape.depth_lower / 2 + shape.canal_depth / 2
            disc = frame.to_patient((0, back, -(shape.body_height + shape.disc_height) / 2))
            near = np.exp(-((np.linalg.norm(curve - disc, axis=1) / STENOSIS_REACH_MM) ** 2))
            left *= 1 - share * near[:, None] * np.array(STENOSIS)
    return left


@dataclass(frozen=True)
class CanalLine:
    """The canal's centreline with its axes; a *station* is a place along it in points from the top.

    ``tops`` are the stations of the upper endplates, of sacral segments too, and of the hiatus (``"end"``).
    """

    tube: Tube
    tops: Mapping[str, float]

    @cached_property
    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Tangent (caudal), left and posterior ``(n, 3)``."""
        return tube_axes(self.tube)

    @property
    def count(self) -> int:
        """Points along it."""
        return len(self.tube.points)

    def station(self, point: ArrayLike) -> float:
        """The station next to a patient point."""
        offset = np.asarray(point) - self.tube.points
        n = int(np.argmin((offset * offset).sum(axis=1)))
        return float(np.clip(n + offset[n] @ self.axes[0][n], 0, self.count - 1))

    def height(self, level: str, share: float) -> float:
        """Station at ``share`` of the way from that level's upper endplate to the next one's."""
        names = list(self.tops)
        place = names.index(level) if level in names[:-1] else 0
        top, below = self.tops[names[place]], self.tops[names[place + 1]]
        return top + share * (below - top)

    def at(self, station: ArrayLike, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Patient ``(..., 3)`` of places ``x`` mm left and ``y`` mm behind the centreline."""
        s = np.clip(np.asarray(station, dtype=float), 0, self.count - 1)
        places = np.arange(self.count)
        out = np.stack([np.interp(s, places, self.tube.points[:, n]) for n in range(3)], axis=-1)
        for amount, axis in ((x, self.axes[1]), (y, self.axes[2])):
            direction = np.stack([np.interp(s, places, axis[:, n]) for n in range(3)], axis=-1)
            out = out + np.asarray(amount, dtype=float)[..., None] * direction
        return np.asarray(out)


def sacral_edges(sacrum: SacrumModel) -> NDArray[np.float64]:
    """Stations along the sacrum's bend, mm, of the tops of S1 to S5 and of its end."""
    between = [row[0] for row in FORAMINA]
    return np.array([0.0, *between, 112.0]) * sacrum.stretch


def canal_line(pose: Pose, sacrum: SacrumModel, tube: Tube) -> CanalLine:
    """Heights along the canal by level."""
    line = CanalLine(tube, {})
    tops = {}
    for level, frame in pose.frames.items():
        shape = pose.shapes[level]
        back = (shape.depth_upper + shape.canal_depth) / 2
        tops[level] = line.station(frame.to_patient((0, back, shape.body_height / 2)))
    edges = sacral_edges(sacrum)
    for name, s in zip((*SACRAL_SEGMENTS, "end"), edges, strict=True):
        h = float(sacrum.at(BACK, s) + sacrum.at(CANAL_DEPTH, s) / 2)
        tops[name] = line.station(sacrum.frame.to_patient((0, *to_straight(sacrum, s, h))))
    return CanalLine(tube, tops)
