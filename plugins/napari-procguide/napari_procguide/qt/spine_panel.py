"""The spine: labelled by one button, its levels named, labels edited with napari's own tools."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_procguide.models.assistant import Assistant
from procguide.anatomy import VERSE_LABELS

__all__ = ["SpinePanel"]

_LEVELS = tuple(name for name in VERSE_LABELS if name[0] in "CTL" and name not in ("T13", "L6"))


class SpinePanel(QWidget):
    """``edit_wanted`` and ``edits_done`` go to what handles napari's layers."""

    edit_wanted = QtSignal()
    edits_done = QtSignal()

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._assistant = assistant
        self.lowest = QComboBox()
        self.lowest.addItems(["from what is seen", *_LEVELS[::-1]])
        self.lowest.setToolTip("Where no sacrum is in view: the lowest vertebra that is wholly in view")
        self.segment = QPushButton("Segment")
        self.file = QPushButton("Labels from file …")
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels(["Level", "Sure of its name", "In view", "Rename to"])
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.words = QLabel("Open a study first.")
        self.words.setWordWrap(True)
        self.edit = QPushButton("Edit labels")
        self.edit.setToolTip("Paint in napari's own Labels layer; the tools are on the left")
        self.take = QPushButton("Use edited labels")
        self._lay_out()
        self.segment.clicked.connect(self._segment)
        self.file.clicked.connect(self._from_file)
        self.edit.clicked.connect(self.edit_wanted)
        self.take.clicked.connect(self.edits_done)
        self.table.cellClicked.connect(self._go_to)
        assistant.study.image_changed.connect(self._fill)
        assistant.study.labels_changed.connect(self._fill)
        self._fill()

    def _lay_out(self) -> None:
        top = QGridLayout()
        top.addWidget(QLabel("Lowest level in view"), 0, 0)
        top.addWidget(self.lowest, 0, 1)
        top.addWidget(self.segment, 1, 0)
        top.addWidget(self.file, 1, 1)
        bottom = QGridLayout()
        bottom.addWidget(self.edit, 0, 0)
        bottom.addWidget(self.take, 0, 1)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addWidget(self.words)
        column.addLayout(bottom)

    def _segment(self) -> None:
        lowest = self.lowest.currentText() if self.lowest.currentIndex() > 0 else None
        self._assistant.segment(lowest)

    def _from_file(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "labels.nii.gz, with regions.nii.gz beside it")
        if file:
            self._assistant.segment(labels=Path(file))

    def _fill(self) -> None:
        study = self._assistant.study
        labelled = study.labelled
        self.segment.setEnabled(study.image is not None)
        self.file.setEnabled(study.image is not None)
        self.edit.setEnabled(labelled is not None)
        self.take.setEnabled(labelled is not None)
        vertebrae = () if labelled is None else labelled.spine.vertebrae
        self.table.setRowCount(len(vertebrae))
        for row, vertebra in enumerate(vertebrae):
            whole = "whole" if vertebra.complete else "cut off"
            for column, words in enumerate((vertebra.level, f"{vertebra.confidence:.2f}", whole)):
                item = QTableWidgetItem(words)
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                self.table.setItem(row, column, item)
            names = QComboBox()
            names.addItems(_LEVELS)
            names.setCurrentText(vertebra.level)
            names.activated.connect(lambda _index, box=names, at=row: self.rename(at, box.currentText()))
            self.table.setCellWidget(row, 3, names)
        self.table.resizeColumnsToContents()
        self._say()

    def _say(self) -> None:
        labelled = self._assistant.study.labelled
        if labelled is None:
            ready = self._assistant.study.image is not None
            self.words.setText("Not labelled yet." if ready else "Open a study first.")
            return
        faults = [finding.words for finding in labelled.findings if finding.severity.value != "ok"]
        anchor = f"Levels named from: {labelled.anchor.replace('_', ' ')}."
        self.words.setText(" ".join([anchor, "Naming one names all.", *faults]))

    def rename(self, row: int, level: str) -> None:
        """Name the vertebra of a row; the others follow."""
        labelled = self._assistant.study.labelled
        if labelled is not None and labelled.spine.vertebrae[row].level != level:
            self._assistant.rename(labelled.spine.vertebrae[row].frame.origin, level)

    def _go_to(self, row: int, _column: int) -> None:
        labelled = self._assistant.study.labelled
        if labelled is not None:
            self._assistant.view.point = labelled.spine.vertebrae[row].frame.origin
