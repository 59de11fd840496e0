"""The shortest way along bone that never enters it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from procguide.phantom.neural.bone_field import BoneField

__all__ = ["path_along_bone", "rerouted"]

_Reals = NDArray[np.float64]

STEP_MM = 1.4
BESIDE_MM = 9.0
INSIDE = 400.0
"""Cost of a step inside bone against one along it."""
SMOOTHING = 3
MARGIN = 8
"""Points before and after the stretch in bone that are laid anew with it."""


def path_along_bone(
    field: BoneField,
    waypoints: _Reals,
    off_bone: float,
    barred: Callable[[_Reals], NDArray[np.bool_]] | None = None,
) -> _Reals:
    """From the first waypoint past the others to the last, ``off_bone`` mm off bone where bone is near.

    Waypoints other than the first move to the nearest place with that distance. ``barred`` says which of
    ``(n, 3)`` points are as costly as bone.
    """
    from skimage.graph import route_through_array

    low, high = waypoints.min(axis=0) - BESIDE_MM, waypoints.max(axis=0) + BESIDE_MM
    shape = np.ceil((high - low) / STEP_MM).astype(int) + 1
    nodes = low + STEP_MM * np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    distance = field.distance(nodes.reshape(-1, 3)).reshape(shape)
    lack = np.clip(off_bone - 0.25 - distance, 0, None)
    cost = (
        1.0 + 0.45 * np.clip(distance - off_bone, 0, 4) + 25.0 * lack + np.where(distance < 0.2, INSIDE, 0.0)
    )
    closed = np.zeros(shape, bool) if barred is None else barred(nodes.reshape(-1, 3)).reshape(shape)
    cost += np.where(closed, INSIDE, 0.0)
    places = [tuple(np.rint((waypoints[0] - low) / STEP_MM).astype(int))]
    for point in waypoints[1:]:
        away = np.linalg.norm(nodes - point, axis=-1) + 3.0 * np.abs(distance - off_bone)
        away[closed] += INSIDE
        places.append(np.unravel_index(int(np.argmin(away)), distance.shape))
    way = [np.array(places[:1])]
    for a, b in pairwise(places):
        steps, _ = route_through_array(cost, a, b, fully_connected=True, geometric=True)
        way.append(np.array(steps[1:]).reshape(-1, 3))
    path = low + STEP_MM * np.vstack(way)
    path[0] = waypoints[0]
    for _ in range(SMOOTHING):
        path[1:-1] = 0.5 * path[1:-1] + 0.25 * (path[:-2] + path[2:])
    return np.asarray(path)


def rerouted(field: BoneField, curve: _Reals, radius: float) -> _Reals:
    """The curve led round bone where it still runs through; cut short where its end lies in bone."""
    clear = field.distance(curve) > 0.3 * radius
    if clear.all() or not clear[0]:
        return curve
    last = int(np.flatnonzero(clear)[-1])
    curve, clear = curve[: last + 1], clear[: last + 1]
    starts = np.flatnonzero(clear[:-1] & ~clear[1:])
    ends = np.flatnonzero(~clear[:-1] & clear[1:]) + 1
    for a, b in reversed([(int(i), int(j)) for i, j in zip(starts, ends, strict=True)]):
        low, high = max(a - MARGIN, 0), min(b + MARGIN, len(curve) - 1)
        way = path_along_bone(field, curve[[low, high]], radius + 0.8)
        curve = np.vstack([curve[:low], way, curve[high + 1 :]])
    return curve
