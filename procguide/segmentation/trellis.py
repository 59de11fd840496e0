"""The most probable labelling of a column, and how probable each name is: a hidden Markov chain.

One step of the chain is one vertebra that was found, from the lowest upward; its states are the places in
every formula of the spine. From one to the next the place moves up by one; it may skip (a vertebra was not
found) or stay (one was found twice). Viterbi's path is the labelling, forward and backward sums give the
probability of each name over all labellings (Rabiner, Proc IEEE 1989;77:257).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from procguide.segmentation.formulas import State

__all__ = ["MOVES", "Labelling", "mixed", "solve"]

MOVES = (0, 1, 2, 3)
"""Places by which the next vertebra up may lie higher: found twice, the next, one or two not found."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Labelling:
    """``path`` is the most probable one, from the lowest vertebra upward, ``moves`` the steps between.

    ``probability`` holds for each vertebra every name's, over all labellings. ``log_evidence`` is how
    probable the signs are under the model, natural logarithm.
    """

    path: tuple[State, ...]
    moves: tuple[int, ...]
    probability: tuple[Mapping[str, float], ...]
    log_evidence: float

    @property
    def names(self) -> tuple[str, ...]:
        """The path as levels."""
        return tuple(state.name for state in self.path)

    @property
    def certainty(self) -> tuple[float, ...]:
        """For each vertebra the probability of the name that the path gives it."""
        return tuple(
            probable.get(name, 0.0) for name, probable in zip(self.names, self.probability, strict=True)
        )


def solve(states: Sequence[State], start: Array, emission: Array, moves: Array) -> Labelling | None:
    """Label ``n`` vertebrae; None where no labelling is possible.

    Logarithms of probabilities: ``start`` (n_states,) of the lowest vertebra's state, ``emission``
    (n, n_states) of its signs, ``moves`` (n - 1, len(MOVES)) of each step up.
    """
    up = _links(tuple(states))
    forward, best, came_from = _forward(start, emission, moves, up)
    evidence = float(logsumexp(forward[-1]))
    if not np.isfinite(evidence):
        return None
    posterior = np.exp(forward + _backward(emission, moves, up) - evidence)
    places = [int(best[-1].argmax())]
    for origin in came_from[::-1]:
        places.append(int(origin[places[-1]]))
    path = tuple(states[place] for place in reversed(places))
    return Labelling(
        path,
        tuple(lower.position - upper.position for lower, upper in pairwise(path)),
        tuple(_by_name(states, row) for row in posterior),
        evidence,
    )


def mixed(labellings: Sequence[Labelling], shares: Sequence[float]) -> Labelling:
    """One labelling under several models of which each holds with its share.

    Names are as probable as on the average over the models, each weighed by how well it explains the
    signs; the path is that of the models' paths whose names are most probable then.
    """
    weights = np.array([one.log_evidence for one in labellings]) + np.log(shares)
    total = float(logsumexp(weights))
    probability = []
    for place in range(len(labellings[0].path)):
        sums: dict[str, float] = {}
        for one, weight in zip(labellings, np.exp(weights - total), strict=True):
            for name, value in one.probability[place].items():
                sums[name] = sums.get(name, 0.0) + float(weight) * value
        probability.append(dict(sorted(sums.items(), key=lambda item: -item[1])))
    candidates = [Labelling(one.path, one.moves, tuple(probability), total) for one in labellings]
    return max(candidates, key=lambda one: float(np.sum(np.log(np.maximum(one.certainty, 1e-9)))))


@lru_cache(maxsize=8)
def _links(states: tuple[State, ...]) -> NDArray[np.int64]:
    """``(n_states, len(MOVES))``: where each state is come to from, by each move; -1 from nowhere."""
    place = {state: n for n, state in enumerate(states)}
    return np.array(
        [[place.get(State(state.formula, state.position + move), -1) for move in MOVES] for state in states]
    )


def _forward(
    start: Array, emission: Array, moves: Array, up: NDArray[np.int64]
) -> tuple[Array, Array, list[NDArray[np.int64]]]:
    """Sums over all ways to a state, the best way's value, and where that came from."""
    forward, best = [start + emission[0]], [start + emission[0]]
    came_from = []
    for signs, move in zip(emission[1:], moves, strict=True):
        arrive = _pick(forward[-1], up) + move
        forward.append(np.asarray(logsumexp(arrive, axis=1)) + signs)
        arrive = _pick(best[-1], up) + move
        choice = arrive.argmax(axis=1)
        came_from.append(up[np.arange(len(up)), choice])
        best.append(arrive.max(axis=1) + signs)
    return np.stack(forward), np.stack(best), came_from


def _backward(emission: Array, moves: Array, up: NDArray[np.int64]) -> Array:
    """Sums over all ways on from a state."""
    rows = [np.zeros(emission.shape[1])]
    for signs, move in zip(emission[:0:-1], moves[::-1], strict=True):
        onward = (rows[-1] + signs)[:, None] + move
        total = np.full(emission.shape[1], -np.inf)
        for column in range(len(MOVES)):
            real = up[:, column] >= 0
            np.logaddexp.at(total, up[real, column], onward[real, column])
        rows.append(total)
    return np.stack(rows[::-1])


def _pick(values: Array, links: NDArray[np.int64]) -> Array:
    return np.where(links >= 0, values[np.maximum(links, 0)], -np.inf)


def _by_name(states: Sequence[State], probability: Array) -> dict[str, float]:
    """Summed over formulas, most probable first; names below a millionth are left out."""
    total: dict[str, float] = {}
    for state, value in zip(states, probability, strict=True):
        total[state.name] = total.get(state.name, 0.0) + float(value)
    order = sorted(total, key=lambda name: -total[name])
    return {name: total[name] for name in order if total[name] > 1e-6}
