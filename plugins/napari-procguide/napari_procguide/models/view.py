"""Where the panes look and how: the point, the window, the slab, the labels."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
from psygnal import Signal

from procguide.geometry import Vector

__all__ = ["PRESETS", "LabelMode", "ViewModel"]

PRESETS: Mapping[str, tuple[float, float]] = {
    "Bone": (400.0, 1800.0),
    "Soft tissue": (40.0, 400.0),
    "Lung": (-600.0, 1500.0),
}
"""Level and width in HU, as viewers commonly have them (assumed)."""
_LEAST_WIDTH = 1e-3


class LabelMode(StrEnum):
    """How labels lie over the image."""

    SHOWN = "shown"
    DIMMED = "dimmed"
    HIDDEN = "hidden"


class ViewModel:
    """One state for all panes. ``point`` is patient LPS mm, always within the image's box."""

    point_changed = Signal()
    look_changed = Signal()

    def __init__(self) -> None:
        self._point: Vector = (0.0, 0.0, 0.0)
        self._box = (np.full(3, -1e4), np.full(3, 1e4))
        self._window = (400.0, 1800.0)
        self._slab_mm = 0.0
        self._labels = LabelMode.DIMMED
        self._identity = False

    @property
    def point(self) -> Vector:
        """What the crosshair is on."""
        return self._point

    @point.setter
    def point(self, point: Vector) -> None:
        x, y, z = (float(value) for value in np.clip(point, *self._box))
        if (x, y, z) != self._point:
            self._point = (x, y, z)
            self.point_changed.emit()

    def set_box(self, low: Vector, high: Vector) -> None:
        """The image's box, patient LPS mm: the point goes to its middle."""
        self._box = (np.array(low), np.array(high))
        x, y, z = (float(value) for value in (self._box[0] + self._box[1]) / 2)
        self._point = (x, y, z)
        self.point_changed.emit()

    @property
    def window(self) -> tuple[float, float]:
        """Level and width."""
        return self._window

    @window.setter
    def window(self, window: tuple[float, float]) -> None:
        self._window = (float(window[0]), max(float(window[1]), _LEAST_WIDTH))
        self.look_changed.emit()

    @property
    def slab_mm(self) -> float:
        """How thick a slab its maximum is taken over; 0 is one slice."""
        return self._slab_mm

    @slab_mm.setter
    def slab_mm(self, thickness: float) -> None:
        self._slab_mm = max(0.0, float(thickness))
        self.look_changed.emit()

    @property
    def labels(self) -> LabelMode:
        """How labels are shown."""
        return self._labels

    @labels.setter
    def labels(self, mode: LabelMode) -> None:
        self._labels = LabelMode(mode)
        self.look_changed.emit()

    def cycle_labels(self) -> None:
        """Shown, dimmed, hidden, and round again."""
        modes = list(LabelMode)
        self.labels = modes[(modes.index(self._labels) + 1) % len(modes)]

    @property
    def identity(self) -> bool:
        """Whether the patient's name stands on the panes; hidden unless the setting says otherwise."""
        return self._identity

    @identity.setter
    def identity(self, shown: bool) -> None:
        self._identity = bool(shown)
        self.look_changed.emit()
