"""Which vertebra a person means by a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from procguide.errors import UsageError
from procguide.geometry import Vector
from procguide.imaging import Grid
from procguide.segmentation.instances import Instances

__all__ = ["LevelAt", "stated_levels"]

MAX_DISTANCE_MM = 15.0
"""From the point to the vertebra that it names: about half a lumbar body."""
_AMBIGUOUS_MM = 2.0


@dataclass(frozen=True)
class LevelAt:
    """``level`` is that of the vertebra at ``point`` (patient LPS mm), as its body's centre."""

    point: Vector
    level: str

    def __str__(self) -> str:
        return f"{','.join(f'{value:g}' for value in self.point)}={self.level}"


def stated_levels(instances: Instances, grid: Grid, stated: Sequence[LevelAt]) -> dict[int, str]:
    """Names by place (0 is the lowest instance) from names at points.

    A point belongs to the vertebra that holds it, or to the nearest one within 15 mm. A point farther off,
    or as near to one as to the next, and two names for one vertebra are each a :class:`UsageError`.
    """
    said: dict[int, str] = {}
    for one in stated:
        place = _nearest(instances, grid, one)
        if said.setdefault(place, one.level) != one.level:
            raise UsageError(
                f"--level-at names one vertebra both {said[place]} and {one.level}; give one name"
            )
    return said


def _nearest(instances: Instances, grid: Grid, stated: LevelAt) -> int:
    spacing = float(grid.affine.spacing[0])
    index = grid.affine.inverse.apply(np.asarray(stated.point))
    reach = int(np.ceil(MAX_DISTANCE_MM / spacing)) + 1
    low = np.maximum(np.floor(index).astype(int) - reach, 0)
    window = tuple(
        slice(a, max(b, a)) for a, b in zip(low, np.ceil(index).astype(int) + reach + 1, strict=True)
    )
    labels = instances.labels[window]
    points = np.argwhere(labels)
    distances = np.linalg.norm((points + low - index) * spacing, axis=1)
    by_label = {
        int(label): float(distances[labels[tuple(points.T)] == label].min())
        for label in np.unique(labels[labels > 0])
    }
    near = sorted((distance, label) for label, distance in by_label.items() if distance <= MAX_DISTANCE_MM)
    if not near:
        raise UsageError(
            f"no vertebra lies within {MAX_DISTANCE_MM:g} mm of --level-at {stated}; give a point inside its "
            "body, in patient LPS mm"
        )
    inside = near[0][0] <= spacing
    if len(near) > 1 and not inside and near[1][0] - near[0][0] < _AMBIGUOUS_MM:
        raise UsageError(
            f"--level-at {stated} lies between two vertebrae; give a point inside the body of one"
        )
    return near[0][1] - 1
