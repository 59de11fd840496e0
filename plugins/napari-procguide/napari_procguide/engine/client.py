"""The window's end of the engine: starts the process, asks, hears, stops it. No Qt here."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from napari_procguide.engine.messages import Done, Failed, Progress, Request

__all__ = ["Engine", "Message", "early_engine", "engine_for"]

Message = Progress | Done | Failed
_START_S = 60.0
_EARLY: list[Engine] = []


class Engine:
    """One child process that does the library's work, one request after the other.

    ``deliver`` is called with every message, on a thread of the engine's own: a window hands it on to
    its main thread. :meth:`stop` ends the process at once, whatever it does; the next :meth:`ask` starts
    another, which takes up what the last had finished from the scratch folder.
    """

    def __init__(self, deliver: Callable[[Message], None]) -> None:
        self.deliver = deliver
        self.scratch = Path(tempfile.mkdtemp(prefix="procguide-view-"))
        self._lock = threading.Lock()
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._closed = False
        self._waiting: list[Request] = []

    def start(self) -> None:
        """Start the process, if none runs; returns at once."""
        with self._lock:
            if self._closed or self._process is not None:
                return
            key = secrets.token_bytes(24)
            listener = Listener(authkey=key)
            command = [sys.executable, "-m", "napari_procguide.engine.worker"]
            environment = {**os.environ, "MPLBACKEND": "Agg"}
            self._process = subprocess.Popen(  # noqa: S603 (our own module)
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment
            )
            assert self._process.stdin is not None
            said = f"{key.hex()}\n{listener.address!r}\n{self.scratch}\n"
            self._process.stdin.write(said.encode())
            self._process.stdin.flush()
            threading.Thread(target=self._serve, args=(listener, self._process, key), daemon=True).start()

    def ask(self, task: str, **wishes: Any) -> int:
        """Put a request; its number is on every message about it."""
        with self._lock:
            self._number += 1
            request = Request(self._number, task, wishes)
            connection = self._connection
            if connection is None:
                self._waiting.append(request)
        if connection is None:
            self.start()
        else:
            self._send(connection, request)
        return request.number

    def stop(self) -> None:
        """End what is going on, and forget what waits."""
        with self._lock:
            process, self._process = self._process, None
            connection, self._connection = self._connection, None
            self._waiting.clear()
        if process is not None:
            process.kill()
            process.wait()
            _close_pipe(process)
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def close(self) -> None:
        """Stop for good, and remove the scratch folder."""
        self._closed = True
        self.stop()
        shutil.rmtree(self.scratch, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def _serve(self, listener: Listener, process: subprocess.Popen[bytes], key: bytes) -> None:
        """Meet the child, send what waits, hear it until it ends."""
        watch = threading.Timer(_START_S, process.kill)
        watch.daemon = True
        watch.start()
        threading.Thread(target=self._mourn, args=(process, listener.address, key), daemon=True).start()
        try:
            connection = listener.accept()
        except (OSError, EOFError, AuthenticationError):
            self._lost(process)
            return
        finally:
            watch.cancel()
            listener.close()
        with self._lock:
            if self._process is not process:
                connection.close()
                return
            self._connection = connection
            waiting, self._waiting = self._waiting, []
        for request in waiting:
            self._send(connection, request)
        with contextlib.suppress(EOFError, OSError, TypeError, MemoryError):
            while True:
                self._tell(connection.recv())
        self._lost(process)

    def _tell(self, message: Message) -> None:
        if not self._closed:
            self.deliver(message)

    def _send(self, connection: Connection, request: Request) -> None:
        try:
            connection.send(request)
        except (OSError, ValueError):
            self._tell(Failed(request.number, "The engine has ended. Try again: it starts anew.", ""))

    def _lost(self, process: subprocess.Popen[bytes]) -> None:
        """The child ended by itself: say so, unless it was stopped."""
        with self._lock:
            if self._process is not process:
                return
            self._process, self._connection = None, None
            self._waiting.clear()
        _close_pipe(process)
        words = "The engine ended unexpectedly (memory may have run out). Try again: it starts anew."
        self._tell(Failed(0, words, f"exit code {process.poll()}"))

    def _mourn(self, process: subprocess.Popen[bytes], address: Any, key: bytes) -> None:
        """A child that dies before it calls: call in its place, so that nobody waits for it."""
        process.wait()
        self._lost(process)
        with contextlib.suppress(OSError, EOFError, AuthenticationError):
            Client(address, authkey=key).close()


@contextlib.contextmanager
def early_engine() -> Iterator[None]:
    """An engine starts while the window is still being made; it is closed if no window has taken it."""
    engine = Engine(_unheard)
    engine.start()
    _EARLY.append(engine)
    try:
        yield
    finally:
        if engine in _EARLY:
            _EARLY.remove(engine)
            engine.close()


def engine_for(deliver: Callable[[Message], None]) -> Engine:
    """A window's engine: the early one, or another, yet to be started."""
    if not _EARLY:
        return Engine(deliver)
    engine = _EARLY.pop()
    engine.deliver = deliver
    return engine


def _unheard(_message: Message) -> None:
    """Nobody listens yet: an engine that ends so early is started anew by what is asked first."""


def _close_pipe(process: subprocess.Popen[bytes]) -> None:
    """Our end of the child's standard input; what was not read is dropped."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
