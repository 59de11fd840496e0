"""Where each bone stands: frames from S1 upward, canal line and facet joints. Patient LPS mm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Side
from procguide.geometry import AnatomicalFrame, vector
from procguide.phantom.population.morphometry import FacetShape, VertebraShape
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.solids import Array

__all__ = ["FacetPose", "Pose", "pose_spine", "scaled", "tilted_frame"]

FACET_RADIUS = 14.0


@dataclass(frozen=True)
class FacetPose:
    """One facet joint.

    ``frame`` is at its centre, x along the joint in the axial plane, y from the superior process of the
    lower bone to the inferior process of the upper one, z superior. The joint surface is a cylinder
    about z, concave toward the inferior process.
    """

    frame: AnatomicalFrame
    width: float
    height: float
    gap: float
    bulk: float

    def unroll(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Frame coordinates to (along the curved joint, toward the inferior process), mm."""
        toward = FACET_RADIUS - np.hypot(x, y - np.float32(FACET_RADIUS))
        angle = np.arctan2(x, np.float32(FACET_RADIUS) - y)
        return np.asarray(angle * np.float32(FACET_RADIUS)), np.asarray(toward)


@dataclass(frozen=True)
class Pose:
    """All frames of one subject.

    ``frames`` and ``shapes`` (scaled) are by level, ``sacrum`` is S1's endplate frame; ``facets`` are by the
    upper bone's level.
    """

    frames: Mapping[str, AnatomicalFrame]
    shapes: Mapping[str, VertebraShape]
    sacrum: AnatomicalFrame
    facets: Mapping[tuple[str, Side], FacetPose]


def scaled(shape: VertebraShape, size: float) -> VertebraShape:
    """All lengths times ``size``; angles stay."""
    values = {name: value if name.endswith("_deg") else value * size for name, value in vars(shape).items()}
    return VertebraShape(**values)


def tilted_frame(
    origin: NDArray[np.float64], forward_deg: float, lateral_deg: float, turn_deg: float
) -> AnatomicalFrame:
    """A frame whose superior axis leans forward and to the left, then turned about that axis."""
    forward, lateral, turn = np.radians([forward_deg, lateral_deg, turn_deg])
    up = np.array([np.sin(lateral), -np.sin(forward) * np.cos(lateral), np.cos(forward) * np.cos(lateral)])
    left = np.array([np.cos(turn), np.sin(turn), 0.0])
    return AnatomicalFrame.from_axes(origin, up, left)


def _stack(parameters: PhantomParameters, shapes: Mapping[str, VertebraShape]) -> dict[str, AnatomicalFrame]:
    """Bodies on discs from the S1 endplate, which lies at the origin."""
    lean = parameters.pelvis.sacral_slope_deg
    point = np.zeros(3)
    frames = {}
    for level in reversed(parameters.levels):
        shape = shapes[level]
        lateral, turn = parameters.tilts_deg.get(level, 0.0), parameters.turns_deg.get(level, 0.0)
        disc_lean = lean - shape.disc_wedge_deg / 2
        point = point + shape.disc_height * _up(disc_lean, lateral * 0.8)
        body_lean = lean - shape.disc_wedge_deg - shape.body_wedge_deg / 2
        point = point + shape.body_height / 2 * _up(body_lean, lateral)
        frames[level] = tilted_frame(point, body_lean, lateral, turn)
        point = point + shape.body_height / 2 * _up(body_lean, lateral)
        lean = body_lean - shape.body_wedge_deg / 2
    return {level: frames[level] for level in parameters.levels}


def _up(forward_deg: float, lateral_deg: float) -> NDArray[np.float64]:
    return np.asarray(tilted_frame(np.zeros(3), forward_deg, lateral_deg, 0.0).superior)


def _facet(
    parameters: PhantomParameters,
    level: str,
    side: Side,
    upper: tuple[AnatomicalFrame, VertebraShape],
    lower: tuple[AnatomicalFrame, float],
) -> FacetPose:
    """The joint under ``level``: halfway between where either bone would have it."""
    size = parameters.size
    mean: FacetShape = parameters.facets[level]
    jitter = parameters.jitter(level, side.sign)
    frame, shape = upper
    x, y = side.sign * mean.half_distance * size, mean.behind * size
    above = frame.to_patient(
        (x, shape.depth_lower / 2 + y, -shape.body_height / 2 - 0.42 * shape.disc_height)
    )
    lower_frame, lower_depth = lower
    below = lower_frame.to_patient((x, lower_depth / 2 + y, 0.5 * shape.disc_height))
    up = np.asarray(frame.superior) + np.asarray(lower_frame.superior)
    angle = np.radians(np.clip(mean.angle_deg + jitter.facet_angle_deg, 3, 82))
    # From the superior process (lateral, in front) to the inferior one (medial, behind).
    toward = np.array([-side.sign * np.cos(angle), np.sin(angle), 0.0]) @ frame.rotation.T
    up = up / np.linalg.norm(up)
    along = np.cross(toward, up)
    joint = AnatomicalFrame.from_axes((above + below) / 2, up, along)
    return FacetPose(
        joint,
        mean.width * size * jitter.facet_size,
        mean.height * size * jitter.facet_size,
        mean.gap,
        1.0 + 0.4 * parameters.worn(level).facets,
    )


def pose_spine(parameters: PhantomParameters) -> Pose:
    """Every frame from the parameters alone."""
    shapes = {level: scaled(parameters.vertebrae[level], parameters.size) for level in parameters.levels}
    frames = _stack(parameters, shapes)
    slope = parameters.pelvis.sacral_slope_deg
    sacrum = tilted_frame(np.zeros(3), slope, 0.0, parameters.turns_deg.get(parameters.levels[-1], 0.0) * 0.5)
    facets = {}
    for level in parameters.levels:
        under = parameters.below(level)
        if under is not None:
            body = shapes[under]
            top = frames[under].to_patient((0, 0, body.body_height / 2))
            base = frames[under]
            lower = (AnatomicalFrame(vector(top), base.left, base.posterior, base.superior), body.depth_upper)
        else:
            lower = (sacrum, shapes[level].depth_lower)
        for side in Side:
            facets[level, side] = _facet(parameters, level, side, (frames[level], shapes[level]), lower)
    return Pose(frames, shapes, sacrum, facets)
