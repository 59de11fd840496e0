"""Needle and bones as surfaces, patient LPS mm."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from procguide.imaging import LabelMap
from procguide.planning import Trajectory

__all__ = ["bone_mesh", "needle_mesh"]

Mesh = tuple[NDArray[np.float64], NDArray[np.int64]]

_SECTIONS = 24
_RIM = 3
_SOFTENING = 0.7  # voxels


def needle_mesh(trajectory: Trajectory) -> Mesh:
    """A closed cylinder of the needle's diameter from skin to tip: points ``(n, 3)``, faces ``(m, 3)``."""
    import trimesh

    ends = np.array([trajectory.entry, trajectory.target])
    cylinder = trimesh.creation.cylinder(
        radius=trajectory.needle.diameter_mm / 2, segment=ends, sections=_SECTIONS
    )
    return np.asarray(cylinder.vertices, dtype=np.float64), np.asarray(cylinder.faces, dtype=np.int64)


def bone_mesh(levels: LabelMap, wanted: Iterable[int]) -> Mesh:
    """Closed surfaces of these labels, each by itself, softened by less than a voxel.

    Labels that do not occur are passed over; without any, there are no points.
    """
    points, faces, count = [np.zeros((0, 3))], [np.zeros((0, 3), np.int64)], 0
    for label in wanted:
        found = _surface(levels, label)
        if found is not None:
            points.append(found[0])
            faces.append(found[1] + count)
            count += len(found[0])
    return np.concatenate(points), np.concatenate(faces)


def _surface(levels: LabelMap, label: int) -> Mesh | None:
    from scipy.ndimage import gaussian_filter
    from skimage.measure import marching_cubes

    inside = levels.voxels == label
    index = [np.flatnonzero(inside.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    if not len(index[0]):
        return None
    low = np.array([one[0] for one in index])
    box = inside[tuple(slice(int(one[0]), int(one[-1]) + 1) for one in index)]
    field = gaussian_filter(np.pad(box, _RIM).astype(np.float32), _SOFTENING)
    if field.max() <= 0.5:
        return None
    vertices, faces, _, _ = marching_cubes(field, 0.5, allow_degenerate=False)
    points = levels.to_patient(vertices + (low - _RIM))
    if np.linalg.det(levels.affine.matrix[:3, :3]) > 0:
        faces = faces[:, ::-1]
    return points, np.asarray(faces, dtype=np.int64)
