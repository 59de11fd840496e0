"""A picture of a lattice on a plane: orthogonal planes by indexing, others by interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from napari_procguide.display.planes import Plane
from napari_procguide.models.study import Lattice

__all__ = ["Slice", "grey", "take"]


@dataclass(frozen=True, eq=False)
class Slice:
    """Values ``(rows, columns)`` and where on the plane: edges in mm from its centre, right and down."""

    values: NDArray[Any]
    left: float
    top: float
    width: float
    height: float


def take(
    lattice: Lattice,
    plane: Plane,
    *,
    slab_mm: float = 0.0,
    view: tuple[float, float, float, float] = (-60.0, -60.0, 120.0, 120.0),
    pixels: int = 192,
    nearest: bool = False,
) -> Slice | None:
    """What the plane shows of ``lattice``; None where it misses it.

    With ``slab_mm`` the maximum over a slab about the plane. Of an oblique plane ``view`` is shown: left,
    top, width, height, mm from its centre; with ``pixels`` squared in all.
    """
    if plane.is_orthogonal:
        return _by_index(lattice, plane, slab_mm)
    return _by_sampling(lattice, plane, slab_mm, view, pixels, nearest)


def _by_index(lattice: Lattice, plane: Plane, slab_mm: float) -> Slice | None:
    normal, right, down = (2 - int(np.argmax(np.abs(v))) for v in (plane.normal, plane.right, plane.down))
    index = lattice.index_of(plane.centre)
    half = slab_mm / 2 / lattice.spacing[normal]
    low = int(np.round(index[normal] - half))
    high = int(np.round(index[normal] + half)) + 1
    low, high = max(low, 0), min(high, lattice.voxels.shape[normal])
    if low >= high:
        return None
    slab = np.moveaxis(lattice.voxels, normal, 0)[low:high]
    values = slab.max(axis=0) if len(slab) > 1 else slab[0]
    if right < down:
        values = values.T
    flip_right, flip_down = plane.right[2 - right] < 0, plane.down[2 - down] < 0
    values = values[:: -1 if flip_down else 1, :: -1 if flip_right else 1]
    step_right, step_down = float(lattice.spacing[right]), float(lattice.spacing[down])
    rows, columns = values.shape
    first_right = index[right] if not flip_right else columns - 1 - index[right]
    first_down = index[down] if not flip_down else rows - 1 - index[down]
    return Slice(
        values,
        float(-(first_right + 0.5) * step_right),
        float(-(first_down + 0.5) * step_down),
        columns * step_right,
        rows * step_down,
    )


def _by_sampling(
    lattice: Lattice,
    plane: Plane,
    slab_mm: float,
    view: tuple[float, float, float, float],
    pixels: int,
    nearest: bool,
) -> Slice:
    left, top, width, height = view
    fine = max(float(np.sqrt(width * height)) / pixels, 1e-3)
    rows, columns = max(1, round(height / fine)), max(1, round(width / fine))
    count = max(1, min(9, int(slab_mm // 2) + 1)) if slab_mm > 0 else 1
    steps_mm = np.array([slab_mm / max(count - 1, 1), height / rows, width / columns])
    axes = np.array([plane.normal, plane.down, plane.right])[:, ::-1].T / lattice.spacing[:, None]
    first = np.array([-slab_mm / 2 if count > 1 else 0.0, top + steps_mm[1] / 2, left + steps_mm[2] / 2])
    values = affine_transform(
        lattice.voxels,
        axes * steps_mm,
        lattice.index_of(plane.centre) + axes @ first,
        (count, rows, columns),
        order=0 if nearest else 1,
        output=lattice.voxels.dtype if nearest else np.float32,
        cval=0.0 if nearest else lattice.air,
        prefilter=False,
    ).max(axis=0)
    return Slice(values, left, top, width, height)


def grey(values: NDArray[Any], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Brightness 0..255 by level and width (PS3.3 C.11.2.1.3.2, linear exact)."""
    level, width = window
    scaled = (values.astype(np.float32) - (level - width / 2)) * (255.0 / width)
    return np.ascontiguousarray(np.clip(scaled, 0, 255).astype(np.uint8))
