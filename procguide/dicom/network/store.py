"""A folder of received objects: each lies in it whole and once, or not at all."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from enum import StrEnum
from filecmp import cmp
from pathlib import Path

from pynetdicom.dsutils import split_dataset

from procguide.dicom.network.instances import Instance, handle

__all__ = ["Kept", "Store", "sync_file", "sync_folder", "write_safely"]

_PIECE = 1 << 20
_FROM = "from."


class Kept(StrEnum):
    """What :meth:`Store.keep` did. ``other``: one of the same UID with other content is held already."""

    NEW = "new"
    AGAIN = "again"
    OTHER = "other"


class Store:
    """Objects under ``root``, a folder a study, named by hashes of their UIDs.

    A UID names one object for ever (PS3.5 9), so it decides what is the same: an object that comes again is
    not kept twice, and one that comes with other content in the same transfer syntax is not put in the
    place of the first. When :meth:`keep` returns, the object outlives a kill and a loss of power.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root = root
        self._lock = threading.Lock()

    def path_of(self, instance: Instance) -> Path:
        """Where an object of these UIDs lies, or would."""
        return self.root / handle(instance.study) / f"{handle(instance.sop_instance)}.dcm"

    def keep(self, instance: Instance, sender: str = "") -> Kept:
        """Move ``instance.file``, which is on the same file system, to its place; note who sent it."""
        place = self.path_of(instance)
        sync_file(instance.file)
        with self._lock:
            if not place.parent.is_dir():
                place.parent.mkdir(exist_ok=True, mode=0o700)
                sync_folder(self.root)
            note = place.with_name(f"{_FROM}{sender}")
            if sender and not note.exists():
                note.touch(mode=0o600)
            kept = _compare(instance.file, place)
            if kept is Kept.NEW:
                instance.file.rename(place)
        sync_folder(place.parent)
        return kept

    def senders(self, study: str) -> tuple[str, ...]:
        """The peers file's names of those who sent objects of the study with this handle."""
        notes = (self.root / study).glob(f"{_FROM}*")
        return tuple(sorted(note.name.removeprefix(_FROM) for note in notes))

    def files(self, study: str) -> tuple[Path, ...]:
        """The objects of the study with this handle, in the order of their names."""
        return tuple(sorted((self.root / study).glob("*.dcm")))

    def studies(self) -> Iterator[str]:
        """The handles of all studies."""
        with os.scandir(self.root) as entries:
            names = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
        yield from sorted(name for name in names if not name.startswith("."))


def _compare(new: Path, place: Path) -> Kept:
    if not place.exists():
        return Kept.NEW
    if cmp(new, place, shallow=False):
        return Kept.AGAIN
    (meta, start), (held_meta, held_start) = split_dataset(new), split_dataset(place)
    if meta.get("TransferSyntaxUID") != held_meta.get("TransferSyntaxUID"):
        return Kept.AGAIN  # packed otherwise on the way; the UID says that it is the same
    with new.open("rb") as one, place.open("rb") as other:
        one.seek(start)
        other.seek(held_start)
        while piece := one.read(_PIECE):
            if piece != other.read(_PIECE):
                return Kept.OTHER
        return Kept.AGAIN if not other.read(1) else Kept.OTHER


def sync_file(file: Path) -> None:
    """Make the content of ``file`` outlive a loss of power."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make new names in ``folder`` outlive a loss of power, where folders can be opened (not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_safely(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` in one step that outlives a kill at any moment."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
