"""How probable the signs of a column are for every place its vertebrae may have: the chain's numbers.

The tables were set by hand after looking at about thirty phantoms with true labels and nine that the first
shipped networks had segmented, and made wider, since patients are less regular: they are assumed, not fitted.
``benchmarks/levels.py`` measures what comes of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Side
from procguide.segmentation.formulas import State
from procguide.segmentation.rib_signs import Rib
from procguide.segmentation.signs import ColumnSigns, VertebraSigns
from procguide.segmentation.trellis import MOVES

__all__ = ["RIB_SIGHTS", "RibSight", "emissions", "moves", "start"]

Array = NDArray[np.float64]

_NO_RIB = MappingProxyType({Rib.NONE: 0.97, Rib.DOUBTFUL: 0.02, Rib.SEEN: 0.01})
_RIB_NOT_SEEN = MappingProxyType({Rib.NONE: 0.95, Rib.DOUBTFUL: 0.035, Rib.SEEN: 0.015})
_UNDER_LOWEST = MappingProxyType({Rib.NONE: 0.95, Rib.DOUBTFUL: 0.03, Rib.SEEN: 0.02})


@dataclass(frozen=True)
class RibSight:
    """How well ribs are seen in an image as a whole, and how often that is so.

    ``lowest``, ``first`` (short and flat, at the neck, where much is cut) and ``others`` give what is read on
    one side of a vertebra that bears a rib.
    """

    share: float
    lowest: Mapping[Rib, float]
    others: Mapping[Rib, float]
    first: Mapping[Rib, float]

    def odds(self, state: State) -> Mapping[Rib, float]:
        """For one side of a vertebra in that place."""
        if state.ribs == 1:
            return self.lowest
        if state.ribs > 1:
            return self.first if state.name == "T1" else self.others
        return _UNDER_LOWEST if state.ribs == 0 else _NO_RIB


RIB_SIGHTS = (
    RibSight(
        0.5,
        MappingProxyType({Rib.NONE: 0.05, Rib.DOUBTFUL: 0.10, Rib.SEEN: 0.85}),
        MappingProxyType({Rib.NONE: 0.04, Rib.DOUBTFUL: 0.26, Rib.SEEN: 0.70}),
        MappingProxyType({Rib.NONE: 0.30, Rib.DOUBTFUL: 0.25, Rib.SEEN: 0.45}),
    ),
    RibSight(
        0.25,
        MappingProxyType({Rib.NONE: 0.65, Rib.DOUBTFUL: 0.15, Rib.SEEN: 0.20}),
        MappingProxyType({Rib.NONE: 0.60, Rib.DOUBTFUL: 0.20, Rib.SEEN: 0.20}),
        MappingProxyType({Rib.NONE: 0.80, Rib.DOUBTFUL: 0.10, Rib.SEEN: 0.10}),
    ),
    RibSight(0.25, _RIB_NOT_SEEN, _RIB_NOT_SEEN, _RIB_NOT_SEEN),
)
"""Well, poorly, hardly: networks and contrasts differ, and one missed rib says that others are missed too.

Without this a network that is blind to ribs would seem to prove that there are none.
"""
_SIDES_ALIKE = 0.3
"""Share of subjects in whom what is odd on one side is odd on both (assumed)."""
_ON_SACRUM = 0.97
_SACRUM_BY_MISTAKE = 0.002
_SACRUM_UNSEEN = 0.3
"""That a sacrum under the lowest vertebra is out of view or was not found (assumed)."""
_SACRAL_TAKEN_FOR_FREE = 0.01
_AXIS_SEEN = 0.7
_AXIS_BY_MISTAKE = 0.002
_MOVE_PRIORS = MappingProxyType({0: 0.005, 1: 0.985, 2: 0.008, 3: 0.002})
"""Assumed. A step's length says more."""
_STEP_LOG = MappingProxyType({0: np.log(0.45), 1: 0.0, 2: np.log(2.0), 3: np.log(3.0)})
_STEP_SPREAD = 0.15
_STEP_SPREAD_CUT = 0.30
_STEP_ODD = 0.02
"""Share of steps that tell nothing: slips, fractures, kyphosis (assumed)."""
_STEP_FOR_WIDTH = 0.88
"""Distance between bodies' centres over their width, nearly the same from T8 to L5 in phantoms."""


