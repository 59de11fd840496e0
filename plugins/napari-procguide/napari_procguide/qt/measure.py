"""Measuring by hand: the tool on a pane, and its buttons."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPen
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_procguide.display.colours import MEASURE
from napari_procguide.models.measurements import Kind, Measurement, MeasurementsModel
from napari_procguide.qt.canvas import Scale, draw_words

if TYPE_CHECKING:
    from napari_procguide.qt.slice_pane import SlicePane

__all__ = ["MeasureBar", "measuring_tool"]

_CLICK_PIXELS = 4.0


class _Measuring:
    """A press sets a place; where the pointer is let go elsewhere, the next."""

    def __init__(self, pane: SlicePane, measurements: MeasurementsModel) -> None:
        self._pane, self._measurements = pane, measurements
        self._start = self._now = QPointF()

    def press(self, event: QMouseEvent) -> None:
        """The first place."""
        self._start = self._now = event.position()
        self._add(event.position())

    def move(self, event: QMouseEvent) -> None:
        """The line follows."""
        self._now = event.position()
        self._pane.update()

    def release(self, event: QMouseEvent) -> None:
        """The next place, if the pointer has moved and one is missing."""
        gone = event.position() - self._start
        if self._measurements.pending and gone.manhattanLength() > _CLICK_PIXELS:
            self._add(event.position())

    def draw(self, painter: QPainter, scale: Scale) -> None:
        """The line that the next place would make, and its measure."""
        pending, tool = self._measurements.pending, self._measurements.tool
        plane, under = self._pane.plane, self._pane.point_at(self._now)
        if not pending or tool is None or plane is None or under is None:
            return
        right, down, _ = plane.to_plane(pending[-1])
        painter.setPen(QPen(QColor(*MEASURE), 1.5))
        painter.drawLine(scale.to_pixel(float(right), float(down)), self._now)
        if len(pending) + 1 == tool.places:
            box = self._pane.rect().toRectF()
            box.moveTopLeft(self._now + QPointF(10, 8))
            draw_words(painter, box, Measurement(tool, (*pending, under)).words, QColor(*MEASURE), 0)

    def _add(self, position: QPointF) -> None:
        point = self._pane.point_at(position)
        if point is not None:
            self._measurements.add(point)


def measuring_tool(pane: SlicePane, measurements: MeasurementsModel) -> _Measuring | None:
    """A tool for the press, if one is in hand."""
    return None if measurements.tool is None else _Measuring(pane, measurements)


class MeasureBar(QWidget):
    """Buttons for distance, angle, and taking the last back."""

    def __init__(self, measurements: MeasurementsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._measurements = measurements
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.tools: dict[Kind, QPushButton] = {}
        for kind, words, tip in (
            (Kind.DISTANCE, "Distance", "Measure a distance: click both ends, or drag (key M)"),
            (Kind.ANGLE, "Angle", "Measure an angle: click an end, the vertex, the other end (key A)"),
        ):
            button = QPushButton(words)
            button.setCheckable(True)
            button.setToolTip(tip)
            button.clicked.connect(partial(measurements.toggle, kind))
            self.tools[kind] = button
            row.addWidget(button)
        self.back = QPushButton("↶")
        self.back.setAccessibleName("Take the last measurement back")
        self.back.setToolTip("Take the last place or measurement back (Backspace)")
        self.back.clicked.connect(measurements.take_back)
        row.addWidget(self.back)
        measurements.tool_changed.connect(self._follow)
        measurements.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        for kind, button in self.tools.items():
            button.setChecked(self._measurements.tool is kind)
        self.back.setEnabled(bool(self._measurements.done or self._measurements.pending))
