"""What is open: the series, the image shown, its labels and findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_procguide.engine.messages import BesideShown, GridShown, Judged, Labelled, Listed, Opened
from procguide.geometry import Vector

__all__ = ["Lattice", "StudyModel"]


@dataclass(frozen=True, eq=False)
class Lattice:
    """An array ``(superior, posterior, left)``; ``origin`` and ``spacing`` are (z, y, x) mm.

    ``air`` is the least value: what lies outside. The napari layer of it has ``origin`` for its translation
    and ``spacing`` for its scale: napari's world is patient LPS, reversed.
    """

    voxels: NDArray[Any]
    origin: NDArray[np.float64]
    spacing: NDArray[np.float64]
    air: float

    @classmethod
    def read(cls, shown: GridShown) -> Lattice:
        """From the engine's file."""
        return cls(shown.voxels, np.array(shown.origin), np.array(shown.spacing), shown.air)

    @property
    def low(self) -> Vector:
        """The first voxel's centre, patient LPS mm."""
        z, y, x = (float(value) for value in self.origin)
        return (x, y, z)

    @property
    def high(self) -> Vector:
        """The last voxel's centre, patient LPS mm."""
        z, y, x = (float(v) for v in self.origin + self.spacing * (np.array(self.voxels.shape) - 1))
        return (x, y, z)

    def index_of(self, point: Vector) -> NDArray[np.float64]:
        """Fractional ``(k, j, i)`` of a point, patient LPS mm."""
        return np.asarray((np.array(point[::-1]) - self.origin) / self.spacing)

    def value_at(self, point: Vector) -> float | None:
        """The voxel that holds ``point``; None outside."""
        index = np.round(self.index_of(point)).astype(int)
        if (index < 0).any() or (index >= self.voxels.shape).any():
            return None
        return float(self.voxels[tuple(index)])


class StudyModel:
    """The open study. Each signal says that what it names is another one, or gone."""

    listed_changed = Signal()
    image_changed = Signal()
    compared_changed = Signal()
    findings_changed = Signal()
    labels_changed = Signal()
    beside_changed = Signal()

    def __init__(self) -> None:
        self.listed: Listed | None = None
        self.opened: Opened | None = None
        self.image: Lattice | None = None
        self.judged: Judged | None = None
        self.labelled: Labelled | None = None
        self.levels: Lattice | None = None
        self.regions: Lattice | None = None
        self.unrung: Lattice | None = None
        self.compared: Lattice | None = None
        self.beside_shown: BesideShown | None = None
        self.beside: Lattice | None = None

    def set_listed(self, listed: Listed | None) -> None:
        """Another path was opened."""
        self.listed = listed
        self.set_beside(None)
        self.listed_changed.emit()

    def set_opened(self, opened: Opened | None, image: Lattice | None) -> None:
        """Another series is shown: labels and findings are gone."""
        self.opened, self.image = opened, image
        self.unrung = self.compared = None
        self.set_judged(None)
        self.set_labelled(None)
        self.image_changed.emit()

    def set_beside(self, shown: BesideShown | None) -> None:
        """Another series beside the one shown, or none."""
        self.beside_shown = shown
        self.beside = None if shown is None else Lattice.read(shown.image)
        self.beside_changed.emit()

    def set_judged(self, judged: Judged | None) -> None:
        """The series was judged."""
        self.judged = judged
        self.findings_changed.emit()

    def set_labelled(self, labelled: Labelled | None) -> None:
        """The spine was labelled, or its labels were changed."""
        self.labelled = labelled
        self.levels = None if labelled is None else Lattice.read(labelled.levels)
        self.regions = None if labelled is None else Lattice.read(labelled.regions)
        self.labels_changed.emit()

    def set_unrung(self, image: Lattice) -> None:
        """The image without ringing, shown at once."""
        self.unrung = image
        self.show_unrung(True)

    def show_unrung(self, after: bool) -> None:
        """The image without ringing in the other's stead, or as it was acquired."""
        self.compared = self.unrung if after else None
        self.compared_changed.emit()
