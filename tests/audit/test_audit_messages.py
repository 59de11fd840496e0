"""Messages against the schema of PS3.15 A.5.1, its rules written down here in their own words."""

from __future__ import annotations

import base64
from datetime import datetime
from xml.etree import ElementTree

import pytest

from procguide.audit import (
    Action,
    Code,
    Event,
    EventKind,
    LifeCycle,
    Outcome,
    Subject,
    messages_to_xml,
)
from procguide.audit.events import message_of

CODE = ({"csd-code", "codeSystemName", "originalText"}, {"displayName"}, ())
SCHEMA = {
    "AuditMessage": (
        set(),
        set(),
        (
            "EventIdentification",
            "ActiveParticipant",
            "AuditSourceIdentification",
            "ParticipantObjectIdentification",
        ),
    ),
    "EventIdentification": (
        {"EventDateTime", "EventOutcomeIndicator"},
        {"EventActionCode"},
        ("EventID", "EventTypeCode", "EventOutcomeDescription"),
    ),
    "EventID": CODE,
    "EventTypeCode": CODE,
    "EventOutcomeDescription": (set(), set(), ()),
    "ActiveParticipant": (
        {"UserID", "UserIsRequestor"},
        {"AlternativeUserID", "UserName", "NetworkAccessPointID", "NetworkAccessPointTypeCode"},
        ("RoleIDCode", "MediaIdentifier"),
    ),
    "RoleIDCode": CODE,
    "AuditSourceIdentification": ({"AuditSourceID"}, {"AuditEnterpriseSiteID"}, ("AuditSourceTypeCode",)),
    "ParticipantObjectIdentification": (
        {"ParticipantObjectID"},
        {"ParticipantObjectTypeCode", "ParticipantObjectTypeCodeRole", "ParticipantObjectDataLifeCycle"},
        (
            "ParticipantObjectIDTypeCode",
            "ParticipantObjectName",
            "ParticipantObjectDetail",
            "ParticipantObjectDescription",
        ),
    ),
    "ParticipantObjectIDTypeCode": CODE,
    "ParticipantObjectName": (set(), set(), ()),
    "ParticipantObjectDetail": ({"type", "value"}, set(), ()),
    "ParticipantObjectDescription": (set(), set(), ("SOPClass", "Anonymized")),
    "SOPClass": ({"NumberOfInstances"}, {"UID"}, ()),
    "Anonymized": (set(), set(), ()),
}


def check(element: ElementTree.Element) -> None:
    required, optional, children = SCHEMA[element.tag]
    assert required <= set(element.keys()) <= required | optional, element.tag
    places = [children.index(child.tag) for child in element]
    assert places == sorted(places), f"children of {element.tag} are out of order"
    for child in element:
        check(child)


EVENTS = [
    Event(kind, Action.READ, "what", "who", "procguide 1", "here", peer="PACS", subject=subject)
    for kind in EventKind
    for subject in (
        None,
        Subject("ID", ("1.2.3", "1.2.4"), 3, "1.2.840.10008.5.1.4.1.1.2", LifeCycle.DEIDENTIFIED, True),
        Subject(),
    )
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind.name)
def test_the_xml_keeps_to_the_schema(event: Event) -> None:
    message = message_of(event, "2024-03-10T10:15:00.000+00:00", "site")
    (line,) = messages_to_xml([message]).splitlines()
    element = ElementTree.fromstring(line)  # noqa: S314 (our own)
    check(element)
    identification = element.find("EventIdentification")
    assert identification is not None
    assert datetime.fromisoformat(identification.get("EventDateTime", "")).tzinfo is not None
    asked = [one.get("UserIsRequestor") for one in element.findall("ActiveParticipant")]
    assert asked.count("true") == 1


def test_what_stands_in_a_message() -> None:
    event = Event(
        EventKind.EXPORT,
        Action.READ,
        "deidentify: files written",
        "kate",
        "procguide 1",
        "node",
        Outcome.MINOR_FAILURE,
        Code("110120", "Application Start"),
        Subject("P", ("1.2.3",), 7, life_cycle=LifeCycle.EXPORTED, anonymized=True),
        details={"inputs sha256": "äb"},
    )
    message = message_of(event, "2024-03-10T10:15:00+00:00", "site")
    assert message["EventIdentification"]["EventID"]["csd-code"] == "110106"
    assert message["EventIdentification"]["EventOutcomeIndicator"] == "4"
    study, patient = message["ParticipantObjectIdentification"]
    assert (study["ParticipantObjectID"], patient["ParticipantObjectID"]) == ("1.2.3", "P")
    assert study["ParticipantObjectDataLifeCycle"] == "10"
    assert base64.b64decode(study["ParticipantObjectDetail"][0]["value"]).decode() == "äb"
    assert study["ParticipantObjectDescription"][0]["Anonymized"]["text"] == "true"


def test_text_cannot_break_out_of_the_xml() -> None:
    event = Event(EventKind.QUERY, Action.EXECUTE, '</x><evil a="', 'u"><script>', "s")
    element = ElementTree.fromstring(messages_to_xml([message_of(event, "2024-03-10T10:15:00Z", "&")]))  # noqa: S314
    check(element)
    assert element.findtext("EventIdentification/EventOutcomeDescription") == '</x><evil a="'
