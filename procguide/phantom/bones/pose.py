"""Where each bone stands: frames from S1 upward, canal line and facet joints. Patient LPS mm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import VERSE_LABELS, Side
from procguide.geometry import AnatomicalFrame
from procguide.phantom.bones.facets import FacetPose, joint_radius
from procguide.phantom.bones.wear import worn_shape
from procguide.phantom.population.morphometry import FacetShape, VertebraShape
from procguide.phantom.population.parameters import PhantomParameters

__all__ = ["FacetPose", "Pose", "pose_spine", "posterior_half_height", "scaled", "tilted_frame"]


@dataclass(frozen=True)
class Pose:
    """All frames of one subject.

    ``frames`` and ``shapes`` (scaled) are by level, ``sacrum`` is S1's endplate frame; ``facets`` are by the
    upper bone's level; ``crown`` are those of the topmost vertebra with the one above it, which is not there.
    """

    frames: Mapping[str, AnatomicalFrame]
    shapes: Mapping[str, VertebraShape]
    sacrum: AnatomicalFrame
    facets: Mapping[tuple[str, Side], FacetPose]
    crown: Mapping[Side, FacetPose] = field(default_factory=dict)


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
        # A slip carries everything above with it.
        forward = np.asarray(tilted_frame(np.zeros(3), disc_lean, lateral, turn).posterior)
        point = point - parameters.worn(level).slip * forward
        body_lean = lean - shape.disc_wedge_deg - shape.body_wedge_deg / 2
        point = point + shape.body_height / 2 * _up(body_lean, lateral)
        frames[level] = tilted_frame(point, body_lean, lateral, turn)
        point = point + shape.body_height / 2 * _up(body_lean, lateral)
        lean = body_lean - shape.body_wedge_deg / 2
    return {level: frames[level] for level in parameters.levels}


def _up(forward_deg: float, lateral_deg: float) -> NDArray[np.float64]:
    return np.asarray(tilted_frame(np.zeros(3), forward_deg, lateral_deg, 0.0).superior)


@dataclass(frozen=True)
class _Neighbour:
    """One of the two bones of a joint: where its joint's reference point lies."""

    frame: AnatomicalFrame
    behind: float
    height: float

    def joint(self, x: float, y: float) -> NDArray[np.float64]:
        """Patient LPS mm of the joint's centre ``x`` from the midline, ``y`` behind the posterior wall."""
        return self.frame.to_patient((x, self.behind + y, self.height))


def posterior_half_height(shape: VertebraShape) -> float:
    """Half the height of the body's posterior wall, mm."""
    wall = (shape.depth_upper + shape.depth_lower) / 4
    return float(shape.body_height / 2 - wall * np.tan(np.radians(shape.body_wedge_deg / 2)))


def _upper_bone(frame: AnatomicalFrame, shape: VertebraShape) -> _Neighbour:
    half = posterior_half_height(shape)
    return _Neighbour(frame, shape.depth_lower / 2, -half - 0.5 * shape.disc_height)


def _lower_bone(frame: AnatomicalFrame, shape: VertebraShape, disc: float) -> _Neighbour:
    return _Neighbour(frame, shape.depth_upper / 2, posterior_half_height(shape) + 0.42 * disc)


def _facet(
    parameters: PhantomParameters, level: str, side: Side, upper: _Neighbour | None, lower: _Neighbour
) -> FacetPose:
    """The joint under ``level``: halfway between where either bone would have it."""
    size = parameters.size
    mean: FacetShape = parameters.facets[level]
    jitter, wear = parameters.jitter(level, side.sign), parameters.worn(level)
    x, y = side.sign * mean.half_distance * size, mean.behind * size
    bones = [bone for bone in (upper, lower) if bone is not None]
    centre = np.mean([bone.joint(x, y) for bone in bones], axis=0)
    up = np.sum([np.asarray(bone.frame.superior) for bone in bones], axis=0)
    angle = float(np.clip(mean.angle_deg + jitter.facet_angle_deg, 3, 82))
    turn = np.radians(angle)
    # From the superior process (lateral, in front) to the inferior one (medial, behind).
    toward = np.array([-side.sign * np.cos(turn), np.sin(turn), 0.0]) @ bones[0].frame.rotation.T
    along = np.cross(toward, up / np.linalg.norm(up))
    width = mean.width * size * jitter.facet_size
    foraminal = wear.foraminal_left if side is Side.LEFT else wear.foraminal_right
    return FacetPose(
        AnatomicalFrame.from_axes(centre, up, along),
        width,
        mean.height * size * jitter.facet_size,
        mean.gap * (1 - 0.4 * wear.facets),
        1.0 + 0.4 * wear.facets + 0.15 * wear.central_stenosis,
        joint_radius(angle, width),
        wear.facets,
        4.0 * foraminal * size,
        1000 * parameters.seed + 2 * VERSE_LABELS[level] + int(side is Side.LEFT),
    )


def pose_spine(parameters: PhantomParameters) -> Pose:
    """Every frame from the parameters alone."""
    levels, size = parameters.levels, parameters.size
    shapes = {
        level: worn_shape(scaled(parameters.vertebrae[level], size), parameters.worn(level))
        for level in levels
    }
    frames = _stack(parameters, shapes)
    slope = parameters.pelvis.sacral_slope_deg
    sacrum = tilted_frame(np.zeros(3), slope, 0.0, parameters.turns_deg.get(levels[-1], 0.0) * 0.5)
    facets = {}
    for level in levels:
        under, disc = parameters.below(level), shapes[level].disc_height
        lower = (
            _lower_bone(frames[under], shapes[under], disc)
            if under is not None
            else _Neighbour(sacrum, shapes[level].depth_lower / 2, 0.5 * disc)
        )
        for side in Side:
            upper = _upper_bone(frames[level], shapes[level])
            facets[level, side] = _facet(parameters, level, side, upper, lower)
    top = levels[0]
    lower = _lower_bone(frames[top], shapes[top], shapes[top].disc_height)
    crown = {side: _facet(parameters, top, side, None, lower) for side in Side}
    return Pose(frames, shapes, sacrum, facets, crown)
