"""The procedure catalogue: one YAML file an entry, read into frozen models; every number marked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError, model_validator

from procguide.errors import UsageError
from procguide.planning.names import Construction, Objective, StructureName

__all__ = [
    "OUTER_DIAMETER_MM",
    "AngleLimit",
    "Approach",
    "Entry",
    "Mark",
    "NeedleChoice",
    "Number",
    "Procedure",
    "Span",
    "StructureRule",
    "Uncertainty",
    "ViewName",
    "ViewRule",
    "load_catalogue",
    "read_procedure",
]

OUTER_DIAMETER_MM: Mapping[int, float] = MappingProxyType(
    {
        14: 2.108,
        16: 1.651,
        17: 1.473,
        18: 1.270,
        19: 1.067,
        20: 0.908,
        21: 0.819,
        22: 0.718,
        23: 0.641,
        25: 0.515,
    }
)
"""Birmingham wire gauge of hypodermic tubing to outer diameter, mm."""


class Mark(StrEnum):
    """Where a number comes from: read in a source, common textbook knowledge, or set here."""

    PUBLISHED = "published"
    TEXTBOOK = "textbook"
    ASSUMED = "assumed"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Marked(_Entry):
    mark: Mark
    source: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _published_has_source(self) -> _Marked:
        if self.mark is Mark.PUBLISHED and not self.source:
            raise ValueError("a published number names its source")
        return self


class Number(_Marked):
    """A number with where it comes from; its unit is in the field's name. ``by_level`` overrides it."""

    value: float
    by_level: Mapping[str, float] = Field(default_factory=dict)

    def at(self, level: str) -> float:
        """The number at one level, as the procedure names its levels."""
        return self.by_level.get(level, self.value)


class Span(_Marked):
    """Allowed and preferred length, mm."""

    low: float
    high: float
    preferred: float

    @model_validator(mode="after")
    def _ordered(self) -> Span:
        if not self.low <= self.preferred <= self.high or self.low == self.high:
            raise ValueError(
                f"low <= preferred <= high does not hold: {self.low}, {self.preferred}, {self.high}"
            )
        return self


class AngleLimit(_Marked):
    """Allowed and preferred angle, degrees. Oblique counts toward the needle's own side."""

    low: float = Field(ge=-100, le=100)
    high: float = Field(ge=-100, le=100)
    preferred: float

    @model_validator(mode="after")
    def _ordered(self) -> AngleLimit:
        if not self.low <= self.preferred <= self.high or self.low == self.high:
            raise ValueError(
                f"low <= preferred <= high does not hold: {self.low}, {self.preferred}, {self.high}"
            )
        return self


class Approach(_Entry):
    """Limits of both C-arm angles down the needle, and of how far from the midline it enters the skin."""

    oblique_deg: AngleLimit
    tilt_deg: AngleLimit
    lateral_mm: Span | None = None


class Entry(Approach):
    """Where the needle may come from.

    ``reference`` says what 0, 0 is: the ``table`` (straight down), or the true AP view of the ``level``
    (endplate squared, spinous process in the midline). Tilt is positive when the hub leans cranially.
    """

    reference: Literal["table", "level"]
    with_side: Approach | None = None
    by_level: Mapping[str, Approach] = Field(default_factory=dict)

    def approach(self, level: str, *, sided: bool) -> Approach:
        """The limits for one level and, where the side is optional, for a sided approach."""
        if level in self.by_level:
            return self.by_level[level]
        return self.with_side if sided and self.with_side is not None else self


class LevelRule(_Entry):
    """Which levels are allowed and what their names mean.

    ``interspace``: the two bones beside it. ``nerve``: the vertebra that it leaves; it is met at the bone
    below. ``vertebra``: the bone itself. ``sacrum``: ``"sacrum"`` or one of its segments (``"S2"``).
    """

    names: Literal["interspace", "nerve", "vertebra", "sacrum"]
    allowed: tuple[str, ...] = Field(min_length=1)
    words: str


class NeedleChoice(_Entry):
    """The usual gauge and the lengths on the shelf; ``reserve_mm`` stays outside the skin."""

    gauge: int
    lengths_mm: tuple[PositiveFloat, ...] = Field(min_length=1)
    reserve_mm: Number

    @model_validator(mode="after")
    def _known_gauge(self) -> NeedleChoice:
        if self.gauge not in OUTER_DIAMETER_MM:
            raise ValueError(f"gauge {self.gauge} is not one of {sorted(OUTER_DIAMETER_MM)}")
        return self

    @property
    def radius_mm(self) -> float:
        """Half the outer diameter."""
        return OUTER_DIAMETER_MM[self.gauge] / 2


