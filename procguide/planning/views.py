"""The fluoroscopic views of a plan as C-arm settings, in the order of use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from procguide.anatomy import Side
from procguide.geometry import AnatomicalFrame, Vector, beam_direction, vector, view_angles
from procguide.planning.carm import CArm, Surroundings, room_mm, surroundings_of
from procguide.planning.catalogue import ViewName, ViewRule
from procguide.planning.nouns import PlanSet, Trajectory, ViewSetting
from procguide.planning.posture import Lying, lying_of
from procguide.planning.site import Site, Subject

__all__ = ["Viewing", "level_squared", "view_direction", "viewing_frame", "views_of", "with_views"]

_HUB_MM = 40.0
"""Hub and syringe behind the needle, assumed."""


@dataclass(frozen=True)
class Viewing:
    """What views are counted from: the level's axes, the side, how the patient lies."""

    frame: AnatomicalFrame
    side: Side | None
    lying: Lying


def viewing_frame(site: Site) -> Viewing:
    """The true AP view's axes. On the sacrum no endplate is squared: straight down, its own midline."""
    lying = lying_of(site.procedure.position, site.side)
    frame = site.level_frame
    if site.procedure.level.names == "sacrum":
        frame = AnatomicalFrame.from_axes(frame.origin, (0.0, 0.0, 1.0), frame.left)
    return Viewing(frame, site.side, lying)


def with_views(plan_set: PlanSet, site: Site, subject: Subject, carm: CArm) -> PlanSet:
    """The plans with their views, judged against patient and table; on MRI, which is too narrow, not so."""
    if not plan_set.plans:
        return plan_set
    lying = lying_of(site.procedure.position, site.side)
    target = plan_set.plans[0].trajectory.target
    around = None if subject.on_mri else surroundings_of(subject, lying, carm, target)
    plans = tuple(
        replace(plan, views=views_of(site, plan.trajectory, carm, around)) for plan in plan_set.plans
    )
    return replace(plan_set, plans=plans)


def level_squared(site: Site) -> tuple[float, float]:
    """``(oblique_deg, tilt_deg)`` of the level's true AP view: endplate squared, spinous process midline."""
    return view_angles(tuple(-value for value in viewing_frame(site).frame.posterior))


def views_of(
    site: Site,
    trajectory: Trajectory,
    carm: CArm,
    around: Surroundings | None = None,
) -> tuple[ViewSetting, ...]:
    """Every view that the procedure asks for, in its order, for one needle.

    Without ``around`` (patient and table) a view's room is not judged.
    """
    viewing = viewing_frame(site)
    rules = site.procedure.at(site.level).views
    return tuple(_setting(rule, viewing, trajectory, carm, around) for rule in rules)


def view_direction(rule: ViewRule, viewing: Viewing, trajectory: Trajectory) -> Vector:
    """Unit vector (LPS) into the patient along which the view looks.

    Oblique views turn about the level's long axis from its true AP view: toward the needle's own side, or
    away from it; the rule's own tilt is added. The true lateral has the intensifier on the needle's side.
    """
    if rule.name is ViewName.BULLS_EYE:
        return trajectory.direction
    sign = _sign(viewing, trajectory)
    angle, tilt = (0.0 if one is None else one.value for one in (rule.oblique_deg, rule.tilt_deg))
    oblique = {
        ViewName.TRUE_AP: 0.0,
        ViewName.TRUE_LATERAL: 90.0 * sign,
        ViewName.CONTRALATERAL_OBLIQUE: -angle * sign,
        ViewName.IPSILATERAL_OBLIQUE: angle * sign,
    }[rule.name]
    local = beam_direction(180.0 - oblique if viewing.lying is Lying.SUPINE else oblique, tilt)
    return vector(viewing.frame.rotation @ np.asarray(local))


def _sign(viewing: Viewing, trajectory: Trajectory) -> int:
    """+1 where the needle is the patient's left; on the midline as the tip lies, by a hair."""
    if viewing.side is not None:
        return viewing.side.sign
    return 1 if viewing.frame.to_local(trajectory.target)[0] >= 0 else -1


def _setting(
    rule: ViewRule, viewing: Viewing, trajectory: Trajectory, carm: CArm, around: Surroundings | None
) -> ViewSetting:
    if rule.name is ViewName.ULTRASOUND_IN_PLANE:
        return ViewSetting(rule.name, rule.look_for, None, None, None, reachable=True)
    direction = view_direction(rule, viewing, trajectory)
    oblique, tilt = view_angles(direction)
    dial = viewing.lying.dial_deg(oblique)
    outside = trajectory.needle.length_mm + _HUB_MM if rule.name is ViewName.BULLS_EYE else 0.0
    room = None if around is None else room_mm(carm, around, trajectory.target, direction, outside)
    turns = carm.turns_to(dial, tilt)
    fits = room is None or room >= 0
    return ViewSetting(
        name=rule.name,
        look_for=rule.look_for,
        oblique_deg=oblique,
        tilt_deg=tilt,
        dial_deg=dial,
        reachable=turns and fits,
        room_mm=room,
        warnings=tuple(_warnings(carm, dial, tilt, room)),
    )


def _warnings(carm: CArm, dial_deg: float, tilt_deg: float, room: float | None) -> Sequence[str]:
    said = []
    if abs(dial_deg) > carm.far_deg:
        said.append(f"{abs(dial_deg):.0f} degrees from vertical: beyond the C-arm's {carm.far_deg:g}")
    if abs(tilt_deg) > carm.tilt_deg:
        said.append(f"tilt of {abs(tilt_deg):.0f} degrees: beyond the C-arm's {carm.tilt_deg:g}")
    if room is not None and room < 0:
        said.append(
            f"patient, table and needle need {-room:.0f} mm more than the C-arm leaves free (simple envelope)"
        )
    return said
