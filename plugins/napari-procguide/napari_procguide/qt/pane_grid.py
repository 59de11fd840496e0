"""The panes together: axial, sagittal, coronal, down and along the needle; linked by the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QGridLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from napari_procguide.models.assistant import Assistant
from napari_procguide.qt.pane_source import AlongNeedleSource, DownNeedleSource, PlaneSource
from napari_procguide.qt.slice_pane import SlicePane

__all__ = ["PaneGrid"]

_LATE_MS = 40
"""A dragged needle is drawn with its clearances, in one go; after this time without them (assumed)."""
_REST_MS = 100
"""So long after the hand has moved the needle its own two panes are drawn in full again (assumed)."""


class PaneGrid(QWidget):
    """Four panes, the last one in two halves, and a line that says what is under the pointer."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._assistant = assistant
        self.last, self.alone = "axial", ""
        self.panes: Mapping[str, SlicePane] = {
            **{
                name: SlicePane(name, PlaneSource(assistant, name))
                for name in ("axial", "sagittal", "coronal")
            },
            "down": SlicePane("down the needle", DownNeedleSource(assistant, "down the needle")),
            "along": SlicePane("along the needle", AlongNeedleSource(assistant, "along the needle")),
        }
        self.readout = QLabel(" ")
        self.readout.setObjectName("readout")
        needle = QSplitter(Qt.Orientation.Horizontal)
        needle.addWidget(self.panes["down"])
        needle.addWidget(self.panes["along"])
        self._grid = QGridLayout()
        self._grid.setSpacing(2)
        self._cells: dict[QWidget, tuple[int, int]] = {
            self.panes["axial"]: (0, 0),
            self.panes["sagittal"]: (0, 1),
            self.panes["coronal"]: (1, 0),
            needle: (1, 1),
        }
        for widget, (row, column) in self._cells.items():
            self._grid.addWidget(widget, row, column)
        for line in (0, 1):
            self._grid.setRowStretch(line, 1)
            self._grid.setColumnStretch(line, 1)
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.addLayout(self._grid, 1)
        lines.addWidget(self.readout)
        self._connect()

    def _connect(self) -> None:
        assistant = self._assistant
        for signal in (
            assistant.view.look_changed,
            assistant.plan.needle_changed,
            assistant.plan.plans_changed,
            assistant.study.labels_changed,
            assistant.study.image_changed,
            assistant.study.compared_changed,
        ):
            signal.connect(self.refresh)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_LATE_MS)
        self._late.timeout.connect(self.refresh)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(partial(self._draw_finely, True))
        assistant.plan.needle_moved.connect(self._moved)
        assistant.view.point_changed.connect(self.follow)
        assistant.study.image_changed.connect(self.reset)
        for name, pane in self.panes.items():
            pane.pointed.connect(self._say)
            pane.entered.connect(partial(self._enter, name))

    def follow(self) -> None:
        """Draw the panes that go through the crosshair; the needle's own stay."""
        for name in ("axial", "sagittal", "coronal"):
            self.panes[name].update()

    def _moved(self) -> None:
        """While the engine judges the needle: make the pictures that go with it."""
        if not self._late.isActive():
            self._late.start()
        self._draw_finely(False)
        self._rest.start()
        for pane in self.panes.values():
            pane.prepare()

    def _draw_finely(self, fine: bool) -> None:
        """The needle's own panes in full, or quickly while it is dragged."""
        for name in ("down", "along"):
            self.panes[name].fine = fine
            if fine:
                self.panes[name].update()

    def refresh(self) -> None:
        """Draw all panes again, once, when Qt next comes to it."""
        self._late.stop()
        for pane in self.panes.values():
            pane.update()

    def reset(self) -> None:
        """Whole images again."""
        for pane in self.panes.values():
            pane.reset()

    def photograph(self, folder: Path) -> Iterator[None]:
        """What each pane shows, as ``folder/NAME.png``; one in each step."""
        folder.mkdir(exist_ok=True)
        for name, pane in self.panes.items():
            if pane.isVisible() and pane.plane is not None:
                pane.grab().save(str(folder / f"{name}.png"))
                yield

    def _enter(self, name: str) -> None:
        self.last = name

    def turn_alone(self) -> None:
        """The pane that was clicked last alone, or all again; the needle's two stay together."""
        self.alone = "" if self.alone else self.last
        for widget in self._cells:
            pane = self.panes.get(self.alone)
            widget.setVisible(pane is None or widget in (pane, pane.parent()))

    def _say(self, point: tuple[float, float, float] | None) -> None:
        image = self._assistant.study.compared or self._assistant.study.image
        if point is None or image is None:
            self.readout.setText(" ")
            return
        x, y, z = point
        place = (
            f"{'L' if x > 0 else 'R'} {abs(x):.1f}  {'P' if y > 0 else 'A'} {abs(y):.1f}  "
            f"{'S' if z > 0 else 'I'} {abs(z):.1f} mm"
        )
        value = image.value_at(point)
        opened = self._assistant.study.opened
        unit = " HU" if opened is not None and opened.modality == "CT" else ""
        said = "outside the image" if value is None else f"{value:.4g}{unit}"
        self.readout.setText(f"{place}   {said}{self._label_at(point)}")

    def _label_at(self, point: tuple[float, float, float]) -> str:
        study = self._assistant.study
        if study.labelled is None or study.levels is None or study.regions is None:
            return ""
        level, region = study.levels.value_at(point), study.regions.value_at(point)
        names = []
        if level:
            names.append(study.labelled.level_names.get(int(level), str(int(level))))
        if region:
            names.append(study.labelled.region_names.get(int(region), str(int(region))))
        return f"   {', '.join(names)}" if names else ""