class TargetRule(_Entry):
    """A named construction (see ``zones``) and its numbers."""

    construction: Construction
    words: str
    numbers: Mapping[str, Number]


class StructureRule(_Entry):
    """A structure that the needle's surface stays away from.

    ``contact_mm``: length before the tip that may touch (bone as a backstop) but not enter.
    ``harmless``: touching it is no injury, so it does not count in the probability of a violation.
    ``needed``: without it there is no plan; otherwise its absence is a warning.
    """

    name: StructureName
    margin_mm: Number
    contact_mm: Number | None = None
    harmless: bool = False
    needed: bool = False


class Uncertainty(_Entry):
    """Standard deviations of where the needle goes: tip, direction, and the image against the patient."""

    tip_sd_mm: Number
    angle_sd_deg: Number
    registration_sd_mm: Number


class ViewName(StrEnum):
    """The fluoroscopic views that needles are led by."""

    BULLS_EYE = "bulls_eye"
    TRUE_AP = "true_ap"
    TRUE_LATERAL = "true_lateral"
    CONTRALATERAL_OBLIQUE = "contralateral_oblique"
    IPSILATERAL_OBLIQUE = "ipsilateral_oblique"


class ViewRule(_Entry):
    """One view of the procedure, in the order of use, and what to see there.

    ``oblique_deg`` is needed for the oblique views, from the true AP view, always positive.
    """

    name: ViewName
    look_for: str
    oblique_deg: Number | None = None


class Contrast(_Entry):
    """How contrast should look, and how it should not."""

    right: str
    wrong: str


class Caution(_Entry):
    """A warning that goes with some levels."""

    levels: tuple[str, ...]
    words: str
    source: str | None = None


class Procedure(_Entry):
    """One entry of the catalogue. Margins are proposals that a clinician must review before use."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    position: str
    level: LevelRule
    side: Literal["required", "optional"]
    needle: NeedleChoice
    target: TargetRule
    entry: Entry
    structures: tuple[StructureRule, ...] = Field(min_length=1)
    uncertainty: Uncertainty
    objectives: Mapping[Objective, PositiveFloat]
    views: tuple[ViewRule, ...] = Field(min_length=1)
    contrast: Contrast
    volumes_ml: Mapping[Literal["injectate", "local_anaesthetic", "contrast", "cement"], Number] = Field(
        default_factory=dict
    )
    checks: tuple[str, ...] = ()
    cautions: tuple[Caution, ...] = ()
    sources: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """Start of the SHA-256 over the whole entry: tells one version of it from another."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    @model_validator(mode="after")
    def _sources_exist(self) -> Procedure:
        for place, source in _named_sources(self, ""):
            if source not in self.sources:
                raise ValueError(f"{place}: source {source!r} is not listed under sources")
        return self

    def number(self, name: str, level: str = "") -> float:
        """A number of the target's construction, at ``level``; one that is missing is named."""
        try:
            return self.target.numbers[name].at(level)
        except KeyError:
            raise UsageError(f"procedure {self.id}: target.numbers.{name} is missing") from None

    def source_words(self, marked: _Marked) -> str:
        """``"assumed"``, ``"textbook"``, or the source in full."""
        return self.sources[marked.source] if marked.source else marked.mark.value


def _named_sources(value: object, place: str) -> Iterable[tuple[str, str]]:
    """Every (place, source key) in nested models."""
    if isinstance(value, _Marked | Caution) and value.source:
        yield place, value.source
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _named_sources(getattr(value, name), f"{place}.{name}".lstrip("."))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _named_sources(item, f"{place}.{name}")
    elif isinstance(value, tuple):
        for n, item in enumerate(value):
            yield from _named_sources(item, f"{place}[{n}]")


def read_procedure(path: Path) -> Procedure:
    """One entry from a YAML file; an error names the file and each faulty field."""
    return _parse(path.read_text(encoding="utf-8"), path.name)


def _parse(text: str, name: str) -> Procedure:
    try:
        return Procedure.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise UsageError(f"{name} is not YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'entry'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise UsageError(f"{name}: {faults}") from error


@cache
def load_catalogue() -> Mapping[str, Procedure]:
    """All entries that ship with the package, by id."""
    folder = files("procguide.planning") / "procedures"
    entries = {}
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.name.endswith(".yaml"):
            procedure = _parse(item.read_text(encoding="utf-8"), item.name)
            if item.name != f"{procedure.id}.yaml":
                raise UsageError(f"{item.name}: id is {procedure.id!r}; file name and id must agree")
            entries[procedure.id] = procedure
    return MappingProxyType(entries)
