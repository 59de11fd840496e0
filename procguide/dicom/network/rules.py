"""What is to be done with a study that arrives: a rule file that a person writes (docs/network.md).

Without a rule that fits, nothing is computed and nothing is sent anywhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydicom.dataset import Dataset

from procguide.dicom.elements import tags_of
from procguide.dicom.network.instances import read_tags
from procguide.dicom.network.peers import Model, Name, Peers
from procguide.errors import InputUnfitError, InputUnreadableError, UsageError
from procguide.settings import read_settings_file

__all__ = ["SENDER", "Rule", "Rules", "StudyFacts", "Task", "read_facts", "read_rules"]

SENDER = "sender"
"""In ``send_to``: whoever sent the study."""

_TEXTS = ("StudyDescription", "SeriesDescription", "ProtocolName", "RequestedProcedureDescription")
_FACTS = tags_of("Modality", "BodyPartExamined", "RequestAttributesSequence", *_TEXTS)
Pattern = Annotated[str, Field(min_length=1, max_length=100)]


class When(Model):
    """Every condition that is given must hold; a condition holds if one of its words does.

    Words of ``description`` and ``body_part`` are shell patterns, upper and lower case alike.
    """

    sent_by: tuple[Name, ...] = Field(default=(), alias="from")
    modality: tuple[str, ...] = ()
    description: tuple[Pattern, ...] = ()
    body_part: tuple[Pattern, ...] = ()


class Rule(Model):
    """Which studies, what to do with them, and whom to send the results to.

    Level and side stand in the rule, or are read from the order's text by ``order``, a regular expression
    with a group ``level`` and, for procedures with a side, ``side``: where it does not match, nothing is
    planned. ``timeout_s`` bounds the computation.
    """

    name: Name
    when: When = When()
    do: Literal["plan", "segment"] = "plan"
    procedure: str | None = None
    level: tuple[str, ...] = ()
    side: Literal["left", "right", "both"] | None = None
    order: Annotated[str, Field(max_length=300)] | None = None
    lowest_level: str | None = None
    send_to: tuple[Name, ...] = ()
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 1800.0

    @field_validator("order")
    @classmethod
    def _has_level(cls, order: str | None) -> str | None:
        if order is not None:
            try:
                groups = re.compile(order).groupindex
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
            if "level" not in groups:
                raise ValueError("needs a group (?P<level>...)")
        return order

    @model_validator(mode="after")
    def _complete(self) -> Rule:
        if self.do == "plan" and not self.procedure:
            raise ValueError("a plan needs a procedure")
        if self.do == "plan" and bool(self.level) == bool(self.order):
            raise ValueError("a plan needs either level or order")
        if self.do == "segment" and (self.procedure or self.level or self.side or self.order):
            raise ValueError("segment takes no procedure, level, side or order")
        return self


class Rules(Model):
    """The rule file. A study is complete when nothing of it has come for ``quiet_s`` seconds.

    ``keep_days`` after a study was done with, its images and results are deleted here; None keeps them.
    """

    schema_: Annotated[Literal["procguide.rules/1"], Field(alias="schema")] = "procguide.rules/1"
    quiet_s: Annotated[float, Field(ge=0.1, le=3600)] = 30.0
    keep_days: Annotated[float, Field(ge=0)] | None = None
    rules: tuple[Rule, ...] = ()

    @property
    def digest(self) -> str:
        """The same for the same rules."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:24]

    def named(self, name: str) -> Rule | None:
        """The rule of that name, if it is still there."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def first(self, facts: StudyFacts) -> Rule | None:
        """The first rule that fits."""
        return next((rule for rule in self.rules if _fits(rule.when, facts)), None)

    def check(self, peers: Peers) -> None:
        """Raise :class:`UsageError` where a rule has the name of another, or names a peer there is not."""
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise UsageError("two rules have the same name")
        for rule in self.rules:
            for peer in (*rule.when.sent_by, *(name for name in rule.send_to if name != SENDER)):
                peers.named(peer)


@dataclass(frozen=True)
class StudyFacts:
    """What rules look at, of all objects of a study together. ``texts`` may identify the patient."""

    senders: tuple[str, ...] = ()
    modalities: frozenset[str] = frozenset()
    body_parts: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Task:
    """A rule made definite for one study."""

    rule: Rule
    level: tuple[str, ...] = ()
    side: str | None = None

    @classmethod
    def of(cls, rule: Rule, facts: StudyFacts) -> Task:
        """Level and side from the rule or the order; an order that says none, or two, is unfit."""
        if rule.order is None:
            return cls(rule, rule.level, rule.side)
        found = {
            (match["level"], match.groupdict().get("side") or rule.side)
            for text in facts.texts
            for match in re.finditer(rule.order, text, re.IGNORECASE)
        }
        if len(found) != 1:
            what = "several levels or sides" if found else "no level"
            raise InputUnfitError(f"the order's text names {what}; nothing is guessed: plan it by hand")
        level, side = found.pop()
        return cls(rule, (level.upper(),), None if side is None else side.lower())


def read_rules(path: Path) -> Rules:
    """Read and check a rule file."""
    return read_settings_file(path, Rules, "a rule file")


def read_facts(files: Iterable[Path], senders: tuple[str, ...]) -> StudyFacts:
    """Look into the headers of ``files``; damaged ones say nothing."""
    found: dict[str, set[str]] = {"Modality": set(), "BodyPartExamined": set(), "texts": set()}
    for file in files:
        try:
            dataset = read_tags(file, _FACTS)
        except InputUnreadableError:
            continue
        for part in (dataset, *(dataset.get("RequestAttributesSequence") or ())):
            for keyword in ("Modality", "BodyPartExamined"):
                found[keyword].add(_text(part, keyword))
            found["texts"].update(_text(part, keyword) for keyword in _TEXTS)
    held = {key: frozenset(values - {""}) for key, values in found.items()}
    return StudyFacts(senders, held["Modality"], held["BodyPartExamined"], held["texts"])


def _text(dataset: Dataset, keyword: str) -> str:
    """As PS3.5 bounds a long string: a longer one would let a pattern run for long."""
    value: Any = dataset.get(keyword) or ""
    return str(value)[:64]


def _fits(when: When, facts: StudyFacts) -> bool:
    texts, parts = _lower(facts.texts), _lower(facts.body_parts)
    return (
        (not when.sent_by or bool(set(when.sent_by) & set(facts.senders)))
        and (not when.modality or bool({word.upper() for word in when.modality} & facts.modalities))
        and (not when.description or _any(when.description, texts))
        and (not when.body_part or _any(when.body_part, parts))
    )


def _lower(texts: Iterable[str]) -> list[str]:
    return [text.lower() for text in texts]


def _any(patterns: Iterable[str], texts: list[str]) -> bool:
    return any(fnmatchcase(text, pattern.lower()) for pattern in patterns for text in texts)
