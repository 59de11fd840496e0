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
from napari_procguide.qt.elided_box import ElidedBox
from napari_procguide.qt.evaluation_panel import EvaluationPanel
from napari_procguide.qt.plan_table import PlanTable
from napari_procguide.qt.weights import Weights

__all__ = ["PlanPanel"]


class PlanPanel(QWidget):
    """From a request to an approved, exported plan."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._assistant = assistant
        self.procedure, self.level, self.side = ElidedBox(), QComboBox(), QComboBox()
        for procedure in procedures():
            self.procedure.addItem(procedure.title, procedure.id)
        self.procedure.setAccessibleName("Procedure")
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
        self.sitting.setToolTip("Keep this needle in view beside the next request's, to be written together")
        self.together = QPushButton("Export sitting …")
        self.together.setToolTip("All needles of the sitting in one folder: their order, a report of each")
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
        form.addRow(self.procedure)  # without a word beside it: the names are long
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
        rows = (
            (self.lock, self.keep, self.undo),
            (self.sitting, self.clear, self.together),
            (self.sound, self.export, self.approve),
        )
        for row, widgets in enumerate(rows):
            for place, widget in enumerate(widgets):
                buttons.addWidget(widget, row, place)
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
        self.sitting.clicked.connect(assistant.add_to_sitting)
        self.clear.clicked.connect(assistant.clear_sitting)
        self.export.clicked.connect(self._export)
        self.together.clicked.connect(lambda: self._export(of_sitting=True))
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

    def _export(self, _checked: bool = False, *, of_sitting: bool = False) -> None:
        folder = QFileDialog.getExistingDirectory(self, "A new or empty folder for the plan")
        if folder:
            self.export_to(Path(folder), of_sitting=of_sitting)

    def export_to(self, folder: Path, *, of_sitting: bool = False) -> None:
        """Write the plan or the sitting to ``folder``; what is not empty gets a folder of its own in it."""
        if folder.is_dir() and any(folder.iterdir()):
            folder = folder / "procguide-plan"
        self._assistant.export(folder, of_sitting=of_sitting)

    def _approve(self) -> None:
        model = self._assistant.plan
        plan, plan_set, written = model.plan, model.plan_set, model.written
        if plan is None or plan_set is None or written is None:
            return
        side = f" {plan_set.side.value}" if plan_set.side else ""
        words = f"{plan_set.procedure.replace('_', ' ')}, {plan_set.level}{side}, needle {plan.rank}"
        if written.sitting:
            words = "All needles of the sitting: " + "; ".join(written.sitting).replace("_", " ")
        self.dialog = ApproveDialog(words, written.warnings if written.sitting else plan.warnings, self)
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
            (self.sitting, bool(plan.rows) and not dragged),
            (self.together, len(plan.kept) > 1),
            (self.clear, bool(plan.others)),
            (self.export, bool(plan.rows) and not dragged),
            (self.approve, plan.folder is not None and not dragged and plan.approved is None),
        ):
            widget.setEnabled(on)
        self.lock.blockSignals(True)
        self.lock.setChecked(plan.locked)
        self.lock.blockSignals(False)
        self.said.setText(self._state_words())
        self.said.setToolTip("" if plan.plan_set is None else "\n".join(plan.plan_set.cautions))

    def _state_words(self) -> str:
        plan, labelled = self._assistant.plan, self._assistant.study.labelled
        if labelled is None:
            return plan.read_words or "Segment the spine first."
        if plan.approved is not None:
            one = plan.approved
            what = "All needles" if one.get("rank") is None else f"Needle {one['rank']}"
            return f"{what} approved by {one['by']}, {one['time_utc']}: {one['reason']}"
        if plan.plan_set is None:
            return plan.read_words
        if not plan.plan_set.plans:
            return plan.plan_set.reason
        if plan.folder is not None:
            return f"Written to {plan.folder}. Nobody has approved it yet."
        return "; ".join(words.rstrip(".") for words in plan.plan_set.cautions[:2])
