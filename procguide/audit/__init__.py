"""Who read, computed, approved and exported what, and when: a log that shows if it was tampered with."""

from procguide.audit.chain import Chain, Head, Record
from procguide.audit.events import Action, Code, Event, EventKind, LifeCycle, Outcome, Subject
from procguide.audit.log import AuditLog
from procguide.audit.site import (
    open_log,
    record,
    record_activity,
    record_approved,
    record_created,
    record_exported,
    record_query,
    record_read,
    record_transfer,
)
from procguide.audit.verification import Problem, Verification, read_records, verify
from procguide.audit.xml import messages_to_xml

__all__ = [
    "Action",
    "AuditLog",
    "Chain",
    "Code",
    "Event",
    "EventKind",
    "Head",
    "LifeCycle",
    "Outcome",
    "Problem",
    "Record",
    "Subject",
    "Verification",
    "messages_to_xml",
    "open_log",
    "read_records",
    "record",
    "record_activity",
    "record_approved",
    "record_created",
    "record_exported",
    "record_query",
    "record_read",
    "record_transfer",
    "verify",
]
