"""Where no needle keeps the margins: those to structures that are only modelled, made smaller, and said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from procguide.planning.catalogue import StructureRule
from procguide.planning.nouns import StructureOrigin

if TYPE_CHECKING:
    from procguide.planning.planner import Case

__all__ = ["eased"]

_SHARES = (0.5, 0.0)
"""Of what lies between the least margin and the margin: tried one after the other (assumed)."""


def eased(case: Case) -> Iterator[Case]:
    """The case with smaller margins to what is modelled, down to the catalogue's least; none if it has none.

    A modelled nerve root lies some millimetres beside where it is drawn, so that a needle which lacks a
    tenth of the margin is no worse known than one which keeps it. The remarks say which margin is short.
    """
    rules = {rule.name: rule for rule in case.rules if _can_ease(case, rule)}
    for share in _SHARES if rules else ():
        smaller = {name: _smaller(rule, share) for name, rule in rules.items()}
        words = tuple(_words(rules[name], smaller[name]) for name in rules)
        structures = tuple(smaller.get(rule.name, rule) for rule in case.procedure.structures)
        procedure = case.procedure.model_copy(update={"structures": structures})
        yield replace(
            case,
            request=replace(case.request, procedure=procedure),
            rules=tuple(smaller.get(rule.name, rule) for rule in case.rules),
            remarks=(*words, *case.remarks),
        )


def _can_ease(case: Case, rule: StructureRule) -> bool:
    modelled = case.scene.structures[rule.name].origin is StructureOrigin.MODELLED
    return modelled and rule.least_margin_mm is not None


def _smaller(rule: StructureRule, share: float) -> StructureRule:
    least = rule.least_margin_mm
    assert least is not None  # noqa: S101 (asked for by the caller)
    margin = float(np.interp(share, (0.0, 1.0), (least.value, rule.margin_mm.value)))
    return rule.model_copy(update={"margin_mm": least.model_copy(update={"value": margin})})


def _words(rule: StructureRule, smaller: StructureRule) -> str:
    return (
        f"NO NEEDLE KEEPS {rule.margin_mm.value:g} mm from the modelled {rule.name.replace('_', ' ')}: these "
        f"keep {smaller.margin_mm.value:g} mm or more. Look for it on MRI, or choose another way"
    )
