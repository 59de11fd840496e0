"""Measuring, dragging a level's name, playing frames: models, then on panes as a hand does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari_procguide.display.planes import AXIAL, SAGITTAL
from napari_procguide.display.rulers import ruler_marks
from napari_procguide.engine.messages import FramesShown, SeriesShown
from napari_procguide.models.assistant import Assistant
from napari_procguide.models.cine import CineModel
from napari_procguide.models.measurements import Kind, Measurement, MeasurementsModel
from napari_procguide.models.study import Lattice
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest


@dataclass
class Noted:
    """An engine that only notes what it is asked."""

    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def ask(self, task: str, **wishes: Any) -> int:
        self.requests.append((task, wishes))
        return len(self.requests)

    def stop(self) -> None:
        """Nothing runs."""


@pytest.fixture
def assistant() -> Assistant:
    """A block of 100 mm, its middle in the patient's origin."""
    assistant = Assistant(Noted())
    voxels = np.random.default_rng(0).integers(0, 500, (50, 50, 50)).astype(np.int16)
    image = Lattice(voxels, np.full(3, -49.0), np.full(3, 2.0), float(voxels.min()))
    assistant.study.set_opened(None, image)
    assistant.view.set_box(image.low, image.high)
    return assistant


@pytest.fixture
def pane(assistant, qtbot):
    from napari_procguide.qt.pane_source import PlaneSource
    from napari_procguide.qt.slice_pane import SlicePane

    def make(name):
        pane = SlicePane(name, PlaneSource(assistant, name))
        qtbot.addWidget(pane)
        pane.resize(400, 400)
        pane.show()
        return pane

    return make


def pixel(pane, point) -> QPoint:
    right, down, _ = pane.plane.to_plane(point)
    return pane.scale().to_pixel(float(right), float(down)).toPoint()


def drag(pane, start, end) -> None:
    """Press, move, let go, in the patient's places."""
    QTest.mousePress(pane, Qt.MouseButton.LeftButton, pos=pixel(pane, start))
    QTest.mouseMove(pane, pixel(pane, end))
    pane.tool.draw  # noqa: B018 (there is one)
    QTest.mouseRelease(pane, Qt.MouseButton.LeftButton, pos=pixel(pane, end))


class TestMeasured:
    def test_a_distance_in_millimetres(self):
        one = Measurement(Kind.DISTANCE, ((0.0, 0.0, 0.0), (3.0, 4.0, 12.0)))
        assert one.words == "13.0 mm"

    @pytest.mark.parametrize(("end", "degrees"), [((0.0, 5.0, 0.0), 90), ((-2.0, 0.0, 0.0), 180)])
    def test_an_angle_at_its_vertex(self, end, degrees):
        one = Measurement(Kind.ANGLE, ((1.0, 0.0, 0.0), (0.0, 0.0, 0.0), end))
        assert one.value == pytest.approx(degrees)

    def test_places_are_taken_back_before_measurements(self):
        model = MeasurementsModel()
        model.toggle(Kind.DISTANCE)
        for x in (0.0, 1.0, 2.0):
            model.add((x, 0.0, 0.0))
        assert (len(model.done), len(model.pending)) == (1, 1)
        model.take_back()
        assert (len(model.done), len(model.pending)) == (1, 0)
        model.take_back()
        assert not model.done

    def test_a_tool_put_away_leaves_nothing_half_done(self):
        model = MeasurementsModel()
        model.toggle(Kind.ANGLE)
        model.add((0.0, 0.0, 0.0))
        model.toggle(Kind.ANGLE)
        assert model.tool is None
        assert not model.pending

    def test_the_value_stands_only_in_a_plane_that_holds_it(self):
        model = MeasurementsModel()
        model.set_done([Measurement(Kind.DISTANCE, ((0.0, 0.0, 0.0), (30.0, 0.0, 0.0)))])
        words = [getattr(mark, "words", None) for mark in ruler_marks(AXIAL, model)]
        assert "30.0 mm" in words
        words = [getattr(mark, "words", None) for mark in ruler_marks(SAGITTAL, model)]
        assert "30.0 mm" not in words


class TestMeasuring:
    def test_a_drag_measures_a_distance(self, assistant, pane):
        axial, before = pane("axial"), assistant.view.point
        assistant.measurements.toggle(Kind.DISTANCE)
        drag(axial, (-20.0, 0.0, 0.0), (20.0, 0.0, 0.0))
        assert [one.value for one in assistant.measurements.done] == pytest.approx([40.0], abs=0.6)
        assert assistant.view.point == before

    def test_three_clicks_measure_an_angle(self, assistant, pane):
        axial = pane("axial")
        assistant.measurements.toggle(Kind.ANGLE)
        for point in ((30.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 30.0, 0.0)):
            QTest.mouseClick(axial, Qt.MouseButton.LeftButton, pos=pixel(axial, point))
        assert [one.value for one in assistant.measurements.done] == pytest.approx([90.0], abs=1.5)

    def test_the_buttons_show_the_tool_in_hand(self, assistant, qtbot):
        from napari_procguide.qt.measure import MeasureBar

        bar = MeasureBar(assistant.measurements)
        qtbot.addWidget(bar)
        QTest.mouseClick(bar.tools[Kind.DISTANCE], Qt.MouseButton.LeftButton)
        assert assistant.measurements.tool is Kind.DISTANCE
        QTest.mouseClick(bar.tools[Kind.ANGLE], Qt.MouseButton.LeftButton)
        assert assistant.measurements.tool is Kind.ANGLE
        assert not bar.tools[Kind.DISTANCE].isChecked()
        assert not bar.back.isEnabled()


