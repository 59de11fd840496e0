"""One value type for every map from a lattice of indices to the patient."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Affine"]

_POSITIVE = "LPS"
_NEGATIVE = "RAI"


@dataclass(frozen=True, eq=False)
class Affine:
    """An invertible 4x4 float64 map from array index ``(k, j, i)`` to patient LPS millimetres.

    The columns follow the *array's* axis order: column 0 is the step of one slice (k), column 1 of one
    row (j), column 2 of one column (i), column 3 the patient position of the centre of voxel (0, 0, 0).
    This is highdicom's order of coordinates, not NIfTI's or ITK's, which put i first.
    DICOM's own definition is PS3.3 C.7.6.2.1.1. Shear (gantry tilt) is allowed; do not assume that
    the columns are orthogonal.
    """

    matrix: NDArray[np.float64]

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.allclose(matrix[3], (0, 0, 0, 1)):
            raise ValueError(f"an affine is 4x4 with last row 0 0 0 1, got {matrix.tolist()}")
        if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
            raise ValueError(f"an affine must be finite and invertible, got {matrix.tolist()}")
        matrix.flags.writeable = False
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def from_steps(cls, steps: ArrayLike, origin: ArrayLike) -> Affine:
        """From three step vectors (rows: k, j, i; LPS mm) and the position of voxel (0, 0, 0)."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.asarray(steps, dtype=np.float64).T
        matrix[:3, 3] = origin
        return cls(matrix)

    @classmethod
    def axis_aligned(cls, spacing: ArrayLike, origin: ArrayLike) -> Affine:
        """Working orientation: k to superior, j to posterior, i to left; ``spacing`` in that order, mm."""
        k, j, i = np.broadcast_to(np.asarray(spacing, dtype=np.float64), 3)
        return cls.from_steps([(0, 0, k), (0, j, 0), (i, 0, 0)], origin)

    @property
    def origin(self) -> NDArray[np.float64]:
        """Patient position of the centre of voxel (0, 0, 0), ``(3,)`` LPS mm."""
        return np.asarray(self.matrix[:3, 3])

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Length of one step along k, j, i in mm, ``(3,)``."""
        return np.asarray(np.linalg.norm(self.matrix[:3, :3], axis=0))

    @property
    def directions(self) -> NDArray[np.float64]:
        """Unit step vectors as *columns* (k, j, i), ``(3, 3)``."""
        return np.asarray(self.matrix[:3, :3] / self.spacing)

    @property
    def orientation(self) -> str:
        """Where each array axis points, by its closest patient axis: ``"SPL"`` is the working orientation."""
        remaining = np.abs(self.directions)
        letters = [""] * 3
        for _ in range(3):
            patient_axis, array_axis = np.unravel_index(np.argmax(remaining), (3, 3))
            positive = self.directions[patient_axis, array_axis] > 0
            letters[array_axis] = (_POSITIVE if positive else _NEGATIVE)[patient_axis]
            remaining[patient_axis, :] = remaining[:, array_axis] = -1
        return "".join(letters)

    @property
    def is_axis_aligned(self) -> bool:
        """Whether every array axis runs along one patient axis (no obliquity, no shear)."""
        return bool(np.allclose(np.sort(np.abs(self.directions), axis=0)[:2], 0, atol=1e-4))

    @cached_property
    def inverse(self) -> Affine:
        """The map back from patient LPS mm to (fractional) array index."""
        return Affine(np.linalg.inv(self.matrix).astype(np.float64))

    def apply(self, points: ArrayLike) -> NDArray[np.float64]:
        """Map ``(..., 3)`` points (index order k, j, i) to the patient; with ``inverse`` the other way."""
        return np.asarray(points, dtype=np.float64) @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    def shifted(self, index: Iterable[float]) -> Affine:
        """The affine of a crop whose voxel (0, 0, 0) was at ``index`` (k, j, i) before."""
        matrix = self.matrix.copy()
        matrix[:3, 3] = self.apply(np.asarray(list(index), dtype=np.float64))
        return Affine(matrix)

    def __matmul__(self, other: Affine) -> Affine:
        return Affine(self.matrix @ other.matrix)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Affine) and np.array_equal(self.matrix, other.matrix)

    def __hash__(self) -> int:
        return hash(self.matrix.tobytes())

    def isclose(self, other: Affine, tolerance: float = 1e-4) -> bool:
        """Whether two affines agree to ``tolerance`` mm in every entry."""
        return bool(np.allclose(self.matrix, other.matrix, rtol=0, atol=tolerance))
