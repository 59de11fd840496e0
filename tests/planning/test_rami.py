from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.phantom import Phantom, build, sample_parameters
from procguide.planning.nouns import Tube
from procguide.planning.structures.rami import along_rib, rib_border, through_psoas

SPREAD_MM = 4.0
"""Stated for where the nerve really runs; nowhere more than two and a half of it."""


@lru_cache(maxsize=1)
def subject() -> Phantom:
    """From T11 to L4; no seed that the model was drawn after."""
    return build(sample_parameters(41), 1.5, box=((-75, -40, 90), (75, 95, 330)))


def drawn(tube: Tube) -> NDArray[np.float64]:
    return np.concatenate([np.linspace(a, b, 20) for a, b in zip(tube.points, tube.points[1:], strict=False)])


def true_nerve(level: str, side: Side) -> NDArray[np.float64]:
    found = [c.points for c in subject().courses if c.region is Region.NERVE_ROOT and c.level == level]
    return np.vstack([points for points in found if side.sign * points[:, 0].mean() > 0])


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("level", ["T11", "T12"])
def test_a_thoracic_nerve_runs_near_the_drawn_one(level: str, side: Side) -> None:
    phantom = subject()
    ribs = phantom.regions.to_patient(np.argwhere(phantom.regions.mask(Region.RIB)))
    for seen in (ribs, ribs[:0]):
        points = drawn(along_rib(phantom.spine.vertebra(level), side, seen))
        off = np.linalg.norm(points[:, None] - true_nerve(level, side), axis=2).min(axis=1)
        assert np.sqrt(np.mean(off**2)) < 1.5 * SPREAD_MM
        assert off.max() < 2.5 * SPREAD_MM


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("level", ["L1", "L2"])
def test_a_lumbar_nerve_runs_near_the_drawn_one_in_the_psoas(level: str, side: Side) -> None:
    spine = subject().spine
    below = spine.vertebrae[spine.levels.index(level) + 1 :][:2]
    (tube,) = through_psoas(spine.vertebra(level), side, below)
    off = np.linalg.norm(drawn(tube)[:, None] - true_nerve(level, side), axis=2).min(axis=1)
    assert np.sqrt(np.mean(off**2)) < 1.5 * SPREAD_MM
    assert off.max() < 2.5 * SPREAD_MM


def test_a_ribs_border_is_read_above_the_next_rib() -> None:
    out = np.arange(14.0, 40.0)
    own = [np.column_stack([out, 0 * out, height - 0.3 * out]) for height in np.arange(6.0, 14.0)]
    next_rib = [np.column_stack([out, 0 * out, height - 0.3 * out]) for height in np.arange(-9.0, -3.0)]
    border = rib_border(np.vstack([*own, *next_rib]))
    assert border is not None
    assert np.polyval(border, 25.0) == pytest.approx(6.0 - 0.3 * 25, abs=1.0)
    assert rib_border(own[0][:3]) is None
