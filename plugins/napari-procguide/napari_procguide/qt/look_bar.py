"""How the panes look: window presets, slab, labels, the patient's name."""

from __future__ import annotations

from functools import partial

import numpy as np
from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_procguide.models.assistant import Assistant
from napari_procguide.models.view import PRESETS, LabelMode

__all__ = ["LookBar"]


class LookBar(QWidget):
    """A line over the panes."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._assistant, view = assistant, assistant.view
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 2, 4, 2)
        self.presets: dict[str, QPushButton] = {}
        for number, name in enumerate((*PRESETS, "Auto"), start=1):
            button = QPushButton(name)
            button.setToolTip(f"Window for {name.lower()} (key {number})")
            button.clicked.connect(partial(self.preset, name))
            self.presets[name] = button
            row.addWidget(button)
        row.addWidget(QLabel("Slab"))
        self.slab = QDoubleSpinBox()
        self.slab.setRange(0, 60)
        self.slab.setSingleStep(2)
        self.slab.setSuffix(" mm")
        self.slab.setToolTip("Show the maximum over a slab of this thickness")
        self.slab.valueChanged.connect(self._slab)
        row.addWidget(self.slab)
        row.addWidget(QLabel("Labels"))
        self.labels = QComboBox()
        self.labels.addItems([mode.value for mode in LabelMode])
        self.labels.setCurrentText(view.labels.value)
        self.labels.currentTextChanged.connect(self._labels)
        row.addWidget(self.labels)
        self.identity = QCheckBox("Name")
        self.identity.setToolTip("Show the patient's name on the panes; hidden unless you say so")
        self.identity.toggled.connect(self._identity)
        row.addWidget(self.identity)
        row.addStretch(1)
        view.look_changed.connect(self._follow)
        assistant.study.image_changed.connect(self._enable)
        self._enable()

    def preset(self, name: str) -> None:
        """Take a preset; ``"Auto"`` spans what most voxels of the image do."""
        image = self._assistant.study.image
        if name in PRESETS:
            self._assistant.view.window = PRESETS[name]
        elif image is not None:
            few = image.voxels[:: max(1, image.voxels.shape[0] // 12), ::4, ::4]
            low, high = np.percentile(few, (1, 99.5))
            self._assistant.view.window = (float(low + high) / 2, float(high - low))

    def _slab(self, thickness: float) -> None:
        self._assistant.view.slab_mm = thickness

    def _labels(self, mode: str) -> None:
        self._assistant.view.labels = LabelMode(mode)

    def _identity(self, shown: bool) -> None:
        self._assistant.view.identity = shown

    def _follow(self) -> None:
        view = self._assistant.view
        for widget, put in (
            (self.slab, partial(self.slab.setValue, view.slab_mm)),
            (self.labels, partial(self.labels.setCurrentText, view.labels.value)),
            (self.identity, partial(self.identity.setChecked, view.identity)),
        ):
            widget.blockSignals(True)
            put()
            widget.blockSignals(False)

    def _enable(self) -> None:
        """Hounsfield presets are for CT alone."""
        opened = self._assistant.study.opened
        for name in PRESETS:
            self.presets[name].setEnabled(opened is not None and opened.modality == "CT")
        self.presets["Auto"].setEnabled(opened is not None)
