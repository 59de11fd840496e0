"""A named person approves, for a reason."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from napari_procguide import DISCLAIMER

__all__ = ["ApproveDialog"]


class ApproveDialog(QDialog):
    """Name, reason, organisation; nothing is filled in beforehand."""

    def __init__(self, words: str, warnings: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Approve this plan")
        self.name, self.reason, self.organisation = QLineEdit(), QLineEdit(), QLineEdit()
        self.name.setPlaceholderText("your name")
        self.reason.setPlaceholderText("why, in a sentence")
        self.looked = QCheckBox("I have looked at the needle in every pane")
        form = QFormLayout()
        form.addRow("Approved by", self.name)
        form.addRow("Reason", self.reason)
        form.addRow("Organisation", self.organisation)
        said = QLabel("\n".join([words, *warnings]))
        said.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok.setText("Approve")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(said)
        column.addLayout(form)
        column.addWidget(self.looked)
        column.addWidget(QLabel(DISCLAIMER))
        column.addWidget(self.buttons)
        for line in (self.name, self.reason):
            line.textChanged.connect(self._enable)
        self.looked.toggled.connect(self._enable)
        self._enable()

    def _enable(self) -> None:
        named = all(any(letter.isalpha() for letter in line.text()) for line in (self.name, self.reason))
        self.ok.setEnabled(named and self.looked.isChecked())
