"""The sample from the first click to the approved plan: nothing is handed over but by the widgets."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from conftest import SAMPLE
from hands import drag, picture, pixel, wait
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog
from watchdog import Watchdog

from procguide.approval import approval_of


@pytest.fixture(scope="module")
def watchdog(workspace) -> Iterator[Watchdog]:
    wait(lambda: workspace.settled)
    with Watchdog(limit_ms=200.0).watching() as watching:
        yield watching


def click(button):
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_open_segment_plan_drag_export_and_approve(workspace, watchdog, monkeypatch, tmp_path):
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
    with watchdog.pause():
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

    click(panel.approve)
    dialog = panel.dialog
    QTest.keyClicks(dialog.name, "Jane Doe")
    QTest.keyClicks(dialog.reason, "path clear on all slices")
    QTest.mouseClick(dialog.looked, Qt.MouseButton.LeftButton)
    click(dialog.ok)
    wait(lambda: plan.approved is not None, "approve")
    approval = approval_of(json.loads((plan.folder / "plan.json").read_text()))
    assert approval is not None
    assert (approval.by, approval.reason) == ("Jane Doe", "path clear on all slices")
    assert not watchdog.blocks, f"the window stood still: {watchdog.blocks}"
