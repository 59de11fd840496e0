"""A picture's plane in the patient: where its centre, right edge and lower edge lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.geometry import Affine, Vector, unit, vector
from procguide.imaging import Grid, LabelMap, Volume
from procguide.imaging.resample import resample

__all__ = [
    "Plane",
    "axial_through",
    "coronal_at",
    "crop_around",
    "down_the_needle",
    "orientation_letters",
    "sagittal_through",
    "sample",
]

AnyVolume = TypeVar("AnyVolume", bound=Volume)

_LEFT, _POSTERIOR, _SUPERIOR = np.eye(3)
_AIR_HU = -1000.0


@dataclass(frozen=True)
class Plane:
    """A rectangle of ``width_mm`` x ``height_mm`` round ``centre`` (LPS mm), sampled every ``pixel_mm``.

    ``right`` and ``down`` are unit vectors (LPS) along the picture's rows and columns. A picture's own
    coordinates are (u, v) mm from its centre, u to the right, v downward.
    """

    centre: Vector
    right: Vector
    down: Vector
    width_mm: float
    height_mm: float
    pixel_mm: float = 0.5

    @property
    def into(self) -> Vector:
        """Unit vector away from the viewer (right x down)."""
        return vector(np.cross(self.right, self.down))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return (max(round(self.height_mm / self.pixel_mm), 1), max(round(self.width_mm / self.pixel_mm), 1))

    def grid(self, depth_mm: float = 0.0, step_mm: float = 1.0) -> Grid:
        """The lattice (into, down, right) of the plane, or of a slab ``depth_mm`` thick round it."""
        rows, columns = self.shape
        layers = max(round(depth_mm / step_mm), 1)
        steps = np.array(
            [
                np.multiply(self.into, step_mm),
                np.multiply(self.down, self.pixel_mm),
                np.multiply(self.right, self.pixel_mm),
            ]
        )
        middle = (np.array([layers, rows, columns]) - 1) / 2
        return Grid(
            (layers, rows, columns), Affine.from_steps(steps, np.asarray(self.centre) - middle @ steps)
        )

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` LPS mm to picture coordinates u (right), v (down), w (away from the viewer)."""
        relative = np.asarray(points, dtype=np.float64) - np.asarray(self.centre)
        return np.asarray(relative @ np.column_stack([self.right, self.down, self.into]))


def crop_around(volume: AnyVolume, points: ArrayLike, margin_mm: float) -> AnyVolume:
    """The part of ``volume`` that holds the box round ``points`` (LPS mm), widened by ``margin_mm``."""
    cloud = np.atleast_2d(np.asarray(points, dtype=np.float64))
    low, high = cloud.min(axis=0) - margin_mm, cloud.max(axis=0) + margin_mm
    corners = np.array(np.meshgrid(*zip(low, high, strict=True), indexing="ij")).reshape(3, 8).T
    index = volume.to_index(corners)
    last = np.asarray(volume.shape) - 1
    start = np.clip(np.floor(index.min(axis=0)), 0, last).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0)) + 1, start + 1, last + 1).astype(int)
    return volume.crop((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def sample(volume: Volume, plane: Plane) -> NDArray[np.float32]:
    """``volume`` in ``plane``, ``(rows, columns)``; outside a CT is air, outside anything else 0."""
    fill = _AIR_HU if volume.modality == "CT" and not isinstance(volume, LabelMap) else 0.0
    return np.asarray(resample(volume, plane.grid(), fill=fill).voxels[0], dtype=np.float32)


def axial_through(entry: ArrayLike, target: ArrayLike, size_mm: float) -> Plane:
    """The plane that holds the needle and the patient's left-right axis, seen from the feet.

    The patient's left is on the picture's right, anterior is up. For a needle without cranial or
    caudal tilt it is the axial plane.
    """
    start, end = np.asarray(entry, dtype=np.float64), np.asarray(target, dtype=np.float64)
    back = start - end
    down = unit(back - (back @ _LEFT) * _LEFT)
    return Plane(_centre(start, end), vector(_LEFT), down, size_mm, size_mm)


def sagittal_through(entry: ArrayLike, target: ArrayLike, size_mm: float) -> Plane:
    """The plane that holds the needle and the patient's long axis; anterior to the left, head up."""
    start, end = np.asarray(entry, dtype=np.float64), np.asarray(target, dtype=np.float64)
    back = start - end
    right = unit(back - (back @ _SUPERIOR) * _SUPERIOR)
    return Plane(_centre(start, end), right, vector(-_SUPERIOR), size_mm, size_mm)


def coronal_at(point: ArrayLike, size_mm: float) -> Plane:
    """The coronal plane at ``point``, patient's left on the picture's right, head up."""
    return Plane(vector(point), vector(_LEFT), vector(-_SUPERIOR), size_mm, size_mm)


def down_the_needle(entry: ArrayLike, target: ArrayLike, size_mm: float) -> Plane:
    """The plane across the needle at its target, seen from the hub: left on the picture's left, head up."""
    into = np.asarray(unit(np.asarray(target, dtype=np.float64) - np.asarray(entry, dtype=np.float64)))
    down = unit(-_SUPERIOR + (_SUPERIOR @ into) * into)
    return Plane(vector(target), vector(np.cross(down, into)), down, size_mm, size_mm)


def orientation_letters(direction: ArrayLike) -> str:
    """Where ``direction`` (LPS) points, as DICOM's letters, the strongest first: ``"L"``, ``"PL"``.

    As Patient Orientation (PS3.3 C.7.6.1.1.1); components under 20 degrees are left out.
    """
    components = np.asarray(unit(direction))
    order = np.argsort(-np.abs(components), kind="stable")
    strong = [axis for axis in order if abs(components[axis]) > np.sin(np.radians(20.0))]
    return "".join(("LPS" if components[axis] > 0 else "RAI")[axis] for axis in strong)


def _centre(start: NDArray[np.float64], end: NDArray[np.float64]) -> Vector:
    """Nearer to the target than to the skin: what matters lies round the target."""
    return vector(end + 0.38 * (start - end))
