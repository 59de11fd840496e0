"""What a plan is made of: needle, trajectory, plan, plan set. Points are patient LPS mm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from procguide.anatomy import Side
from procguide.findings import Finding, Severity
from procguide.geometry import Vector, unit, view_angles
from procguide.planning.catalogue import Mark, ViewName
from procguide.planning.names import Objective
from procguide.planning.posture import Lying
from procguide.planning.skin_map import SkinEntries

__all__ = [
    "Appraisal",
    "CArmReach",
    "Exclusion",
    "Explanation",
    "Needle",
    "Plan",
    "PlanSet",
    "Robustness",
    "StructureLimit",
    "StructureOrigin",
    "Trajectory",
    "Tube",
    "View",
    "ViewSetting",
]


PROBABLE = 0.5
"""From this chance of a broken limit on, a plan says so before all else: it is the likelier outcome."""
ALMOST_SURE = 0.9


class StructureOrigin(StrEnum):
    """Who says where a structure is."""

    SEGMENTED = "segmented"
    MODELLED = "modelled"
    ABSENT = "not judged"


@dataclass(frozen=True)
class Tube:
    """A polyline with a radius: how a nerve root, its ganglion or a foramen is modelled.

    ``radii_mm`` belong to the segments between ``points``, so there is one fewer.
    """

    name: str
    points: tuple[Vector, ...]
    radii_mm: tuple[float, ...]


@dataclass(frozen=True)
class StructureLimit:
    """What a plan was judged against: margin from the needle's surface, its mark and source.

    ``spread_mm`` is the standard deviation of where a modelled structure really lies (assumed).
    """

    name: str
    margin_mm: float
    mark: Mark
    source: str
    origin: StructureOrigin
    spread_mm: float = 0.0
    harmless: bool = False
    note: str = ""


@dataclass(frozen=True)
class Needle:
    """Gauge, outer diameter and nominal length."""

    gauge: int
    diameter_mm: float
    length_mm: float


@dataclass(frozen=True)
class Trajectory:
    """A straight needle from the skin to the tip's place."""

    entry: Vector
    target: Vector
    needle: Needle

    @property
    def direction(self) -> Vector:
        """Unit vector from skin to tip."""
        return unit(np.asarray(self.target) - np.asarray(self.entry))

    @property
    def length_mm(self) -> float:
        """Skin to tip."""
        return float(np.linalg.norm(np.asarray(self.target) - np.asarray(self.entry)))


@dataclass(frozen=True)
class CArmReach:
    """How far a C-arm turns from vertical, degrees either way. Assumed: devices and tables differ."""

    oblique_deg: float = 50.0
    tilt_deg: float = 35.0
    lying: Lying = Lying.PRONE


@dataclass(frozen=True)
class View:
    """C-arm angles that look down the needle: positive toward the patient's left, and cranial."""

    oblique_deg: float
    tilt_deg: float
    reachable: bool

    @classmethod
    def down(cls, trajectory: Trajectory, reach: CArmReach) -> View:
        """The view in which the needle is a point."""
        oblique, tilt = view_angles(trajectory.direction)
        turned = abs(reach.lying.dial_deg(oblique))
        return cls(oblique, tilt, turned <= reach.oblique_deg and abs(tilt) <= reach.tilt_deg)


@dataclass(frozen=True)
class ViewSetting:
    """One view of a procedure as a C-arm's angles, and what to see in it.

    ``oblique_deg`` and ``tilt_deg`` count as in :class:`View`; ``dial_deg`` is the oblique from vertical
    with the patient lying as the procedure has it; all None under ultrasound. ``room_mm`` is what patient,
    table and needle leave of the C-arm's gap (negative: it does not fit; None: not judged).
    """

    name: ViewName
    look_for: str
    oblique_deg: float | None
    tilt_deg: float | None
    dial_deg: float | None
    reachable: bool
    room_mm: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Robustness:
    """How likely the placed needle breaks a limit of a structure that it could harm.

    By the model of :mod:`procguide.planning.uncertainty`. ``placement_sd_mm`` is sideways at the tip, in
    one direction. ``by_structure`` is each one's own share of ``p_violation`` (they overlap); ``p_touch``
    is the chance that any of them is touched, whatever its margin.
    """

    placement_sd_mm: float
    p_violation: float
    by_structure: Mapping[str, float] = field(default_factory=dict)
    p_touch: float = 0.0

    @property
    def breach(self) -> str:
        """In plain words that a limit is more likely broken than kept; empty where it is not."""
        if self.p_violation < PROBABLE:
            return ""
        said = f"chance {_chance(self.p_violation)}"
        if self.by_structure:
            worst = max(self.by_structure, key=lambda name: self.by_structure[name])
            said += f", the most by {worst.replace('_', ' ')} ({_chance(self.by_structure[worst])})"
        return (
            f"this needle {'almost surely' if self.is_grave else 'probably'} breaks a limit when placed "
            f"with the usual error: {said}; chance that anything is touched {_chance(self.p_touch)}. "
            "The limits hold only for a needle placed exactly as planned"
        )

    @property
    def is_grave(self) -> bool:
        """Whether nearly every placed needle breaks a limit."""
        return self.p_violation >= ALMOST_SURE


