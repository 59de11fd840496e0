"""The needle in view: C-arm angles large, every clearance, what it breaks."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import QApplication, QLabel, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from napari_procguide.display.colours import BROKEN
from napari_procguide.models.assistant import Assistant

__all__ = ["EvaluationPanel"]


class EvaluationPanel(QWidget):
    """Follows the needle as it is dragged. ``sound`` rings when a limit is first broken."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plan = assistant.plan
        self.sound = False
        self._was_broken = False
        self.angles = QLabel()
        self.angles.setObjectName("carm")
        font = self.angles.font()
        font.setPointSizeF(font.pointSizeF() * 1.9)
        font.setBold(True)
        self.angles.setFont(font)
        self.angles.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.clearances = QTableWidget(0, 3)
        self.clearances.setHorizontalHeaderLabels(["Structure", "Distance", "Margin"])
        self.clearances.verticalHeader().hide()
        self.clearances.horizontalHeader().setStretchLastSection(True)
        self.clearances.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.angles, self.words, self.clearances):
            column.addWidget(widget)
        self.clearances.setMinimumHeight(60)
        self._plan.needle_changed.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        plan, needle = self._plan.plan, self._plan.needle
        if plan is None or needle is None:
            self.angles.setText("")
            self.words.setText("No needle yet.")
            self.clearances.setRowCount(0)
            return
        side = "left" if plan.view.oblique_deg > 0 else "right"
        tilt = "cranial" if plan.view.tilt_deg > 0 else "caudal"
        self.angles.setText(
            f"{abs(plan.view.oblique_deg):.0f}° {side} oblique   {abs(plan.view.tilt_deg):.0f}° {tilt}"
        )
        self._say()
        self._rows()
        self._ring(bool(needle.broken))

    def _say(self) -> None:
        plan, needle = self._plan.plan, self._plan.needle
        assert plan is not None and needle is not None  # noqa: PT018
        trajectory = plan.trajectory
        first = (
            f"{trajectory.length_mm:.0f} mm from skin to tip, {trajectory.needle.gauge}G "
            f"{trajectory.needle.length_mm:g} mm needle, chance that a limit is broken "
            f"{100 * plan.robustness.p_violation:.0f} %"
        )
        parts = [first]
        if not plan.view.reachable:
            parts.append("the C-arm does not reach this view")
        if self._plan.locked:
            parts.append("locked")
        if needle.broken:
            parts.append("LIMIT BROKEN: " + "; ".join(needle.broken))
        self.words.setText(". ".join(parts))
        self.words.setMinimumHeight(self.words.heightForWidth(self.words.width()))  # else it is cut off
        look = f"color: rgb{BROKEN}; font-weight: bold" if needle.broken else ""
        if look != self.words.styleSheet():  # Qt works a style out anew even where it is the same
            self.words.setStyleSheet(look)

    def _rows(self) -> None:
        needle = self._plan.needle
        assert needle is not None
        self.clearances.setRowCount(len(needle.near))
        for row, near in enumerate(needle.near):
            margin = "may be touched" if near.margin_mm is None else f"{near.margin_mm:g} mm"
            broken = "  ✖" if near.broken else ""
            cells = (near.name.replace("_", " "), f"{near.distance_mm:.1f} mm{broken}", margin)
            for column, words in enumerate(cells):
                item = self._cell(row, column)
                item.setText(words)
                item.setForeground(QBrush(QColor(*BROKEN)) if near.broken else QBrush())

    def _cell(self, row: int, column: int) -> QTableWidgetItem:
        item = self.clearances.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.clearances.setItem(row, column, item)
        return item

    def _ring(self, broken: bool) -> None:
        if broken and not self._was_broken and self.sound:
            QApplication.beep()
        self._was_broken = broken
