"""Where and how finely a scan looks: any plane, any matrix; and the usual lumbar prescriptions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Sacrum, Spine
from procguide.errors import UsageError
from procguide.geometry import Affine, Vector, unit, vector
from procguide.imaging import Grid

__all__ = ["Geometry", "PhaseAxis", "axial_block", "axial_disc", "coronal", "sagittal"]


class PhaseAxis(StrEnum):
    """DICOM (0018,1312): along which in-plane axis phase is encoded."""

    ROW = "ROW"
    COLUMN = "COL"


@dataclass(frozen=True)
class Geometry:
    """A stack of parallel slices, LPS mm.

    ``centre`` is the middle of the stack. ``row`` is the unit direction in which the column index grows,
    ``column`` that in which the row index grows (DICOM's image orientation); slices follow their cross
    product. ``fov`` (along column, along row) mm; ``acquired`` and ``reconstructed`` matrices are
    (rows, columns). ``gap`` lies between slices. ``oversampling`` widens the field along the phase axis
    while scanning (1.0 doubles it) and is cropped afterwards.
    """

    centre: Vector
    row: Vector
    column: Vector
    fov: tuple[float, float] = (300.0, 300.0)
    acquired: tuple[int, int] = (288, 384)
    reconstructed: tuple[int, int] = (384, 384)
    thickness: float = 4.0
    gap: float = 0.4
    slices: int = 15
    phase: PhaseAxis = PhaseAxis.COLUMN
    oversampling: float = 0.0

    def __post_init__(self) -> None:
        if abs(float(np.dot(self.row, self.column))) > 1e-4:
            raise UsageError("row and column directions have to be perpendicular")
        if min(*self.fov, self.thickness) <= 0 or self.slices < 1 or self.gap < 0 or self.oversampling < 0:
            raise UsageError(f"field, thickness and slices must be positive: {self}")
        if min(self.acquired) < 8 or np.any(np.asarray(self.reconstructed) < self.acquired):
            raise UsageError(
                f"the matrix {self.reconstructed} must not be below the acquired {self.acquired}"
            )

    @property
    def normal(self) -> Vector:
        """Unit direction in which the slice index grows."""
        return unit(np.cross(self.row, self.column))

    @property
    def step(self) -> float:
        """From slice to slice, mm."""
        return self.thickness + self.gap

    @property
    def pixel(self) -> tuple[float, float]:
        """Reconstructed pixel (along column, along row), mm."""
        return (self.fov[0] / self.reconstructed[0], self.fov[1] / self.reconstructed[1])

    @property
    def phase_axis(self) -> int:
        """0 where phase is encoded along the column direction (between rows), else 1."""
        return 0 if self.phase is PhaseAxis.COLUMN else 1

    @property
    def affine(self) -> Affine:
        """From (slice, row, column) to LPS mm; voxel centres lie symmetrically about ``centre``."""
        pixel = self.pixel
        steps = np.array([
            np.asarray(self.normal) * self.step,
            np.asarray(self.column) * pixel[0],
            np.asarray(self.row) * pixel[1],
        ])  # fmt: skip
        middle = (np.array([self.slices, *self.reconstructed]) - 1) / 2
        return Affine.from_steps(steps, np.asarray(self.centre) - middle @ steps)

    @property
    def grid(self) -> Grid:
        """The reconstructed lattice."""
        return Grid((self.slices, *self.reconstructed), self.affine)

    def slice_centre(self, number: int) -> NDArray[np.float64]:
        """Middle of one slice, LPS mm."""
        offset = (number - (self.slices - 1) / 2) * self.step
        return np.asarray(self.centre) + offset * np.asarray(self.normal)

    def tilted(self, degrees: float, about: Vector) -> Geometry:
        """The same stack turned about an axis through its centre."""
        from scipy.spatial.transform import Rotation

        turn = Rotation.from_rotvec(np.radians(degrees) * np.asarray(unit(about)))
        return replace(self, row=unit(turn.apply(self.row)), column=unit(turn.apply(self.column)))


def sagittal(spine: Spine, level: str = "L3", *, slices: int = 15, fov: float = 300.0) -> Geometry:
    """Left to right, upright in the frame, centred on ``level`` as a technologist would.

    The stack turns with the lumbar spine's own tilt in the coronal plane. Rows run from front to back,
    columns from cranial to caudal; phase runs head to feet, oversampled, so that belly and aorta do not
    ghost across the spine.
    """
    tops = [np.asarray(v.frame.origin) for v in spine.vertebrae if v.level.startswith("L")]
    along = tops[-1] - tops[0]
    along[1] = 0.0
    down = np.asarray(unit(along))
    back = np.array([0.0, 1.0, 0.0])
    centre = np.asarray(spine.vertebra(level).frame.origin) + np.array([0.0, 22.0, 0.0])
    middle = np.mean([point[0] for point in tops])
    centre[0] = middle + (centre[2] - np.mean([point[2] for point in tops])) * down[0] / down[2]
    return Geometry(
        vector(centre), vector(back), vector(down), (fov, fov), slices=slices, phase=PhaseAxis.COLUMN,
        oversampling=0.8,
    )  # fmt: skip


def coronal(spine: Spine, level: str = "L3", *, slices: int = 17, fov: float = 320.0) -> Geometry:
    """Front to back through the bodies and the canal, phase from side to side."""
    frame = spine.vertebra(level).frame
    centre = np.asarray(frame.origin) + np.array([0.0, 15.0, 0.0])
    return Geometry(
        vector(centre), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (fov, fov), slices=slices,
        phase=PhaseAxis.ROW, oversampling=0.5,
    )  # fmt: skip


def axial_disc(spine: Spine, level: str, *, slices: int = 5, fov: float = 200.0) -> Geometry:
    """A short stack parallel to the disc under ``level``, centred between its endplates."""
    above, below = spine.vertebra(level), spine.below(level)
    upper = above.inferior_endplate
    lower = below.endplate if isinstance(below, Sacrum) else below.superior_endplate
    up = np.asarray(unit(np.asarray(upper.normal) + np.asarray(lower.normal)))
    centre = (np.asarray(upper.centre) + np.asarray(lower.centre)) / 2
    return _axial(centre, up, np.asarray(above.frame.left), slices, fov)


def axial_block(spine: Spine, level: str = "L3", *, slices: int = 35, fov: float = 200.0) -> Geometry:
    """One straight stack at right angles to the spine at ``level``, about from L1 to S1."""
    frame = spine.vertebra(level).frame
    return _axial(np.asarray(frame.origin), np.asarray(frame.superior), np.asarray(frame.left), slices, fov)


def _axial(
    centre: NDArray[np.float64], up: NDArray[np.float64], left: NDArray[np.float64], slices: int, fov: float
) -> Geometry:
    row = np.asarray(unit(left - (left @ up) * up))
    column = np.cross(up, row)
    middle = centre + 20.0 * column
    return Geometry(
        vector(middle), vector(row), vector(column), (fov, fov), (256, 320), (320, 320), 4.0, 0.4, slices,
        PhaseAxis.COLUMN, 0.8,
    )  # fmt: skip
