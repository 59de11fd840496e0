"""The ranked needles: a click flies to one."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_procguide.display.colours import BROKEN
from napari_procguide.models.assistant import Assistant
from napari_procguide.models.plan import Row

__all__ = ["PlanTable"]

_HEADERS = ("", "Length", "Nearest", "P(broken)", "Oblique", "Tilt")
_PROBABLE = 0.5


class PlanTable(QTableWidget):
    """One line a plan."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_HEADERS), parent)
        self._assistant = assistant
        self.setHorizontalHeaderLabels(_HEADERS)
        self.verticalHeader().hide()
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setAccessibleName("Ranked needles")
        self.cellClicked.connect(lambda row, _column: assistant.fly_to(row))
        assistant.plan.plans_changed.connect(self._fill)
        assistant.plan.needle_changed.connect(self._mark)

    def _fill(self) -> None:
        rows = self._assistant.plan.rows
        self.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, words in enumerate(_cells(row)):
                item = QTableWidgetItem(words)
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                if column == 3 and row.p_violation >= _PROBABLE:
                    item.setForeground(QBrush(QColor(*BROKEN)))
                self.setItem(number, column, item)

    def _mark(self) -> None:
        """Select the needle that is shown, none while one is dragged."""
        needle = self._assistant.plan.needle
        if needle is None or needle.dragged:
            self.clearSelection()
        else:
            self.selectRow(self._assistant.plan.chosen)


def _cells(row: Row) -> tuple[str, ...]:
    reach = "" if row.reachable else " ✖"
    return (
        f"{row.rank}{' ✎' if row.by_hand else ''}",
        f"{row.length_mm:.0f} mm",
        row.nearest + ("" if row.distance_mm is None else f"\n{row.distance_mm:.1f} mm"),
        f"{100 * row.p_violation:.0f} %",
        f"{row.oblique_deg:+.0f}°{reach}",
        f"{row.tilt_deg:+.0f}°",
    )
