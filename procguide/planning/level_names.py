"""Whether the names of the vertebrae that a plan is about are sure enough to plan on."""

from __future__ import annotations

from procguide.anatomy import Anchor, Vertebra
from procguide.errors import InputUnfitError
from procguide.findings import Finding, Severity
from procguide.planning.site import Site

__all__ = ["check_names", "name_doubts"]

_LEAST = 0.7
_SURE = 0.9
"""Assumed. Where sacrum and ribs agree a lumbar name has 0.99, with the sacrum alone 0.86, and where another
count explains ribs and sacrum nearly as well 0.5 to 0.7."""


def check_names(site: Site) -> None:
    """An ``InputUnfitError`` where another name is nearly as probable: a plan would be a level off.

    The names of a foreign model, whose probabilities nobody knows, are left to :func:`name_doubts`.
    """
    if site.spine.anchor is Anchor.MODEL:
        return
    for bone in _named(site):
        if bone.confidence < _LEAST:
            raise InputUnfitError(
                f"the name {bone.level} is in doubt (probability {bone.confidence:.2f}): another count of "
                "the vertebrae explains sacrum and ribs nearly as well. Count the levels on a whole-spine "
                "image and name one: --lowest-level L5 for the lowest, or --level-at X,Y,Z=L3."
            )


def name_doubts(site: Site) -> tuple[Finding, ...]:
    """What a reader must know of these names before anything else of the plan."""
    return tuple(
        Finding(
            "level name",
            Severity.CAUTION,
            f"the name {bone.level} is not sure (probability {bone.confidence:.2f}): the needle may be a "
            "level off",
            "count the levels on a whole-spine image before you use this plan",
            score=bone.confidence,
            limit=_SURE,
        )
        for bone in _named(site)
        if bone.confidence < _SURE
    )


def _named(site: Site) -> list[Vertebra]:
    """The vertebrae by which the level is named; the sacrum needs no name."""
    if site.procedure.level.names == "sacrum":
        return []
    named = [site.upper] if site.procedure.level.names == "vertebra" else [site.upper, site.lower]
    return [bone for bone in named if isinstance(bone, Vertebra)]
