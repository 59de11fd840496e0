"""What happened to patients' data, in the terms of the audit messages of DICOM PS3.15 A.5."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

__all__ = ["Action", "Code", "Event", "EventKind", "LifeCycle", "Outcome", "Subject", "message_of"]

Node = dict[str, Any]
"""An element of the audit message: texts are attributes, nodes and lists of nodes its children."""


@dataclass(frozen=True)
class Code:
    """A coded concept: value, meaning and scheme (PS3.16 Annex D for the scheme DCM)."""

    value: str
    meaning: str
    scheme: str = "DCM"

    def node(self) -> Node:
        """With the attribute names of PS3.15 A.5.1."""
        return {"csd-code": self.value, "codeSystemName": self.scheme, "originalText": self.meaning}


class EventKind(Enum):
    """The kinds of PS3.15 A.5.3 that this software gives rise to (PS3.16 CID 400)."""

    APPLICATION_ACTIVITY = Code("110100", "Application Activity")
    AUDIT_LOG_USED = Code("110101", "Audit Log Used")
    INSTANCES_ACCESSED = Code("110103", "DICOM Instances Accessed")
    INSTANCES_TRANSFERRED = Code("110104", "DICOM Instances Transferred")
    EXPORT = Code("110106", "Export")
    IMPORT = Code("110107", "Import")
    PROCEDURE_RECORD = Code("110111", "Procedure Record")
    QUERY = Code("110112", "Query")
    SECURITY_ALERT = Code("110113", "Security Alert")


class Action(StrEnum):
    """Event Action Code."""

    CREATE = "C"
    READ = "R"
    UPDATE = "U"
    DELETE = "D"
    EXECUTE = "E"


class Outcome(StrEnum):
    """Event Outcome Indicator."""

    SUCCESS = "0"
    MINOR_FAILURE = "4"
    SERIOUS_FAILURE = "8"
    MAJOR_FAILURE = "12"


class LifeCycle(StrEnum):
    """Participant Object Data Life Cycle (PS3.15 A.5.1.2.3): what the event did with the data."""

    CREATED = "1"
    IMPORTED = "2"
    VERIFIED = "4"
    USED = "6"
    DEIDENTIFIED = "7"
    DERIVED = "8"
    EXPORTED = "10"
    DISCLOSED = "11"
    RECEIVED = "12"


@dataclass(frozen=True)
class Subject:
    """Whose data it was, and how many SOP Instances of which class. Identifiers as they are to be logged."""

    patient_id: str = ""
    study_uids: tuple[str, ...] = ()
    instances: int | None = None
    sop_class: str = ""
    life_cycle: LifeCycle = LifeCycle.USED
    anonymized: bool | None = None


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    ``what`` says in short words, without any identifier, what was done. ``user`` asked for it, at the
    machine ``host``; ``software`` did it. ``peer`` is the system on the other side of a transfer.
    """

    kind: EventKind
    action: Action
    what: str
    user: str
    software: str
    host: str = ""
    outcome: Outcome = Outcome.SUCCESS
    type: Code | None = None
    subject: Subject | None = None
    peer: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


_APPLICATION = Code("110150", "Application")
_PEER = Code("110152", "Destination Role ID")
_STUDY = Code("110180", "Study Instance UID")
_PATIENT = Code("2", "Patient Number", "RFC-3881")
_MACHINE_NAME, _PERSON, _SYSTEM = "1", "1", "2"
_PATIENT_ROLE, _REPORT_ROLE = "1", "3"
_WITHHELD = "withheld"


def message_of(event: Event, time_utc: str, source: str) -> Node:
    """The audit message of PS3.15 A.5.1, its elements in the order of the schema."""
    identification: Node = {
        "EventActionCode": event.action.value,
        "EventDateTime": time_utc,
        "EventOutcomeIndicator": event.outcome.value,
        "EventID": event.kind.value.node(),
    }
    if event.type is not None:
        identification["EventTypeCode"] = [event.type.node()]
    identification["EventOutcomeDescription"] = {"text": event.what}
    return {
        "EventIdentification": identification,
        "ActiveParticipant": _participants(event),
        "AuditSourceIdentification": {"AuditSourceID": source},
        "ParticipantObjectIdentification": _objects(event),
    }


def _participants(event: Event) -> list[Node]:
    """Who asked, what did it, and who stood on the other side."""
    place = {"NetworkAccessPointID": event.host, "NetworkAccessPointTypeCode": _MACHINE_NAME}
    at = place if event.host else {}
    found: list[Node] = [
        {"UserID": event.user, "UserIsRequestor": "true", **at},
        {"UserID": event.software, "UserIsRequestor": "false", **at, "RoleIDCode": [_APPLICATION.node()]},
    ]
    if event.peer:
        found.append({"UserID": event.peer, "UserIsRequestor": "false", "RoleIDCode": [_PEER.node()]})
    return found


def _objects(event: Event) -> list[Node]:
    subject = event.subject
    if subject is None:
        return []
    uids = subject.study_uids or ((_WITHHELD,) if subject.instances is not None else ())
    studies = [_study(uid, event, subject) for uid in uids]
    patient: Node = {
        "ParticipantObjectID": subject.patient_id or _WITHHELD,
        "ParticipantObjectTypeCode": _PERSON,
        "ParticipantObjectTypeCodeRole": _PATIENT_ROLE,
        "ParticipantObjectIDTypeCode": _PATIENT.node(),
        "ParticipantObjectName": {"text": _WITHHELD},
    }
    details = _details(event)
    if details and not studies:
        patient["ParticipantObjectDetail"] = details
    return [*studies, patient]


def _details(event: Event) -> list[Node]:
    return [
        {"type": name, "value": base64.b64encode(value.encode()).decode()}
        for name, value in event.details.items()
    ]


def _study(uid: str, event: Event, subject: Subject) -> Node:
    node: Node = {
        "ParticipantObjectID": uid,
        "ParticipantObjectTypeCode": _SYSTEM,
        "ParticipantObjectTypeCodeRole": _REPORT_ROLE,
        "ParticipantObjectDataLifeCycle": subject.life_cycle.value,
        "ParticipantObjectIDTypeCode": _STUDY.node(),
        "ParticipantObjectName": {"text": _WITHHELD},
    }
    details = _details(event)
    if details:
        node["ParticipantObjectDetail"] = details
    description: Node = {}
    if subject.instances is not None:
        kind = {"UID": subject.sop_class} if subject.sop_class else {}
        description["SOPClass"] = [{**kind, "NumberOfInstances": str(subject.instances)}]
    if subject.anonymized is not None:
        description["Anonymized"] = {"text": "true" if subject.anonymized else "false"}
    if description:
        node["ParticipantObjectDescription"] = [description]
    return node
