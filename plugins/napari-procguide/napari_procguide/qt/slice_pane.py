"""One pane: a plane through the image with all that lies over it, drawn by Qt alone.

napari's own canvases take about 60 ms each to draw a slice over software OpenGL; this takes a few
(benchmarks/napari_plugin.py), so that three linked panes follow a wheel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QShowEvent, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_procguide import DISCLAIMER
from napari_procguide.display.colours import CROSSHAIR
from napari_procguide.display.planes import Plane, letters
from napari_procguide.display.slices import grey, take
from napari_procguide.models.study import Lattice
from napari_procguide.qt.canvas import Scale, draw_labels, draw_marks, draw_picture, draw_words
from napari_procguide.qt.pane_tools import Tool, tool_for

if TYPE_CHECKING:
    from napari_procguide.qt.pane_source import PaneSource

__all__ = ["SlicePane"]

_MARGIN = 1.02
_NARROW = 300
"""Pixels: words stand below the upper letter, not beside it."""
_FINE, _COARSE = 192, 112
"""Samples along a side of an oblique picture, were it square: at rest, and while a needle is dragged."""
_FOOT = 34
"""Pixels: the line that every picture must bear, or two where it is narrow."""
_WRAP = int(Qt.TextFlag.TextWordWrap)


class SlicePane(QWidget):
    """A plane of ``source``; wheel, crosshair, window, zoom and pan by hand.

    ``pointed`` tells what the pointer is on, patient LPS mm, or None.
    """

    pointed = Signal(object)
    entered = Signal()

    def __init__(self, name: str, source: PaneSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.source = name, source
        self.setObjectName(f"pane {name}")
        self.setAccessibleName(f"{name} slice")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 100)
        self.zoom, self.shift = 1.0, QPointF(0, 0)
        self.tool: Tool | None = None
        self.fine = True
        """Whether an oblique plane is sampled in full; less so while its needle is dragged."""
        self._kept: tuple[Any, QPixmap] | None = None
        self.painted = 0

    @property
    def plane(self) -> Plane | None:
        """What is shown, through the point in view; None where there is nothing to show."""
        return self.source.plane()

    def scale(self) -> Scale:
        """From the plane's mm to this widget's pixels: the whole image fits at zoom 1."""
        left, top, width, height = self.source.extent_mm()
        fit = min(self.width() / max(width, 1), self.height() / max(height, 1)) / _MARGIN
        per_mm = fit * self.zoom
        x = self.width() / 2 - (left + width / 2) * per_mm + self.shift.x()
        y = self.height() / 2 - (top + height / 2) * per_mm + self.shift.y()
        return Scale(per_mm, x, y)

    def reset(self) -> None:
        """The whole image again."""
        self.zoom, self.shift = 1.0, QPointF(0, 0)
        self.update()

    def point_at(self, position: QPointF) -> tuple[float, float, float] | None:
        """The patient's place under a pixel."""
        plane = self.plane
        return None if plane is None else plane.to_patient(*self.scale().to_mm(position.x(), position.y()))

    def showEvent(self, _event: QShowEvent | None) -> None:
        """Qt need not draw what lies below; said now, since napari's style sheet takes it back before."""
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Picture, labels, marks, crosshair, letters, words."""
        painter = QPainter(self)
        plane = self.plane
        if plane is not None and self.source.image is not None:
            scale = self.scale()
            painter.drawPixmap(0, 0, self._picture(plane, scale))
            self._crosshair(painter, scale)
            foot = QRectF(0, self.height() - _FOOT, self.width(), 2 * _FOOT)
            draw_marks(painter, scale, self.source.marks(plane), (*self._letter_boxes(), foot))
            if self.tool is not None:
                self.tool.draw(painter, scale)
            self._words(painter, plane)
        else:
            painter.fillRect(self.rect(), QColor(0, 0, 0))
            painter.setPen(QColor(170, 170, 170))
            middle = int(Qt.AlignmentFlag.AlignCenter) | _WRAP
            painter.drawText(self.rect().adjusted(4, 0, -4, 0), middle, self.source.why_empty)
        self._bar(painter)
        painter.end()
        self.painted += 1

    def prepare(self) -> None:
        """Make the picture beforehand, so that drawing is quick when it is asked for."""
        plane = self.plane
        if plane is not None and self.source.image is not None and self.isVisible():
            self._picture(plane, self.scale())

    def _picture(self, plane: Plane, scale: Scale) -> QPixmap:
        """Image and labels; kept while only what lies over them changes, as when a needle is dragged."""
        view, layers = self.source.look, list(self.source.label_layers())
        told = [(lattice, table.tobytes(), opacity) for lattice, table, opacity in layers]
        ratio = self.devicePixelRatioF()
        look = (view.window, view.slab_mm, self.source.image, ratio, self.width(), self.height(), self.fine)
        key = (plane, scale, look, told)
        if self._kept is None or self._kept[0] != key:
            kept = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
            kept.setDevicePixelRatio(ratio)
            kept.fill(QColor(0, 0, 0))
            inner = QPainter(kept)
            self._draw_picture(inner, plane, scale, layers)
            inner.end()
            self._kept = (key, kept)
        return self._kept[1]

    def _draw_picture(
        self,
        painter: QPainter,
        plane: Plane,
        scale: Scale,
        layers: list[tuple[Lattice, NDArray[np.uint8], float]],
    ) -> None:
        view, image = self.source.look, self.source.image
        assert image is not None
        left, top = scale.to_mm(0, 0)
        right, bottom = scale.to_mm(self.width(), self.height())
        seen = (left, top, right - left, bottom - top)
        pixels = _FINE if self.fine else _COARSE
        where = take(image, plane, slab_mm=view.slab_mm, view=seen, pixels=pixels)
        if where is None:
            return
        draw_picture(painter, scale, where, grey(where.values, view.window))
        for lattice, table, opacity in layers:
            labels = take(lattice, plane, view=seen, pixels=pixels, nearest=True)
            if labels is not None:
                draw_labels(painter, scale, labels, table, opacity)

    def _crosshair(self, painter: QPainter, scale: Scale) -> None:
        if not self.source.crosshair:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(QColor(*CROSSHAIR), 1))
        place = scale.to_pixel(0, 0)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            near = place + QPointF(10 * dx, 10 * dy)
            painter.drawLine(near, place + QPointF(4000 * dx, 4000 * dy))

    def _letter_boxes(self) -> tuple[QRectF, ...]:
        """Where the letters stand: right, left, bottom, top."""
        width, height = self.width(), self.height()
        places = ((width - 16, height / 2), (16, height / 2), (width / 2, height - 46), (width / 2, 12))
        return tuple(QRectF(x - 16, y - 10, 32, 20) for x, y in places)

    def _words(self, painter: QPainter, plane: Plane) -> None:
        """Letters at the edges, the name, the window, the scale bar."""
        width, height = self.width(), self.height()
        centre = Qt.AlignmentFlag.AlignCenter
        white = QColor(255, 255, 255)
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        right, down = np.array(plane.right), np.array(plane.down)
        for direction, box in zip((right, -right, down, -down), self._letter_boxes(), strict=True):
            a, b, c = (float(v) for v in direction)
            draw_words(painter, box, letters((a, b, c)), white, centre)
        font.setBold(False)
        painter.setFont(font)
        narrow = width < _NARROW
        top_left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop) | _WRAP
        title = QRectF(6, 24, width - 12, 90) if narrow else QRectF(6, 3, width / 2 - 26, 90)
        draw_words(painter, title, self.source.title(), white, top_left)
        low_right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom
        corner = QRectF(width / 2 + 20, height - 92, width / 2 - 26, 50)
        said = self.source.corner()
        if said:
            draw_words(painter, corner, said.replace("  ", "\n") if narrow else said, white, low_right)
        self._scale_bar(painter)

    def _scale_bar(self, painter: QPainter) -> None:
        per_mm = self.scale().per_mm
        length = max((mm for mm in (5, 10, 20, 50, 100, 200) if mm * per_mm < 0.3 * self.width()), default=5)
        x, y = 8.0, self.height() - 38.0
        painter.setPen(QPen(QColor(255, 255, 255), 2))
        painter.drawLine(QPointF(x, y), QPointF(x + length * per_mm, y))
        left = Qt.AlignmentFlag.AlignLeft
        draw_words(painter, QRectF(x, y - 20, 80, 16), f"{length} mm", QColor(255, 255, 255), left)

    def _bar(self, painter: QPainter) -> None:
        """What every picture must say."""
        font = painter.font()
        font.setPointSizeF(max(font.pointSizeF() - 1.5, 6.5))
        painter.setFont(font)
        place = self.rect().adjusted(4, 0, -4, -2)
        foot = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom) | _WRAP
        draw_words(painter, QRectF(place), DISCLAIMER, QColor(255, 200, 120), foot)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Scroll through the image; with Control zoom about the pointer."""
        assert event is not None
        steps = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(1.15**steps)
        else:
            self.source.scroll(steps)
        event.accept()

    def zoom_by(self, factor: float) -> None:
        """Larger or smaller, about the crosshair."""
        self.zoom = float(np.clip(self.zoom * factor, 0.5, 20))
        self.update()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """What the button and the place begin."""
        assert event is not None
        self.entered.emit()
        self.tool = tool_for(self, event)
        if self.tool is not None:
            self.tool.press(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Go on with it, or tell what is under the pointer."""
        assert event is not None
        if self.tool is not None and event.buttons():
            self.tool.move(event)
        self.pointed.emit(self.point_at(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End it."""
        assert event is not None
        if self.tool is not None:
            self.tool.release(event)
            self.tool = None
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """The whole image again."""
        self.reset()

    def leaveEvent(self, event: object) -> None:
        """Nothing is under the pointer."""
        self.pointed.emit(None)
