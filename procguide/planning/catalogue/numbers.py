"""Numbers that say where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["AngleLimit", "Finite", "Mark", "Marked", "Model", "Number", "Place", "Span", "dotted", "walk"]

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A number written as one: neither text, nor true, nor infinite."""


Place = tuple[str | int, ...]
"""The way to a field: names and positions from the entry's top."""


class Mark(StrEnum):
    """Where a number comes from: read in a source, common textbook knowledge, or set here."""

    PUBLISHED = "published"
    TEXTBOOK = "textbook"
    ASSUMED = "assumed"


class Model(BaseModel):
    """Frozen, and strange fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Marked(Model):
    """With a mark; a ``published`` number names its ``source``, a key of the entry's sources."""

    mark: Mark
    source: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _published_has_source(self) -> Marked:
        if self.mark is Mark.PUBLISHED and not self.source:
            raise ValueError("a published number names its source")
        return self


class Number(Marked):
    """A number; its unit is in the field's name. ``by_level`` overrides it at some of the entry's levels."""

    value: Finite
    by_level: Mapping[str, Finite] = Field(default_factory=dict)

    def at(self, level: str) -> float:
        """Its value at one level, as the procedure names its levels."""
        return self.by_level.get(level, self.value)

    def resolved(self, level: str) -> Number:
        """The number as it stands at one level."""
        return self.model_copy(update={"value": self.at(level), "by_level": {}})


class _Range(Marked):
    low: Finite
    high: Finite
    preferred: Finite

    @model_validator(mode="after")
    def _ordered(self) -> _Range:
        if not self.low <= self.preferred <= self.high or self.low == self.high:
            raise ValueError(
                f"low <= preferred <= high does not hold: {self.low}, {self.preferred}, {self.high}"
            )
        return self


class Span(_Range):
    """Allowed and preferred length, mm."""


class AngleLimit(_Range):
    """Allowed and preferred angle, degrees. Oblique counts toward the needle's own side."""

    low: Finite = Field(ge=-100, le=100)
    high: Finite = Field(ge=-100, le=100)


def dotted(place: Place) -> str:
    """``"structures.0.margin_mm"``; the entry itself for an empty one."""
    return ".".join(map(str, place)) or "entry"


def walk(value: object, place: Place = ()) -> Iterator[tuple[Place, BaseModel]]:
    """Every model within ``value`` with the way to it, itself first."""
    if isinstance(value, BaseModel):
        yield place, value
        for name in type(value).model_fields:
            yield from walk(getattr(value, name), (*place, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from walk(item, (*place, str(name)))
    elif isinstance(value, tuple):
        for n, item in enumerate(value):
            yield from walk(item, (*place, n))
