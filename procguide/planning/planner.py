"""From a request and a segmented subject to ranked needles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Anchor, Vertebra
from procguide.errors import InputUnfitError, UsageError
from procguide.findings import Finding, Severity
from procguide.geometry import Vector, vector
from procguide.imaging import Volume
from procguide.planning.bearings import Bearings, find_bearings
from procguide.planning.carm import CArm
from procguide.planning.catalogue import Procedure, StructureRule
from procguide.planning.choose import Choice, rank
from procguide.planning.explain import explain
from procguide.planning.frontier import Frontier, Weights, explore
from procguide.planning.grave import grave_last
from procguide.planning.level_names import check_names, name_doubts
from procguide.planning.names import Construction
from procguide.planning.nouns import CArmReach, Explanation, PlanSet, StructureLimit, StructureOrigin
from procguide.planning.posture import lying_of
from procguide.planning.sacral import with_foramina_seen
from procguide.planning.scene import Scene, assemble_scene
from procguide.planning.search import SKIN
from procguide.planning.site import Request, Site, Subject, find_site
from procguide.planning.skin import Body, Box, body_from_ct, body_from_labels, depth_inside, skin_points
from procguide.planning.skin_map import SkinEntries
from procguide.planning.skin_mri import body_from_mri
from procguide.planning.uncertainty import Hazards
from procguide.planning.views import with_views
from procguide.planning.zones import CONSTRUCTIONS, TargetZone
from procguide.planning.zones.seen_bone import RESTING_ON_BONE, where_bone_shows

__all__ = ["Case", "build_case", "plan", "plan_case", "plans_of"]

_COARSE = ("kidney", "aorta", "vena_cava", "liver", "bowel", "lung")
"""Organs; the network for them is the weakest (its card has figures)."""
_NEVER_LABELLED = "smaller vessels"
_ELSEWHERE = ("lung", "bowel", "vena_cava")
"""Judged only where the procedure asks for them; where it does not, a reader should know."""
_LEAST_COVER_MM = 3.0
"""Skin and ligament over the tip of a spinous process are thicker (assumed)."""
_ON_MRI = (
    "planned on MRI: no organ or vessel is labelled on it, and bone is known by its labels alone",
    "on MRI the labelled sac reached 1 to 4 mm too far back on phantoms: the epidural space may lie deeper",
    "whether patient and table leave the C-arm room is not judged: an MRI seldom shows all of the patient",
)
Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Case:
    """One request at its site: the scene, the zone, and where a needle may come from.

    ``remarks`` say what the kind of image leaves open.
    """

    request: Request
    site: Site
    scene: Scene
    zone: TargetZone
    bearings: Bearings
    rules: tuple[StructureRule, ...]
    remarks: tuple[str, ...] = ()

    @property
    def procedure(self) -> Procedure:
        """The catalogue's entry."""
        return self.request.procedure

    @cached_property
    def hazards(self) -> Hazards:
        """The structures as a placed needle is held against them."""
        return Hazards.of(self.scene, self.procedure, self.rules)


def plan(
    request: Request,
    subject: Subject,
    *,
    carm: CArm | None = None,
    weights: Weights | None = None,
    progress: Progress | None = None,
) -> PlanSet:
    """Ranked needle plans, with their views on a C-arm (else one of assumed sizes).

    ``weights`` of the objectives take the place of the procedure's own.
    A wrong level or side is a ``UsageError``, a missing landmark, an unanchored spine or an unfit image an
    ``InputUnfitError``; no feasible needle is a ``PlanSet`` without plans that says why.
    """
    say = progress or _silent
    stops = [finding.words for finding in subject.findings if finding.severity is Severity.STOP]
    if stops:
        raise InputUnfitError("the input is unfit for planning: " + "; ".join(stops))
    say("structures", 0.0)
    case = build_case(request, subject)
    say("candidates", 0.5)
    device = carm or CArm()
    lying = lying_of(case.procedure.position, request.side)
    result = plan_case(case, subject.findings, device.reach(lying), weights)
    result = with_views(result, case.site, subject, device)
    say("plans", 1.0)
    return result


def _silent(step: str, fraction: float) -> None:
    """No progress wanted."""


