"""The queue on disk: what is known of a study's work outlives a kill at any moment.

A job is one study with one set of images. Its folder, named by a hash of those, holds ``job.json`` (its
state, replaced in one step), ``study`` (links to the objects as they were), ``out`` (the results, which
appear whole or not at all) and ``delivered.PEER`` (a line for each object that the peer has taken).
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
)

from procguide.dicom.network.instances import handle, read_instance
from procguide.dicom.network.store import sync_file, sync_folder, write_safely
from procguide.errors import CannotWriteError, InputUnreadableError

__all__ = ["Answer", "Job", "Queue", "State", "images_of", "only_one"]

_PLANNED_ON = {
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    MRImageStorage,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
}
_RECORD = "job.json"
_RUN = "run.json"
_DELIVERED = re.compile(r"^(?P<handle>[0-9a-f]{24}) (?P<answer>taken|refused)$", re.MULTILINE)


class State(StrEnum):
    """Where a job stands; ``OUTDATED``: more images came before it was computed. All but two are ends."""

    WAITING = "waiting"
    COMPUTED = "computed"
    UNMATCHED = "unmatched"
    OUTDATED = "outdated"
    FAILED = "failed"
    DONE = "done"


class Answer(StrEnum):
    """What a peer has said of a result, for good."""

    TAKEN = "taken"
    REFUSED = "refused"


@dataclass(frozen=True)
class Job:
    """One study's work. ``study`` is its handle; ``words`` say how it ended, without identifiers."""

    identity: str
    study: str
    rules: str
    rule: str | None = None
    state: State = State.WAITING
    attempts: int = 0
    tries_to_send: int = 0
    next_try: float = 0.0
    ended: float = 0.0
    exit_code: int | None = None
    words: str = ""

    @property
    def ends(self) -> bool:
        """Whether nothing is left to do."""
        return self.state not in (State.WAITING, State.COMPUTED)


class Queue:
    """Jobs under ``root``."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root = root
        self._known: dict[str, Job] = {}  # nobody else writes here: see only_one

    def folder(self, job: Job) -> Path:
        """The job's own folder."""
        return self.root / job.identity

    def out(self, job: Job) -> Path:
        """Where its results lie once they are there."""
        return self.folder(job) / "out"

    def get(self, identity: str) -> Job | None:
        """The job of these images, if there is one."""
        if identity not in self._known:
            try:
                given = json.loads((self.root / identity / _RECORD).read_text(encoding="utf-8"))
            except FileNotFoundError:
                return None
            self._known[identity] = Job(**{**given, "state": State(given["state"])})
        return self._known[identity]

    def all(self) -> Iterator[Job]:
        """Every job, in the order of their names."""
        for folder in sorted(self.root.iterdir()):
            job = self.get(folder.name)
            if job is not None:
                yield job

    def save(self, job: Job) -> Job:
        """Record the job as it now stands; when this returns, it outlives a loss of power."""
        folder = self.folder(job)
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            sync_folder(self.root)
        self._known.pop(job.identity, None)  # asked to stop in between, what is on disk counts
        write_safely(folder / _RECORD, json.dumps(asdict(job), indent=1))
        self._known[job.identity] = job
        return job

    def freeze(self, job: Job, files: Sequence[Path]) -> Path:
        """A folder of links to ``files``: what comes later does not change what is worked on."""
        study = self.folder(job) / "study"
        shutil.rmtree(study, ignore_errors=True)
        study.mkdir(parents=True, mode=0o700)
        for file in files:
            try:
                os.link(file, study / file.name)
            except OSError:  # a file system without hard links
                shutil.copyfile(file, study / file.name)
        return study

    def thaw(self, job: Job) -> None:
        """Let the links go."""
        shutil.rmtree(self.folder(job) / "study", ignore_errors=True)

    def answers(self, job: Job, peer: str) -> dict[str, Answer]:
        """By handle, the results that ``peer`` has answered for; a line that a kill cut does not count."""
        try:
            text = (self.folder(job) / f"delivered.{peer}").read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return {}
        return {found["handle"]: Answer(found["answer"]) for found in _DELIVERED.finditer(text)}

    def note_answer(self, job: Job, peer: str, sop_instance: str, answer: Answer) -> None:
        """Add one, so that it outlives a loss of power."""
        with (self.folder(job) / f"delivered.{peer}").open("a", encoding="ascii") as stream:
            stream.write(f"\n{handle(sop_instance)} {answer}\n")
            stream.flush()
            os.fsync(stream.fileno())

    def take_results(self, job: Job) -> bool:
        """Make the results outlive a loss of power; False where there are none, or not whole ones.

        They appear in one rename, so a kill leaves them whole; a loss of power right after may not.
        """
        out = self.out(job)
        if not _is_whole(out):
            shutil.rmtree(out, ignore_errors=True)
            return False
        for place in (*out.rglob("*"), out):
            sync_folder(place) if place.is_dir() else sync_file(place)
        sync_folder(out.parent)
        return True

    def forget(self, job: Job) -> None:
        """Delete the results; what the job was and how it ended stays, so that it is not done again."""
        shutil.rmtree(self.out(job), ignore_errors=True)
        self.thaw(job)

    @contextmanager
    def alone(self, job: Job) -> Iterator[int | None]:
        """A lock on the job as a file descriptor; None where a computation of an earlier run still has it.

        A child process that inherits the descriptor keeps the lock when its parent is killed.
        """
        descriptor = os.open(self.folder(job) / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield descriptor if _locked(descriptor) else None
        finally:
            os.close(descriptor)


def _is_whole(out: Path) -> bool:
    """Whether all that the run's own record lists is there, and has content."""
    try:
        names = json.loads((out / _RUN).read_text(encoding="utf-8"))["outputs"]
        return all((out / name).stat().st_size > 0 for name in names)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def images_of(files: Sequence[Path]) -> tuple[str, tuple[Path, ...]]:
    """The identity of a study's CT and MR images, and the files; an empty identity where there are none.

    Other objects do not count: our own results, sent back to us by an archive, are no reason to compute.
    """
    found: dict[str, Path] = {}
    for file in files:
        try:
            instance = read_instance(file)
        except InputUnreadableError:
            continue
        if instance.sop_class in _PLANNED_ON:
            found[instance.sop_instance] = file
    if not found:
        return "", ()
    return sha256("\n".join(sorted(found)).encode()).hexdigest()[:24], tuple(sorted(found.values()))


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the spool; raise :class:`CannotWriteError` where another process has it."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked(descriptor):
            raise CannotWriteError(f"another process listens with {folder}; stop it, or give another --spool")
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
