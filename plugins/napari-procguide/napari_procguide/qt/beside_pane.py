"""Another series of the study beside the one that is planned in: the same place, a window of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_procguide.display.overlay import Mark
from napari_procguide.display.planes import Plane
from napari_procguide.models.assistant import Assistant
from napari_procguide.models.study import Lattice
from napari_procguide.models.view import ViewModel
from napari_procguide.qt.pane_source import PlaneSource
from napari_procguide.qt.slice_pane import SlicePane

__all__ = ["BesidePane"]

_LEAST_WIDTH = 280
_PLANES = ("axial", "sagittal", "coronal")


class _BesideSource(PlaneSource):
    """The other series; needle and measurements only where both share a frame of reference."""

    may_drag = False

    def __init__(self, assistant: Assistant, name: str) -> None:
        super().__init__(assistant, name)
        self.look = ViewModel()

    @property
    def image(self) -> Lattice | None:
        return self.study.beside

    def marks(self, plane: Plane) -> Iterator[Mark]:
        shown = self.study.beside_shown
        if shown is not None and shown.same_place:
            yield from super().marks(plane)

    def label_layers(self) -> Iterator[tuple[Lattice, NDArray[np.uint8], float]]:
        yield from ()

    def title(self) -> str:
        shown = self.study.beside_shown
        if shown is None:
            return ""
        first = super().title().split("\n")[0]
        words = [first, shown.header]
        if not shown.same_place:
            words.append("another frame of reference: places may not match")
        return "\n".join(words)


class BesidePane(QWidget):
    """One plane of the other series, hidden while there is none."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._study = assistant.study
        self.panes = {name: SlicePane(f"{name} beside", _BesideSource(assistant, name)) for name in _PLANES}
        self.plane = QComboBox()
        self.plane.addItems(_PLANES)
        self.plane.setAccessibleName("Plane of the series beside")
        self.close_it = QPushButton("Close series")
        foot = QHBoxLayout()
        foot.addWidget(self.plane)
        foot.addWidget(self.close_it)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for pane in self.panes.values():
            column.addWidget(pane, 1)
            pane.source.look.look_changed.connect(self._draw)
        column.addLayout(foot)
        self.setMinimumWidth(_LEAST_WIDTH)
        self.plane.setCurrentText("sagittal")
        self.plane.currentTextChanged.connect(self._turn)
        self.close_it.clicked.connect(lambda: assistant.study.set_beside(None))
        for signal in (assistant.view.point_changed, assistant.plan.needle_changed):
            signal.connect(self._draw)
        assistant.study.beside_changed.connect(self._fill)
        self._turn()
        self.hide()

    def _fill(self) -> None:
        shown = self._study.beside_shown
        self.setVisible(shown is not None)
        if shown is not None:
            for pane in self.panes.values():
                pane.source.look.window = shown.window
                pane.reset()

    def _turn(self) -> None:
        for name, pane in self.panes.items():
            pane.setVisible(name == self.plane.currentText())

    def _draw(self) -> None:
        if self._study.beside_shown is not None:
            self.panes[self.plane.currentText()].update()
