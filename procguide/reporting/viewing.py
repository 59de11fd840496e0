"""The views of a plan in the order of use: where the C-arm stands and what to check in each."""

from __future__ import annotations

from dataclasses import dataclass

from procguide.anatomy import Side
from procguide.planning.catalogue import Procedure, ViewName
from procguide.planning.nouns import Plan, ViewSetting
from procguide.planning.posture import Lying, lying_of
from procguide.reporting.words import degrees_of, signed_words, view_words

__all__ = ["ViewCard", "carm_words", "setting_words", "settings_of", "view_cards", "view_title"]

_SIDEWAYS_DEG = 75.0
_TITLES = {
    ViewName.BULLS_EYE: "Down the needle",
    ViewName.TRUE_AP: "True AP",
    ViewName.TRUE_LATERAL: "True lateral",
    ViewName.CONTRALATERAL_OBLIQUE: "Contralateral oblique",
    ViewName.IPSILATERAL_OBLIQUE: "Ipsilateral oblique",
    ViewName.ULTRASOUND_IN_PLANE: "Ultrasound, in plane",
}


@dataclass(frozen=True)
class ViewCard:
    """One step under fluoroscopy: number, the C-arm's angles in words, what to see, what is against it."""

    number: int
    title: str
    angles: str
    look_for: str
    warnings: tuple[str, ...]


def settings_of(plan: Plan) -> tuple[ViewSetting, ...]:
    """The plan's views; for one that has none, the view down its needle alone."""
    if plan.views:
        return plan.views
    view = plan.view
    return (
        ViewSetting(
            ViewName.BULLS_EYE, "", view.oblique_deg, view.tilt_deg, view.oblique_deg, view.reachable
        ),
    )


def view_cards(plan: Plan, entry: Procedure | None) -> tuple[ViewCard, ...]:
    """A card for every view, numbered in the order of use."""
    lying = _lying(plan, entry)
    return tuple(
        ViewCard(n + 1, view_title(one), setting_words(one, lying), _sentence(one.look_for), one.warnings)
        for n, one in enumerate(settings_of(plan))
    )


def view_title(setting: ViewSetting) -> str:
    """``"True lateral"``."""
    return _TITLES[setting.name]


def carm_words(plan: Plan, entry: Procedure | None) -> str:
    """The angles down the needle, as the C-arm shows them with the patient on the table."""
    lying = _lying(plan, entry)
    return _words(lying, lying.dial_deg(plan.view.oblique_deg), plan.view.tilt_deg)


def setting_words(setting: ViewSetting, lying: Lying) -> str:
    """``"31 degrees left oblique, 1 degree cranial tilt"``; a lateral by the side of the intensifier."""
    if setting.dial_deg is None or setting.tilt_deg is None:
        return "no C-arm"
    return _words(lying, setting.dial_deg, setting.tilt_deg)


def _words(lying: Lying, dial_deg: float, tilt_deg: float) -> str:
    sides = ("left", "right") if lying in (Lying.PRONE, Lying.SUPINE) else ("back", "front")
    side = sides[0] if dial_deg >= 0 else sides[1]
    if abs(dial_deg) >= _SIDEWAYS_DEG:
        tilt = signed_words(tilt_deg, "cranial tilt", "caudal tilt", "no tilt")
        return f"{degrees_of(dial_deg)} from vertical, intensifier on the patient's {side}; {tilt}"
    if sides[0] == "left":
        return view_words(dial_deg, tilt_deg)
    tilt = signed_words(tilt_deg, "cranial tilt", "caudal tilt", "no tilt")
    turned = signed_words(
        dial_deg, "toward the patient's back", "toward the patient's front", "straight down"
    )
    return f"{turned}, {tilt}"


def _lying(plan: Plan, entry: Procedure | None) -> Lying:
    """How the patient lies; on the side, the one the needle comes from is up."""
    if entry is None:
        return Lying.PRONE
    return lying_of(entry.position, Side.LEFT if plan.trajectory.direction[0] <= 0 else Side.RIGHT)


def _sentence(words: str) -> str:
    words = words.strip().rstrip(".")
    return words[:1].upper() + words[1:]
