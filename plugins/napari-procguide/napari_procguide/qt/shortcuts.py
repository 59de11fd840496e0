"""Keys for everything frequent, and the list of them under one key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QDialog, QLabel, QVBoxLayout, QWidget

__all__ = ["Key", "KeyList", "bind_keys"]


@dataclass(frozen=True)
class Key:
    """A key, what it does in words, and the doing."""

    key: str
    words: str
    call: Callable[[], object]


def bind_keys(widget: QWidget, keys: Sequence[Key]) -> tuple[QShortcut, ...]:
    """Bind ``keys`` wherever the focus is within ``widget``."""
    bound = []
    for one in keys:
        shortcut = QShortcut(QKeySequence(one.key), widget)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(one.call)
        bound.append(shortcut)
    return tuple(bound)


class KeyList(QDialog):
    """All keys, and what the mouse does."""

    def __init__(self, keys: Sequence[Key], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        mouse = (
            ("Wheel", "through the slices; along the needle in its own pane"),
            ("Left", "crosshair; on a needle's end: drag it"),
            ("Right", "level (up and down) and width (left and right)"),
            ("Middle, or Shift + left", "move the picture"),
            ("Ctrl + wheel", "zoom; double click: the whole picture"),
        )
        rows = [*((one.key, one.words) for one in keys), *mouse]
        cells = "".join(f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{words}</td></tr>" for key, words in rows)
        label = QLabel(f"<table>{cells}</table>")
        QVBoxLayout(self).addWidget(label)
