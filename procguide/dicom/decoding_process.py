"""Compressed frames decoded in a process of their own, which may hang, swell or die without harm.

Decoders are C and C++ that nothing within a process can stop. One such process serves all that is read; it is
started with the first compressed frame and, where it had to be ended, with the next.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.dicom.guard import RefusedError

__all__ = ["FrameKind", "decode_frame", "seconds_for"]

_FREE_S = 0.7
_VALUES_PER_S = 2**21
"""A third of what the slowest decoder (JPEG 2000 of noise) does here in a second."""
_MOST_WAITING = 20
"""Seconds by the clock for one of the processor's, where the machine is busy or cannot count the latter."""
_START_S = 60.0


@dataclass(frozen=True)
class FrameKind:
    """What a decoder must know of a frame: transfer syntax and pixel attributes, and how it is wanted."""

    syntax: str
    attributes: dict[str, Any]
    raw: bool
    plugin: str
    values: int


def seconds_for(values: int) -> float:
    """Of the processor's time, what decoding so many values may take: 0.7 s and 1 s for each 2 million."""
    return _FREE_S + values / _VALUES_PER_S


def decode_frame(frame: bytes, kind: FrameKind) -> NDArray[Any]:
    """``(j, i)`` or ``(j, i, 3)``; :class:`RefusedError` where it takes too long or ends the decoder."""
    with _lock:
        global _child  # noqa: PLW0603 (one for the process)
        if _child is None or not _child.is_mine:
            _child = _Child()
        try:
            return _child.decode(frame, kind)
        except RefusedError:
            _child.end()
            _child = None
            raise


class _Child:
    def __init__(self) -> None:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(part for part in sys.path if part)
        command = [sys.executable, "-P", "-m", "procguide.dicom.decoding_child"]
        self._owner = os.getpid()
        self._process = subprocess.Popen(  # noqa: S603 (a command of our own)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    @property
    def is_mine(self) -> bool:
        """Not another's, whose copy this is after a fork."""
        return self._owner == os.getpid()

    def decode(self, frame: bytes, kind: FrameKind) -> NDArray[Any]:
        seconds = seconds_for(kind.values)
        request = {
            "syntax": kind.syntax,
            "attributes": kind.attributes,
            "raw": kind.raw,
            "plugin": kind.plugin,
            "seconds": seconds,
            "bytes": len(frame),
        }
        late = threading.Timer(_START_S + seconds * _MOST_WAITING, self._process.kill)
        late.daemon = True
        late.start()
        try:
            return self._answer(json.dumps(request).encode() + b"\n", frame)
        except (OSError, EOFError) as error:
            raise RefusedError(
                f"its compressed pixels need more than {seconds:.1f} s or more memory than any image does, "
                "or break the decoder"
            ) from error
        finally:
            late.cancel()

    def _answer(self, line: bytes, frame: bytes) -> NDArray[Any]:
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None  # noqa: S101 (for the type checker: both are pipes)
        assert answered is not None  # noqa: S101
        asked.write(line)
        asked.write(frame)
        asked.flush()
        said = answered.readline()
        if not said:
            raise EOFError
        answer = json.loads(said)
        if "error" in answer:
            kind = NotImplementedError if answer["error"] == "NotImplementedError" else ValueError
            raise kind(f"the decoder raised {answer['error']}")
        array = np.empty(answer["shape"], answer["dtype"])
        into, place = array.data.cast("B"), 0
        while place < len(into):
            count = answered.readinto(into[place:])  # type: ignore[attr-defined]
            if not count:
                raise EOFError
            place += count
        return array

    def end(self) -> None:
        """Let it go, at once."""
        if not self.is_mine:
            return
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was left to be written
                    stream.close()
        self._process.wait()


_child: _Child | None = None
_lock = threading.Lock()


@atexit.register
def _leave() -> None:
    if _child is not None:
        _child.end()