@dataclass(frozen=True)
class Appraisal:
    """How a plan does on one objective: ``score`` 0 (poor) to 1, its ``weight`` (0: not asked for), why.

    ``words`` says what the score was read from, with its unit.
    """

    objective: Objective
    score: float
    weight: float
    words: str


@dataclass(frozen=True)
class Plan:
    """A trajectory with what it was judged by. A proposal until a named person approves it.

    ``clearance_mm``: from the needle's surface to each structure, along the whole shaft, and for
    structures that may be touched by the tip, without that last piece. ``scores``: each objective, 0 to
    1, and their weighted mean ``total``. ``objectives`` explains each, those with weight first;
    ``trade_offs`` says in words what the plan gains and gives up against the first (the first: against
    the others).
    """

    rank: int
    trajectory: Trajectory
    clearance_mm: Mapping[str, float]
    robustness: Robustness
    view: View
    scores: Mapping[str, float]
    warnings: tuple[str, ...] = ()
    views: tuple[ViewSetting, ...] = ()
    objectives: tuple[Appraisal, ...] = ()
    trade_offs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exclusion:
    """One constraint and the candidates that break it: ``excluded``, and those that break it ``alone``.

    ``alone`` would be feasible without it (of one that breaks several, a limit that it only just breaks
    may not be counted). ``shortfall_mm``: where nothing is feasible, by how much the best of these misses
    it; None where there is none, or it is no length. ``margin_mm`` is a structure's.
    """

    constraint: str
    excluded: int
    alone: int
    shortfall_mm: float | None = None
    margin_mm: float | None = None


@dataclass(frozen=True)
class Explanation:
    """How candidates became plans.

    ``exclusions``: by constraint, the most first. ``efficient``: feasible ones that no other beats in
    every objective. ``kept_away``: the distance beyond the margins that the plans keep, in words.
    ``tried``: had the exact check, which ``refused`` some, by structure.
    """

    exclusions: tuple[Exclusion, ...]
    considered: int
    feasible: int
    efficient: int
    tried: int
    refused: Mapping[str, int] = field(default_factory=dict)
    kept_away: str = ""


@dataclass(frozen=True)
class PlanSet:
    """The ranked plans of one procedure at one level, and what they were judged by.

    ``exclusions`` counts, for each constraint, the candidates that break it (one may break several).
    ``target_zone`` are the sampled target points. ``reason`` says in a sentence why there is no plan.
    ``skin`` is where the candidates enter: what a map of the skin is drawn from. ``explanation`` says how
    the candidates became plans.
    """

    procedure: str
    level: str
    side: Side | None
    plans: tuple[Plan, ...]
    considered: int
    feasible: int
    exclusions: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    limits: tuple[StructureLimit, ...] = ()
    target_zone: tuple[Vector, ...] = ()
    modelled: tuple[Tube, ...] = ()
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    skin: SkinEntries | None = field(default=None, compare=False, repr=False)
    explanation: Explanation | None = None

    @property
    def cautions(self) -> tuple[str, ...]:
        """In words, all that speaks for care.

        That the first plan probably breaks a limit, findings on the image that are not ok, the warnings.
        """
        breach = (plan.robustness.breach for plan in self.plans[:1])
        said = (finding.words for finding in self.findings if finding.severity is not Severity.OK)
        return tuple(dict.fromkeys(filter(None, (*breach, *said, *self.warnings))))


def _chance(share: float) -> str:
    return "under 1 %" if share < 0.01 else "over 99 %" if share > 0.99 else f"{100 * share:.0f} %"
