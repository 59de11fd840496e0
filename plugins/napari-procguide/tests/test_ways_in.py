"""Ways into a study: dropped, File > Open, the sample; work stopped by its button; unringing of MR."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import SAMPLE
from hands import picture, wait
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication


@pytest.fixture
def opens(workspace):
    """Whether another image has come up, and nothing is under way."""
    study, jobs = workspace.assistant.study, workspace.assistant.jobs
    before = study.image
    return lambda: study.image is not before and not jobs._jobs


class TestOpening:
    def test_a_folder_that_is_dropped(self, workspace, opens):
        files = QMimeData()
        files.setUrls([QUrl.fromLocalFile(str(SAMPLE / "ct"))])
        middle = workspace.rect().center()
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(middle, Qt.DropAction.CopyAction, files, left, none)
        QApplication.sendEvent(workspace, enter)
        assert enter.isAccepted()
        drop = QDropEvent(QPointF(middle), Qt.DropAction.CopyAction, files, left, none)
        QApplication.sendEvent(workspace, drop)
        wait(opens, "dropped")
        assert workspace.assistant.study.opened.modality == "CT"

    def test_the_sample_of_naparis_menu(self, workspace, opens):
        layers = list(workspace.viewer.layers)
        workspace.viewer.open_sample("napari-procguide", "lumbar")
        wait(opens, "sample")
        assert len(workspace.assistant.study.listed.series) == 5
        wait(lambda: list(workspace.viewer.layers) == layers)  # it is in the panes

    def test_file_open_goes_to_the_panes(self, workspace, opens):
        workspace.viewer.open(str(SAMPLE), plugin="napari-procguide")
        wait(opens, "opened")
        assert picture(workspace.panes.panes["sagittal"]).std() > 5


def test_segmentation_tells_how_far_it_is_and_is_stopped_by_its_button(workspace):
    workspace.tabs.setCurrentWidget(workspace.spine)
    QTest.mouseClick(workspace.spine.segment, Qt.MouseButton.LeftButton)
    wait(lambda: workspace.jobs.bar.isVisible() and workspace.jobs.words.text().startswith("Segmentation: "))
    QTest.mouseClick(workspace.jobs.stop, Qt.MouseButton.LeftButton)
    assert not workspace.assistant.jobs.busy
    assert not workspace.jobs.bar.isVisible()
    assert workspace.jobs.words.text() == "Stopped"
    assert workspace.assistant.study.labelled is None


@pytest.fixture(scope="module")
def mr(workspace):
    listed, study = workspace.assistant.study.listed, workspace.assistant.study
    number = next(one.number for one in listed.series if "T2 TSE sagittal" in one.description)
    before = study.image
    workspace.assistant.show(number)
    wait(lambda: study.image is not before and not workspace.assistant.jobs._jobs, "MR")
    return workspace


def test_before_and_after_unringing_are_told_apart(mr):
    study, quality = mr.assistant.study, mr.quality
    mr.tabs.setCurrentWidget(quality)
    assert not quality.after.isEnabled()
    QTest.mouseClick(quality.degibbs, Qt.MouseButton.LeftButton)
    wait(lambda: study.compared is not None, "unrung")
    assert quality.after.isChecked()
    pane = mr.panes.panes["sagittal"]
    after = picture(pane).astype(int)
    assert "without ringing" in pane.source.corner()
    quality.after.setChecked(False)
    QApplication.processEvents()
    before = picture(pane).astype(int)
    assert "without ringing" not in pane.source.corner()
    assert 0 < np.abs(after - before).mean() < 20
