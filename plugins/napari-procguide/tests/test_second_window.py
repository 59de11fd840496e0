"""Two napari windows of one process, the workspace in both: each has its panes, and one may go."""

from __future__ import annotations

import napari
from conftest import SAMPLE
from hands import picture, wait
from napari_procguide._launch import add_workspace


def test_the_panes_fill_both_and_one_goes_on_without_the_other(qapp):
    viewers = [napari.Viewer(show=True) for _ in range(2)]
    for viewer in viewers:
        viewer.window.resize(1600, 1000)
    first, second = (add_workspace(viewer) for viewer in viewers)
    wait(lambda: first.settled and second.settled)
    filled = [workspace.panes.height() / workspace.height() for workspace in (first, second)]
    viewers[1].close()
    wait(lambda: True)
    assert min(filled) > 0.85
    assert first.isVisible()
    first.assistant.open(SAMPLE)
    wait(lambda: first.assistant.study.image is not None and not first.assistant.jobs.busy, "open")
    wait(lambda: first.settled)
    assert picture(first.panes.panes["sagittal"]).std() > 5
    viewers[0].close()
    wait(lambda: True)
