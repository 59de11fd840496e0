"""What zones read from contours of bone: a joint's mouth, the room beside an articular process."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from procguide.anatomy import Region, Side
from procguide.geometry import Affine, AnatomicalFrame
from procguide.imaging import LabelMap
from procguide.planning.site import LocalLabels
from procguide.planning.zones.facet_joint import JointSheet, _mouth, _two_bones
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


def test_the_hollow_beside_a_process_lies_where_the_contour_is_lowest(patch: SidePatch) -> None:
    solid = np.zeros((60, 40, 40), bool)
    for section in range(5, 55):
        reach = 35 - max(section - 10, 0) if section < 30 else 15 + (section - 30) // 3
        solid[section, :reach, :reach] = True
    assert Junction(patch, solid, 26, np.array([10.0, 0.0, 0.0])).hollow_mm == pytest.approx(2.0, abs=0.5)
    bare = np.zeros((60, 40, 40), bool)
    assert Junction(patch, bare, 26, np.array([10.0, 0.0, 0.0])).hollow_mm == 0.0


def test_a_coronal_joint_opens_at_its_outer_end() -> None:
    across = np.tile([0.1, 1.0, 0.0], (50, 1))
    part = np.ones(50, bool)
    for sign in (1.0, -1.0):
        outward = JointSheet(np.zeros((50, 3)), sign * across).backward(part)
        assert outward == pytest.approx([0.995, -0.0995, 0.0], abs=1e-3)


def test_a_process_goes_with_most_of_itself_and_specks_go() -> None:
    levels, regions = np.zeros((40, 40, 40), np.uint8), np.zeros((40, 40, 40), np.uint8)
    levels[2:38, 2:38, 10:18], regions[2:38, 2:38, 10:18] = 23, Region.INFERIOR_ARTICULAR_PROCESS
    levels[2:38, 2:38, 20:30], regions[2:38, 2:38, 20:30] = 24, Region.SUPERIOR_ARTICULAR_PROCESS
    levels[10:30, 10:30, 25:30] = 23
    levels[5:8, 5:8, 34:37], regions[5:8, 5:8, 34:37] = 23, Region.LAMINA
    lattice = Affine(np.diag([1.0, 1.0, 1.0, 1.0]))
    labels = LocalLabels(LabelMap(levels, lattice), LabelMap(regions, lattice), frozenset())
    index = np.stack(np.meshgrid(*[np.arange(40.0)] * 3, indexing="ij"), axis=-1)
    frame = AnatomicalFrame.from_axes((0, 0, 0), (0, 0, 1), (1, 0, 0))
    patch = SidePatch(frame, Side.LEFT, np.zeros(3), levels, regions, labels, index)
    above, below = _two_bones(patch, 23, 24)
    assert (above == (regions == Region.INFERIOR_ARTICULAR_PROCESS)).all()
    assert (below == (regions == Region.SUPERIOR_ARTICULAR_PROCESS)).all()
