"""Audit messages as the XML that PS3.15 A.5.1 lays down, for an audit record repository."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

__all__ = ["message_to_xml", "messages_to_xml"]


def message_to_xml(message: dict[str, Any]) -> ElementTree.Element:
    """One ``AuditMessage`` element; attributes and children in the order of ``message``."""
    return _element("AuditMessage", message)


def messages_to_xml(messages: Iterable[dict[str, Any]]) -> str:
    """One document a line, without declaration: as syslog carries them (PS3.15 A.6)."""
    return "".join(
        ElementTree.tostring(message_to_xml(message), encoding="unicode") + "\n" for message in messages
    )


def _element(name: str, node: dict[str, Any]) -> ElementTree.Element:
    element = ElementTree.Element(name)
    for key, value in node.items():
        if key == "text":
            element.text = value
        elif isinstance(value, str):
            element.set(key, value)
        else:
            element.extend(_element(key, child) for child in (value if isinstance(value, list) else [value]))
    return element