class TestDragging:
    def test_the_needles_panes_are_drawn_finely_again_when_the_hand_rests(self, assistant, qtbot):
        from napari_procguide.models.plan import Needle
        from napari_procguide.qt.pane_grid import PaneGrid

        grid = PaneGrid(assistant)
        qtbot.addWidget(grid)
        grid.resize(600, 600)
        grid.show()
        assistant.plan.needle = Needle((9.0, 40.0, 5.0), (0.0, 0.0, 0.0), 0.7)
        along = grid.panes["along"]
        before = along.grab().toImage()
        assistant.drag((8.0, 40.0, 5.0), (0.0, 0.0, 0.0))
        assert not along.fine
        assistant.drag((9.0, 40.0, 5.0), (0.0, 0.0, 0.0))
        assert along.grab().toImage() != before
        qtbot.waitUntil(lambda: along.fine, timeout=3000)
        assert along.grab().toImage() == before


class TestNaming:
    @pytest.fixture
    def named(self, assistant, pane):
        bodies = {"L3": (0.0, 0.0, 32.0), "L4": (0.0, 0.0, 0.0), "L5": (0.0, 0.0, -32.0)}
        vertebrae = tuple(
            SimpleNamespace(level=level, confidence=1.0, frame=SimpleNamespace(origin=place))
            for level, place in bodies.items()
        )
        spine = SimpleNamespace(vertebrae=vertebrae, levels=tuple(bodies), sacrum=None)
        assistant.study.labelled = SimpleNamespace(spine=spine)
        return pane("sagittal"), bodies, assistant.jobs._engine.requests

    def grab(self, sagittal, place) -> QPoint:
        return pixel(sagittal, place) + QPoint(14, 0)

    def test_a_name_dropped_on_another_body_names_it(self, named):
        sagittal, bodies, requests = named
        QTest.mousePress(sagittal, Qt.MouseButton.LeftButton, pos=self.grab(sagittal, bodies["L4"]))
        assert sagittal.tool.level == "L4"
        QTest.mouseMove(sagittal, pixel(sagittal, bodies["L5"]))
        QTest.mouseRelease(sagittal, Qt.MouseButton.LeftButton, pos=pixel(sagittal, bodies["L5"]))
        assert requests == [("rename", {"point": bodies["L5"], "level": "L4"})]

    def test_a_name_dropped_where_it_was_or_nowhere_changes_nothing(self, named):
        sagittal, bodies, requests = named
        for end in (bodies["L4"], (0.0, 45.0, 0.0)):
            QTest.mousePress(sagittal, Qt.MouseButton.LeftButton, pos=self.grab(sagittal, bodies["L4"]))
            QTest.mouseRelease(sagittal, Qt.MouseButton.LeftButton, pos=pixel(sagittal, end))
        assert not requests

    def test_in_the_axial_pane_a_press_there_moves_the_crosshair(self, named, pane):
        axial = pane("axial")
        QTest.mousePress(axial, Qt.MouseButton.LeftButton, pos=self.grab(axial, named[1]["L4"]))
        assert type(axial.tool).__name__ == "_Point"


class TestFrames:
    @pytest.fixture
    def shown(self, tmp_path):
        frames = np.zeros((6, 40, 60), np.uint8)
        frames[np.arange(6), :, :] = (np.arange(6) * 40)[:, None, None]
        np.save(tmp_path / "frames.npy", frames)
        series = SeriesShown(0, "XA", "", "", "", "", is_volume=False)
        return FramesShown(series, tmp_path / "frames.npy", 6, 30.0, "pixel size unknown")

    def test_they_go_round_and_are_counted(self, shown):
        cine = CineModel()
        cine.set_shown(shown)
        assert cine.rate_hz == 30.0
        cine.step(-1)
        assert cine.words == "frame 6 / 6, 0.17 s"
        assert cine.frame[0, 0] == 200
        cine.step()
        assert cine.at == 0

    def test_one_frame_does_not_play(self, shown, tmp_path):
        np.save(tmp_path / "one.npy", np.zeros((1, 4, 4), np.uint8))
        cine = CineModel()
        cine.set_shown(FramesShown(shown.series, tmp_path / "one.npy", 1, None, ""))
        cine.playing = True
        assert not cine.playing

    def test_a_cine_plays_at_its_rate_in_a_pane_that_comes_and_goes(self, assistant, shown, qtbot):
        from napari_procguide.qt.cine_pane import CinePane

        pane = CinePane(assistant)
        qtbot.addWidget(pane)
        assert not pane.isVisible()
        assistant.cine.set_shown(shown)
        assert pane.isVisible()
        pane.rate.setValue(60.0)
        QTest.mouseClick(pane.play, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: assistant.cine.at >= 3, timeout=3000)
        assert pane.slider.value() == assistant.cine.at
        QTest.mouseClick(pane.play, Qt.MouseButton.LeftButton)
        assert not pane._timer.isActive()
        pane.slider.setValue(5)
        assert pane.counter.text().startswith("frame 6 / 6")
        centre = pane.picture.grab().toImage().pixelColor(pane.picture.rect().center())
        assert centre.red() == pytest.approx(200, abs=2)
        QTest.keyClick(pane, Qt.Key.Key_Home)
        assert assistant.cine.at == 0
        QTest.mouseClick(pane.close_frames, Qt.MouseButton.LeftButton)
        assert not pane.isVisible()
