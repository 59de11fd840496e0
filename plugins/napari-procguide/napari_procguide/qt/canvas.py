"""Drawing on a pane: pictures and marks on a plane to a widget's pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from napari_procguide.display.overlay import Dot, Dots, Mark, Stroke, Tag
from napari_procguide.display.slices import Slice

__all__ = ["Scale", "draw_labels", "draw_marks", "draw_picture", "draw_words"]


_OFF = 8.0


@dataclass(frozen=True)
class Scale:
    """From a plane's mm to a widget's pixels: ``per_mm``, and where the plane's centre is, x and y."""

    per_mm: float
    x: float
    y: float

    def to_pixel(self, right: float, down: float) -> QPointF:
        """A place of the plane on the widget."""
        return QPointF(self.x + right * self.per_mm, self.y + down * self.per_mm)

    def to_mm(self, x: float, y: float) -> tuple[float, float]:
        """A place of the widget on the plane."""
        return (x - self.x) / self.per_mm, (y - self.y) / self.per_mm


def draw_picture(painter: QPainter, scale: Scale, where: Slice, grey: NDArray[np.uint8]) -> None:
    """A grey picture in its place."""
    rows, columns = grey.shape
    image = QImage(grey.data, columns, rows, grey.strides[0], QImage.Format.Format_Grayscale8)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
    painter.drawImage(_place(scale, where), image)


def draw_labels(
    painter: QPainter, scale: Scale, where: Slice, table: NDArray[np.uint8], opacity: float
) -> None:
    """Labels by ``table`` ``(n, 4)``: red, green, blue and opacity by label."""
    values = np.ascontiguousarray(where.values)
    coloured = np.ascontiguousarray(table[np.minimum(values, len(table) - 1)])
    rows, columns = values.shape
    image = QImage(coloured.data, columns, rows, columns * 4, QImage.Format.Format_RGBA8888)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.setOpacity(opacity)
    painter.drawImage(_place(scale, where), image)
    painter.setOpacity(1.0)


def _place(scale: Scale, where: Slice) -> QRectF:
    corner = scale.to_pixel(where.left, where.top)
    return QRectF(corner.x(), corner.y(), where.width * scale.per_mm, where.height * scale.per_mm)


def draw_marks(painter: QPainter, scale: Scale, marks: Iterable[Mark], kept: Iterable[QRectF]) -> None:
    """Lines, dots and words in order; words lie neither on one another nor on ``kept`` boxes."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    taken = list(kept)
    for mark in marks:
        if isinstance(mark, Stroke):
            _stroke(painter, scale, mark)
        elif isinstance(mark, Dot):
            _dot(painter, scale, mark)
        elif isinstance(mark, Dots):
            _dots(painter, scale, mark)
        else:
            _tag(painter, scale, mark, taken)
    painter.setOpacity(1.0)


def _stroke(painter: QPainter, scale: Scale, mark: Stroke) -> None:
    pen = QPen(QColor(*mark.colour), mark.width)
    pen.setStyle(Qt.PenStyle.DashLine if mark.dashed else Qt.PenStyle.SolidLine)
    painter.setOpacity(mark.opacity)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF([scale.to_pixel(float(a), float(b)) for a, b in mark.points]))


def _dot(painter: QPainter, scale: Scale, mark: Dot) -> None:
    painter.setOpacity(mark.opacity)
    place, radius = scale.to_pixel(*mark.place), mark.radius
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(*mark.colour), 2.0))
    if mark.kind == "ring":
        painter.drawEllipse(place, radius, radius)
    else:
        painter.drawLine(place - QPointF(radius, 0), place + QPointF(radius, 0))
        painter.drawLine(place - QPointF(0, radius), place + QPointF(0, radius))


def _dots(painter: QPainter, scale: Scale, mark: Dots) -> None:
    painter.setOpacity(mark.opacity)
    pen = QPen(QColor(*mark.colour), 2 * mark.radius)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.drawPoints(QPolygonF([scale.to_pixel(float(a), float(b)) for a, b in mark.points]))


def _tag(painter: QPainter, scale: Scale, mark: Tag, taken: list[QRectF]) -> None:
    painter.setOpacity(1.0)
    place = scale.to_pixel(*mark.place)
    size = painter.fontMetrics().size(0, mark.words)
    wide = size.width() + 6
    beside = place.x() - wide - _OFF if mark.leftward else place.x() + _OFF
    if 0 <= place.x() <= painter.viewport().width():  # words of what is in view are read whole
        beside = max(0.0, min(beside, painter.viewport().width() - wide))
    box = _free(QRectF(beside, place.y() - size.height() / 2, wide, size.height()), taken)
    taken.append(box)
    draw_words(painter, box, mark.words, QColor(*mark.colour), Qt.AlignmentFlag.AlignCenter)


def _free(box: QRectF, taken: list[QRectF]) -> QRectF:
    """The place nearest to the box, below it or above, where nothing lies; else its own."""
    for lines in range(24):
        moved = box.translated(0, box.height() * ((lines + 1) // 2) * (1 if lines % 2 else -1))
        if not any(moved.intersects(other) for other in taken):
            return moved
    return box


def draw_words(painter: QPainter, box: QRectF, words: str, colour: QColor, align: Any) -> None:
    """Words with a dark ground, so that they can be read on any picture."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 130))
    fit = painter.fontMetrics().boundingRect(box.toRect(), int(align), words)
    painter.drawRoundedRect(QRectF(fit).adjusted(-3, -1, 3, 1), 3, 3)
    painter.setPen(colour)
    painter.drawText(box, int(align), words)
