"""A level's name, dragged from one vertebra onto another: the one it is dropped on is called so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QMouseEvent, QPainter

from napari_procguide.display.levels import level_tags
from napari_procguide.models.view import LabelMode
from napari_procguide.qt.canvas import Scale, draw_words

if TYPE_CHECKING:
    from napari_procguide.qt.slice_pane import SlicePane

__all__ = ["level_tool"]

_PANES = ("sagittal", "coronal")
_GRAB = QRectF(2, -10, 40, 20)
"""Where a name can be grabbed, in pixels from the place it belongs to; it is drawn 6 to the right of it."""
_NEAR_MM = 20.0
"""A name dropped farther than this from every body changes nothing (assumed: half a lumbar body's width)."""


class _LevelName:
    """The name follows the pointer; where it is let go on another body, that one is named so."""

    def __init__(self, pane: SlicePane, level: str) -> None:
        self._pane, self.level = pane, level
        self._now: QPointF | None = None

    def press(self, event: QMouseEvent) -> None:
        """Nothing yet."""

    def move(self, event: QMouseEvent) -> None:
        """It follows."""
        self._now = event.position()
        self._pane.update()

    def release(self, event: QMouseEvent) -> None:
        """Named, if it lies on another vertebra."""
        onto = self._vertebra_at(event.position())
        if onto is not None and onto[0] != self.level:
            self._pane.source.assistant.rename(onto[1], self.level)

    def draw(self, painter: QPainter, scale: Scale) -> None:
        """The name at the pointer, and what would be named."""
        if self._now is None:
            return
        onto = self._vertebra_at(self._now)
        words = self.level if onto is None or onto[0] == self.level else f"{onto[0]} → {self.level}"
        box = QRectF(self._now.x() + 8, self._now.y() - 26, 120, 22)
        draw_words(painter, box, words, QColor(255, 255, 255), Qt.AlignmentFlag.AlignLeft)

    def _vertebra_at(self, position: QPointF) -> tuple[str, tuple[float, float, float]] | None:
        """The level whose body's centre is nearest on the plane, and that centre."""
        pane = self._pane
        plane, labelled = pane.plane, pane.source.study.labelled
        if plane is None or labelled is None or not labelled.spine.vertebrae:
            return None
        there = np.array(pane.scale().to_mm(position.x(), position.y()))
        found = min(
            labelled.spine.vertebrae,
            key=lambda one: float(np.linalg.norm(plane.to_plane(one.frame.origin)[:2] - there)),
        )
        distance = float(np.linalg.norm(plane.to_plane(found.frame.origin)[:2] - there))
        return (found.level, found.frame.origin) if distance <= _NEAR_MM else None


def level_tool(pane: SlicePane, position: QPointF) -> _LevelName | None:
    """The name under the pointer in a sagittal or coronal pane, if names are shown."""
    source, plane = pane.source, pane.plane
    labelled = source.study.labelled
    if plane is None or labelled is None or source.name not in _PANES:
        return None
    if source.view.labels is LabelMode.HIDDEN:
        return None
    scale = pane.scale()
    for tag in level_tags(plane, labelled.spine):
        box = _GRAB.translated(scale.to_pixel(*tag.place))
        if box.contains(position) and tag.words.rstrip("?") in labelled.spine.levels:
            return _LevelName(pane, tag.words.rstrip("?"))
    return None
