"""A second series of the study beside the first, through the widgets."""

from __future__ import annotations

import pytest
from conftest import SAMPLE
from hands import picture, wait
from napari_procguide._launch import add_workspace
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest


@pytest.fixture(scope="module")
def workspace(qapp):
    import napari

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1600, 1000)
    workspace = add_workspace(viewer)
    workspace.assistant.open(SAMPLE)
    wait(lambda: workspace.assistant.study.image is not None and not workspace.assistant.jobs.busy, "open")
    yield workspace
    viewer.close()
    for _ in range(5):
        qapp.processEvents()


def other_volume(workspace):
    """The list's line of a volume that is not the one shown, and its number."""
    study, rows = workspace.assistant.study, workspace.series.list
    for row in range(rows.count()):
        number = int(rows.item(row).data(Qt.ItemDataRole.UserRole))
        if study.listed.series[number].is_volume and number != study.opened.series.number:
            return rows.item(row), number
    raise AssertionError("the sample has one volume only")


def test_it_shows_the_same_place_in_its_own_window_and_leaves_the_first(workspace):
    study, beside = workspace.assistant.study, workspace.beside
    item, number = other_volume(workspace)
    first = study.opened
    assert not beside.isVisible()
    workspace.series.beside.setChecked(True)
    rows = workspace.series.list
    where = rows.visualItemRect(item).center()
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=where)
    wait(lambda: study.beside is not None and not workspace.assistant.jobs.busy, "beside")
    assert study.opened is first
    assert study.beside_shown.series.number == number
    assert study.beside_shown.same_place  # one visit to the scanner, by the phantom's headers
    pane = beside.panes["sagittal"]
    assert beside.isVisible()
    assert pane.isVisible()
    assert picture(pane).std() > 5
    assert pane.plane.centre == workspace.assistant.view.point
    assert pane.source.look.window == study.beside_shown.window
    workspace.assistant.view.window = (40.0, 400.0)
    assert pane.source.look.window == study.beside_shown.window


def test_another_plane_and_closing(workspace):
    beside = workspace.beside
    beside.plane.setCurrentText("axial")
    assert [name for name, pane in beside.panes.items() if pane.isVisible()] == ["axial"]
    QTest.mouseClick(beside.close_it, Qt.MouseButton.LeftButton)
    assert workspace.assistant.study.beside is None
    assert not beside.isVisible()
