"""Plans that would probably break a grave margin when placed: offered last, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from procguide.planning.catalogue import StructureRule
from procguide.planning.names import StructureName
from procguide.planning.nouns import ALMOST_SURE, PROBABLE, Plan
from procguide.planning.trade_offs import with_trade_offs

__all__ = ["GRAVE", "grave_last"]

GRAVE = (
    StructureName.DURA,
    StructureName.SPINAL_CORD,
    StructureName.AORTA,
    StructureName.VERTEBRAL_ARTERY,
    StructureName.CAROTID_ARTERY,
    StructureName.LUNG,
    StructureName.KIDNEY,
)
"""What harms gravely when a needle meets it; assumed."""


def grave_last(plans: Sequence[Plan], rules: Sequence[StructureRule]) -> tuple[tuple[Plan, ...], str]:
    """The plans ranked anew, and why all of them were refused, or nothing.

    By the model of :mod:`procguide.planning.uncertainty`, for the grave structure that is the likeliest to
    have its margin broken: a plan of a chance of 0.9 and more is no plan, those of 0.5 and more come after
    all others, and say so.
    """
    kept = [plan for plan in plans if _worst(plan)[1] < ALMOST_SURE]
    if plans and not kept:
        name, chance = min((_worst(plan) for plan in plans), key=lambda worst: worst[1])
        return (), (
            "every needle that keeps its limits as planned would almost surely break the margin of the "
            f"{name} when placed with the usual error (chance {chance:.2f} and more)"
        )
    first = [plan for plan in kept if _worst(plan)[1] < PROBABLE]
    last = [_said(plan) for plan in kept if _worst(plan)[1] >= PROBABLE]
    order = [*first, *last]
    if len(order) == len(plans) and not (first and last):
        return tuple(order), ""
    ranked = tuple(replace(plan, rank=n) for n, plan in enumerate(order, start=1))
    return with_trade_offs(ranked, rules), ""


def _worst(plan: Plan) -> tuple[str, float]:
    """The grave structure whose margin is the likeliest to be broken, in words, and how likely."""
    chances = plan.robustness.by_structure
    found = {str(name): chances[name] for name in GRAVE if name in chances}
    name = max(found, key=lambda one: found[one], default="")
    return name.replace("_", " "), found.get(name, 0.0)


def _said(plan: Plan) -> Plan:
    name, chance = _worst(plan)
    words = f"it would probably break the margin of the {name} when placed (chance {chance:.2f})"
    return replace(plan, warnings=(*plan.warnings, words))
