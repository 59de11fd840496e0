"""The engine's messages from its thread to the window's."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, Qt
from qtpy.QtCore import Signal as QtSignal

from napari_procguide.engine.client import Message

__all__ = ["Mailbox"]


class Mailbox(QObject):
    """:meth:`post` may be called from any thread; ``receive`` is called on the window's."""

    _came = QtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.receive: Callable[[Message], None] | None = None
        self._came.connect(self._hand_on, Qt.ConnectionType.QueuedConnection)

    def post(self, message: Message) -> None:
        """Put a message in the window's queue."""
        self._came.emit(message)

    def _hand_on(self, message: Message) -> None:
        if self.receive is not None:
            self.receive(message)
