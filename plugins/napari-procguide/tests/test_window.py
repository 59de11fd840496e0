"""A session in a real window, through the widgets as a person would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLE, TRUTH
from hands import drag, picture, pixel, wait
from napari_procguide._launch import add_workspace
from napari_procguide.qt.workspace import Workspace
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QImage
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialog
from watchdog import Watchdog

from procguide.approval import approval_of

BLOCK_MS = 200.0  # of the thread's own time; benchmarks/napari_plugin.py measures the wall's, too


@pytest.fixture(scope="module")
def viewer(qapp):
    import napari

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1600, 1000)
    yield viewer
    viewer.close()
    wait(lambda: True)


@pytest.fixture(scope="module")
def workspace(viewer) -> Workspace:
    return add_workspace(viewer)


@pytest.fixture(scope="module")
def watchdog(workspace) -> Iterator[Watchdog]:
    wait(lambda: workspace.settled)
    with Watchdog(limit_ms=BLOCK_MS).watching() as watching:
        yield watching


@pytest.fixture(scope="module")
def opened(workspace, watchdog):
    workspace.assistant.open(SAMPLE)
    wait(lambda: workspace.assistant.study.image is not None and not workspace.assistant.jobs.busy, "open")
    return workspace


@pytest.fixture(scope="module")
def labelled(opened):
    opened.tabs.setCurrentWidget(opened.spine)
    opened.assistant.segment(labels=TRUTH)
    wait(lambda: opened.assistant.study.labelled is not None, "labels")
    return opened


@pytest.fixture(scope="module")
def planned(labelled):
    panel = labelled.plan
    labelled.tabs.setCurrentWidget(panel)
    panel.procedure.setCurrentIndex(panel.procedure.findData("transforaminal_esi_subpedicular"))
    panel.level.setCurrentText("L4-L5")
    panel.side.setCurrentText("left")
    QTest.mouseClick(panel.plan, Qt.MouseButton.LeftButton)
    wait(lambda: labelled.assistant.plan.needle is not None, "plan")
    return labelled


class TestLooking:
    def test_every_pane_shows_the_image_and_the_warning(self, opened):
        for name in ("axial", "sagittal", "coronal"):
            assert picture(opened.panes.panes[name]).std() > 5
        for pane in opened.panes.panes.values():
            foot = picture(pane)[-34:]
            assert (foot.astype(int) @ [1, 0, -1] > 60).sum() > 50  # its words are amber

    def test_the_canvas_shows_it_too(self, opened, viewer, watchdog):
        wait(lambda: opened.settled)
        with watchdog.pause():
            shot = viewer.screenshot(canvas_only=True, flash=False)
        assert shot[..., :3].std() > 5
        assert viewer.canvas.overlays.text.visible

    def test_the_wheel_scrolls_and_the_others_follow(self, opened):
        panes, view = opened.panes.panes, opened.assistant.view
        before = view.point
        painted = {name: pane.painted for name, pane in panes.items()}
        panes["axial"].source.scroll(3)
        QApplication.processEvents()
        assert view.point[2] == pytest.approx(before[2] + 7.5)
        assert all(panes[name].painted > painted[name] for name in ("axial", "sagittal", "coronal"))

    def test_a_click_moves_the_crosshair(self, opened):
        pane = opened.panes.panes["coronal"]
        target = (25.0, opened.assistant.view.point[1], 40.0)
        QTest.mouseClick(pane, Qt.MouseButton.LeftButton, pos=pixel(pane, target))
        assert opened.assistant.view.point == pytest.approx(target, abs=1.5)

    def test_a_right_drag_changes_level_and_width(self, opened):
        pane, view = opened.panes.panes["axial"], opened.assistant.view
        view.window = (400.0, 1800.0)
        drag(pane, QPoint(100, 100), QPoint(150, 80), Qt.MouseButton.RightButton)
        level, width = view.window
        assert width == pytest.approx(1800 * 1.2)  # to the right: wider
        assert level == pytest.approx(400 - 20 * 7.2)  # up: brighter
        assert f"WL {level:.0f}  WW {width:.0f}" in pane.source.corner()
        QTest.mouseClick(opened.look.presets["Soft tissue"], Qt.MouseButton.LeftButton)
        assert view.window == (40.0, 400.0)

    def test_keys_work_and_are_listed(self, opened):
        view = opened.assistant.view
        view.window = (40.0, 400.0)
        next(one for one in opened.keys if one.key == "1").call()
        assert view.window == (400.0, 1800.0)
        opened.show_keys()
        assert isinstance(opened.key_list, QDialog)
        opened.key_list.close()
        assert len({one.key for one in opened.keys}) == len(opened.keys)

    def test_a_pane_alone_and_all_again(self, opened):
        panes = opened.panes.panes
        QTest.mouseClick(panes["sagittal"], Qt.MouseButton.LeftButton)
        key = next(one for one in opened.keys if one.key == "F")
        key.call()
        assert [name for name, pane in panes.items() if pane.isVisible()] == ["sagittal"]
        key.call()
        assert all(pane.isVisible() for pane in panes.values())

    def test_the_name_is_hidden_until_it_is_asked_for(self, opened):
        source, identity = opened.panes.panes["axial"].source, opened.assistant.study.opened.identity
        assert identity
        assert identity not in source.title()
        opened.look.identity.setChecked(True)
        assert identity in source.title()
        opened.look.identity.setChecked(False)

    def test_the_pointer_reads_mm_and_hounsfield(self, opened):
        opened.panes._say((10.0, -5.0, 20.0))
        said = opened.panes.readout.text()
        assert "L 10.0" in said
        assert "A 5.0" in said
        assert "HU" in said


class TestQuality:
    def test_findings_are_listed_and_one_can_be_gone_to(self, opened):
        opened.tabs.setCurrentWidget(opened.quality)
        QTest.mouseClick(opened.quality.judge, Qt.MouseButton.LeftButton)
        wait(lambda: opened.assistant.study.judged is not None, "quality")
        tree = opened.quality.findings
        assert tree.topLevelItemCount() >= 5
        items = [tree.topLevelItem(n) for n in range(tree.topLevelItemCount())]
        longest = max(items, key=lambda item: len(item.text(1)))
        assert tree.fontMetrics().horizontalAdvance(longest.text(1)) > tree.columnWidth(1)
        assert tree.visualItemRect(longest).height() > 2 * tree.fontMetrics().height()  # wrapped, not cut off
        somewhere = next(
            tree.topLevelItem(n)
            for n in range(tree.topLevelItemCount())
            if tree.topLevelItem(n).data(0, Qt.ItemDataRole.UserRole) is not None
        )
        tree.itemClicked.emit(somewhere, 0)
        expected = somewhere.data(0, Qt.ItemDataRole.UserRole)
        assert opened.assistant.view.point == pytest.approx(expected)
        assert not opened.quality.degibbs.isEnabled()  # CT


class TestSpine:
    def test_levels_are_listed_and_the_spine_is_shown_in_3d(self, labelled, viewer, watchdog):
        levels = [labelled.spine.table.item(row, 0).text() for row in range(labelled.spine.table.rowCount())]
        assert levels[-5:] == ["L1", "L2", "L3", "L4", "L5"]
        wait(lambda: labelled.settled)
        assert viewer.dims.ndisplay == 3
        assert viewer.layers["spine"].visible
        with watchdog.pause():
            assert viewer.screenshot(canvas_only=True, flash=False)[..., :3].std() > 5

    def test_3d_is_no_mirror_image(self, labelled, viewer):
        assert tuple(map(str, viewer.scene.camera.orientation)) == ("away", "down", "right")

    def test_labels_are_edited_with_naparis_tools_and_fed_back(self, labelled, viewer):
        QTest.mouseClick(labelled.spine.edit, Qt.MouseButton.LeftButton)
        wait(lambda: labelled.settled)
        layer = viewer.layers["vertebrae"]
        assert layer.visible
        assert viewer.dims.ndisplay == 2
        before = labelled.assistant.study.labelled
        layer.data[:] = np.where(layer.data == 19, 0, layer.data)  # T12 is painted away
        QTest.mouseClick(labelled.spine.take, Qt.MouseButton.LeftButton)
        wait(lambda: labelled.assistant.study.labelled is not before, "edited")
        assert "T12" not in labelled.assistant.study.labelled.spine.levels
        assert not viewer.layers["vertebrae"].visible


class TestPlan:
    def test_a_table_of_needles_with_the_first_in_view(self, planned):
        assert planned.plan.table.rowCount() >= 3
        assert planned.plan.table.item(0, 1).text().endswith("mm")
        assert "oblique" in planned.plan.evaluation.angles.text()
        assert planned.assistant.view.point == pytest.approx(planned.assistant.plan.needle.target)

    def test_a_procedure_with_a_long_name_is_shortened_and_told_whole(self, planned):
        box = planned.plan.procedure
        before = box.currentIndex()
        for row in range(box.count()):
            box.setCurrentIndex(row)
            assert box.toolTip() == box.itemText(row)
            assert box.shown_text() == box.itemText(row) or "…" in box.shown_text()
            assert box.fontMetrics().horizontalAdvance(box.shown_text()) < box.width() - 20
        box.setCurrentIndex(before)
        planned.plan.level.setCurrentText("L4-L5")
        assert box.shown_text().endswith("subpedicular")

    def test_a_click_flies_to_another(self, planned):
        planned.plan.table.cellClicked.emit(1, 0)
        assert planned.assistant.plan.chosen == 1
        assert planned.assistant.view.point == pytest.approx(planned.assistant.plan.needle.target)
        planned.plan.table.cellClicked.emit(0, 0)

    @pytest.mark.parametrize("name", ["axial", "sagittal", "coronal", "down", "along"])
    def test_the_needle_is_drawn_where_it_is_though_the_plane_is_oblique_to_it(self, planned, name):
        from napari_procguide.display.colours import NEEDLE
        from scipy.ndimage import distance_transform_edt

        pane, needle = planned.panes.panes[name], planned.assistant.plan.needle
        blue = np.abs(picture(pane).astype(int) - NEEDLE).sum(axis=-1) < 60
        along = np.linspace(needle.entry, needle.target, 200)
        flat = pane.plane.to_plane(along)
        places = np.array([[p.y(), p.x()] for p in (pane.scale().to_pixel(*one[:2]) for one in flat)])
        rows, columns = np.round(places).astype(int).T
        seen = (rows > 2) & (columns > 2) & (rows < blue.shape[0] - 3) & (columns < blue.shape[1] - 3)
        inside = seen & (np.abs(flat[:, 2]) < 1.5)
        assert inside.sum() >= 2
        to_blue = distance_transform_edt(~blue)
        assert (to_blue[rows[inside], columns[inside]] <= 2).mean() > 0.9  # a few lie under words
        shaft = np.ones(blue.shape, bool)
        shaft[rows[seen], columns[seen]] = False
        assert distance_transform_edt(shaft)[blue].max() < 12  # no farther off than its end's mark

    def test_dragging_the_entry_follows_and_says_what_breaks(self, planned):
        pane, plan = planned.panes.panes["axial"], planned.assistant.plan
        needle = plan.needle
        moved = (needle.entry[0] + 40, *needle.entry[1:])
        drag(pane, pixel(pane, needle.entry), pixel(pane, moved))
        wait(lambda: plan.needle is not None and plan.needle.judged and plan.needle.dragged, "dragged")
        assert plan.needle.entry == pytest.approx(moved, abs=1.5)
        assert plan.needle.target == needle.target
        assert plan.needle.broken
        assert "LIMIT BROKEN" in planned.plan.evaluation.words.text()
        QTest.mouseClick(planned.plan.undo, Qt.MouseButton.LeftButton)
        assert not plan.needle.dragged

    @pytest.mark.parametrize(("wanted", "sounds"), [(True, 2), (False, 0)])
    def test_a_limit_that_is_broken_sounds_once_each_time(self, planned, monkeypatch, wanted, sounds):
        plan, heard = planned.assistant.plan, []
        monkeypatch.setattr(QApplication, "beep", lambda: heard.append(1))
        planned.plan.sound.setChecked(wanted)
        (x, *rest), told = plan.needle.entry, []
        for aside in (0, 40, 42, 0, 40, 0):
            planned.assistant.drag((x + aside, *rest), plan.needle.target)
            wait(lambda: plan.needle.judged, "judged")
            told.append(bool(plan.needle.broken))
        planned.plan.sound.setChecked(False)
        planned.assistant.fly_to(0)
        assert told == [False, True, True, False, True, False]
        assert len(heard) == sounds

    def test_a_locked_needle_is_not_grabbed(self, planned):
        planned.plan.lock.setChecked(True)
        pane, needle = planned.panes.panes["axial"], planned.assistant.plan.needle
        QTest.mousePress(pane, Qt.MouseButton.LeftButton, pos=pixel(pane, needle.entry))
        assert type(pane.tool).__name__ == "_Point"
        QTest.mouseRelease(pane, Qt.MouseButton.LeftButton)
        planned.plan.lock.setChecked(False)

    def test_the_skin_is_shown_in_3d_by_the_quality_of_its_entries(self, planned, viewer):
        planned.in_3d.setChecked(True)
        wait(lambda: planned.settled)
        assert viewer.layers["skin"].visible
        assert len(np.unique(viewer.layers["skin"].vertex_colors, axis=0)) > 5

    def test_sliders_rank_at_once(self, planned):
        before = planned.assistant.plan.planned
        for name, slider in planned.plan.weights.sliders.items():
            slider.setValue(100 if name == "length" else 0)
        wait(lambda: planned.assistant.plan.planned is not before, "ranked")
        found = planned.assistant.plan.planned
        assert {name for name, weight in found.weights.items() if weight} == {"length"}
        first, others = before.plan_set.plans[0], found.plan_set.plans
        assert others[0].trajectory.length_mm <= first.trajectory.length_mm

    def test_exported_and_approved_by_a_named_person(self, planned, tmp_path):
        import json

        folder = tmp_path / "plan"
        planned.assistant.fly_to(0)
        planned.plan.export_to(folder)
        wait(lambda: planned.assistant.plan.folder == folder, "export")
        for name in ("plan.json", "report.html", "plan.mrk.json"):
            assert (folder / name).is_file()
        wait(lambda: planned.settled)
        for name in planned.panes.panes:
            assert QImage(str(folder / "views" / f"{name}.png")).width() > 100
        QTest.mouseClick(planned.plan.approve, Qt.MouseButton.LeftButton)
        dialog = planned.plan.dialog
        assert not dialog.ok.isEnabled()
        QTest.keyClicks(dialog.name, "Jane Doe")
        QTest.keyClicks(dialog.reason, "path clear on all slices")
        dialog.looked.setChecked(True)
        QTest.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
        wait(lambda: planned.assistant.plan.approved is not None, "approve")
        approval = approval_of(json.loads((folder / "plan.json").read_text()))
        assert approval is not None
        assert approval.by == "Jane Doe"
        assert "approved by Jane Doe" in planned.plan.said.text()


class TestSitting:
    def plan_on(self, workspace, side):
        before = workspace.assistant.plan.planned
        workspace.plan.side.setCurrentText(side)
        QTest.mouseClick(workspace.plan.plan, Qt.MouseButton.LeftButton)
        wait(lambda: workspace.assistant.plan.planned is not before, side)
        kept = workspace.assistant.plan.kept
        QTest.mouseClick(workspace.plan.sitting, Qt.MouseButton.LeftButton)
        wait(lambda: workspace.assistant.plan.kept != kept, "kept")

    def test_both_sides_are_seen_together_and_written_together(self, planned, tmp_path):
        from napari_procguide.display.colours import OTHER

        self.plan_on(planned, "left")
        assert not planned.plan.together.isEnabled()
        self.plan_on(planned, "right")
        assert len(planned.assistant.plan.kept) == 2
        grey = np.abs(picture(planned.panes.panes["axial"]).astype(int) - OTHER).max(axis=-1) < 12
        half = grey.shape[1] // 2
        assert grey[:, half:].sum() > 20  # the left needle: patient left is on the right
        assert planned.plan.together.isEnabled()
        planned.plan.export_to(tmp_path / "sitting", of_sitting=True)
        wait(lambda: planned.assistant.plan.folder == tmp_path / "sitting", "sitting")
        assert (tmp_path / "sitting" / "report.html").is_file()
        QTest.mouseClick(planned.plan.approve, Qt.MouseButton.LeftButton)
        dialog = planned.plan.dialog
        QTest.keyClicks(dialog.name, "Jane Doe")
        QTest.keyClicks(dialog.reason, "both paths clear")
        dialog.looked.setChecked(True)
        QTest.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
        wait(lambda: planned.assistant.plan.approved is not None, "approve")
        assert planned.plan.said.text().startswith("All needles approved by Jane Doe")


class TestReopening:
    def test_labels_view_and_sitting_come_back(self, planned):
        assistant = planned.assistant
        levels, sitting = assistant.study.labelled.spine.levels, dict(assistant.plan.others)
        assert "T12" not in levels  # it was painted away
        assistant.view.window = (55.0, 555.0)
        assistant.remember()
        assistant.open(SAMPLE)
        wait(lambda: assistant.study.labelled is None, "open")
        wait(lambda: assistant.study.labelled is not None, "taken up")
        assert assistant.study.labelled.spine.levels == levels
        assert assistant.view.window == (55.0, 555.0)
        assert list(assistant.plan.others) == list(sitting)
        assert planned.plan.level.currentText() == "L4-L5"
        assert planned.plan.plan.isEnabled()


class TestClosing:
    def test_the_window_was_never_blocked(self, planned, watchdog):
        told = "\n".join(f"{busy:.0f} ms in\n{where}" for busy, where in watchdog.blocks)
        assert not watchdog.blocks, told

    def test_an_error_is_a_message_with_details(self, opened):
        opened.assistant.open(Path("/nowhere/at/all"))
        wait(lambda: opened.jobs.box is not None, "box")
        assert "check the path" in opened.jobs.box.text()
        assert "Traceback" in opened.jobs.box.detailedText()
        opened.jobs.box.close()

    def test_closing_during_work_ends_it(self, qapp):
        import napari

        viewer = napari.Viewer(show=True)
        workspace = add_workspace(viewer)
        workspace.assistant.open(SAMPLE)
        wait(lambda: workspace.assistant.study.image is not None, "open")
        workspace.assistant.segment()
        process, scratch = workspace.engine._process, workspace.engine.scratch
        viewer.close()
        for _ in range(5):
            qapp.processEvents()
        assert process.poll() is not None
        assert not scratch.exists()
        assert workspace not in Workspace.open_ones
