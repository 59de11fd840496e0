"""Frames of X-ray, ultrasound or video in a pane of their own: play, rate, counter."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt, QTimer
from qtpy.QtGui import QColor, QImage, QKeyEvent, QPainter, QPaintEvent, QWheelEvent
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_procguide import DISCLAIMER
from napari_procguide.models.assistant import Assistant
from napari_procguide.models.cine import CineModel

__all__ = ["CinePane"]


class CinePane(QWidget):
    """The open frames; hidden while there are none."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cine: CineModel = assistant.cine
        self.picture = _Picture(self.cine)
        self.play = QPushButton("Play")
        self.play.setCheckable(True)
        self.play.setToolTip("Play or stop (Space)")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.rate = QDoubleSpinBox()
        self.rate.setRange(0.5, 60)
        self.rate.setDecimals(1)
        self.rate.setSuffix(" / s")
        self.rate.setToolTip("Frames a second")
        self.counter = QLabel()
        self.close_frames = QPushButton("Close frames")
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._next)
        self._lay_out()
        self._connect()
        self.hide()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        for widget in (self.play, self.rate, self.counter):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.close_frames)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.addWidget(self.picture, 1)
        column.addWidget(self.slider)
        column.addLayout(row)

    def _connect(self) -> None:
        self.play.toggled.connect(self._play)
        self.slider.valueChanged.connect(self._go_to)
        self.rate.valueChanged.connect(self._set_rate)
        self.close_frames.clicked.connect(lambda: self.cine.set_shown(None))
        self.cine.frames_changed.connect(self._frames)
        self.cine.at_changed.connect(self._follow)
        self.cine.playing_changed.connect(self._playing)

    def _next(self) -> None:
        self.cine.step()

    def _play(self, playing: bool) -> None:
        self.cine.playing = playing

    def _go_to(self, number: int) -> None:
        self.cine.at = number

    def _set_rate(self, rate: float) -> None:
        self.cine.rate_hz = rate

    def _frames(self) -> None:
        many = self.cine.count > 1
        self.slider.setRange(0, max(0, self.cine.count - 1))
        for widget in (self.play, self.slider, self.rate):
            widget.setVisible(many)
        self.setVisible(self.cine.shown is not None)
        self._playing()
        self._follow()

    def _follow(self) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(self.cine.at)
        self.slider.blockSignals(False)
        self.counter.setText(self.cine.words)
        self.picture.update()

    def _playing(self) -> None:
        for widget in (self.play, self.rate):
            widget.blockSignals(True)
        self.play.setChecked(self.cine.playing)
        self.play.setText("Stop" if self.cine.playing else "Play")
        self.rate.setValue(self.cine.rate_hz)
        for widget in (self.play, self.rate):
            widget.blockSignals(False)
        if self.cine.playing:
            self._timer.start(round(1000 / self.cine.rate_hz))
        else:
            self._timer.stop()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Left and right: one frame; Home and End."""
        assert event is not None
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: self.cine.count - 1}
        key = Qt.Key(event.key())
        if key in steps:
            self.cine.step(steps[key])
        elif key in ends:
            self.cine.at = ends[key]
        else:
            super().keyPressEvent(event)


class _Picture(QWidget):
    """The frame, as large as fits, and what is known of it."""

    def __init__(self, cine: CineModel) -> None:
        super().__init__()
        self._cine = cine
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 140)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def sizeHint(self) -> QSize:
        """Less than the slices beside it."""
        return QSize(300, 300)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """One frame a step."""
        assert event is not None
        self._cine.step(-1 if event.angleDelta().y() > 0 else 1)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Picture, words, warning."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0))
        frame, shown = self._cine.frame, self._cine.shown
        if frame is not None and shown is not None:
            rows, columns = frame.shape[:2]
            kind = QImage.Format.Format_RGB888 if frame.ndim == 3 else QImage.Format.Format_Grayscale8
            image = QImage(frame.data, columns, rows, frame.strides[0], kind)
            share = min(self.width() / columns, self.height() / rows)
            wide, high = columns * share, rows * share
            place = QRectF((self.width() - wide) / 2, (self.height() - high) / 2, wide, high)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
            painter.drawImage(place, image)
            box = self.rect().adjusted(6, 4, -6, -4)
            painter.setPen(QColor(255, 255, 255))
            words = f"{shown.series.modality}  {shown.pixel_words}"
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(box, int(flags), words)
            painter.setPen(QColor(255, 200, 120))
            foot = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom | Qt.TextFlag.TextWordWrap
            painter.drawText(box, int(foot), DISCLAIMER)
        painter.end()
