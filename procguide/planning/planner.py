"""From a procedure and a segmented case to ranked needles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Anchor, Side, Spine, Vertebra, parse_interspace, parse_level
from procguide.errors import InputUnfitError, UsageError
from procguide.findings import Finding, Severity
from procguide.geometry import AnatomicalFrame, Vector, vector
from procguide.imaging import LabelMap, Volume
from procguide.planning.catalogue import Procedure, StructureRule
from procguide.planning.choose import Choice, choose
from procguide.planning.nouns import CArmReach, PlanSet, StructureLimit, StructureOrigin
from procguide.planning.scene import Scene, assemble_scene
from procguide.planning.search import directions, generate, judge
from procguide.planning.skin import body_from_ct, body_from_labels, skin_points
from procguide.planning.targets import Anatomy, TargetZone, approximate_centre, target_zone

__all__ = ["Case", "build_case", "canonical_level", "plan"]

_STEP_DEG = 2.0
_CONFIDENT = 0.7
_COARSE = ("kidney", "aorta", "vena_cava", "liver", "bowel", "lung")
"""Organs; the network for them is the weakest (its card has figures)."""
_NEVER_LABELLED = ("lung and pleura", "bowel", "vessels other than the aorta")
Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Case:
    """One procedure at one place of one patient: the scene, the zone, and where a needle may come from."""

    procedure: Procedure
    level: str
    side: Side | None
    anatomy: Anatomy
    scene: Scene
    zone: TargetZone
    inward: NDArray[np.float64]
    view_misfit: NDArray[np.float64]
    rules: tuple[StructureRule, ...]


def plan(
    procedure: Procedure,
    *,
    level: str,
    side: Side | None,
    spine: Spine,
    levels: LabelMap,
    regions: LabelMap,
    image: Volume | None,
    target: Vector | None = None,
    findings: Iterable[Finding] = (),
    progress: Progress | None = None,
) -> PlanSet:
    """Ranked needle plans. ``image`` (CT) gives the skin; without it the labels must show it.

    ``target`` replaces the procedure's zone by one point. A wrong level or side is a ``UsageError``, a
    missing landmark or an unanchored spine an ``InputUnfitError``; no feasible needle is a ``PlanSet``
    without plans that says why.
    """
    say = progress or _silent
    found = tuple(findings)
    stops = [finding.words for finding in found if finding.severity is Severity.STOP]
    if stops:
        raise InputUnfitError("the input is unfit for planning: " + "; ".join(stops))
    say("structures", 0.0)
    case = build_case(
        procedure,
        level=level,
        side=side,
        spine=spine,
        levels=levels,
        regions=regions,
        image=image,
        target=target,
    )
    say("candidates", 0.5)
    result = plan_case(case, found)
    say("plans", 1.0)
    return result


def _silent(step: str, fraction: float) -> None:
    """No progress wanted."""


def build_case(
    procedure: Procedure,
    *,
    level: str,
    side: Side | None,
    spine: Spine,
    levels: LabelMap,
    regions: LabelMap,
    image: Volume | None,
    target: Vector | None = None,
) -> Case:
    """Everything but the search: level and side checked, landmarks found, scene and zone built."""
    name = canonical_level(procedure, level)
    _check_side(procedure, side)
    if spine.anchor is Anchor.NONE:
        raise InputUnfitError(
            "the levels are not anchored (neither sacrum, lowest rib nor C2 is in view); give the lowest "
            "level that is wholly in view (--lowest-level) or one at a point (--level-at)."
        )
    upper = spine.vertebra(name.split("-")[0])
    anatomy = Anatomy(upper, spine.below(upper.level), spine)
    centre = np.array(target if target is not None else approximate_centre(procedure, anatomy, side))
    if target is not None:
        _check_target(procedure, anatomy, side, target, levels)
    inward, misfit = _directions(procedure, name, anatomy, side)
    box = _search_box(centre)
    body = body_from_ct(image, box) if image is not None else body_from_labels(regions, box)
    scene = assemble_scene(
        wanted=[rule.name for rule in procedure.structures],
        levels=levels,
        regions=regions,
        body=body,
        midline=_midline(spine, upper),
        box=_needle_box(centre, inward, skin_points(body, np.tile(centre, (len(inward), 1)), -inward, 250.0)),
        level=upper.level,
        roots=_roots(procedure, anatomy, side),
    )
    if target is not None:
        zone = TargetZone(np.array([target], dtype=np.float64), np.zeros(1))
    else:
        zone = target_zone(procedure, anatomy, side, scene.levels, scene.regions)
    rules = tuple(rule for rule in procedure.structures if rule.name in scene.structures)
    missing = [rule.name for rule in procedure.structures if rule.needed and rule not in rules]
    if missing:
        raise InputUnfitError(f"{procedure.id} needs {', '.join(missing)}, which the labels do not hold.")
    return Case(procedure, name, side, anatomy, scene, zone, inward, misfit, rules)


def plan_case(case: Case, findings: tuple[Finding, ...] = (), reach: CArmReach | None = None) -> PlanSet:
    """Search one case."""
    candidates = generate(case.scene, case.zone, case.inward, case.view_misfit)
    judged = judge(case.scene, case.procedure, case.rules, candidates)
    feasible = int(judged.feasible.sum())
    exclusions = {name: int(excluded.sum()) for name, excluded in judged.broken.items()}
    choice = choose(case.scene, case.procedure, case.rules, judged, reach or CArmReach())
    return PlanSet(
        procedure=case.procedure.id,
        level=case.level,
        side=case.side,
        plans=choice.plans,
        considered=len(candidates),
        feasible=feasible,
        exclusions=exclusions,
        warnings=_warnings(case),
        limits=_limits(case),
        target_zone=tuple(vector(point) for point in case.zone.points),
        modelled=tuple(tube for structure in case.scene.structures.values() for tube in structure.tubes),
        findings=findings,
        reason="" if choice.plans else _reason(case, len(candidates), exclusions, feasible, choice),
    )


def canonical_level(procedure: Procedure, level: str) -> str:
    """``"L4-L5"`` or ``"L3"`` as the procedure names its levels; an error lists what it allows."""
    allowed = ", ".join(procedure.level.allowed)
    try:
        if procedure.level.names == "interspace":
            name = "-".join(parse_interspace(level))
        else:
            name = parse_level(level)
    except UsageError as error:
        raise UsageError(f"{error}. {procedure.id} takes {allowed}: {procedure.level.words}") from error
    if name not in procedure.level.allowed:
        raise UsageError(f"{procedure.id} is not done at {name}; it takes {allowed}: {procedure.level.words}")
    return name


def _check_side(procedure: Procedure, side: Side | None) -> None:
    if side is None and procedure.side == "required":
        raise UsageError(f"{procedure.id} needs a side; use left or right (the patient's own)")


def _check_target(
    procedure: Procedure, anatomy: Anatomy, side: Side | None, target: Vector, levels: LabelMap
) -> None:
    if not levels.grid.contains(target):
        raise UsageError(f"the target {target} lies outside the labelled image; give patient LPS mm as X,Y,Z")
    across = anatomy.upper.frame.to_local(target)[0]
    if side is not None and procedure.side == "required" and across * side.sign < 0:
        raise UsageError(
            f"the target {target} lies on the patient's {'left' if across > 0 else 'right'}, "
            f"but the side given is {side.value}"
        )


def _directions(
    procedure: Procedure, level: str, anatomy: Anatomy, side: Side | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    angles = procedure.entry.angles(level, sided=side is not None)
    rotation = np.eye(3) if procedure.entry.reference == "table" else _level_frame(anatomy).rotation
    return directions(angles, side.sign if side is not None else 1, rotation, _STEP_DEG)


def _level_frame(anatomy: Anatomy) -> AnatomicalFrame:
    """The true AP view's axes: the lower bone's endplate squared, spinous process in the midline."""
    lower = anatomy.lower
    endplate = lower.superior_endplate if isinstance(lower, Vertebra) else lower.endplate
    return AnatomicalFrame.from_axes(lower.frame.origin, endplate.normal, anatomy.upper.frame.left)


def _roots(procedure: Procedure, anatomy: Anatomy, side: Side | None) -> list[tuple[Vertebra, Side]]:
    """The roots near the needle: at the level itself, and for a nerve's block one level lower too."""
    if side is None or not {"nerve_root", "foramen"} & {rule.name for rule in procedure.structures}:
        return []
    roots = [(anatomy.upper, side)]
    if procedure.level.names == "nerve" and isinstance(anatomy.lower, Vertebra):
        roots.append((anatomy.lower, side))
    return roots


