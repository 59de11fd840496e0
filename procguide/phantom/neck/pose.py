"""Where each vertebra of a neck stands: frames, facet joints and the canal. Patient LPS mm.

C7's body is the origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from procguide.anatomy import VERSE_LABELS, Side
from procguide.geometry import AnatomicalFrame
from procguide.phantom.bones.facets import FacetPose
from procguide.phantom.bones.pose import tilted_frame
from procguide.phantom.neck.parameters import NECK_LEVELS, NeckParameters, NeckShape
from procguide.phantom.tubes import Tube, smooth_curve

__all__ = ["NeckPose", "back_wall", "pillar_middle", "pose_neck"]

CANAL_TAPER, CANAL_POWER = 0.30, 2.2
FACET_GAP_MM = 1.7
_KYPHOSIS_DEG = 3.0


@dataclass(frozen=True)
class NeckPose:
    """``shapes`` are scaled and worn, ``joints`` by the level above."""

    frames: Mapping[str, AnatomicalFrame]
    shapes: Mapping[str, NeckShape]
    joints: Mapping[tuple[str, Side], FacetPose]
    canal: Tube
    stations: Mapping[str, float]
    """Where along the canal, in points, each body's middle lies."""


def back_wall(shape: NeckShape) -> float:
    """Local y of the body's back at mid-height."""
    return (shape.depth_upper + shape.depth_lower) / 4


def pillar_middle(shape: NeckShape, side: Side) -> tuple[float, float]:
    """Local x and y of the articular pillar's middle."""
    x = shape.canal_width / 2 + shape.pillar_width / 2 - 0.5
    return side.sign * x, back_wall(shape) + 2.5 + shape.pillar_depth / 2


def pose_neck(parameters: NeckParameters) -> NeckPose:
    """Every frame, joint and the canal, from the parameters alone."""
    shapes = {level: _scaled(parameters, level) for level in NECK_LEVELS}
    frames = _stack(parameters, shapes)
    joints = {}
    for upper, lower in pairwise(NECK_LEVELS):
        for side in Side:
            joints[upper, side] = _joint(parameters, (frames, shapes), (upper, lower), side)
    canal = _canal(frames, shapes)
    stations = {}
    for level, frame in frames.items():
        middle = frame.to_patient((0, back_wall(shapes[level]) + shapes[level].canal_depth / 2, 0))
        stations[level] = float(np.argmin(np.linalg.norm(canal.points - middle, axis=1)))
    return NeckPose(frames, shapes, joints, canal, stations)


def _scaled(parameters: NeckParameters, level: str) -> NeckShape:
    shape, size, wear = parameters.shapes[level], parameters.size, parameters.wear[level]
    scaled = {name: value if name.endswith("_deg") else value * size for name, value in vars(shape).items()}
    return replace(NeckShape(**scaled), disc=scaled["disc"] * (1 - 0.4 * wear))


def _leans(parameters: NeckParameters) -> dict[str, float]:
    """How far each body leans forward: a kyphosis below C7, a lordosis above."""
    slope, curve = parameters.t1_slope_deg, parameters.lordosis_deg
    leans = {"T3": slope + _KYPHOSIS_DEG, "T2": slope + 0.6 * _KYPHOSIS_DEG, "T1": slope}
    for n, level in enumerate(("C7", "C6", "C5", "C4", "C3", "C2")):
        leans[level] = slope - 3.0 - curve * n / 5
    return leans


def _stack(parameters: NeckParameters, shapes: Mapping[str, NeckShape]) -> dict[str, AnatomicalFrame]:
    leans = _leans(parameters)
    frames = {
        level: tilted_frame(
            np.zeros(3), leans[level], parameters.tilts_deg[level], parameters.turns_deg[level]
        )
        for level in NECK_LEVELS
    }
    places = [np.zeros(3)]
    for upper, lower in pairwise(NECK_LEVELS):
        a, b = np.asarray(frames[upper].superior), np.asarray(frames[lower].superior)
        between = shapes[upper].disc * (a + b) / np.linalg.norm(a + b)
        step = shapes[upper].height / 2 * a + between + shapes[lower].height / 2 * b
        places.append(places[-1] - step)
    origin = places[NECK_LEVELS.index("C7")]
    return {
        level: AnatomicalFrame.from_axes(place - origin, frames[level].superior, frames[level].left)
        for level, place in zip(NECK_LEVELS, places, strict=True)
    }


def _joint(
    parameters: NeckParameters,
    bones: tuple[Mapping[str, AnatomicalFrame], Mapping[str, NeckShape]],
    levels: tuple[str, str],
    side: Side,
) -> FacetPose:
    """Half-way between where either bone would have it; its normal points up and back."""
    (frames, shapes), (upper, lower) = bones, levels
    shape, below = shapes[upper], shapes[lower]
    above_it = frames[upper].to_patient((*pillar_middle(shape, side), -(shape.height + shape.disc) / 2))
    below_it = frames[lower].to_patient((*pillar_middle(below, side), (below.height + shape.disc) / 2))
    up, back, left = (
        np.asarray(getattr(frames[upper], axis)) + np.asarray(getattr(frames[lower], axis))
        for axis in ("superior", "posterior", "left")
    )
    slope, wear = np.radians(shape.facet_slope_deg), parameters.wear[upper]
    along = np.sin(slope) * up - np.cos(slope) * back
    height = min(shape.pillar_depth / max(np.cos(slope), 0.45), 15.0)
    return FacetPose(
        AnatomicalFrame.from_axes((above_it + below_it) / 2, along, left),
        min(shape.pillar_width, below.pillar_width) * 0.95,
        height,
        FACET_GAP_MM * (1 - 0.4 * wear),
        1.0 + 0.3 * wear,
        80.0,
        wear,
        0.0,
        1000 * parameters.seed + 2 * VERSE_LABELS[upper] + int(side is Side.LEFT),
    )


def _canal(frames: Mapping[str, AnatomicalFrame], shapes: Mapping[str, NeckShape]) -> Tube:
    """Through the middles of the vertebral foramina, straight on beyond the first and the last."""
    points, half, posterior = [], [], []
    for level in NECK_LEVELS:
        frame, shape = frames[level], shapes[level]
        ends = {"C2": (2.0, 0.0), "T3": (0.0, -2.0)}.get(level, (0.0,))
        for share in ends:
            y = back_wall(shape) - 0.6 + shape.canal_depth / 2
            points.append(frame.to_patient((0, y, share * shape.height)))
            half.append((shape.canal_width / 2, shape.canal_depth / 2))
            posterior.append(np.asarray(frame.posterior))
    curve, sizes, behind = smooth_curve(np.array(points), np.array(half), np.array(posterior))
    return Tube(curve, sizes, behind, CANAL_TAPER, CANAL_POWER)
