"""Planning: what is asked for, the ranked needles, the one in view, what becomes of it."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_procguide.models.assistant import Assistant
from napari_procguide.models.catalogue import levels_in_view, procedures
from napari_procguide.qt.approve_dialog import ApproveDialog
from napari_procguide.qt.evaluation_panel import EvaluationPanel
from napari_procguide.qt.plan_table import PlanTable
from napari_procguide.qt.weights import Weights

__all__ = ["PlanPanel"]


class PlanPanel(QWidget):
    """From a request to an approved, exported plan."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._assistant = assistant
        self.procedure, self.level, self.side = QComboBox(), QComboBox(), QComboBox()
        for procedure in procedures():
            self.procedure.addItem(procedure.title, procedure.id)
        self.procedure.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.plan = QPushButton("Plan")
        self.table = PlanTable(assistant)
        self.evaluation = EvaluationPanel(assistant)
        self.weights = Weights(assistant)
        self.lock, self.sound = QCheckBox("Lock"), QCheckBox("Sound")
        self.lock.setToolTip("The needle cannot be dragged")
        self.sound.setToolTip("A sound when a limit is first broken")
        self.keep = QPushButton("Keep dragged")
        self.undo = QPushButton("Back to the plan")
        self.sitting = QPushButton("Add to sitting")
        self.clear = QPushButton("Clear sitting")
        self.export = QPushButton("Export …")
        self.approve = QPushButton("Approve …")
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.dialog: ApproveDialog | None = None
        self._lay_out()
        self._connect()
        self._levels()
        self._enable()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Procedure", self.procedure)
        where = QGridLayout()
        where.addWidget(self.level, 0, 0)
        where.addWidget(self.side, 0, 1)
        where.addWidget(self.plan, 0, 2)
        form.addRow("Level, side", where)
        weights = QCollapsible("Weights")
        weights.addWidget(self.weights)
        weights.collapse(animate=False)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.table)
        split.addWidget(self.evaluation)
        split.setStretchFactor(1, 1)
        buttons = QGridLayout()
        for number, widget in enumerate(
            (self.lock, self.keep, self.undo, self.sound, self.sitting, self.clear, self.export, self.approve)
        ):
            buttons.addWidget(widget, number // 3, number % 3)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(split, 1)
        column.addWidget(weights)
        column.addLayout(buttons)
        column.addWidget(self.said)

    def _connect(self) -> None:
        assistant = self._assistant
        self.procedure.currentIndexChanged.connect(self._levels)
        self.plan.clicked.connect(self._plan)
        self.lock.toggled.connect(self._lock)
        self.sound.toggled.connect(self._sound)
        self.keep.clicked.connect(assistant.keep_needle)
        self.undo.clicked.connect(lambda: assistant.fly_to(assistant.plan.chosen))
        self.sitting.clicked.connect(assistant.plan.add_to_sitting)
        self.clear.clicked.connect(assistant.plan.clear_sitting)
        self.export.clicked.connect(self._export)
        self.approve.clicked.connect(self._approve)
        assistant.study.labels_changed.connect(self._levels)
        assistant.plan.request_changed.connect(self._request)
        for signal in (
            assistant.plan.plans_changed,
            assistant.plan.needle_changed,
            assistant.plan.approval_changed,
            assistant.study.labels_changed,
        ):
            signal.connect(self._enable)

    def _levels(self) -> None:
        """The levels and sides that the procedure takes and the image shows."""
        procedure = next(one for one in procedures() if one.id == self.procedure.currentData())
        before = self.level.currentText()
        self.level.clear()
        self.level.addItems(levels_in_view(procedure, self._assistant.study.labelled))
        self.level.setCurrentText(before)
        sides = ["no side"] if procedure.side == "none" else ["left", "right"]
        if procedure.side == "optional":
            sides = ["no side", *sides]
        side = self.side.currentText()
        self.side.clear()
        self.side.addItems(sides)
        self.side.setCurrentText(side)
        self._enable()

    def _plan(self) -> None:
        side = self.side.currentText()
        self.weights.forget()
        level = self.level.currentText()
        self._assistant.make_plan(self.procedure.currentData(), level, None if side == "no side" else side)

    def _request(self) -> None:
        """What was asked for before, ready to be asked again."""
        wish = self._assistant.plan.request
        self.procedure.setCurrentIndex(max(0, self.procedure.findData(wish.get("procedure"))))
        self.level.setCurrentText(str(wish.get("level", "")))
        self.side.setCurrentText(wish.get("side") or "no side")

    def _lock(self, locked: bool) -> None:
        self._assistant.plan.locked = locked

    def _sound(self, wanted: bool) -> None:
        self.evaluation.sound = wanted

    def _export(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "A new or empty folder for the plan")
        if folder:
            self.export_to(Path(folder))

    def export_to(self, folder: Path) -> None:
        """Write the plan to ``folder``; what is not empty gets a folder of its own within."""
        if folder.is_dir() and any(folder.iterdir()):
            folder = folder / "procguide-plan"
        self._assistant.export(folder)

    def _approve(self) -> None:
        plan = self._assistant.plan.plan
        if plan is None:
            return
        plan_set = self._assistant.plan.plan_set
        assert plan_set is not None
        side = f" {plan_set.side.value}" if plan_set.side else ""
        words = f"{plan_set.procedure.replace('_', ' ')}, {plan_set.level}{side}, needle {plan.rank}"
        self.dialog = ApproveDialog(plan, words, self)
        self.dialog.accepted.connect(self._approved)
        self.dialog.open()

    def _approved(self) -> None:
        dialog = self.dialog
        if dialog is not None:
            self._assistant.approve(dialog.name.text(), dialog.reason.text(), dialog.organisation.text())

    def _enable(self) -> None:
        plan, labelled = self._assistant.plan, self._assistant.study.labelled
        needle = plan.needle
        self.plan.setEnabled(labelled is not None and self.level.count() > 0)
        dragged = needle is not None and needle.dragged
        for widget, on in (
            (self.lock, needle is not None),
            (self.keep, dragged),
            (self.undo, dragged),
            (self.sitting, needle is not None),
            (self.clear, bool(plan.others)),
            (self.export, bool(plan.rows) and not dragged),
            (self.approve, plan.folder is not None and not dragged and plan.approved is None),
        ):
            widget.setEnabled(on)
        self.lock.blockSignals(True)
        self.lock.setChecked(plan.locked)
        self.lock.blockSignals(False)
        self.said.setText(self._state_words())

    def _state_words(self) -> str:
        plan, labelled = self._assistant.plan, self._assistant.study.labelled
        if labelled is None:
            return plan.read_words or "Segment the spine first."
        if plan.approved is not None:
            one = plan.approved
            return f"Needle {one['rank']} approved by {one['by']}, {one['time_utc']}: {one['reason']}"
        if plan.plan_set is None:
            return plan.read_words
        if not plan.plan_set.plans:
            return plan.plan_set.reason
        if plan.folder is not None:
            return f"Written to {plan.folder}. Nobody has approved it yet."
        return " ".join(plan.plan_set.cautions[:2])
