"""Commands and the audit log: each one's start and end, and whose images it read, wrote and computed on.

Nothing is logged, and nothing imported for it, unless the site sets ``PROCGUIDE_AUDIT_LOG``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

from procguide.errors import ProcguideError

if TYPE_CHECKING:
    from procguide.audit import LifeCycle, Subject
    from procguide.dicom import Series

__all__ = [
    "ArrivalBursts",
    "audited",
    "images_deidentified",
    "images_read",
    "objects_asked_for",
    "objects_moved",
    "plan_approved",
    "results_computed",
]

_WITHOUT_PATIENTS = frozenset({"audit", "phantom", "procedures"})
_SERIOUS = 1
"""Exit code of a fault of ours; the others are refusals that the user is told how to mend."""

_command: ContextVar[str] = ContextVar("command", default="procguide")


def audited(arguments: Sequence[str], call: Callable[[], int], fail: Callable[[str, int], None]) -> int:
    """The exit code of ``call``, its start and end logged; without a log it does nothing else.

    Where the log cannot be written, ``call`` is not begun, or its success is taken back.
    """
    name = next((word for word in arguments if not word.startswith("-")), "")
    asks_only = not name or name in _WITHOUT_PATIENTS or {"-h", "--help"} & set(arguments)
    if asks_only or not _asked_for():
        return call()
    from procguide.audit import Outcome, record_activity

    token = _command.set(name)
    try:
        record_activity(name, starts=True)
        code = call()
        failed = Outcome.SERIOUS_FAILURE if code == _SERIOUS else Outcome.MINOR_FAILURE
        record_activity(name, starts=False, outcome=failed if code else Outcome.SUCCESS)
    except ProcguideError as error:
        fail(str(error), error.exit_code)
        return error.exit_code
    finally:
        _command.reset(token)
    return code


def images_read(series: Series) -> None:
    """Log that the running command has read this series."""
    if _asked_for():
        from procguide.audit import LifeCycle, record_read

        record_read(_subject(series, LifeCycle.USED), _command.get())


def results_computed(series: Series, inputs_sha256: str, plan_sha256: str = "") -> None:
    """Log that the running command has computed and written results from this series, such as a plan."""
    if _asked_for():
        from procguide.audit import LifeCycle, record_created

        details = {"inputs sha256": inputs_sha256}
        if plan_sha256:
            details["plan sha256"] = plan_sha256
        record_created(_subject(series, LifeCycle.DERIVED), _command.get(), details)


def plan_approved(patient: str, studies: Iterable[str], approver: str, plan_sha256: str) -> None:
    """Log that a named person has approved a plan."""
    if _asked_for():
        from procguide.audit import LifeCycle, Subject, record_approved

        subject = Subject(patient, tuple(studies), life_cycle=LifeCycle.VERIFIED)
        record_approved(subject, approver, plan_sha256)


def images_deidentified(pseudonyms: Sequence[str], instances: int) -> None:
    """Log that images were written without their patients; they are named by their pseudonyms."""
    if _asked_for():
        from procguide.audit import LifeCycle, Subject, record_exported

        count = instances if len(pseudonyms) == 1 else None
        for name in pseudonyms:
            subject = Subject(name, (), count, life_cycle=LifeCycle.DEIDENTIFIED, anonymized=True)
            record_exported(subject, _command.get())


def objects_asked_for(peer: str) -> None:
    """Log that a peer was asked what it has."""
    if _asked_for():
        from procguide.audit import record_query

        record_query(peer, "studie")


def objects_moved(peer: str, studies: Iterable[str], *, sent: bool, failed: int = 0) -> None:
    """Log that objects went to a peer, or came from it: ``studies`` names the study of each."""
    if _asked_for():
        from procguide.audit import LifeCycle, Outcome, Subject, record_transfer

        life_cycle = LifeCycle.DISCLOSED if sent else LifeCycle.RECEIVED
        outcome = Outcome.MINOR_FAILURE if failed else Outcome.SUCCESS
        for study, count in sorted(Counter(studies).items()):
            subject = Subject("", (study,), count, life_cycle=life_cycle)
            record_transfer(subject, peer, sent=sent, outcome=outcome)


class ArrivalBursts:
    """Logs what a listener has received: one event when a burst of objects has ended."""

    def __init__(self, count: int) -> None:
        self._logged = count

    def heard(self, count: int, *, still: bool) -> None:
        """``count`` objects have come so far; ``still`` is whether more are coming."""
        if still or count == self._logged:
            return
        if _asked_for():
            from procguide.audit import LifeCycle, Subject, record_transfer

            subject = Subject(instances=count - self._logged, life_cycle=LifeCycle.RECEIVED)
            record_transfer(subject, "known peers", sent=False)
        self._logged = count


def _asked_for() -> bool:
    return bool(os.environ.get("PROCGUIDE_AUDIT_LOG"))


def _subject(series: Series, life_cycle: LifeCycle) -> Subject:
    from procguide.audit import Subject

    studies = (series.study_uid,) if series.study_uid else ()
    return Subject(series.patient, studies, len(series.files), life_cycle=life_cycle)
