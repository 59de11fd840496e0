"""The sample from the first click to the exported plan: nothing is handed over but by the widgets."""

from __future__ import annotations

import pytest
from conftest import SAMPLE
from hands import drag, picture, pixel, wait
from napari_procguide._launch import add_workspace
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog


@pytest.fixture(scope="module")
def workspace(qapp):
    import napari

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1600, 1000)
    workspace = add_workspace(viewer)
    workspace.assistant.memory = None  # what other tests left is not taken up
    yield workspace
    viewer.close()
    for _ in range(5):
        qapp.processEvents()


def click(button):
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_open_segment_plan_drag_and_export(workspace, monkeypatch, tmp_path):
    study, plan, panel = workspace.assistant.study, workspace.assistant.plan, workspace.plan
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args, **_more: str(SAMPLE))
    workspace.tabs.setCurrentWidget(workspace.series)
    click(workspace.series.folder)
    wait(lambda: study.image is not None and not workspace.assistant.jobs.busy, "open")

    workspace.tabs.setCurrentWidget(workspace.spine)
    click(workspace.spine.segment)
    wait(lambda: study.labelled is not None, "segmentation")
    assert study.labelled.spine.levels[-5:] == ("L1", "L2", "L3", "L4", "L5")

    workspace.tabs.setCurrentWidget(panel)
    panel.procedure.setCurrentIndex(panel.procedure.findData("lumbar_medial_branch_block"))
    panel.level.setCurrentText("L3")
    panel.side.setCurrentText("right")
    click(panel.plan)
    wait(lambda: plan.needle is not None, "plan")
    assert plan.needle.target[0] < -8  # the patient's right, LPS
    wait(lambda: workspace.settled)
    for name in ("axial", "sagittal", "coronal", "down", "along"):
        assert picture(workspace.panes.panes[name]).std() > 5

    pane, needle = workspace.panes.panes["axial"], plan.needle
    drag(pane, pixel(pane, needle.entry), pixel(pane, (needle.entry[0] - 6, *needle.entry[1:])))
    wait(lambda: plan.needle.judged and plan.needle.dragged, "dragged")
    assert plan.needle.entry[0] == pytest.approx(needle.entry[0] - 6, abs=1.5)
    click(panel.undo)

    folder = tmp_path / "plan"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args, **_more: str(folder))
    click(panel.export)
    wait(lambda: plan.folder is not None, "export")
    assert (plan.folder / "report.html").is_file()
