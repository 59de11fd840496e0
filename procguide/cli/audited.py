"""Commands and the audit log: each one's start and end, and whose images it read, wrote and computed on.

Nothing is logged, and nothing imported for it, unless the site sets ``PROCGUIDE_AUDIT_LOG``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

from procguide.errors import ProcguideError

if TYPE_CHECKING:
    from procguide.audit import LifeCycle, Subject
    from procguide.dicom import Series

__all__ = ["audited", "images_read", "results_computed"]

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


def results_computed(series: Series, inputs_sha256: str) -> None:
    """Log that the running command has computed and written results from this series."""
    if _asked_for():
        from procguide.audit import LifeCycle, record_created

        details = {"inputs sha256": inputs_sha256}
        record_created(_subject(series, LifeCycle.DERIVED), _command.get(), details)


def _asked_for() -> bool:
    return bool(os.environ.get("PROCGUIDE_AUDIT_LOG"))


def _subject(series: Series, life_cycle: LifeCycle) -> Subject:
    from procguide.audit import Subject

    studies = (series.study_uid,) if series.study_uid else ()
    return Subject(series.patient, studies, len(series.files), life_cycle=life_cycle)
