"""Whether the image will do: findings by severity, where they are, what to do; ringing taken out."""

from __future__ import annotations

from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_procguide.models.assistant import Assistant
from napari_procguide.models.quality_words import line_of

__all__ = ["QualityPanel"]

_MARGIN = 12


class QualityPanel(QWidget):
    """A button, the findings, and before/after of unringing for MR."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._assistant = assistant
        self.judge = QPushButton("Check quality")
        self.judge.clicked.connect(assistant.judge)
        self.degibbs = QPushButton("Remove ringing (MR)")
        self.degibbs.clicked.connect(self._degibbs)
        self.after = QCheckBox("after")
        self.after.setToolTip("Off: as acquired. On: without ringing")
        self.after.toggled.connect(self._compare)
        self.findings = QTreeWidget()
        self.findings.setHeaderLabels(["", "Finding"])
        self.findings.setWordWrap(True)
        self.findings.itemClicked.connect(self._jump)
        self.findings.header().sectionResized.connect(self._wrap)
        row = QHBoxLayout()
        for widget in (self.judge, self.degibbs, self.after):
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(self.findings, 1)
        assistant.study.findings_changed.connect(self._fill)
        assistant.study.image_changed.connect(self._image)
        assistant.study.compared_changed.connect(self._image)
        self._image()

    def _degibbs(self) -> None:
        self._assistant.degibbs()

    def _fill(self) -> None:
        self.findings.clear()
        judged = self._assistant.study.judged
        if judged is None:
            return
        for shown in judged.findings:
            severity, name, words, advice = line_of(shown)
            item = QTreeWidgetItem([severity, f"{name}: {words}" if words else name])
            item.setData(0, Qt.ItemDataRole.UserRole, shown.where)
            item.setToolTip(1, "Click to go there" if shown.where is not None else "")
            if advice:
                item.addChild(QTreeWidgetItem(["", advice]))
            self.findings.addTopLevelItem(item)
            item.setExpanded(True)
        for name, why in judged.not_judged:
            self.findings.addTopLevelItem(QTreeWidgetItem(["○ not judged", f"{name}: {why}"]))
        self.findings.resizeColumnToContents(0)
        self._wrap()

    def _wrap(self) -> None:
        """Rows as high as their words are in the column's width: Qt's trees cut words off."""
        tree = self.findings
        room = QRect(0, 0, max(tree.columnWidth(1) - _MARGIN, 60), 10_000)
        top = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]
        for item in [*top, *(one.child(row) for one in top for row in range(one.childCount()))]:
            fit = tree.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, item.text(1))
            item.setSizeHint(1, QSize(0, fit.height() + 4))

    def _jump(self, item: QTreeWidgetItem, _column: int) -> None:
        where = item.data(0, Qt.ItemDataRole.UserRole)
        if where is not None:
            self._assistant.view.point = where

    def _image(self) -> None:
        study = self._assistant.study
        opened = study.opened
        self.judge.setEnabled(opened is not None)
        self.degibbs.setEnabled(opened is not None and opened.modality != "CT")
        self.after.setEnabled(study.unrung is not None)
        self.after.blockSignals(True)
        self.after.setChecked(study.compared is not None)
        self.after.blockSignals(False)

    def _compare(self, after: bool) -> None:
        self._assistant.study.show_unrung(after)
