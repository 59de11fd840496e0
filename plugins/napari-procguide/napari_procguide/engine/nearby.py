"""Where a needle comes nearest to each structure: both points, for a line between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from napari_procguide.engine.messages import Near
from procguide.geometry import vector
from procguide.planning import Plan, Scene, Structure
from procguide.planning.planner import Case

__all__ = ["near_structures"]

_STEP_MM = 0.5
_SHOWN_WITHIN_MM = 25.0
Floats = NDArray[np.float64]


def near_structures(case: Case, plan: Plan) -> tuple[Near, ...]:
    """The structures within 25 mm of the needle, nearest first; distances are the plan's own."""
    margins = {str(rule.name): rule.margin_mm.value for rule in case.rules}
    entry, target = np.array(plan.trajectory.entry), np.array(plan.trajectory.target)
    count = max(2, int(np.linalg.norm(target - entry) / _STEP_MM))
    along = np.linspace(entry, target, count)
    found = []
    for name, distance in plan.clearance_mm.items():
        structure = case.scene.structures.get(name)
        if structure is None or distance > _SHOWN_WITHIN_MM:
            continue
        ends = _ends(case.scene, structure, along)
        if ends is not None:
            found.append(Near(name, distance, margins.get(name), vector(ends[0]), vector(ends[1])))
    return tuple(sorted(found, key=lambda one: one.distance_mm))


def _ends(scene: Scene, structure: Structure, along: Floats) -> tuple[Floats, Floats] | None:
    """The needle's place nearest to the structure, and the structure's place nearest to it."""
    options = []
    if structure.field is not None:
        options.append(_by_field(scene, structure.field, along))
    for tube in structure.tubes:
        points = np.array(tube.points)
        for start, end, radius in zip(points[:-1], points[1:], tube.radii_mm, strict=True):
            options.append(_by_capsule(start, end, radius, along))
    if not options:
        return None
    _, on_needle, on_structure = min(options, key=lambda one: one[0])
    return on_needle, on_structure


def _by_field(scene: Scene, field: NDArray[np.float32], along: Floats) -> tuple[float, Floats, Floats]:
    index = scene.grid.affine.inverse.apply(along).T
    distances = map_coordinates(field, index, order=1, mode="nearest")
    at = int(distances.argmin())
    place = index[:, at]
    low = np.clip(np.floor(place).astype(int) - 1, 0, np.array(field.shape) - 4)
    window = tuple(slice(int(a), int(a) + 4) for a in low)
    slope = np.array([np.mean(part) for part in np.gradient(field[window])]) / scene.grid.affine.spacing
    steepness = float(np.linalg.norm(slope))
    direction = scene.grid.affine.directions @ (-slope / steepness if steepness > 1e-6 else np.zeros(3))
    distance = float(distances[at])
    return distance, along[at], along[at] + direction * max(distance, 0.0)


def _by_capsule(start: Floats, end: Floats, radius: float, along: Floats) -> tuple[float, Floats, Floats]:
    axis = end - start
    share = np.clip((along - start) @ axis / max(float(axis @ axis), 1e-9), 0, 1)
    middle = start + share[:, None] * axis
    gap = np.linalg.norm(along - middle, axis=1)
    at = int(gap.argmin())
    toward = (along[at] - middle[at]) / max(float(gap[at]), 1e-6)
    return float(gap[at]) - radius, along[at], middle[at] + toward * min(radius, float(gap[at]))
