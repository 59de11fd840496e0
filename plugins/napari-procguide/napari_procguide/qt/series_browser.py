"""What a study holds: a picture, modality, description, size and date of each series."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_procguide.models.assistant import Assistant

__all__ = ["SeriesBrowser"]


class SeriesBrowser(QWidget):
    """The list of series; a click shows one."""

    def __init__(self, assistant: Assistant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._assistant = assistant
        self.folder = QPushButton("Open folder …")
        self.file = QPushButton("Open file …")
        self.sample = QPushButton("Sample")
        self.list = QListWidget()
        self.list.setIconSize(QSize(72, 72))
        self.list.setWordWrap(True)
        self.words = QLabel("Drag a study's folder or file onto the window, or open it here.")
        self.words.setWordWrap(True)
        buttons = QHBoxLayout()
        for button in (self.folder, self.file, self.sample):
            buttons.addWidget(button)
        self.beside = QCheckBox("A click shows the series beside the one that is open")
        column = QVBoxLayout(self)
        column.addLayout(buttons)
        column.addWidget(self.list, 1)
        column.addWidget(self.beside)
        column.addWidget(self.words)
        self.folder.clicked.connect(self._open_folder)
        self.file.clicked.connect(self._open_file)
        self.sample.clicked.connect(assistant.open_sample)
        self.list.itemActivated.connect(self._show)
        self.list.itemClicked.connect(self._show)
        assistant.study.listed_changed.connect(self._fill)
        assistant.study.image_changed.connect(self._say)
        assistant.thumbnails_made.connect(self._put_thumbnails)

    def _open_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a study's folder")
        if folder:
            self._assistant.open(Path(folder))

    def _open_file(self) -> None:
        kinds = "Images (*.dcm *.nii *.nii.gz *.nrrd *.mha *.mhd *.zip);;All files (*)"
        file, _ = QFileDialog.getOpenFileName(self, "Open an image", filter=kinds)
        if file:
            self._assistant.open(Path(file))

    def _fill(self) -> None:
        self.list.clear()
        listed = self._assistant.study.listed
        if listed is None:
            return
        for series in listed.series:
            words = f"{series.modality}  {series.description}\n{series.size}\n{_date(series.date)}"
            item = QListWidgetItem(f"{words}  {series.usable_for}".strip())
            item.setData(Qt.ItemDataRole.UserRole, series.number)
            if series.stopped:
                item.setToolTip(series.stopped)
            self.list.addItem(item)
        faults = "; ".join(finding.words for finding in listed.findings)
        self.words.setText(faults or f"{len(listed.series)} series")

    def _show(self, item: QListWidgetItem) -> None:
        number = int(item.data(Qt.ItemDataRole.UserRole))
        listed, opened = self._assistant.study.listed, self._assistant.study.opened
        if listed is None or not listed.series[number].is_volume:
            self._assistant.show_frames(number)
        elif self.beside.isChecked() and opened is not None and opened.series.number != number:
            self._assistant.show_beside(number)
        else:
            self._assistant.show(number)

    def _say(self) -> None:
        """Mark the series that is shown."""
        opened = self._assistant.study.opened
        if opened is not None:
            self.list.setCurrentRow(opened.series.number)

    def _put_thumbnails(self, pictures: Mapping[int, NDArray[np.uint8]]) -> None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            picture = pictures.get(int(item.data(Qt.ItemDataRole.UserRole)))
            if picture is not None:
                grey = np.ascontiguousarray(picture)
                rows, columns = grey.shape
                image = QImage(grey.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
                item.setIcon(QIcon(QPixmap.fromImage(image.copy())))


def _date(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 else date
