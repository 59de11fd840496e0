"""Findings at several levels of one subject, from how many subjects have any: a threshold model.

Every level has a hidden normal liability; part of it the subject's levels share. A finding is there where the
liability is above 0. The shift that gives the wanted share of subjects is found by quadrature.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import erf, sqrt

import numpy as np

__all__ = ["shift_for"]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(18)
_STEPS = 22


@lru_cache(maxsize=4096)
def shift_for(share: float, offsets: tuple[float, ...], common: float) -> float:
    """What to add to every level's liability so that ``share`` of subjects have a finding somewhere.

    ``offsets`` are the levels' own; ``common`` is the weight of the subject's part, so that
    ``liability = common * subject + sqrt(1 - common**2) * level + offset + shift``, both normal.
    """
    low, high = -8.0, 8.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _any_share(middle, offsets, common) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _any_share(shift: float, offsets: Sequence[float], common: float) -> float:
    own = sqrt(1 - common**2)
    none = [
        np.prod([_below(-(common * node + offset + shift) / own) for offset in offsets]) for node in _NODES
    ]
    return float(1 - np.dot(_WEIGHTS, none) / _WEIGHTS.sum())


def _below(z: float) -> float:
    """The normal distribution's share below ``z``."""
    return 0.5 * (1 + erf(z / sqrt(2)))
