"""Where each part of ``plan.json`` stands in a structured report, for writing and for reading it.

A report is a Measurement Report (DICOM PS3.16, TID 1500) of Measurement Groups (TID 1501). The group's
Finding says of what kind it is: one of the plan as a whole, one of each needle, of each view and
objective of a needle, and of each limit; of a sitting one as a whole, one of each level and side and of its
needle, of each stop of the C-arm and of each agent. Concepts without a code in the standard are of the scheme
``99PROCGUIDE``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

__all__ = [
    "APPROVAL",
    "APPROVED",
    "GROUPS",
    "KEY",
    "PATH",
    "RANK",
    "REPORT",
    "SCHEME",
    "STOP_NUMBER",
    "UNAPPROVED",
    "Field",
    "Group",
    "Kind",
]

SCHEME = "99PROCGUIDE"


def _own(value: str, meaning: str) -> Code:
    return Code(value, SCHEME, meaning)


class Kind(Enum):
    """How a value stands in the report; of ``BY_NAME`` each entry's key is its tracking identifier."""

    NUMBER = "number"
    NUMBERS = "numbers"
    NUMBERS_BY_NAME = "numbers by name"
    FLAG = "flag"
    TEXT = "text"
    TEXTS = "texts"
    TEXTS_BY_NAME = "texts by name"


@dataclass(frozen=True)
class Field:
    """One value of the document: ``path`` of keys within the group's part of it, concept, unit, kind."""

    path: tuple[str, ...]
    concept: Code
    kind: Kind = Kind.TEXT
    unit: Code = codes.UCUM.NoUnits


class Group(Enum):
    """What a Measurement Group holds, by the code of its Finding."""

    SET = _own("PLAN", "Needle plan")
    NEEDLE = _own("NEEDLE", "Planned needle")
    VIEW = _own("VIEW", "View of a planned needle")
    OBJECTIVE = _own("OBJECTIVE", "Objective of a planned needle")
    LIMIT = _own("LIMIT", "Limit of a structure")
    SITTING = _own("SITTING", "Plan of a sitting")
    STOP = _own("STOP", "One level and side of a sitting")
    STATION = _own("STATION", "Stop of the C-arm")
    BUDGET = _own("BUDGET", "Most that may be given of an agent")


RANK = _own("RANK", "Rank of the planned needle")
STOP_NUMBER = _own("STOP_NUMBER", "Number of the level and side in the sitting")
REPORT = _own("REPORT", "Report of the level and side by itself")
PATH = codes.SCT.Length
"""The needle's way from skin to tip: its coordinates are entry, then target, patient LPS mm."""
APPROVAL = _own("APPROVAL", "Approval of the plan by a person")
APPROVED = _own("APPROVED", "Approved")
UNAPPROVED = _own("NOT_APPROVED", "Not approved")
KEY = codes.DCM.TrackingIdentifier

_MM, _DEG, _ML = codes.UCUM.Millimeter, codes.UCUM.Degree, Code("mL", "UCUM", "mL")
_MG, _MG_PER_ML = Code("mg", "UCUM", "mg"), Code("mg/mL", "UCUM", "mg/mL")
_NUMBER, _BY_NAME = Kind.NUMBER, Kind.NUMBERS_BY_NAME


def _numbers(name: str, value: str, meaning: str, unit: Code = codes.UCUM.NoUnits) -> Field:
    return Field(tuple(name.split(".")), _own(value, meaning), _NUMBER, unit)


def _list(name: str, value: str, meaning: str, unit: Code = codes.UCUM.NoUnits) -> Field:
    return Field((name,), _own(value, meaning), Kind.NUMBERS, unit)


def _by_name(name: str, value: str, meaning: str, unit: Code = codes.UCUM.NoUnits) -> Field:
    return Field(tuple(name.split(".")), _own(value, meaning), _BY_NAME, unit)


def _text(name: str, value: str, meaning: str, kind: Kind = Kind.TEXT) -> Field:
    return Field(tuple(name.split(".")), _own(value, meaning), kind)


def _flag(name: str, value: str, meaning: str) -> Field:
    return Field(tuple(name.split(".")), _own(value, meaning), Kind.FLAG)


