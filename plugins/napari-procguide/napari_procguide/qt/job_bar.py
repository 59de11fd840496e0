"""Work under way: what, how far, and a button that stops it; errors with their details."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QMessageBox, QProgressBar, QPushButton, QWidget

from napari_procguide.models.assistant import Assistant

__all__ = ["JobBar"]


class JobBar(QWidget):
    """One line at the foot of the workspace."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._assistant = assistant
        self.words = QLabel("Open a study to begin")
        self.words.setMinimumWidth(120)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(12)
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Stop what is going on (Esc)")
        self.stop.clicked.connect(assistant.cancel)
        self.box: QMessageBox | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        for widget, stretch in ((self.words, 3), (self.bar, 1), (self.stop, 0)):
            row.addWidget(widget, stretch)
        self._busy(False)
        jobs = assistant.jobs
        jobs.started.connect(self._started)
        jobs.progressed.connect(self._progressed)
        jobs.ended.connect(self._ended)
        jobs.failed.connect(self._failed)
        assistant.said.connect(self.say)

    def say(self, words: str) -> None:
        """A line for the person."""
        self.words.setText(words)

    def _busy(self, busy: bool) -> None:
        self.bar.setVisible(busy)
        self.stop.setVisible(busy)

    def _started(self, words: str) -> None:
        self.words.setText(f"{words} …")
        self.bar.setRange(0, 0)
        self._busy(True)

    def _progressed(self, words: str, share: float | None) -> None:
        self.words.setText(words)
        self.bar.setRange(0, 0 if share is None else 100)
        if share is not None:
            self.bar.setValue(round(100 * share))

    def _ended(self) -> None:
        self._busy(False)
        if self.words.text().endswith("…") or ":" in self.words.text():
            self.words.setText("Ready")

    def _failed(self, words: str, trace: str) -> None:
        """Say what to do; the trace is in the details."""
        self.words.setText(words)
        box = QMessageBox(QMessageBox.Icon.Warning, "procguide", words, parent=self.window())
        box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if trace:
            box.setDetailedText(trace)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setModal(False)
        box.destroyed.connect(self._box_closed)
        box.open()
        self.box = box

    def _box_closed(self) -> None:
        self.box = None
