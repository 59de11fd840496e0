"""The workspace: composes and connects, nothing else."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QPainter, QPaintEvent, QShowEvent
from qtpy.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_procguide._settings import memory_folder, setting
from napari_procguide.display.layers import Layers
from napari_procguide.engine.client import engine_for
from napari_procguide.models.assistant import Assistant
from napari_procguide.models.memory import Memory
from napari_procguide.qt.beside_pane import BesidePane
from napari_procguide.qt.cine_pane import CinePane
from napari_procguide.qt.job_bar import JobBar
from napari_procguide.qt.keys import workspace_keys
from napari_procguide.qt.look_bar import LookBar
from napari_procguide.qt.mailbox import Mailbox
from napari_procguide.qt.measure import MeasureBar
from napari_procguide.qt.pane_grid import PaneGrid
from napari_procguide.qt.plan_panel import PlanPanel
from napari_procguide.qt.quality_panel import QualityPanel
from napari_procguide.qt.series_browser import SeriesBrowser
from napari_procguide.qt.shortcuts import KeyList, bind_keys
from napari_procguide.qt.spine_panel import SpinePanel

if TYPE_CHECKING:
    from napari import Viewer

__all__ = ["Workspace"]

_CANVAS_FOLLOWS_MS = 120
_BETWEEN_STEPS_MS = 15
_OVER = object()
_SHARE_OF_WINDOW = 0.77
_LAYER_DOCKS = ("layer list", "layer controls")


class Workspace(QWidget):
    """Panes and panels in one dock of napari's window, around one :class:`Assistant`."""

    open_ones: ClassVar[list[Workspace]] = []

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.mailbox = Mailbox(self)
        self.engine = engine_for(self.mailbox.post)
        self.assistant = Assistant(self.engine)
        self.mailbox.receive = self.assistant.jobs.receive
        self.layers = Layers(napari_viewer)
        self.panes = PaneGrid(self.assistant)
        self.beside = BesidePane(self.assistant)
        self.cine = CinePane(self.assistant)
        self.look = LookBar(self.assistant)
        self.measure = MeasureBar(self.assistant.measurements)
        self.series = SeriesBrowser(self.assistant)
        self.quality = QualityPanel(self.assistant)
        self.spine = SpinePanel(self.assistant)
        self.plan = PlanPanel(self.assistant)
        self.jobs = JobBar(self.assistant)
        self.keys = workspace_keys(self)
        self._lay_out()
        self._connect()
        self.shortcuts = bind_keys(self, self.keys)
        self.assistant.view.identity = setting("privacy", "show_identity")
        self.plan.sound.setChecked(setting("planning", "sound"))
        if setting("comfort", "restore"):
            self.assistant.memory = Memory(memory_folder())
        self.setAcceptDrops(True)
        # said, else napari puts an empty half below it in every window but the first
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        Workspace.open_ones.append(self)
        self._watched: QWidget | None = None
        self.engine.start()
        self._later(self.layers.warm_up)
        # napari collects garbage whenever a layer goes, which takes most of a second over all that is
        # imported by now: what lives already is left out of it.
        gc.freeze()

    def _lay_out(self) -> None:
        self.tabs = QTabWidget()
        for widget, name in (
            (self.series, "Study"),
            (self.quality, "Quality"),
            (self.spine, "Spine"),
            (self.plan, "Plan"),
        ):
            self.tabs.addTab(widget, name)
        self.tabs.setMinimumWidth(400)
        self.in_3d = QPushButton("3D")
        self.in_3d.setCheckable(True)
        self.in_3d.setToolTip("napari's canvas on the left: surfaces in 3D, or the axial slice (key V)")
        self.help = QPushButton("Keys (F1)")
        top = QHBoxLayout()
        top.addWidget(self.look, 1)
        top.addWidget(self.measure)
        top.addWidget(self.in_3d)
        top.addWidget(self.help)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.panes)
        split.addWidget(self.beside)
        split.addWidget(self.cine)
        split.addWidget(self.tabs)
        for place, stretch in enumerate((3, 2, 2, 1)):
            split.setStretchFactor(place, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.addLayout(top)
        column.addWidget(split, 1)
        column.addWidget(self.jobs)

    def _connect(self) -> None:
        assistant = self.assistant
        self._steps: deque[Callable[[], Iterator[None]]] = deque()
        self._going: Iterator[None] | None = None
        self._stepper = QTimer(self)
        self._stepper.setInterval(_BETWEEN_STEPS_MS)
        self._stepper.timeout.connect(self._next_step)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_CANVAS_FOLLOWS_MS)
        self._timer.timeout.connect(self._canvas)
        self.in_3d.toggled.connect(self._turn)
        self.help.clicked.connect(self.show_keys)
        self.spine.edit_wanted.connect(self._edit)
        self.spine.edits_done.connect(self._take)
        assistant.study.image_changed.connect(self._image)
        assistant.cine.frames_changed.connect(self._frames)
        assistant.measurements.changed.connect(self.panes.refresh)
        assistant.measurements.changed.connect(self._soon)
        assistant.study.labels_changed.connect(self._spine)
        assistant.plan.plans_changed.connect(self._plans)
        assistant.plan.needle_changed.connect(self._soon)
        assistant.exported.connect(self._photograph)
        assistant.view.point_changed.connect(self._soon)
        assistant.view.look_changed.connect(self._soon)

    def _soon(self) -> None:
        self._timer.start()

    @property
    def settled(self) -> bool:
        """Whether the canvas has caught up with the models."""
        return not self._steps and self._going is None and not self._timer.isActive()

    def _canvas(self) -> None:
        """Napari's canvas follows when the hand rests: it is slower than the panes."""
        view = self.assistant.view
        self.layers.show_point(view.point)
        self.layers.show_window(view.window)
        self.layers.show_needle(self.assistant.plan.needle)
        self.assistant.remember()

    def _later(self, steps: Callable[[], Iterator[None]]) -> None:
        """Do this on the canvas when the panes are drawn, one step in each turn of the event loop."""
        self._steps.append(steps)
        self._stepper.start()

    def _next_step(self) -> None:
        if self._going is None and self._steps:
            self._going = self._steps.popleft()()
        if self._going is not None and next(self._going, _OVER) is _OVER:
            self._going = None
        if self._going is None and not self._steps:
            self._stepper.stop()
            self._soon()  # the point may have moved before the image was there

    def _turn(self, in_3d: bool) -> None:
        self._later(lambda: self.layers.show_in_3d(in_3d))

    def _image(self) -> None:
        study, view = self.assistant.study, self.assistant.view
        self.in_3d.setChecked(False)
        self.panes.show()
        self._later(lambda: self.layers.show_image(study.image, view.window))

    def _photograph(self, folder: Path) -> None:
        """The panes as they are, beside the plan's files."""
        self._later(lambda: self.panes.photograph(folder / "views"))

    def _frames(self) -> None:
        """Frames lie beside the slices, or in their stead where no volume is open."""
        alone = self.assistant.cine.shown is not None and self.assistant.study.image is None
        self.panes.setVisible(not alone)

    def _spine(self) -> None:
        labelled = self.assistant.study.labelled
        self._later(lambda: self.layers.show_spine({} if labelled is None else labelled.meshes))
        if labelled is not None:
            self.in_3d.setChecked(True)

    def _plans(self) -> None:
        planned = self.assistant.plan.planned
        self._later(lambda: self.layers.show_skin(None if planned is None else planned.skin))

    def _edit(self) -> None:
        levels = self.assistant.study.levels
        if levels is not None:
            self.in_3d.setChecked(False)
            self._later(lambda: self._show_layer_docks(True))
            self._later(lambda: self.layers.edit_levels(levels))

    def _take(self) -> None:
        voxels = self.layers.edited_levels()
        if voxels is not None:
            file = self.engine.scratch / "edited.npy"
            np.save(file, voxels)
            self._later(self.layers.end_edit)
            self._later(lambda: self._show_layer_docks(False))
            self.assistant.take_edited(file)

    def in_3d_toggle(self) -> None:
        """Napari's canvas in 3D, or as a slice."""
        self.in_3d.toggle()

    def show_keys(self) -> None:
        """The list of keys."""
        self.key_list = KeyList(self.keys, self)
        self.key_list.open()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Files may be dropped here."""
        assert event is not None
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        assert event is not None
        self.assistant.open(Path(event.mimeData().urls()[0].toLocalFile()))

    def showEvent(self, event: QShowEvent | None) -> None:
        """The window that holds this is known now: hear when it closes."""
        if self._watched is None:
            self._watched = self.window()
            self._watched.installEventFilter(self)
            self._make_room()
            self._draw_apart()
            self._later(self._measure_again)

    def _draw_apart(self) -> None:
        """A window of its own within napari's, on X11.

        Where a window holds an OpenGL canvas, as napari's does, Qt puts the whole of it together by OpenGL
        at every change, which over software OpenGL takes 20 ms of all cores.
        """
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        if QGuiApplication.platformName() == "xcb":
            self.setAttribute(Qt.WidgetAttribute.WA_DontCreateNativeAncestors)
            self.setAttribute(Qt.WidgetAttribute.WA_NativeWindow)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Its own ground, so that Qt need not draw what lies below."""
        assert event is not None
        painter = QPainter(self)
        painter.fillRect(event.rect(), self.palette().window())
        painter.end()

    def _make_room(self) -> None:
        """Most of the window for the panes; napari's layer docks come back when labels are edited."""
        window, dock = self.window(), self.parent()
        if isinstance(window, QMainWindow) and isinstance(dock, QDockWidget):
            deque(self._show_layer_docks(False), maxlen=0)
            wide = round(window.width() * _SHARE_OF_WINDOW)
            window.resizeDocks([dock], [wide], Qt.Orientation.Horizontal)

    def _measure_again(self) -> Iterator[None]:
        """Napari's dock took our least width before we wore its style: it would not fit a small screen."""
        dock = self.parent()
        if isinstance(dock, QDockWidget) and (layout := dock.layout()) is not None:
            dock.setMinimumWidth(self.minimumSizeHint().width())
            layout.invalidate()
            dock.updateGeometry()
        yield

    def _show_layer_docks(self, shown: bool) -> Iterator[None]:
        """Napari's list and controls of layers; the panes change their size and are drawn a turn later."""
        self.setUpdatesEnabled(False)
        for dock in self.window().findChildren(QDockWidget):
            if dock.objectName() in _LAYER_DOCKS:
                dock.setVisible(shown)
        yield
        self.setUpdatesEnabled(True)
        yield

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Napari's window closes: so does all that runs."""
        if event is not None and event.type() == QEvent.Type.Close and watched is self._watched:
            self.end()
        return False

    def end(self) -> None:
        """Stop the engine; what comes late is not heard."""
        self.mailbox.receive = None
        self.assistant.remember()
        self._timer.stop()
        self._stepper.stop()
        self.engine.close()
        if self in Workspace.open_ones:
            Workspace.open_ones.remove(self)
