"""What a mouse button does on a pane: point, window, pan, drag a needle's end or a name, measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QMouseEvent, QPainter

from napari_procguide.qt.canvas import Scale
from napari_procguide.qt.level_tool import level_tool
from napari_procguide.qt.measure import measuring_tool

if TYPE_CHECKING:
    from napari_procguide.qt.slice_pane import SlicePane

__all__ = ["Tool", "tool_for"]

_GRAB_PIXELS = 12.0


class Tool(Protocol):
    """One press of a button, until it is let go."""

    def press(self, event: QMouseEvent) -> None:
        """It goes down."""

    def move(self, event: QMouseEvent) -> None:
        """The pointer moves."""

    def release(self, event: QMouseEvent) -> None:
        """It goes up."""

    def draw(self, painter: QPainter, scale: Scale) -> None:
        """What is shown meanwhile."""


class _Idle:
    """A tool without a picture of its own."""

    def __init__(self, pane: SlicePane) -> None:
        self.pane = pane

    def press(self, event: QMouseEvent) -> None:
        """Nothing yet."""

    def release(self, event: QMouseEvent) -> None:
        """Nothing more."""

    def draw(self, painter: QPainter, scale: Scale) -> None:
        """Nothing."""


class _Point(_Idle):
    """Left button: the crosshair follows."""

    def press(self, event: QMouseEvent) -> None:
        self.move(event)

    def move(self, event: QMouseEvent) -> None:
        self.pane.source.point_to(self.pane.point_at(event.position()))


class _Window(_Idle):
    """Right button: width by left and right, level by up and down."""

    def press(self, event: QMouseEvent) -> None:
        self.start, self.window = event.position(), self.pane.source.look.window

    def move(self, event: QMouseEvent) -> None:
        level, width = self.window
        step = max(width, 1e-3) / 250
        across, down = event.position().x() - self.start.x(), event.position().y() - self.start.y()
        self.pane.source.look.window = (level + down * step, width + across * step)


class _Pan(_Idle):
    """Middle button, or left with Shift: the picture follows."""

    def press(self, event: QMouseEvent) -> None:
        self.last = event.position()

    def move(self, event: QMouseEvent) -> None:
        self.pane.shift = self.pane.shift + event.position() - self.last
        self.last = event.position()
        self.pane.update()


class _NeedleEnd(_Idle):
    """A needle's end: it moves in the plane, its depth behind the plane stays."""

    def __init__(self, pane: SlicePane, end: str) -> None:
        super().__init__(pane)
        self.end = end

    def move(self, event: QMouseEvent) -> None:
        plane, needle = self.pane.plane, self.pane.source.plan.needle
        if plane is None or needle is None:
            return
        point = needle.entry if self.end == "entry" else needle.target
        depth = float(plane.to_plane(point)[2])
        right, down = self.pane.scale().to_mm(event.position().x(), event.position().y())
        moved = plane.to_patient(right, down, depth)
        if self.end == "entry":
            self.pane.source.drag(moved, needle.target)
        else:
            self.pane.source.drag(needle.entry, moved)

    def release(self, event: QMouseEvent) -> None:
        self.pane.source.dropped()


def tool_for(pane: SlicePane, event: QMouseEvent) -> Tool | None:
    """What a press begins."""
    if pane.plane is None or pane.source.image is None:
        return None
    button, keys = event.button(), event.modifiers()
    if button == Qt.MouseButton.RightButton:
        return _Window(pane)
    shifted = bool(keys & Qt.KeyboardModifier.ShiftModifier)
    if button == Qt.MouseButton.MiddleButton or (button == Qt.MouseButton.LeftButton and shifted):
        return _Pan(pane)
    if button != Qt.MouseButton.LeftButton:
        return None
    measuring = measuring_tool(pane, pane.source.assistant.measurements)
    if measuring is not None:
        return measuring
    end = _end_under(pane, event.position())
    return _NeedleEnd(pane, end) if end else level_tool(pane, event.position()) or _Point(pane)


def _end_under(pane: SlicePane, position: QPointF) -> str:
    """``"entry"`` or ``"target"`` if the pointer is on that end's mark, and the needle may be moved."""
    plan, plane = pane.source.plan, pane.plane
    if plan.needle is None or plan.locked or plane is None or not pane.source.may_drag:
        return ""
    scale = pane.scale()
    found = []
    for end, point in (("target", plan.needle.target), ("entry", plan.needle.entry)):
        right, down, _ = plane.to_plane(point)
        place = scale.to_pixel(float(right), float(down)) - position
        found.append((place.x() ** 2 + place.y() ** 2, end))
    distance, end = min(found)
    return end if distance <= _GRAB_PIXELS**2 else ""
