"""Loops of small bowel: tubes that wind through the places left in the abdomen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.organs import Cavity, Chain, chain

__all__ = ["mesentery_of", "small_bowel_of"]

PITCH_MM = 26.0


def small_bowel_of(parameters: PhantomParameters, cavity: Cavity) -> list[Chain]:
    """Paths over jittered lattice points from L1 to the pelvis: each point has two neighbours at most."""
    rng = np.random.default_rng([parameters.seed, 46])
    points = _places(parameters, cavity, rng)
    gas = parameters.body.bowel_gas
    found = []
    for path in _paths(points, rng):
        if len(path) < 2:
            continue
        line = _tortuous(points[path], rng)
        n = len(line)
        radii = rng.normal(11.8, 2.4, n).clip(6.5, 16.5) * parameters.size
        bubbles = np.where(rng.random(n) < 0.25 * gas, rng.uniform(0.1, 0.7, n), 0.0)
        found.append(chain(line, radii, bubbles, haustra=0.06, wall_mm=2.0, lumps=1.7))
    return found


def mesentery_of(parameters: PhantomParameters, root: NDArray[np.float64], bowel: list[Chain]) -> list[Chain]:
    """The mesenteric vein beside ``root``, the artery's points, and branches to the loops."""
    rng = np.random.default_rng([parameters.seed, 50])
    size = parameters.size
    line = root[:: max(1, len(root) // 8)]
    beside = line + np.array([-11.0, -2.0, 0.0]) * size
    found = [_vessel(beside, 5.0 * size, 3.0 * size)]
    for loop in bowel:
        for end in loop.points[rng.integers(0, len(loop.points), 1 + len(loop.points) // 40)]:
            start = root[int(rng.integers(len(root) // 5, len(root)))]
            middle = 0.5 * (start + end) + rng.normal(0.0, 6.0, 3)
            found.append(_vessel(np.array([start, middle, end]), 1.9 * size, 1.0))
    return found


def _vessel(points: NDArray[np.float64], thick: float, thin: float) -> Chain:
    n = len(points)
    return chain(points, np.linspace(thick, thin, n), np.zeros(n), Region.SOFT_TISSUE, step=1.0)


def _tortuous(nodes: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The nodes with a point between any two, aside of their line."""
    between = (nodes[1:] + nodes[:-1]) / 2 + rng.normal(0.0, 5.0, (len(nodes) - 1, 3))
    line = np.empty((2 * len(nodes) - 1, 3))
    line[::2], line[1::2] = nodes, between
    return line


def _places(parameters: PhantomParameters, cavity: Cavity, rng: np.random.Generator) -> NDArray[np.float64]:
    low, high = cavity.spine.height(-3.4), cavity.spine.height(4.9)
    x, y, z = np.meshgrid(
        np.arange(-130, 131, PITCH_MM), np.arange(-170, 41, PITCH_MM), np.arange(low, high, PITCH_MM),
        indexing="ij",
    )  # fmt: skip
    places = np.column_stack([x.ravel(), y.ravel(), z.ravel()])
    places += rng.normal(0.0, 5.5, places.shape)
    corner, edge = cavity.place(0.0, 0.0, places[:, 2]), cavity.place(1.0, 1.0, places[:, 2])
    across = (places[:, 0] - corner[:, 0]) / (edge[:, 0] - corner[:, 0])
    behind = (places[:, 1] - corner[:, 1]) / (edge[:, 1] - corner[:, 1])
    place = np.interp(places[:, 2], cavity.spine.z, cavity.spine.place)
    # On the left higher up than on the right, where liver, duodenum and colon are.
    ceiling = np.interp(across, [-0.6, -0.2, 0.2, 0.7], [2.0, 2.6, 4.2, 4.8])
    room = np.interp(place, [-3.4, -2.0, 0.0, 1.5, 5.0], [0.3, 0.42, 0.62, 0.72, 0.7])
    inside = (np.abs(across) < room) & (behind > -0.82) & (behind < 0.42) & (place < ceiling)
    fat = parameters.body.visceral_fat
    # Fat pushes loops forward and apart.
    deep = (behind + 0.8) / 1.2
    keep = rng.random(len(places)) > np.clip(0.03 + 0.45 * fat * (0.35 + deep), 0.0, 0.6)
    return np.asarray(places[inside & keep])


def _paths(points: NDArray[np.float64], rng: np.random.Generator) -> list[list[int]]:
    """Short edges taken in random order, while no point has more than two and none closes a ring."""
    count = len(points)
    parent = list(range(count))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    links: list[list[int]] = [[] for _ in range(count)]
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    first, second = np.nonzero(np.triu(gaps < 1.45 * PITCH_MM, 1))
    order = np.argsort(gaps[first, second] + rng.uniform(0, 14.0, len(first)))
    for n in order:
        a, b = int(first[n]), int(second[n])
        if len(links[a]) < 2 and len(links[b]) < 2 and root(a) != root(b):
            links[a].append(b)
            links[b].append(a)
            parent[root(a)] = root(b)
    return [_walk(n, links) for n in range(count) if len(links[n]) == 1 and _first(n, links)]


def _walk(start: int, links: list[list[int]]) -> list[int]:
    path, before = [start], -1
    while True:
        onward = [n for n in links[path[-1]] if n != before]
        if not onward:
            return path
        before = path[-1]
        path.append(onward[0])


def _first(start: int, links: list[list[int]]) -> bool:
    """Each path is walked from its lower end only."""
    return start < _walk(start, links)[-1]