def build_case(request: Request, subject: Subject) -> Case:
    """Everything but the search: level and side checked, landmarks found, scene and zone built."""
    request = request.resolved()
    site = find_site(request, subject.spine)
    check_names(site)
    if request.procedure.target.construction is Construction.SACRAL_LATERAL_BRANCHES:
        site = with_foramina_seen(site, subject)
    construction = CONSTRUCTIONS[request.procedure.target.construction]
    if request.target is not None:
        _check_target(request, site, subject)
    centre = np.array(request.target if request.target is not None else construction.centre(site))
    bearings = find_bearings(site)
    inward = bearings.inward
    box = _search_box(centre, inward, request.entry)
    body = _body(subject, site, box)
    depth = skin_points(body, np.tile(centre, (len(inward), 1)), -inward, 250.0)
    scene = assemble_scene(site, subject, body, _needle_box(centre, inward, depth, request.entry))
    zone = _zone(request, site, scene, subject.image)
    rules = tuple(rule for rule in request.procedure.structures if rule.name in scene.structures)
    missing = [rule.name for rule in request.procedure.structures if rule.needed and rule not in rules]
    if missing:
        where = " On MRI no organ is labelled: plan on a CT." if subject.on_mri else ""
        raise InputUnfitError(
            f"{request.procedure.id} needs {', '.join(missing)}, which the labels do not hold.{where}"
        )
    remarks = (*filter(None, (body.doubt,)), *_ON_MRI) if subject.on_mri else ()
    return Case(request, site, scene, zone, bearings, rules, remarks)


def _body(subject: Subject, site: Site, box: Box) -> Body:
    """The body's surface from the image, else from the labels."""
    if subject.image is None:
        return body_from_labels(subject.regions, box)
    if not subject.on_mri:
        return body_from_ct(subject.image, box)
    body = body_from_mri(subject.image, box)
    for bone in (site.upper, site.lower):
        tip = bone.spinous_process_tip if isinstance(bone, Vertebra) else None
        if tip is not None and depth_inside(body, np.array(tip)) < _LEAST_COVER_MM:
            raise InputUnfitError(
                "what the MRI shows as the body's surface lies on or in front of a spinous process: the skin "
                "is not in view, or as dark as air. Load a series that shows it (one in which fat is not "
                "suppressed), or plan on a CT."
            )
    return body


def _zone(request: Request, site: Site, scene: Scene, image: Volume | None) -> TargetZone:
    """The construction's zone; a target that is given replaces its points, not the gates before it."""
    construction = request.procedure.target.construction
    sample = CONSTRUCTIONS[construction].sample
    if request.target is None:
        zone = sample(site, scene.labels)
        if image is None or construction not in RESTING_ON_BONE:
            return zone
        return where_bone_shows(zone, site, image)
    try:
        gates = sample(site, scene.labels).gates
    except InputUnfitError:
        gates = None
    return TargetZone(np.array([request.target], dtype=np.float64), np.zeros(1), gates)


def plan_case(
    case: Case,
    findings: tuple[Finding, ...] = (),
    reach: CArmReach | None = None,
    weights: Weights | None = None,
) -> PlanSet:
    """Search one case and rank what was found; ``weights`` take the place of the procedure's own."""
    frontier = explore(case, reach)
    return plans_of(frontier, findings, weights)


def plans_of(
    frontier: Frontier, findings: tuple[Finding, ...] = (), weights: Weights | None = None
) -> PlanSet:
    """The best of a finished search by other weights, at once."""
    case, judged = frontier.case, frontier.judged
    choice = rank(frontier, weights)
    plans, refusal = grave_last(choice.plans, case.rules)
    explanation = explain(frontier, choice)
    exclusions = {one.constraint: one.excluded for one in explanation.exclusions}
    considered, feasible = explanation.considered, explanation.feasible
    return PlanSet(
        procedure=case.procedure.id,
        level=case.site.level,
        side=case.request.side,
        plans=plans,
        considered=considered,
        feasible=feasible,
        exclusions=exclusions,
        warnings=_warnings(case),
        limits=_limits(case),
        target_zone=tuple(vector(point) for point in case.zone.points),
        modelled=tuple(tube for structure in case.scene.structures.values() for tube in structure.tubes),
        findings=(*name_doubts(case.site), *findings),
        reason="" if plans else _reason(case, explanation, choice, refusal),
        skin=SkinEntries.of(
            case.scene.body, judged.candidates.entries, frontier.merit(weights), judged.broken
        ),
        explanation=explanation,
    )