_APPROVAL = (
    _text("approved.by", "APPROVED_BY", "Approved by"),
    _text("approved.organisation", "APPROVED_FOR", "Organisation of the person who approved"),
    _text("approved.reason", "APPROVED_WHY", "Reason of the approval"),
    _text("approved.time_utc", "APPROVED_AT", "Time of the approval, UTC"),
    _text("approved.plan_sha256", "APPROVED_PLAN", "SHA-256 of the plan that was approved"),
    _numbers("approved.rank", "APPROVED_RANK", "Rank of the needle that is approved"),
)
_ORIGIN = (
    _text("schema", "SCHEMA", "Schema of the document"),
    _text("provenance.inputs_sha256", "INPUTS", "SHA-256 of the images"),
    _text("provenance.software", "SOFTWARE", "Software and its version"),
    _text("provenance.time_utc", "TIME", "Time of planning, UTC"),
    _text("provenance.catalogue", "CATALOGUE", "Entry of the catalogue and its version"),
    _text("provenance.models", "MODEL", "Model and its version", Kind.TEXTS_BY_NAME),
    _text("provenance.parameters", "PARAMETER", "Parameter", Kind.TEXTS_BY_NAME),
)

GROUPS: dict[Group, tuple[Field, ...]] = {
    Group.SET: (
        _text("disclaimer", "DISCLAIMER", "What this must not be used for"),
        _text("procedure", "PROCEDURE", "Procedure"),
        _text("level", "LEVEL", "Level"),
        _text("side", "SIDE", "Side of the patient"),
        _text("reason", "REASON", "Reason why no needle is planned"),
        _text("warnings", "WARNING", "Warning", Kind.TEXTS),
        *_APPROVAL,
        _numbers("candidates.considered", "CONSIDERED", "Candidates considered"),
        _numbers("candidates.feasible", "FEASIBLE", "Candidates that keep every limit"),
        _numbers("candidates.efficient", "EFFICIENT", "Candidates that no other beats in every objective"),
        _numbers("candidates.exactly_checked", "CHECKED", "Candidates that had the exact check"),
        _by_name("candidates.excluded_by", "EXCLUDED", "Candidates that break a constraint"),
        _by_name("candidates.excluded_alone", "EXCLUDED_ALONE", "Candidates that break it alone"),
        _by_name("candidates.best_misses_by_mm", "SHORTFALL", "What the best candidate misses it by", _MM),
        _by_name("candidates.refused_by", "REFUSED", "Candidates that the exact check refused"),
        _text("candidates.kept_away", "KEPT_AWAY", "Distance kept beyond the margins"),
        *_ORIGIN,
    ),
    Group.NEEDLE: (
        _numbers("rank", RANK.value, RANK.meaning),
        Field(("length_mm",), PATH, _NUMBER, _MM),
        _numbers("needle.gauge", "GAUGE", "Gauge of the needle"),
        _numbers("needle.diameter_mm", "DIAMETER", "Outer diameter of the needle", _MM),
        _numbers("needle.length_mm", "NEEDLE_LENGTH", "Nominal length of the needle", _MM),
        _by_name("clearance_mm", "CLEARANCE", "Clearance from the needle's surface", _MM),
        _numbers("robustness.placement_sd_mm", "PLACEMENT_SD", "Standard deviation of placement", _MM),
        _numbers("robustness.p_violation", "P_VIOLATION", "Probability that a limit is broken"),
        _numbers("robustness.p_touch", "P_TOUCH", "Probability that a structure is touched"),
        _by_name("robustness.by_structure", "P_BY_STRUCTURE", "Probability that its limit is broken"),
        _numbers("view.oblique_deg", "OBLIQUE", "Oblique down the needle, patient's left positive", _DEG),
        _numbers("view.tilt_deg", "TILT", "Tilt down the needle, cranial positive", _DEG),
        _flag("view.reachable", "REACHABLE", "The C-arm reaches this view"),
        _by_name("scores", "SCORE", "Score, 0 (poor) to 1"),
        _text("trade_offs", "TRADE_OFF", "Trade-off", Kind.TEXTS),
        _text("warnings", "WARNING", "Warning", Kind.TEXTS),
    ),
    Group.VIEW: (
        _text("name", "VIEW_NAME", "Name of the view"),
        _numbers("oblique_deg", "VIEW_OBLIQUE", "Oblique, patient's left positive", _DEG),
        _numbers("tilt_deg", "VIEW_TILT", "Tilt, cranial positive", _DEG),
        _numbers("from_vertical_deg", "VIEW_DIAL", "Oblique from vertical, patient on the table", _DEG),
        _flag("reachable", "REACHABLE", "The C-arm reaches this view"),
        _numbers("room_mm", "ROOM", "Room left in the C-arm's gap", _MM),
        _text("look_for", "LOOK_FOR", "What to see in the view"),
        _text("warnings", "WARNING", "Warning", Kind.TEXTS),
    ),
    Group.OBJECTIVE: (
        _text("objective", "OBJECTIVE_NAME", "Name of the objective"),
        _numbers("score", "OBJECTIVE_SCORE", "Score, 0 (poor) to 1"),
        _numbers("weight", "OBJECTIVE_WEIGHT", "Weight"),
        _text("words", "OBJECTIVE_WORDS", "What the score was read from"),
    ),
    Group.LIMIT: (
        _text("structure", "STRUCTURE", "Structure"),
        _numbers("margin_mm", "MARGIN", "Margin from the needle's surface", _MM),
        _text("mark", "MARK", "Mark of the margin's source"),
        _text("source", "SOURCE", "Source of the margin"),
        _text("from", "ORIGIN", "Who says where the structure is"),
        _numbers("spread_mm", "SPREAD", "Standard deviation of where the structure lies", _MM),
    ),
    Group.SITTING: (
        _text("disclaimer", "DISCLAIMER", "What this must not be used for"),
        _text("procedure", "PROCEDURE", "Procedure"),
        _text("warnings", "WARNING", "Warning", Kind.TEXTS),
        *_APPROVAL,
        _list("order", "ORDER", "Number of the level and side that is next"),
        _numbers("carm_travel.planned.turning_deg", "TURNING", "Turning of the C-arm", _DEG),
        _numbers("carm_travel.planned.shift_mm", "SHIFT", "Shift of the C-arm", _MM),
        _numbers("carm_travel.one_by_one.turning_deg", "TURNING_1", "Turning, needle by needle", _DEG),
        _numbers("carm_travel.one_by_one.shift_mm", "SHIFT_1", "Shift, needle by needle", _MM),
        _by_name("needles", "NEEDLES", "Number of needles"),
        _by_name("volumes_ml", "VOLUME", "Volume at most", _ML),
        *_ORIGIN,
    ),
    Group.STOP: (
        _numbers("number", STOP_NUMBER.value, STOP_NUMBER.meaning),
        _text("procedure", "PROCEDURE", "Procedure"),
        _text("level", "LEVEL", "Level"),
        _text("side", "SIDE", "Side of the patient"),
        _numbers("chosen_rank", "CHOSEN_RANK", "Rank of the needle that the sitting uses"),
        _text("reason", "REASON", "Reason why no needle is planned"),
        _text("folder", "FOLDER", "Folder of its own plan"),
        _text("plan_sha256", "PLAN_SHA256", "SHA-256 of its own plan"),
    ),
    Group.STATION: (
        _text("view", "VIEW_NAME", "Name of the view"),
        _numbers("dial_deg", "VIEW_DIAL", "Oblique from vertical, patient on the table", _DEG),
        _numbers("tilt_deg", "VIEW_TILT", "Tilt, cranial positive", _DEG),
        _list("centre_lps_mm", "CENTRE", "Centre of the view: patient left, posterior, superior", _MM),
        _list("stops", "SEEN", "Number of a level and side that is seen"),
        _text("look_for", "LOOK_FOR", "What to see in the view", Kind.TEXTS),
        _flag("reachable", "REACHABLE", "The C-arm reaches this view"),
        _text("warnings", "WARNING", "Warning", Kind.TEXTS),
    ),
    Group.BUDGET: (
        _text("agent", "AGENT", "Agent"),
        _numbers("strength_mg_per_ml", "STRENGTH", "Strength", _MG_PER_ML),
        _numbers("most_ml", "MOST_VOLUME", "Most in all", _ML),
        _numbers("most_mg", "MOST_MASS", "Most in all", _MG),
        _numbers("each_ml", "EACH_VOLUME", "Most a needle", _ML),
        _numbers("planned_ml", "PLANNED_VOLUME", "Planned in all", _ML),
        _flag("exceeded", "EXCEEDED", "More is planned than may be given"),
        _text("mark", "MARK", "Mark of the limit's source"),
        _text("source", "SOURCE", "Source of the limit"),
    ),
}
"""Of each kind of group, what it holds."""
