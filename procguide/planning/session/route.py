"""The order that moves the C-arm least: exact for few stops, a good one for many."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from procguide.planning.session.nouns import Pose, Travel

__all__ = ["EXACT_UP_TO", "best_route", "travel_between", "travel_through"]

EXACT_UP_TO = 9
"""Stops that are ordered exactly."""
_MM_A_DEGREE = 10.0
"""A shift that counts as much as turning by a degree. Assumed."""
Floats = NDArray[np.float64]
Route = list[tuple[int, int]]


def travel_between(start: Pose | None, end: Pose) -> Travel:
    """From one pose to another; without a start, from the vertical over the same place."""
    if start is None:
        return Travel(abs(end.dial_deg) + abs(end.tilt_deg), 0.0)
    turning = abs(end.dial_deg - start.dial_deg) + abs(end.tilt_deg - start.tilt_deg)
    return Travel(turning, float(np.linalg.norm(np.subtract(end.centre, start.centre))))


def travel_through(poses: Sequence[Pose], start: Pose | None = None) -> Travel:
    """The whole way."""
    total = Travel()
    for pose in poses:
        total += travel_between(start, pose)
        start = pose
    return total


def best_route(choices: Sequence[Sequence[Pose]], start: Pose | None = None) -> Route:
    """``(stop, choice)`` in the order of the shortest way through one pose of every stop.

    Up to nine stops by dynamic programming over all subsets (Held & Karp 1962); more by the nearest next
    stop, improved by reversing parts (2-opt) until that helps no more. The way need not return.
    """
    if not choices:
        return []
    nodes = [(stop, n) for stop, poses in enumerate(choices) for n in range(len(poses))]
    poses = [choices[stop][n] for stop, n in nodes]
    first = np.array([_effort(travel_between(start, pose)) for pose in poses])
    between = np.array([[_effort(travel_between(a, b)) for b in poses] for a in poses])
    stops = np.array([stop for stop, _ in nodes])
    found = (_exact if len(choices) <= EXACT_UP_TO else _improved)(stops, first, between)
    return [nodes[node] for node in found]


def _effort(travel: Travel) -> float:
    return travel.turning_deg + travel.shift_mm / _MM_A_DEGREE


def _exact(stops: NDArray[np.intp], first: Floats, between: Floats) -> list[int]:
    """Nodes of the shortest way that meets every stop once."""
    count, size = int(stops.max()) + 1, len(stops)
    bits = 1 << stops
    cost = np.full((1 << count, size), np.inf)
    came = np.full((1 << count, size), -1)
    cost[bits, np.arange(size)] = first
    for visited in range(1, 1 << count):
        here = np.flatnonzero(np.isfinite(cost[visited]))
        onward = np.flatnonzero((visited & bits) == 0)
        if not len(here) or not len(onward):
            continue
        reached = cost[visited, here][:, None] + between[np.ix_(here, onward)]
        best = np.argmin(reached, axis=0)
        value = reached[best, np.arange(len(onward))]
        target = visited | bits[onward]
        better = value < cost[target, onward]
        cost[target[better], onward[better]] = value[better]
        came[target[better], onward[better]] = here[best[better]]
    visited, route = (1 << count) - 1, [int(np.argmin(cost[-1]))]
    while came[visited, route[-1]] >= 0:
        before = int(came[visited, route[-1]])
        visited &= ~int(bits[route[-1]])
        route.append(before)
    return route[::-1]


def _improved(stops: NDArray[np.intp], first: Floats, between: Floats) -> list[int]:
    """A short way from the nearest next stop on, by 2-opt; the choices at each stop are taken anew."""
    order = _nearest_next(stops, first, between)
    length, route = _choose_nodes(order, stops, first, between)
    improved = True
    while improved:
        improved = False
        for i in range(len(order) - 1):
            for j in range(i + 2, len(order) + 1):
                other = order[:i] + order[i:j][::-1] + order[j:]
                shorter, candidate = _choose_nodes(other, stops, first, between)
                if shorter < length - 1e-9:
                    order, length, route, improved = other, shorter, candidate, True
    return route


def _nearest_next(stops: NDArray[np.intp], first: Floats, between: Floats) -> list[int]:
    at = int(np.argmin(first))
    order = [int(stops[at])]
    while len(order) <= int(stops.max()):
        way = np.where(np.isin(stops, order), np.inf, between[at])
        at = int(np.argmin(way))
        order.append(int(stops[at]))
    return order


def _choose_nodes(
    order: Sequence[int], stops: NDArray[np.intp], first: Floats, between: Floats
) -> tuple[float, list[int]]:
    """The shortest way through the stops in a given order, and its length."""
    layers = [np.flatnonzero(stops == stop) for stop in order]
    cost, came = first[layers[0]], []
    for before, layer in pairwise(layers):
        reached = cost[:, None] + between[np.ix_(before, layer)]
        came.append(np.argmin(reached, axis=0))
        cost = reached.min(axis=0)
    at = int(np.argmin(cost))
    length, chosen = float(cost[at]), [at]
    for back in reversed(came):
        chosen.append(int(back[chosen[-1]]))
    return length, [int(layer[n]) for layer, n in zip(layers, chosen[::-1], strict=True)]
