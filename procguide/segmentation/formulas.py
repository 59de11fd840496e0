"""How many vertebrae a spine may have: the ways to count them, and how common each is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from procguide.anatomy import SACRUM

__all__ = ["FORMULAS", "USUAL", "Formula", "State", "states_of"]

_CERVICAL = 7


@dataclass(frozen=True)
class Formula:
    """Seven cervical and so many thoracic (rib-bearing) and lumbar vertebrae; ``prior`` is its share."""

    thoracic: int
    lumbar: int
    prior: float

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Presacral levels from cranial to caudal."""
        return (
            *(f"C{n}" for n in range(1, _CERVICAL + 1)),
            *(f"T{n}" for n in range(1, self.thoracic + 1)),
            *(f"L{n}" for n in range(1, self.lumbar + 1)),
        )


USUAL = Formula(12, 5, 0.865)
FORMULAS = (
    USUAL,
    Formula(12, 6, 0.035),
    Formula(13, 5, 0.015),
    Formula(12, 4, 0.030),
    Formula(11, 5, 0.030),
    Formula(11, 6, 0.015),
    Formula(13, 4, 0.010),
)
"""Formulas of the spine; shares chosen within what these series found, which differ by population.

Of 293 asymptomatic adults 4.1 % had 11 thoracic and 5 lumbar vertebrae, 1.7 % 11 and 6, 3.8 % 12 and 6 (Yan
et al., J Orthop Surg Res 2018;13:124). 25 presacral vertebrae in 4.0 % of 551 whole-spine CTs, with lumbar
ribs (a thirteenth pair) in 1.5 %, 23 in 12.3 %, the twelfth rib short in 12.6 % (Skeletal Radiol 2025, doi
10.1007/s00256-025-04952-z); 25 in 6.2 % of 226, with lumbar ribs in 11 of these 14 and in 2 of 206 with 24, a
fifth lumbar one that is part of the sacrum in 2.7 % (Nakajima et al., Insights Imaging 2014, PMC3948909). Of
1340 patients 8 % had eleven pairs of ribs and 0.4 % thirteen (Korean series, synapse.koreamed.org 1158507).
The usual formula has what is left.
"""


@dataclass(frozen=True)
class State:
    """What one vertebra that was found may be: a place in a formula, counted from C1 as 0."""

    formula: Formula
    position: int

    @cached_property
    def name(self) -> str:
        """Its level; the sacrum where it is the first sacral segment, taken for a vertebra."""
        names = self.formula.names
        return names[self.position] if self.position < len(names) else SACRUM

    @property
    def lowest(self) -> bool:
        """It rests on the sacrum."""
        return self.position == len(self.formula.names) - 1

    @property
    def sacral(self) -> bool:
        """It is no free vertebra."""
        return self.position == len(self.formula.names)

    @property
    def ribs(self) -> int:
        """Rib-bearing vertebrae from this one down, itself among them: 1 for the lowest that bears one.

        0 right under it, -1 further down, and above the first rib too.
        """
        if self.position < _CERVICAL:
            return -1
        return max(-1, _CERVICAL + self.formula.thoracic - self.position)


@lru_cache(maxsize=8)
def states_of(formulas: tuple[Formula, ...] = FORMULAS) -> tuple[State, ...]:
    """Every place in every formula, down to the first sacral segment."""
    return tuple(
        State(formula, position) for formula in formulas for position in range(len(formula.names) + 1)
    )
