"""The skin as a map: where a needle can enter, how good the best one there is, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from procguide.planning.skin import Body

__all__ = ["SkinEntries", "SkinMap", "SkinState", "map_skin", "quality_colours"]

_ROUND_MM = 14.0
_FILL_ROUNDS = 3
_COLOUR_STOPS = (
    (0.27, 0.0, 0.33),
    (0.23, 0.32, 0.55),
    (0.13, 0.57, 0.55),
    (0.37, 0.79, 0.38),
    (0.99, 0.91, 0.14),
)
_STATE_COLOURS = ((222, 210, 200), (140, 140, 146))
Floats = NDArray[np.float64]


class SkinState(IntEnum):
    """What is known of a place on the skin."""

    NOT_TRIED = 0
    EXCLUDED = 1
    OPEN = 2


@dataclass(frozen=True, eq=False)
class SkinEntries:
    """Where the candidates of a search enter the skin: ``entries`` ``(n, 3)`` LPS mm.

    ``quality`` ``(n,)`` is each one's total score, NaN where it breaks a limit; ``blocker`` ``(n,)`` then
    says which, as a place in ``constraints`` (the first that it breaks).
    """

    body: Body
    entries: Floats
    quality: Floats
    blocker: NDArray[np.uint8]
    constraints: tuple[str, ...]

    @classmethod
    def of(
        cls, body: Body, entries: Floats, total: Floats, broken: Mapping[str, NDArray[np.bool_]]
    ) -> SkinEntries:
        """Those of a search that meet the skin; ``broken`` says by constraint which candidates break it."""
        names = tuple(broken)
        table = np.stack([broken[name] for name in names]) if names else np.zeros((1, len(entries)), bool)
        met = ~broken["skin in view"] if "skin in view" in broken else np.ones(len(entries), bool)
        table = table[:, met]
        quality = np.where(table.any(axis=0), np.nan, total[met])
        return cls(body, entries[met], quality, table.argmax(axis=0).astype(np.uint8), names)


@dataclass(frozen=True, eq=False)
class SkinMap:
    """A patch of skin as triangles: ``points`` ``(n, 3)`` LPS mm, ``faces`` ``(m, 3)``, outward.

    ``quality`` ``(n,)``: the best total score of a needle that enters there, NaN where none may;
    ``state`` ``(n,)`` are :class:`SkinState`; ``blocker`` ``(n,)`` is, where every needle is excluded, the
    place in ``constraints`` of what excluded most.
    """

    points: Floats
    faces: NDArray[np.int64]
    quality: Floats
    state: NDArray[np.uint8]
    blocker: NDArray[np.uint8]
    constraints: tuple[str, ...]

    @property
    def range(self) -> tuple[float, float]:
        """Least and best quality; 0, 1 where nothing is open."""
        is_open = self.state == SkinState.OPEN
        return (
            (float(np.nanmin(self.quality)), float(np.nanmax(self.quality))) if is_open.any() else (0.0, 1.0)
        )

    def colours(self) -> NDArray[np.uint8]:
        """RGB by point ``(n, 3)``: dark to bright from the poorest to the best; grey excluded."""
        table = np.array([*_STATE_COLOURS, (0, 0, 0)], np.uint8)
        colours = table[self.state]
        is_open = self.state == SkinState.OPEN
        colours[is_open] = np.round(255 * quality_colours(self.quality[is_open], self.range))
        return np.asarray(colours)


def quality_colours(quality: Floats, span: tuple[float, float]) -> Floats:
    """RGB 0 to 1 ``(n, 3)``: from violet to yellow, its lightness rising evenly."""
    share = np.clip((quality - span[0]) / max(span[1] - span[0], 1e-6), 0, 1)
    places = np.linspace(0, 1, len(_COLOUR_STOPS))
    return np.stack([np.interp(share, places, channel) for channel in np.transpose(_COLOUR_STOPS)], axis=-1)


def map_skin(found: SkinEntries) -> SkinMap:
    """The skin about all entries; each point takes what enters nearest to it.

    Points between entries (the search's steps are about 2 degrees) take their neighbours' values.
    """
    points, faces = _skin_mesh(found)
    if not len(points) or not len(found.entries):
        nothing = np.zeros(len(points), np.uint8)
        return SkinMap(points, faces, np.full(len(points), np.nan), nothing, nothing, found.constraints)
    from scipy.spatial import cKDTree

    nearest = cKDTree(points).query(found.entries)[1]
    quality = np.full(len(points), -np.inf)
    is_open = ~np.isnan(found.quality)
    np.maximum.at(quality, nearest[is_open], found.quality[is_open])
    votes = np.zeros((len(points), max(len(found.constraints), 1)), np.int64)
    np.add.at(votes, (nearest[~is_open], found.blocker[~is_open]), 1)
    state = np.full(len(points), SkinState.NOT_TRIED, np.uint8)
    state[votes.any(axis=1)] = SkinState.EXCLUDED
    state[np.isfinite(quality)] = SkinState.OPEN
    state, quality, blocker = _filled(faces, state, quality, votes.argmax(axis=1).astype(np.uint8))
    quality = np.where(state == SkinState.OPEN, quality, np.nan)
    return SkinMap(points, faces, quality, state, blocker, found.constraints)


def _skin_mesh(found: SkinEntries) -> tuple[Floats, NDArray[np.int64]]:
    """The body's surface about the entries as triangles that face outward."""
    from skimage.measure import marching_cubes

    field, grid = found.body.field, found.body.grid
    none = (np.zeros((0, 3)), np.zeros((0, 3), np.int64))
    if not len(found.entries):
        return none
    index = grid.affine.inverse.apply(found.entries)
    room = _ROUND_MM / grid.affine.spacing
    low = np.maximum(np.floor(index.min(axis=0) - room), 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0) + room) + 1, field.shape).astype(int)
    window = field[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    if min(window.shape) < 2 or not window.min() < 0 < window.max():
        return none
    corners, faces, _, _ = marching_cubes(window, 0.0, gradient_direction="ascent")
    points = grid.affine.apply(corners.astype(np.float64) + low)
    flip = np.linalg.det(grid.affine.matrix[:3, :3]) > 0
    return points, np.asarray(faces[:, ::-1] if flip else faces, np.int64)


def _filled(
    faces: NDArray[np.int64], state: NDArray[np.uint8], quality: Floats, blocker: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], Floats, NDArray[np.uint8]]:
    """Points that nothing entered take the best of what their neighbours on the mesh have."""
    edges = np.concatenate([faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2))])
    for _ in range(_FILL_ROUNDS):
        bare = state == SkinState.NOT_TRIED
        into = edges[bare[edges[:, 0]] & ~bare[edges[:, 1]]]
        if not len(into):
            break
        state, quality, blocker = state.copy(), quality.copy(), blocker.copy()
        best = np.full(len(state), -np.inf)
        np.maximum.at(best, into[:, 0], quality[into[:, 1]])
        state[into[:, 0]] = SkinState.EXCLUDED
        blocker[into[:, 0]] = blocker[into[:, 1]]
        opened = np.isfinite(best)
        state[opened], quality[opened] = SkinState.OPEN, best[opened]
    return state, quality, blocker
