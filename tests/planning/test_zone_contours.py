"""What zones read from contours of bone: a joint's mouth, the room beside an articular process."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from procguide.anatomy import Side
from procguide.geometry import AnatomicalFrame
from procguide.planning.site import LocalLabels
from procguide.planning.zones.facet_joint import _mouth
from procguide.planning.zones.junction import Junction
from procguide.planning.zones.patch import SidePatch

BACKWARD = np.array([0.0, 1.0, 0.0])


@pytest.fixture
def patch() -> SidePatch:
    """20 mm of nothing about the origin."""
    frame = AnatomicalFrame.from_axes((0, 0, 0), (0, 0, 1), (1, 0, 0))
    empty = np.zeros((40, 40, 4), dtype=np.int16)
    nowhere = cast("LocalLabels", None)
    return SidePatch(frame, Side.LEFT, np.array([-10.0, -10.0, 0.0]), empty, empty, nowhere, empty)


def walls(left_mm: float, right_mm: float) -> np.ndarray:
    """Two processes with a joint of 2 mm between them; each reaches so far behind the middle."""
    solid = np.zeros((40, 40, 4), bool)
    solid[10:18, : round((left_mm + 10) / 0.5)] = True
    solid[22:30, : round((right_mm + 10) / 0.5)] = True
    return solid


def test_the_mouth_is_where_a_line_touches_both_rims(patch: SidePatch) -> None:
    edge = np.zeros(3)
    assert _mouth(patch, walls(2.0, 2.0), edge, BACKWARD) == pytest.approx(1.5, abs=0.3)
    assert _mouth(patch, walls(1.0, 3.0), edge, BACKWARD) == pytest.approx(0.5 + 2.0 * 5 / 6, abs=0.1)


def test_a_rim_that_grew_moves_the_mouth_out(patch: SidePatch) -> None:
    before, after = (_mouth(patch, walls(one, one), np.zeros(3), BACKWARD) for one in (1.0, 2.5))
    assert after - before == pytest.approx(1.5, abs=0.1)


def test_with_one_bone_the_mouth_is_the_edge(patch: SidePatch) -> None:
    solid = walls(2.0, 2.0)
    solid[22:] = False
    assert _mouth(patch, solid, np.zeros(3), BACKWARD) == 0.5


def test_room_beside_a_process(patch: SidePatch) -> None:
    junction = Junction(patch, walls(2.0, -9.0), 18, np.zeros(3))
    assert junction.beside_process(np.array([1.0, 0.0, 0.5])) == pytest.approx(2.25, abs=0.3)
    assert junction.beside_process(np.array([1.0, 5.0, 0.5])) == np.inf
