"""One entry of the catalogue as frozen models; every number in it is marked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt, model_validator

from procguide.errors import UsageError
from procguide.planning.catalogue.needles import OUTER_DIAMETER_MM
from procguide.planning.catalogue.numbers import (
    AngleLimit,
    Finite,
    Mark,
    Marked,
    Model,
    Number,
    Place,
    Span,
    dotted,
    walk,
)
from procguide.planning.names import Construction, Objective, StructureName

__all__ = [
    "Approach",
    "Caution",
    "Contrast",
    "Entry",
    "EntryFaultError",
    "LevelRule",
    "Measurement",
    "NeedleChoice",
    "Procedure",
    "StructureRule",
    "TargetRule",
    "Uncertainty",
    "ViewName",
    "ViewRule",
]


class Approach(Model):
    """Limits of both C-arm angles down the needle, and of how far from the midline it enters the skin."""

    oblique_deg: AngleLimit
    tilt_deg: AngleLimit
    lateral_mm: Span | None = None


class Entry(Approach):
    """Where the needle may come from.

    ``reference`` says what 0, 0 is: the ``table`` (straight down), or the true AP view of the ``level``
    (endplate squared, spinous process in the midline). ``surface`` is the skin that it enters: the
    patient's back, or the front, from where 0, 0 looks straight back. Tilt is positive when the hub leans
    cranially, oblique when it leans to the needle's own side. ``steepest_deg`` is the most that it may lean
    to head or feet from straight down, wherever the level's own axes point.
    """

    reference: Literal["table", "level"]
    surface: Literal["back", "front"] = "back"
    steepest_deg: Number | None = None
    with_side: Approach | None = None
    by_level: Mapping[str, Approach] = Field(default_factory=dict)

    def approach(self, level: str, *, sided: bool) -> Approach:
        """The limits for one level and, where the side is optional, for a sided approach."""
        if level in self.by_level:
            return self.by_level[level]
        return self.with_side if sided and self.with_side is not None else self


class LevelRule(Model):
    """Which levels are allowed and what their names mean.

    ``interspace``: the two bones beside it. ``nerve``: the vertebra that it leaves; it is met at the bone
    below. ``vertebra``: the bone itself. ``sacrum``: ``"sacrum"`` or one of its segments (``"S2"``).
    """

    names: Literal["interspace", "nerve", "vertebra", "sacrum"]
    allowed: tuple[str, ...] = Field(min_length=1)
    words: str


class NeedleChoice(Model):
    """The usual gauge and the lengths on the shelf; ``reserve_mm`` stays outside the skin.

    ``introducer_gauge``: the needle goes through another one. ``active_tip_mm``: of an electrode.
    """

    gauge: PositiveInt
    lengths_mm: tuple[PositiveFloat, ...] = Field(min_length=1)
    reserve_mm: Number
    kind: str = ""
    introducer_gauge: PositiveInt | None = None
    active_tip_mm: Number | None = None

    @model_validator(mode="after")
    def _known_gauge(self) -> NeedleChoice:
        for gauge in (self.gauge, self.introducer_gauge):
            if gauge is not None and gauge not in OUTER_DIAMETER_MM:
                raise ValueError(f"gauge {gauge} is not one of {sorted(OUTER_DIAMETER_MM)}")
        return self

    @property
    def radius_mm(self) -> float:
        """Half the outer diameter of the widest that is advanced."""
        return max(OUTER_DIAMETER_MM[gauge] for gauge in (self.gauge, self.introducer_gauge) if gauge) / 2


class TargetRule(Model):
    """A named construction (see ``zones``) and its numbers."""

    construction: Construction
    words: str
    numbers: Mapping[str, Number]


class StructureRule(Model):
    """A structure that the needle's surface stays away from.

    ``least_margin_mm``: kept where no needle keeps ``margin_mm`` and the structure is modelled, not seen.
    ``contact_mm``: length before the tip that may touch (bone as a backstop) but not enter.
    ``harmless``: touching it is no injury, so it does not count in the probability of a violation.
    ``needed``: without it there is no plan; otherwise its absence is a warning.
    ``levels``: only at these, where it is not everywhere (the lung beside L4).
    ``behind``: the needle passes dorsal of it, not merely beside it (for what is drawn as tubes).
    ``kept_beyond``: where they can, plans keep farther from it than the margin, as its place is uncertain;
    false where the target itself lies so near that they would miss it.
    ``whole_spread``: that farther is by all of a coarse label's uncertainty, however much it is; otherwise by
    that of a fine label at most.
    """

    name: StructureName
    margin_mm: Number
    least_margin_mm: Number | None = None
    contact_mm: Number | None = None
    harmless: bool = False
    needed: bool = False
    behind: bool = False
    kept_beyond: bool = True
    whole_spread: bool = False
    levels: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _eased_is_smaller(self) -> StructureRule:
        least = self.least_margin_mm
        if least is not None and not 0 <= least.value < self.margin_mm.value:
            most = self.margin_mm.value
            raise ValueError(f"least_margin_mm {least.value:g} is not from 0 to below margin_mm, {most:g}")
        return self


class Uncertainty(Model):
    """Standard deviations of where the needle goes: tip, direction, and the image against the patient."""

    tip_sd_mm: Number
    angle_sd_deg: Number
    registration_sd_mm: Number


class ViewName(StrEnum):
    """The views that needles are led by."""

    BULLS_EYE = "bulls_eye"
    TRUE_AP = "true_ap"
    TRUE_LATERAL = "true_lateral"
    CONTRALATERAL_OBLIQUE = "contralateral_oblique"
    IPSILATERAL_OBLIQUE = "ipsilateral_oblique"
    ULTRASOUND_IN_PLANE = "ultrasound_in_plane"


class ViewRule(Model):
    """One view of the procedure, in the order of use, and what to see there.

    ``oblique_deg`` is needed for the oblique views, from the true AP view, always positive. ``tilt_deg``
    is added to the view's own tilt, positive cranial. ``levels``: only at these.
    """

    name: ViewName
    look_for: str
    oblique_deg: Number | None = None
    tilt_deg: Number | None = None
    levels: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _oblique_has_angle(self) -> ViewRule:
        oblique = self.name in (ViewName.CONTRALATERAL_OBLIQUE, ViewName.IPSILATERAL_OBLIQUE)
        if oblique and (self.oblique_deg is None or self.oblique_deg.value <= 0):
            raise ValueError(f"{self.name} needs oblique_deg, a positive angle from the true AP view")
        if not oblique and self.oblique_deg is not None:
            raise ValueError(f"{self.name} has no oblique_deg")
        return self


class Contrast(Model):
    """How contrast should look, and how it should not."""

    right: str
    wrong: str


class Caution(Model):
    """A warning that goes with some levels."""

    levels: tuple[str, ...] = Field(min_length=1)
    words: str
    source: str | None = None


class Measurement(Marked):
    """What others measured in people, to hold plans against; limits nothing.

    A range, or a mean with its standard deviation; angles as :class:`Entry` counts them.
    """

    quantity: Literal["depth_mm", "lateral_mm", "oblique_deg", "tilt_deg"]
    low: Finite | None = None
    high: Finite | None = None
    mean: Finite | None = None
    sd: Finite | None = None
    levels: tuple[str, ...] = ()
    side: Literal["left", "right"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Measurement:
        if self.mean is None and (self.low is None or self.high is None):
            raise ValueError("a measurement has a mean, or low and high")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low <= high does not hold: {self.low}, {self.high}")
        return self


class EntryFaultError(ValueError):
    """Something in an entry that contradicts the rest of it; ``place`` leads there."""

    def __init__(self, place: Place, words: str) -> None:
        super().__init__(f"{dotted(place)}: {words}")
        self.place = place
        self.words = words


Volume = Literal["injectate", "local_anaesthetic", "contrast", "cement"]


class Procedure(Model):
    """One entry of the catalogue. Margins are proposals that a clinician must review before use.

    ``side``: a needle without one enters near the midline; ``none`` is a procedure that has no side.
    ``both_sides``: whether both may be done in one sitting.
    ``volumes_ml``: the most for one needle. Where contrast is not given, ``contrast`` is left out.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)
    title: str = Field(min_length=1)
    position: str = Field(pattern=r"^(prone|supine|lateral|on the (left |right )?side)\b")
    guidance: Literal["fluoroscopy", "ultrasound"] = "fluoroscopy"
    level: LevelRule
    side: Literal["required", "optional", "none"]
    both_sides: bool = True
    needle: NeedleChoice
    target: TargetRule
    entry: Entry
    structures: tuple[StructureRule, ...] = Field(min_length=1)
    uncertainty: Uncertainty
    objectives: Mapping[Objective, PositiveFloat] = Field(min_length=1)
    views: tuple[ViewRule, ...] = Field(min_length=1)
    contrast: Contrast | None = None
    volumes_ml: Mapping[Volume, Number] = Field(default_factory=dict)
    measured: tuple[Measurement, ...] = ()
    checks: tuple[str, ...] = ()
    cautions: tuple[Caution, ...] = ()
    sources: Mapping[str, str] = Field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Start of the SHA-256 over the whole entry: tells one version of it from another."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    @model_validator(mode="after")
    def _consistent(self) -> Procedure:
        fault = next(_faults(self), None)
        if fault is not None:
            raise fault
        return self

    def at(self, level: str) -> Procedure:
        """The entry as it stands at one level: its numbers there, and only its rules for there."""
        here: Procedure = _resolved(self, level)
        return here

    def number(self, name: str, level: str = "") -> float:
        """A number of the target's construction, at ``level``; one that is missing is named."""
        try:
            return self.target.numbers[name].at(level)
        except KeyError:
            raise UsageError(f"procedure {self.id}: target.numbers.{name} is missing") from None

    def source_words(self, marked: Marked) -> str:
        """``"assumed"``, ``"textbook"``, or the source in full."""
        if marked.source is None:
            return marked.mark.value
        source = self.sources[marked.source]
        return source if marked.mark is Mark.PUBLISHED else f"{marked.mark.value}; see {source}"


