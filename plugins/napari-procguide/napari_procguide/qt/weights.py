"""What counts how much: a slider an objective; letting one go ranks anew at once."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QSlider, QWidget

from napari_procguide.models.assistant import Assistant
from procguide.planning.names import Objective

__all__ = ["Weights"]

_STEPS = 100
_SETTLE_MS = 60


class Weights(QWidget):
    """Sliders from 0 to 1."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._assistant = assistant
        self.sliders: dict[str, QSlider] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(1)
        self._values: dict[str, QLabel] = {}
        for row, name in enumerate(Objective):
            slider = QSlider(Qt.Orientation.Horizontal)
            slider.setRange(0, _STEPS)
            slider.setAccessibleName(f"weight of {name.value}")
            slider.valueChanged.connect(self._changed)
            self.sliders[name.value] = slider
            self._values[name.value] = QLabel("0")
            grid.addWidget(QLabel(name.value), row, 0)
            grid.addWidget(slider, row, 1)
            grid.addWidget(self._values[name.value], row, 2)
        self.usual = QPushButton("The procedure's own")
        grid.addWidget(self.usual, len(Objective), 1)
        self.usual.clicked.connect(self._usual)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE_MS)
        self._timer.timeout.connect(self._rank)
        self._own: dict[str, float] = {}
        assistant.plan.plans_changed.connect(self._follow)

    def _follow(self) -> None:
        """Show what the plans were ranked by; remember the procedure's own."""
        planned = self._assistant.plan.planned
        self.setEnabled(planned is not None)
        if planned is None or any(slider.isSliderDown() for slider in self.sliders.values()):
            return
        if not self._own:
            self._own = dict(planned.weights)
        self._put(dict(planned.weights))

    def forget(self) -> None:
        """Another procedure: its weights are the ones that come next."""
        self._own = {}

    def _put(self, weights: dict[str, float]) -> None:
        for name, slider in self.sliders.items():
            slider.blockSignals(True)
            slider.setValue(round(_STEPS * weights.get(name, 0.0)))
            slider.blockSignals(False)
            self._values[name].setText(f"{slider.value() / _STEPS:.2f}")

    def _changed(self) -> None:
        for name, slider in self.sliders.items():
            self._values[name].setText(f"{slider.value() / _STEPS:.2f}")
        self._timer.start()

    def _rank(self) -> None:
        weights = {name: slider.value() / _STEPS for name, slider in self.sliders.items()}
        if self._assistant.plan.planned is not None and any(weights.values()):
            self._assistant.rerank(weights)

    def _usual(self) -> None:
        self._put(self._own)
        self._timer.start()
