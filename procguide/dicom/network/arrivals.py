"""Objects that arrive by C-STORE, called for or not: checked, made safe on disk, then answered for."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from procguide.dicom.network.instances import handle, read_instance
from procguide.dicom.network.store import Kept, Store
from procguide.errors import InputUnreadableError

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.events import Event

__all__ = ["Arrivals", "Counts", "Status", "receiving_into"]

_log = logging.getLogger(__name__)


class Status:
    """Answers to C-STORE (PS3.4 Table B.2-1); C001H is ours: an object of this UID is held, and differs."""

    SUCCESS = 0x0000
    NOT_AUTHORISED = 0x0124
    NO_ROOM = 0xA700
    NOT_ITS_CLASS = 0xA900
    NOT_UNDERSTOOD = 0xC000
    HELD_OTHERWISE = 0xC001


@dataclass
class Counts:
    """Objects by what became of them."""

    new: int = 0
    again: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, what: str) -> None:
        """Count one more."""
        with self._lock:
            setattr(self, what, getattr(self, what) + 1)


@dataclass(frozen=True)
class Arrivals:
    """Where arriving objects go: from ``incoming`` into ``store``, on one file system.

    ``free_bytes`` of the disk stay free: what would not fit is refused, for its sender to keep.
    """

    store: Store
    incoming: Path
    free_bytes: int = 1 << 30
    counts: Counts = field(default_factory=Counts)

    @property
    def is_full(self) -> bool:
        """Whether the disk has no room for more."""
        return shutil.disk_usage(self.incoming).free < self.free_bytes

    def take(self, event: Event, sender: str | None) -> int:
        """Keep the object of a C-STORE request; the status to answer with. None is no sender to take from."""
        part = Path(event.dataset_path)
        status = Status.NOT_UNDERSTOOD
        try:
            status = Status.NOT_AUTHORISED if sender is None else self._take(event, part, sender)
        except InputUnreadableError:
            _log.warning("an object that is no DICOM object was refused")
        except OSError as error:
            _log.error("an object could not be kept: %s", error.strerror)
            status = Status.NO_ROOM
        finally:
            part.unlink(missing_ok=True)
        if status != Status.SUCCESS:
            self.counts.add("refused")
        return status

    def _take(self, event: Event, part: Path, sender: str) -> int:
        if self.is_full:
            return Status.NO_ROOM
        instance = read_instance(part)
        request = cast("C_STORE", event.request)
        asked = (str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID))
        if (instance.sop_class, instance.sop_instance) != asked:
            return Status.NOT_ITS_CLASS
        if part.parent != self.incoming:  # no folder of our own was set: it may lie on another file system
            held = self.incoming / part.name
            shutil.move(part, held)
            instance = replace(instance, file=held)
        try:
            kept = self.store.keep(instance, sender)
        finally:
            instance.file.unlink(missing_ok=True)
        if kept is Kept.OTHER:
            _log.warning("object %s came again with other content; refused", handle(instance.sop_instance))
            return Status.HELD_OTHERWISE
        self.counts.add(kept.value)
        return Status.SUCCESS


@contextmanager
def receiving_into(incoming: Path) -> Iterator[Path]:
    """Let objects arrive in ``incoming``, ours alone, in place of the system's folder for temporary files.

    What an earlier run left there when it was killed had not been answered for, and is removed. This
    changes ``tempfile.tempdir`` for the whole process: it is for a process that does nothing else.
    """
    incoming = incoming.absolute()
    incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in incoming.iterdir():
        left.unlink()
    before, tempfile.tempdir = tempfile.tempdir, os.fspath(incoming)
    try:
        yield incoming
    finally:
        tempfile.tempdir = before