def _faults(procedure: Procedure) -> Iterator[EntryFaultError]:
    """What no field can tell by itself: sources, levels and views that do not fit the rest."""
    allowed = procedure.level.allowed
    for place, value in walk(procedure):
        source = getattr(value, "source", None)
        if source is not None and source not in procedure.sources:
            yield EntryFaultError((*place, "source"), f"source {source!r} is not listed under sources")
        for name in ("levels", "by_level"):
            for level in getattr(value, name, ()):
                if level not in allowed:
                    yield EntryFaultError(
                        (*place, name), f"{level!r} is not one of the levels {', '.join(allowed)}"
                    )
    names = [rule.name for rule in procedure.structures]
    for n, name in enumerate(names):
        if name in names[:n]:
            yield EntryFaultError(("structures", n, "name"), f"{name} stands there twice")
    if procedure.entry.with_side is not None and procedure.side != "optional":
        yield EntryFaultError(("entry", "with_side"), "it goes with side: optional only")
    for n, view in enumerate(procedure.views):
        if view.name is ViewName.ULTRASOUND_IN_PLANE and procedure.guidance != "ultrasound":
            yield EntryFaultError(("views", n, "name"), f"{view.name} needs guidance: ultrasound")


def _resolved(value: Any, level: str) -> Any:
    """``value`` with every number taken at ``level``, without what goes with other levels."""
    if isinstance(value, Number):
        return value.resolved(level)
    if isinstance(value, BaseModel):
        fields = {name: _resolved(getattr(value, name), level) for name in type(value).model_fields}
        return value.model_copy(update=fields)
    if isinstance(value, tuple):
        return tuple(_resolved(item, level) for item in value if _goes_with(item, level))
    if isinstance(value, Mapping):
        return {name: _resolved(item, level) for name, item in value.items()}
    return value


def _goes_with(item: object, level: str) -> bool:
    levels: tuple[str, ...] = getattr(item, "levels", ())
    return not levels or level in levels
