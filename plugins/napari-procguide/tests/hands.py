"""What a person does at a window, and sees of it: wait, point, drag, look."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QImage, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

__all__ = ["drag", "picture", "pixel", "wait"]

WAIT_S = 120.0


def picture(widget: QWidget) -> np.ndarray:
    """What a widget shows, ``(rows, columns, 3)``; a copy, for Qt's memory goes with its image."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    if hasattr(bits, "setsize"):  # PyQt6; PySide6 gives a buffer with its size
        bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def wait(condition: Callable[[], object], what: str = "") -> None:
    """Process events until ``condition``; what an error box says ends it."""
    end = time.monotonic() + WAIT_S
    while not condition():
        QApplication.processEvents()
        time.sleep(0.005)
        assert time.monotonic() < end, what
    for _ in range(5):
        QApplication.processEvents()


def pixel(pane: Any, point: Any) -> QPoint:
    right, down, _ = pane.plane.to_plane(point)
    place: QPointF = pane.scale().to_pixel(float(right), float(down))
    return place.toPoint()


def drag(pane: Any, start: QPoint, end: QPoint, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    """Press, move in four steps, let go; as a hand does."""
    QTest.mousePress(pane, button, pos=start)
    for share in (0.25, 0.5, 0.75, 1.0):
        place = QPointF(start) + share * QPointF(end - start)
        move = QMouseEvent(
            QEvent.Type.MouseMove,
            place,
            place,
            Qt.MouseButton.NoButton,
            button,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(pane, move)
        QApplication.processEvents()
    QTest.mouseRelease(pane, button, pos=end)
