"""Voxels with their place in the patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.geometry import Affine

__all__ = ["Grid", "LabelMap", "Modality", "Volume"]


class Modality(StrEnum):
    """What made the image; DICOM (0008,0060) where it came from DICOM."""

    CT = "CT"
    MR = "MR"
    OTHER = "OT"


@dataclass(frozen=True)
class Grid:
    """A lattice of voxel centres: ``shape`` (k, j, i) and the affine from index to patient LPS mm."""

    shape: tuple[int, int, int]
    affine: Affine

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"a grid has three positive sizes (k, j, i), got {self.shape}")

    @property
    def corners(self) -> NDArray[np.float64]:
        """The eight corners of the outer voxel faces, ``(8, 3)`` LPS mm."""
        unit_corners = np.array(np.meshgrid(*[(0, 1)] * 3, indexing="ij")).reshape(3, 8).T
        return self.affine.apply(unit_corners * np.asarray(self.shape) - 0.5)

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which of ``(..., 3)`` LPS mm points lie within the outer voxel faces."""
        index = self.affine.inverse.apply(points)
        return np.asarray(((index >= -0.5) & (index <= np.asarray(self.shape) - 0.5)).all(axis=-1))

    def isclose(self, other: Grid) -> bool:
        """Whether both lattices are the same to 0.1 micrometre."""
        return self.shape == other.shape and self.affine.isclose(other.affine)


@dataclass(frozen=True, eq=False)
class Volume:
    """A 3D image. ``voxels`` is ``(k, j, i)`` and read-only; CT is in HU.

    ``affine`` maps ``(k, j, i)`` to patient LPS mm and may be oblique or sheared. ``source`` says in
    words without identifiers where the voxels came from. Two volumes are equal only if they are the
    same object.
    """

    voxels: NDArray[Any]
    affine: Affine
    modality: Modality = Modality.OTHER
    source: str = ""

    def __post_init__(self) -> None:
        voxels = np.asarray(self.voxels)
        if voxels.ndim != 3 or min(voxels.shape) < 1:
            raise ValueError(f"a volume is 3D (k, j, i), got shape {voxels.shape}")
        if voxels.flags.writeable:
            voxels = voxels.view()
            voxels.flags.writeable = False
        object.__setattr__(self, "voxels", voxels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Sizes along k, j, i."""
        k, j, i = self.voxels.shape
        return (k, j, i)

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Step lengths along k, j, i, mm."""
        return self.affine.spacing

    @property
    def grid(self) -> Grid:
        """The lattice alone."""
        return Grid(self.shape, self.affine)

    def to_patient(self, index: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` index (k, j, i), fractions allowed, to patient LPS mm."""
        return self.affine.apply(index)

    def to_index(self, points: ArrayLike) -> NDArray[np.float64]:
        """``(..., 3)`` patient LPS mm to fractional index (k, j, i)."""
        return self.affine.inverse.apply(points)

    def with_voxels(self, voxels: NDArray[Any]) -> Self:
        """The same lattice with other voxels of the same shape."""
        if voxels.shape != self.voxels.shape:
            raise ValueError(f"expected shape {self.voxels.shape}, got {voxels.shape}")
        return replace(self, voxels=voxels)

    def crop(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> Self:
        """The sub-volume ``start <= index < stop``, clipped to what there is; voxels are shared."""
        low = np.maximum(start, 0)
        window = tuple(slice(int(a), int(b)) for a, b in zip(low, stop, strict=True))
        return replace(self, voxels=self.voxels[window], affine=self.affine.shifted(low))


@dataclass(frozen=True, eq=False)
class LabelMap(Volume):
    """A volume of unsigned integer labels with the vocabulary that ``names`` them; 0 is background."""

    names: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.voxels.dtype.kind not in "ub":
            raise ValueError(f"labels are unsigned integers, got {self.voxels.dtype}")
        object.__setattr__(self, "names", MappingProxyType(dict(self.names)))

    def present(self) -> tuple[int, ...]:
        """The labels that occur, without background."""
        return self._present

    @cached_property
    def _present(self) -> tuple[int, ...]:
        """Counted plane by plane: counting widens what it counts to eight bytes a voxel."""
        found: set[int] = set()
        for plane in self.voxels:
            found.update(np.flatnonzero(np.bincount(plane.ravel())).tolist())
        return tuple(sorted(found - {0}))

    def mask(self, *labels: int) -> NDArray[np.bool_]:
        """Where any of ``labels`` is, ``(k, j, i)``."""
        table = np.zeros(max(int(self.voxels.max()), *labels) + 1, dtype=bool)
        table[list(labels)] = True
        return np.asarray(table[self.voxels])

    def centroid(self, label: int) -> NDArray[np.float64]:
        """Mean position of a label's voxels, ``(3,)`` LPS mm; an absent label is a ``KeyError``."""
        index = np.argwhere(self.voxels == label)
        if not len(index):
            raise KeyError(f"label {label} ({self.names.get(label, 'unnamed')}) does not occur")
        return self.to_patient(index.mean(axis=0))
