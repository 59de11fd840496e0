"""The vertebrae's names on a plane."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_procguide.display.overlay import Tag
from napari_procguide.display.planes import Plane
from procguide.anatomy import Spine

__all__ = ["level_tags"]

_WITHIN_MM = 25.0


def level_tags(plane: Plane, spine: Spine) -> Iterator[Tag]:
    """A tag on each body that the plane is near; doubtful names carry a question mark."""
    origins = [vertebra.frame.origin for vertebra in spine.vertebrae]
    for vertebra, place in zip(spine.vertebrae, plane.to_plane(np.reshape(origins, (-1, 3))), strict=True):
        right, down, depth = place
        if abs(depth) <= _WITHIN_MM:
            doubt = "" if vertebra.confidence >= 0.7 else "?"
            yield Tag((float(right), float(down)), vertebra.level + doubt, (255, 255, 255))
    if spine.sacrum is not None:
        right, down, depth = plane.to_plane(spine.sacrum.frame.origin)
        if abs(depth) <= _WITHIN_MM:
            yield Tag((float(right), float(down)), "S1", (255, 255, 255))