def start(states: Sequence[State]) -> Array:
    """``(n_states,)``: any place is as probable as another; formulas as they are common."""
    return np.array(
        [np.log(state.formula.prior * (_SACRAL_TAKEN_FOR_FREE if state.sacral else 1.0)) for state in states]
    )


def emissions(states: Sequence[State], signs: ColumnSigns, sight: RibSight) -> Array:
    """``(n, n_states)``: log-probability of each vertebra's signs, were it in that place."""
    count = len(signs.vertebrae)
    table = np.array(
        [[_of_ribs(vertebra, sight.odds(state)) for state in states] for vertebra in signs.vertebrae]
    )
    lowest = np.array([state.lowest for state in states])
    sacral = np.array([state.sacral for state in states])
    seen, unseen = np.where(lowest | sacral, _ON_SACRUM, _SACRUM_BY_MISTAKE), np.ones(len(states))
    unseen[lowest | sacral] = _SACRUM_UNSEEN
    table[0] += np.log(seen if signs.on_sacrum else unseen)
    axis = np.array([state.name == "C2" for state in states])
    table[-1] += np.log(np.where(axis, _AXIS_SEEN, _AXIS_BY_MISTAKE)) if signs.axis else 0.0
    if count > 1:
        # Only the lowest that was found may be the first sacral segment or rest on the sacrum.
        table[1:, sacral] = -np.inf
    return table


def _of_ribs(vertebra: VertebraSigns, odds: Mapping[Rib, float]) -> float:
    """Log-probability of what is seen on both sides of a vertebra with these odds for one."""
    seen = [_judged(vertebra, side) for side in Side]
    left, right = (odds.get(rib, 1.0) for rib in seen)
    if Rib.HIDDEN in seen:
        return float(np.log(left * right))
    together = left if seen[0] is seen[1] else 0.0
    return float(np.log((1.0 - _SIDES_ALIKE) * left * right + _SIDES_ALIKE * together))


def _judged(vertebra: VertebraSigns, side: Side) -> Rib:
    """Only what is surely a rib tells anything where the field cuts a vertebra."""
    rib = vertebra.ribs[side]
    return rib if vertebra.whole or rib is Rib.SEEN else Rib.HIDDEN


def moves(vertebrae: Sequence[VertebraSigns]) -> Array:
    """``(n - 1, len(MOVES))``: log-probability of each move up, from the distance of the bodies."""
    centres = np.array([vertebra.centre_mm for vertebra in vertebrae]).reshape(-1, 3)
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    rows = []
    for n, (lower, upper) in enumerate(pairwise(vertebrae)):
        ratio = float(np.log(steps[n] / _usual_step(n, steps, vertebrae)))
        spread = _STEP_SPREAD if lower.whole and upper.whole else _STEP_SPREAD_CUT
        rows.append([_of_move(move, ratio, spread) for move in MOVES])
    return np.array(rows).reshape(-1, len(MOVES))


def _usual_step(n: int, steps: Array, vertebrae: Sequence[VertebraSigns]) -> float:
    """What the steps beside the n-th, and the bodies' widths, let expect."""
    beside = [steps[m] for m in (n - 2, n - 1, n + 1, n + 2) if 0 <= m < len(steps)]
    by_width = _STEP_FOR_WIDTH * (vertebrae[n].width_mm + vertebrae[n + 1].width_mm) / 2
    return float(np.median([*beside, by_width]))


def _of_move(move: int, ratio: float, spread: float) -> float:
    deviation = (ratio - _STEP_LOG[move]) / spread
    if move == 0:
        deviation = max(deviation, 0.0)  # halves of one vertebra may lie side by side
    density = float(np.exp(-0.5 * deviation**2)) / (spread * np.sqrt(2 * np.pi))
    # An odd step lies anywhere between a fifth of the usual one and its fivefold.
    density = (1 - _STEP_ODD) * density + _STEP_ODD / (2 * np.log(5.0))
    return float(np.log(_MOVE_PRIORS[move] * density))