def _check_target(request: Request, site: Site, subject: Subject) -> None:
    target = request.target
    assert target is not None  # noqa: S101 (asked for by the caller)
    if not subject.levels.grid.contains(target):
        raise UsageError(f"the target {target} lies outside the labelled image; give patient LPS mm as X,Y,Z")
    across = site.upper.frame.to_local(target)[0]
    if request.side is not None and request.procedure.side == "required" and across * request.side.sign < 0:
        raise UsageError(
            f"the target {target} lies on the patient's {'left' if across > 0 else 'right'}, "
            f"but the side given is {request.side.value}"
        )


def _search_box(
    centre: NDArray[np.float64], inward: NDArray[np.float64], entry: Vector | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wide enough for any needle to a target at ``centre``."""
    return _hull(centre, centre - inward * 200.0, entry, 30.0)


def _needle_box(
    centre: NDArray[np.float64],
    inward: NDArray[np.float64],
    depth: NDArray[np.float64],
    entry: Vector | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The hull of all needles to ``centre``, with room for the zone and for structures beside it."""
    entries = centre - inward * np.clip(np.where(depth < 0, 0.0, depth), 20.0, 170.0)[:, None]
    return _hull(centre, entries, entry, 25.0)


def _hull(
    centre: NDArray[np.float64], starts: NDArray[np.float64], entry: Vector | None, room_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high corner about all needles."""
    points = np.concatenate([starts, centre[None], *([] if entry is None else [np.array([entry])])])
    return points.min(axis=0) - room_mm, points.max(axis=0) + room_mm


def _warnings(case: Case) -> tuple[str, ...]:
    unasked = [name for name in _ELSEWHERE if name not in (*case.scene.structures, *case.scene.absent)]
    unseen = [name.replace("_", " ") for name in (*case.scene.absent, *unasked)]
    names = ", ".join([*unseen, _NEVER_LABELLED])
    words = [*case.remarks, f"not judged: {names}. Look at the images along the needle"]
    modelled = [
        s.name.replace("_", " ")
        for s in case.scene.structures.values()
        if s.origin is StructureOrigin.MODELLED
    ]
    if modelled:
        words.append(f"{', '.join(modelled)}: modelled from bone, not seen on the image")
    coarse = [
        name.replace("_", " ")
        for name in _COARSE
        if name in case.scene.structures and case.scene.labels.coarse_organs
    ]
    if coarse:
        words.append(f"{', '.join(coarse)}: labelled coarsely (4 mm), and may be missed; look at the images")
    words += [caution.words for caution in case.procedure.cautions if case.site.level in caution.levels]
    for bone in (case.site.upper, case.site.lower):
        if isinstance(bone, Vertebra) and not bone.complete:
            words.append(f"{bone.level} is cut off by the image's edge")
    if case.site.spine.anchor is Anchor.USER:
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


def _reason(case: Case, explanation: Explanation, choice: Choice, refusal: str) -> str:
    """Which limit excluded most; and where it is another one, which stood alone in the way of most."""
    considered, feasible = explanation.considered, explanation.feasible
    where = " ".join(filter(None, (case.procedure.id, "at", case.site.level, case.request.side)))
    if not considered:
        return f"No needle for {where}: the target zone is empty (no open window in the labels)."
    if refusal:
        return f"No needle for {where}: {refusal}."
    if feasible:
        name, count = max(choice.refused.items(), key=lambda item: item[1])
        return (
            f"No needle for {where}: {feasible} of {considered} candidates passed the search by a hair, but "
            f"none of the {choice.tried} tried the exact check; {_limit_words(case, name)} refused most "
            f"({count})."
        )
    most, alone = explanation.exclusions[0], max(explanation.exclusions, key=lambda one: one.alone)
    words = _limit_words(case, most.constraint)
    said = f"No needle for {where}: of {considered} candidates, {words} excluded most ({most.excluded})"
    if alone.alone and alone.constraint != most.constraint:
        said += f"; {_limit_words(case, alone.constraint)} alone stood in the way of {alone.alone}"
    return said + "."


def _limit_words(case: Case, name: str) -> str:
    """``"nerve root (margin 2 mm)"``, or a constraint that is no structure as it is."""
    margins = {str(rule.name): rule.margin_mm.value for rule in case.rules}
    words = name.replace("_", " ")
    if name == SKIN:
        return "the image's edge before any skin (load images that show more)"
    return f"{words} (margin {margins[name]:g} mm)" if name in margins else words
