"""Work in the engine: asked for, followed, stopped; errors as messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from psygnal import Signal

from napari_procguide.engine.messages import Done, Failed, Progress

__all__ = ["Asked", "Jobs"]

Then = Callable[[Any], None]


class Asked(Protocol):
    """What takes requests: the engine, or a stand-in."""

    def ask(self, task: str, **wishes: Any) -> int:
        """Put a request; its number is on every message about it. Does not block."""

    def stop(self) -> None:
        """End what is going on."""


@dataclass(frozen=True)
class _Job:
    words: str
    then: Then
    quiet: bool
    otherwise: Callable[[], None] | None


class Jobs:
    """Requests under way. All methods belong to the window's thread; :meth:`receive` too.

    ``quiet`` jobs (a dragged needle) show no progress bar.
    """

    started = Signal(str)
    progressed = Signal(str, object)
    ended = Signal()
    failed = Signal(str, str)

    def __init__(self, engine: Asked) -> None:
        self._engine = engine
        self._jobs: dict[int, _Job] = {}

    @property
    def busy(self) -> bool:
        """Whether something runs that a person waits for."""
        return any(not job.quiet for job in self._jobs.values())

    def run(
        self,
        words: str,
        task: str,
        then: Then,
        *,
        quiet: bool = False,
        otherwise: Callable[[], None] | None = None,
        **wishes: Any,
    ) -> None:
        """Have ``task`` done; ``then`` is called with its result, ``otherwise`` where it failed."""
        number = self._engine.ask(task, **wishes)
        self._jobs[number] = _Job(words, then, quiet, otherwise)
        if not quiet:
            self.started.emit(words)

    def receive(self, message: Progress | Done | Failed) -> None:
        """Take a message of the engine; those about stopped work are passed over."""
        if isinstance(message, Failed) and message.number == 0:
            lost = [job.otherwise for job in self._jobs.values() if job.otherwise is not None]
            self._jobs.clear()
            for tell in lost:
                tell()
            self.ended.emit()
            self.failed.emit(message.words, message.trace)
            return
        job = self._jobs.get(message.number)
        if job is None:
            return
        if isinstance(message, Progress):
            if not job.quiet:
                self.progressed.emit(f"{job.words}: {message.words}", message.share)
            return
        del self._jobs[message.number]
        if not self.busy:
            self.ended.emit()
        if isinstance(message, Failed):
            if job.otherwise is not None:
                job.otherwise()
            self.failed.emit(message.words, message.trace)
        else:
            job.then(message.result)

    def cancel(self) -> None:
        """Stop all work at once."""
        self._engine.stop()
        self._jobs.clear()
        self.ended.emit()
