"""From studies that have arrived to results that are delivered: one step at a time, each safe to repeat."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from procguide.dicom.network.delivery import Deliver, Delivery
from procguide.dicom.network.jobs import Job, Queue, State, images_of
from procguide.dicom.network.rules import SENDER, Rule, Rules, Task, read_facts
from procguide.dicom.network.store import Store
from procguide.errors import InputUnfitError

__all__ = ["Compute", "Computed", "Worker"]

_MOST_ATTEMPTS = 3
_FIRST_WAIT_S = 10.0
_LONGEST_WAIT_S = 900.0
_WITH_RESULT = (0, 3, 8)
"""Exit codes of the command line's contract: done; done, but nothing acceptable; some of several done."""
_PASSING = (1, 6)  # a fault of ours, or no room: worth another attempt


@dataclass(frozen=True)
class Computed:
    """How a computation ended: an exit code of the command line's contract, and its words."""

    exit_code: int
    words: str = ""


Compute = Callable[[Task, Path, Path, int], Computed]
"""Task, folder of the study, folder to write, file descriptor to inherit -> how it ended. It blocks."""


@dataclass
class Worker:
    """Looks for complete studies in ``store``, has them computed by the rules, and delivers the results.

    All that it knows is on disk: it can be killed at any moment, and another takes up where it was.
    """

    store: Store
    queue: Queue
    rules: Rules
    compute: Compute
    deliver: Deliver
    told: Callable[[str], None] = lambda _words: None
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def step(self, now: float | None = None) -> bool:
        """Do what is due at ``now``, seconds since 1970. Whether there was anything to do."""
        now = time.time() if now is None else now
        complete = [study for study in self.store.studies() if self._is_complete(study, now)]
        for study in complete:
            self._notice(study)
        advanced = [self._advance(job, now) for job in self.queue.all()]
        return bool(complete) or any(advanced)

    @property
    def idle(self) -> bool:
        """Whether every study that is here is complete and done with."""
        return all(map(self._is_known, self.store.studies())) and all(job.ends for job in self.queue.all())

    def _is_known(self, study: str) -> bool:
        """Whether it is as it was when last looked at."""
        return self._seen.get(study) == self._stamp(study)

    def _stamp(self, study: str) -> tuple[int, int]:
        status = (self.store.root / study).stat()
        return status.st_mtime_ns, status.st_ino

    def _is_complete(self, study: str, now: float) -> bool:
        """Whether nothing has come for a while, and it has not been looked at since."""
        age = now - self._stamp(study)[0] / 1e9
        quiet = age >= self.rules.quiet_s or age < -60  # a clock that was set back keeps nothing waiting
        return quiet and not self._is_known(study)

    def _notice(self, study: str) -> None:
        """Make a job of a complete study, unless there is one."""
        stamp = self._stamp(study)
        identity, _ = images_of(self.store.files(study))
        self._seen[study] = stamp
        known = self.queue.get(identity) if identity else None
        if not identity:
            self._tell(study, "no CT or MR images; kept, nothing to do")
        elif known is None or (known.state is State.UNMATCHED and known.rules != self.rules.digest):
            self.queue.save(self._match(Job(identity, study, self.rules.digest)))

    def _match(self, job: Job) -> Job:
        files = self.store.files(job.study)
        rule = self.rules.first(read_facts(files, self.store.senders(job.study)))
        if rule is None:
            self._tell(job.study, f"{len(files)} objects, no rule fits; kept")
            return replace(job, state=State.UNMATCHED, ended=time.time())
        self._tell(job.study, f"{len(files)} objects, rule {rule.name}")
        return replace(job, rule=rule.name)

    def _advance(self, job: Job, now: float) -> bool:
        rule = None if job.rule is None else self.rules.named(job.rule)
        if job.ends:
            return self._clear(job, now)
        if rule is None:
            self._end(job, State.FAILED, "its rule is no longer in the rule file")
            return True
        if job.state is State.WAITING:
            with self.queue.alone(job) as lock:
                return lock is not None and self._compute(job, rule, lock)
        return job.next_try <= now and self._deliver(job, rule, now)

    def _compute(self, job: Job, rule: Rule, lock: int) -> bool:
        """Compute once; a result that an earlier run left whole is taken as it is."""
        if self.queue.take_results(job):
            self._computed(job, Computed(0))
        elif job.attempts >= _MOST_ATTEMPTS:
            self._end(job, State.FAILED, job.words or "it was cut short each time")
        else:
            for left in self.queue.folder(job).glob(".out.*"):
                shutil.rmtree(left, ignore_errors=True)
            begun = self.queue.save(replace(job, attempts=job.attempts + 1))
            try:
                computed = self._run(begun, rule, lock)
            except BaseException:  # asked to stop: not the study's fault
                self.queue.save(job)
                raise
            self._computed(begun, computed)
        return True

    def _run(self, job: Job, rule: Rule, lock: int) -> Computed | None:
        """None where more images have come than the job is of: there is a job of them all, or will be."""
        files = self.store.files(job.study)
        identity, images = images_of(files)
        if identity != job.identity:
            return None
        try:
            task = Task.of(rule, read_facts(files, self.store.senders(job.study)))
        except InputUnfitError as error:
            return Computed(error.exit_code, str(error))
        study = self.queue.freeze(job, images)
        try:
            return self.compute(task, study, self.queue.out(job), lock)
        finally:
            self.queue.thaw(job)

    def _computed(self, job: Job, computed: Computed | None) -> None:
        if computed is None:
            self._end(job, State.OUTDATED, "more images came before it was computed")
            return
        job = replace(job, exit_code=computed.exit_code, words=computed.words)
        if computed.exit_code in _WITH_RESULT and self.queue.take_results(job):
            self.queue.save(replace(job, state=State.COMPUTED))
            self._tell(job.study, f"computed by rule {job.rule}")
        elif computed.exit_code in _PASSING and job.attempts < _MOST_ATTEMPTS:
            self.queue.save(job)
        else:
            self._end(job, State.FAILED, computed.words)

    def _deliver(self, job: Job, rule: Rule, now: float) -> bool:
        """Send the results to each receiver; who cannot be reached is tried again later."""
        senders = self.store.senders(job.study)
        named = [name for word in rule.send_to for name in (senders if word == SENDER else (word,))]
        receivers = tuple(dict.fromkeys(named))
        delivery = Delivery(self.queue, job, self.deliver)
        left = delivery.run(receivers)
        if not left:
            told = "; ".join(filter(None, (job.words, delivery.summary(receivers))))
            self._end(job, State.DONE, told)
            return True
        wait = min(_FIRST_WAIT_S * 2.0**job.tries_to_send, _LONGEST_WAIT_S)
        self.queue.save(replace(job, tries_to_send=job.tries_to_send + 1, next_try=now + wait))
        self._tell(job.study, f"tried again in {wait:.0f} s: {'; '.join(left)}")
        return False

    def _end(self, job: Job, state: State, words: str) -> None:
        self.queue.save(replace(job, state=state, words=words, ended=time.time()))
        self._tell(job.study, f"{state}: {words}")

    def _clear(self, job: Job, now: float) -> bool:
        """Delete images and results that have been kept long enough; that the job was done stays known."""
        if self.rules.keep_days is None or now - job.ended < self.rules.keep_days * 86_400:
            return False
        self.queue.forget(job)
        folder = self.store.root / job.study
        if not folder.is_dir() or now - folder.stat().st_mtime < self.rules.keep_days * 86_400:
            return False
        if images_of(self.store.files(job.study))[0] != job.identity:
            return False
        shutil.rmtree(folder)
        self._tell(job.study, f"deleted here after {self.rules.keep_days:g} days")
        return True

    def _tell(self, study: str, words: str) -> None:
        """A study is told by a part of its handle: no log has an identifier."""
        self.told(f"study {study[:8]}: {words}")
