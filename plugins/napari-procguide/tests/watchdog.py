"""How long the window's thread was busy at a stretch, and with what.

The thread's own time is counted, not the wall's: on a machine that does other things a thread waits for its
turn, and that is nobody's fault.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from qtpy.QtCore import QTimer

__all__ = ["Watchdog"]

_BEAT_MS = 10
_LOOK_MS = 20


@dataclass
class Watchdog:
    """``longest_ms`` of the thread's time between two beats of its event loop, ``wall_ms`` likewise."""

    limit_ms: float = 200.0
    longest_ms: float = 0.0
    wall_ms: float = 0.0
    where: str = ""
    blocks: list[tuple[float, str]] = field(default_factory=list)
    paused: bool = False

    @contextmanager
    def watching(self) -> Iterator[Watchdog]:
        """Watch the calling thread, which must run an event loop."""
        self._main = threading.get_ident()
        self._clock = time.pthread_getcpuclockid(self._main)
        self._last = (time.clock_gettime(self._clock), time.perf_counter())
        self._seen = ""
        timer = QTimer()
        timer.setInterval(_BEAT_MS)
        timer.timeout.connect(self._beat)
        timer.start()
        over = threading.Event()
        looker = threading.Thread(target=self._look, args=(over,), daemon=True)
        looker.start()
        try:
            yield self
        finally:
            over.set()
            looker.join()
            timer.stop()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Not counted: what only a test does, such as a picture of the window."""
        self.paused = True
        try:
            yield
        finally:
            self._last = (time.clock_gettime(self._clock), time.perf_counter())
            self.paused = False

    def _beat(self) -> None:
        now = (time.clock_gettime(self._clock), time.perf_counter())
        if not self.paused:
            busy, wall = 1000 * (now[0] - self._last[0]), 1000 * (now[1] - self._last[1])
            self.wall_ms = max(self.wall_ms, wall)
            if busy > self.longest_ms:
                self.longest_ms, self.where = busy, self._seen
            if busy > self.limit_ms:
                self.blocks.append((busy, self._seen))
        self._last, self._seen = now, ""

    def _look(self, over: threading.Event) -> None:
        """Note what the thread is at when it has been busy for half the limit."""
        while not over.wait(_LOOK_MS / 1000):
            busy = 1000 * (time.clock_gettime(self._clock) - self._last[0])
            if busy > self.limit_ms / 2 and not self._seen and not self.paused:
                frame = sys._current_frames().get(self._main)
                self._seen = "".join(traceback.format_stack(frame)[-6:])
