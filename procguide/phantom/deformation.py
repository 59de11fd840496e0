"""A known map between two postures of one subject: rigid in each bone, blended between, soft under skin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from procguide.geometry import Affine, AnatomicalFrame, Vector, vector
from procguide.imaging import Grid

__all__ = ["Deformation", "moved_frame", "moved_point", "warp"]

_ITERATIONS = 30


@dataclass(frozen=True, eq=False)
class Deformation:
    """Where every point of the prone subject lies in the supine one.

    ``displacement`` ``(k, j, i, 3)`` float32, LPS mm, on ``grid`` (axis-aligned SPL): prone point plus
    displacement is the supine point, linear between nodes; that is the truth for registration.
    ``motions`` are the rigid 4x4 maps from supine to prone of each level's vertebra and of ``"sacrum"``
    (which carries the pelvis): inside those bones the field follows them to a few tenths of a millimetre.
    """

    grid: Grid
    displacement: NDArray[np.float32]
    motions: Mapping[str, NDArray[np.float64]]

    def to_supine(self, points: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` prone LPS mm to supine LPS mm."""
        prone = np.asarray(points, dtype=np.float64)
        flat = np.ascontiguousarray(prone.reshape(-1, 3))
        shift = _sample(self.displacement, self.grid.affine.origin, self.grid.affine.spacing[::-1], flat)
        return (flat + shift).reshape(prone.shape)

    def to_prone(self, points: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` supine LPS mm to prone LPS mm, by fixed-point iteration to about 1e-3 mm."""
        supine = np.asarray(points, dtype=np.float64)
        prone = supine.copy()
        for _ in range(_ITERATIONS):
            step = supine - self.to_supine(prone)
            prone += step
            if not step.size or float(np.abs(step).max()) < 1e-3:
                break
        return prone


def moved_point(motion: NDArray[np.float64], point: ArrayLike) -> Vector:
    """A point carried along by a rigid 4x4 motion."""
    return vector(motion[:3, :3] @ np.asarray(point, dtype=np.float64) + motion[:3, 3])


def moved_frame(motion: NDArray[np.float64], frame: AnatomicalFrame) -> AnatomicalFrame:
    """A frame carried along by a rigid 4x4 motion."""
    rotation = motion[:3, :3] @ frame.rotation
    return AnatomicalFrame(moved_point(motion, frame.origin), *(vector(axis) for axis in rotation.T))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _place(at: float, size: int) -> tuple[int, float]:  # pragma: no cover - compiled
    """Lower node and share of the upper one; held at the border."""
    held = min(max(at, 0.0), size - 1.0)
    low = min(int(held), max(size - 2, 0))
    return low, held - low


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sample(
    field: NDArray[np.float32], origin: NDArray[np.float64], step: NDArray[np.float64],
    points: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip # pragma: no cover - compiled
    """The field at points ``(n, 3)`` (x, y, z), linear between nodes."""
    out = np.zeros(points.shape)
    for n in range(points.shape[0]):
        i, u = _place((points[n, 0] - origin[0]) / step[0], field.shape[2])
        j, v = _place((points[n, 1] - origin[1]) / step[1], field.shape[1])
        k, w = _place((points[n, 2] - origin[2]) / step[2], field.shape[0])
        for dk in range(2):
            for dj in range(2):
                for di in range(2):
                    share = (w if dk else 1 - w) * (v if dj else 1 - v) * (u if di else 1 - u)
                    if share > 0:
                        for axis in range(3):
                            out[n, axis] += share * field[k + dk, j + dj, i + di, axis]
    return out


Maps = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]


def warp(source: Maps, source_affine: Affine, deformation: Deformation, target: Maps, grid: Grid) -> None:
    """Fill ``target``, maps on the prone lattice ``grid``, from supine maps; both lattices axis-aligned SPL.

    The three label maps take the nearest voxel's label, the fourth (bone's distance) is linear between
    voxels; outside the source all stay as they are.
    """
    field = deformation.grid.affine
    lattices = ((a.origin, a.spacing[::-1].copy()) for a in (source_affine, field, grid.affine))
    source_at, field_at, target_at = lattices
    _pull(*source, *source_at, deformation.displacement, *field_at, *target, *target_at)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _pull(
    tissues, levels, instances, bone, origin, step, field, field_origin, field_step,  # type: ignore[no-untyped-def]
    out_tissues, out_levels, out_instances, out_bone, out_origin, out_step,
):  # fmt: skip # pragma: no cover - compiled
    size_k, size_j, size_i = bone.shape
    count_k, count_j, count_i = out_bone.shape
    row = np.empty((count_i, 3))
    for k in range(count_k):
        for j in range(count_j):
            for i in range(count_i):
                row[i, 0] = out_origin[0] + i * out_step[0]
                row[i, 1] = out_origin[1] + j * out_step[1]
                row[i, 2] = out_origin[2] + k * out_step[2]
            shift = _sample(field, field_origin, field_step, row)
            for i in range(count_i):
                x = (row[i, 0] + shift[i, 0] - origin[0]) / step[0]
                y = (row[i, 1] + shift[i, 1] - origin[1]) / step[1]
                z = (row[i, 2] + shift[i, 2] - origin[2]) / step[2]
                ni, nj, nk = int(np.floor(x + 0.5)), int(np.floor(y + 0.5)), int(np.floor(z + 0.5))
                if ni < 0 or nj < 0 or nk < 0 or ni >= size_i or nj >= size_j or nk >= size_k:
                    continue
                out_tissues[k, j, i] = tissues[nk, nj, ni]
                out_levels[k, j, i] = levels[nk, nj, ni]
                out_instances[k, j, i] = instances[nk, nj, ni]
                if bone[nk, nj, ni] < 20.0:
                    out_bone[k, j, i] = _linear(bone, x, y, z)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _linear(values, x, y, z):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """One value between voxels; far ones (1000) are held at 20 mm so that they do not bleed in."""
    i, u = _place(x, values.shape[2])
    j, v = _place(y, values.shape[1])
    k, w = _place(z, values.shape[0])
    total = 0.0
    for dk in range(2):
        for dj in range(2):
            for di in range(2):
                share = (w if dk else 1 - w) * (v if dj else 1 - v) * (u if di else 1 - u)
                if share > 0:
                    total += share * min(values[k + dk, j + dj, i + di], 20.0)
    return total