def _midline(spine: Spine, vertebra: Vertebra) -> tuple[Vector, ...]:
    """The canal's centre line; where it was not found, the vertebra's own midline."""
    if len(spine.canal) >= 2:
        return spine.canal
    return tuple(vector(vertebra.frame.to_patient((0.0, 0.0, z))) for z in (-60.0, 60.0))


def _search_box(centre: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wide enough for any needle to a target at ``centre``."""
    return centre - np.array([190.0, 30.0, 110.0]), centre + np.array([190.0, 200.0, 110.0])


def _needle_box(
    centre: NDArray[np.float64], inward: NDArray[np.float64], depth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The hull of all needles to ``centre``, with room for the zone and for structures beside it."""
    entries = centre - inward * np.clip(np.where(depth < 0, 0.0, depth), 20.0, 170.0)[:, None]
    points = np.concatenate([entries, centre[None]])
    return points.min(axis=0) - 25.0, points.max(axis=0) + 25.0


def _warnings(case: Case) -> tuple[str, ...]:
    unseen = [name.replace("_", " ") for name in case.scene.absent]
    names = ", ".join([*unseen, *_NEVER_LABELLED])
    words = [f"not judged, for the labels do not hold them: {names}. Look at the images along the needle"]
    modelled = [
        s.name.replace("_", " ")
        for s in case.scene.structures.values()
        if s.origin is StructureOrigin.MODELLED
    ]
    if modelled:
        words.append(f"{', '.join(modelled)}: modelled from bone, not seen on the image")
    coarse = [name.replace("_", " ") for name in _COARSE if name in case.scene.structures]
    if coarse:
        words.append(f"{', '.join(coarse)}: labelled coarsely (4 mm), and may be missed; look at the images")
    words += [caution.words for caution in case.procedure.cautions if case.level in caution.levels]
    for bone in (case.anatomy.upper, case.anatomy.lower):
        if isinstance(bone, Vertebra) and not bone.complete:
            words.append(f"{bone.level} is cut off by the image's edge")
        if isinstance(bone, Vertebra) and bone.confidence < _CONFIDENT:
            words.append(
                f"the name {bone.level} is uncertain (confidence {bone.confidence:.2f}); count the levels"
            )
    if case.anatomy.spine.anchor is Anchor.USER:
        words.append("levels named by the user")
    words.append("margins are proposals of the catalogue, to be reviewed by a clinician before use")
    return tuple(words)


def _limits(case: Case) -> tuple[StructureLimit, ...]:
    limits = []
    for rule in case.procedure.structures:
        structure = case.scene.structures.get(rule.name)
        limits.append(
            StructureLimit(
                rule.name,
                rule.margin_mm.value,
                rule.margin_mm.mark,
                case.procedure.source_words(rule.margin_mm),
                structure.origin if structure else StructureOrigin.ABSENT,
                structure.spread_mm if structure else 0.0,
                rule.harmless,
                rule.margin_mm.note,
            )
        )
    return tuple(limits)


def _reason(case: Case, considered: int, exclusions: Mapping[str, int], feasible: int, choice: Choice) -> str:
    where = f"{case.procedure.id} at {case.level}{' ' + case.side.value if case.side else ''}"
    if not considered:
        return f"No needle for {where}: the target zone is empty (no open window in the labels)."
    if feasible:
        name, count = max(choice.refused.items(), key=lambda item: item[1])
        return (
            f"No needle for {where}: {feasible} of {considered} candidates passed the search by a hair, but "
            f"none of the {choice.tried} tried the exact check; {_limit_words(case, name)} refused most "
            f"({count})."
        )
    name, count = max(exclusions.items(), key=lambda item: item[1])
    return (
        f"No needle for {where}: of {considered} candidates, {_limit_words(case, name)} excluded most "
        f"({count})."
    )


def _limit_words(case: Case, name: str) -> str:
    """``"nerve root (margin 2 mm)"``, or a constraint that is no structure as it is."""
    margins = {str(rule.name): rule.margin_mm.value for rule in case.rules}
    words = name.replace("_", " ")
    return f"{words} (margin {margins[name]:g} mm)" if name in margins else words
