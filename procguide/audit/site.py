"""The log that a site asks for by its environment, and the events of the commands."""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from procguide import __version__
from procguide.audit.chain import Chain
from procguide.audit.events import Action, Code, Event, EventKind, Outcome, Subject
from procguide.audit.log import AuditLog
from procguide.errors import UsageError

__all__ = [
    "LOG_VARIABLE",
    "open_log",
    "read_audit_key",
    "record",
    "record_activity",
    "record_approved",
    "record_created",
    "record_exported",
    "record_query",
    "record_read",
    "record_transfer",
]

LOG_VARIABLE = "PROCGUIDE_AUDIT_LOG"
_HEAD = "PROCGUIDE_AUDIT_HEAD"
_KEY = "PROCGUIDE_AUDIT_KEY"
_IDENTIFIERS = "PROCGUIDE_AUDIT_IDENTIFIERS"
_USER = "PROCGUIDE_USER"
_SHORTEST_KEY = 32
_START, _STOP = Code("110120", "Application Start"), Code("110121", "Application Stop")


def open_log(environment: Mapping[str, str] = os.environ) -> AuditLog | None:
    """The log that ``PROCGUIDE_AUDIT_LOG`` names; None where none is asked for."""
    name = environment.get(LOG_VARIABLE, "")
    if not name:
        return None
    path = Path(name)
    head = environment.get(_HEAD, "")
    key = environment.get(_KEY, "")
    return AuditLog(
        path,
        Path(head) if head else path.with_name(path.name + ".head"),
        Chain(read_audit_key(Path(key)) if key else None),
        identifiers=environment.get(_IDENTIFIERS, "").lower() in ("1", "yes", "true"),
        source=f"procguide@{platform.node()}",
    )


def read_audit_key(path: Path) -> bytes:
    """The bytes of a key file, at least 32 of them."""
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"the audit key {path} cannot be read: {error.strerror}") from error
    if len(key) < _SHORTEST_KEY:
        raise UsageError(f"the audit key {path} is shorter than {_SHORTEST_KEY} bytes; make a longer one")
    return key


def record(
    kind: EventKind,
    action: Action,
    what: str,
    *,
    subject: Subject | None = None,
    outcome: Outcome = Outcome.SUCCESS,
    type_: Code | None = None,
    peer: str = "",
    user: str = "",
    details: Mapping[str, str] | None = None,
) -> None:
    """Log one event if a log is asked for; ``user`` is who runs the program where none is given."""
    log = open_log()
    if log is None:
        return
    log.append(
        Event(
            kind,
            action,
            what,
            user or _current_user(),
            f"procguide {__version__}",
            platform.node(),
            outcome,
            type_,
            subject,
            peer,
            dict(details or {}),
        )
    )


def record_activity(command: str, *, starts: bool, outcome: Outcome = Outcome.SUCCESS) -> None:
    """A command starts, or ends with ``outcome``."""
    what = f"{command}: started" if starts else f"{command}: ended"
    type_ = _START if starts else _STOP
    record(EventKind.APPLICATION_ACTIVITY, Action.EXECUTE, what, type_=type_, outcome=outcome)


def record_read(subject: Subject, command: str) -> None:
    """Images of a patient were read."""
    record(EventKind.INSTANCES_ACCESSED, Action.READ, f"{command}: images read", subject=subject)


def record_created(subject: Subject, command: str, details: Mapping[str, str] | None = None) -> None:
    """Something was computed from a patient's images."""
    record(
        EventKind.PROCEDURE_RECORD,
        Action.CREATE,
        f"{command}: results computed",
        subject=subject,
        details=details,
    )


def record_approved(subject: Subject, approver: str, plan_sha256: str) -> None:
    """A named person approved a plan; ``plan_sha256`` tells which. Who entered it is said, too."""
    record(
        EventKind.PROCEDURE_RECORD,
        Action.UPDATE,
        "plan approved",
        subject=subject,
        user=approver,
        details={"plan sha256": plan_sha256, "entered by": _current_user()},
    )


def record_exported(subject: Subject, command: str) -> None:
    """Data of a patient were written to files, where they are out of this software's hands."""
    record(EventKind.EXPORT, Action.READ, f"{command}: files written", subject=subject)


def record_transfer(subject: Subject, peer: str, *, sent: bool, outcome: Outcome = Outcome.SUCCESS) -> None:
    """Instances went to ``peer`` (``sent``), or came from it."""
    record(
        EventKind.INSTANCES_TRANSFERRED,
        Action.READ if sent else Action.CREATE,
        "instances sent" if sent else "instances received",
        subject=subject,
        peer=peer,
        outcome=outcome,
    )


def record_query(peer: str, level: str) -> None:
    """``peer`` was asked what it has; the keys of the query name patients, and are not logged."""
    record(EventKind.QUERY, Action.EXECUTE, f"query of {level}s", peer=peer)


def _current_user() -> str:
    named = os.environ.get(_USER, "")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
