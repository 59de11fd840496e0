from dataclasses import replace

import numpy as np
import pytest

from procguide.anatomy import POSTERIOR_ELEMENTS, VERSE_LABELS, Anchor, Region, Side
from procguide.anatomy.locate import locate_spine
from procguide.geometry import Affine
from procguide.imaging import LabelMap
from procguide.phantom import build, sample_parameters

CONFIDENCE = {"L4": 0.9, "L5": 0.8}


@pytest.fixture(scope="module")
def phantom():
    return build(sample_parameters(9002), 1.5, box=((-75, -50, -50), (75, 100, 95)))


def coarse(regions: LabelMap) -> LabelMap:
    table = np.arange(256, dtype=np.uint8)
    table[list(POSTERIOR_ELEMENTS)] = Region.ARCH
    kept = (Region.BODY, Region.ARCH, Region.DISC, Region.CANAL, Region.SACRUM)
    table[~np.isin(table, kept)] = 0
    return regions.with_voxels(table[regions.voxels])


def locate(levels, regions):
    return locate_spine(levels, regions, anchor=Anchor.SACRUM, confidence=CONFIDENCE)


@pytest.fixture(scope="module")
def spine(phantom):
    return locate(phantom.levels, phantom.regions)


def apart(a, b) -> float:
    return float(np.linalg.norm(np.subtract(a, b)))


def test_anchor_and_confidence_are_handed_on(spine):
    assert spine.anchor is Anchor.SACRUM
    assert spine.vertebra("L5").confidence == 0.8
    assert spine.vertebra("L4").complete
    assert spine.levels == tuple(sorted(spine.levels, key=lambda level: VERSE_LABELS[level]))


@pytest.mark.parametrize("level", ["L4", "L5"])
def test_landmarks_are_near_the_truth(phantom, spine, level):
    mine, true = spine.vertebra(level), phantom.spine.vertebra(level)
    assert apart(mine.frame.origin, true.frame.origin) < 1.5
    assert np.trace(mine.frame.rotation.T @ true.frame.rotation) > 1 + 2 * np.cos(np.radians(3))
    assert apart(mine.superior_endplate.centre, true.superior_endplate.centre) < 1.5
    assert apart(mine.inferior_endplate.centre, true.inferior_endplate.centre) < 1.5
    for side in Side:
        assert apart(mine.pedicles[side].centre, true.pedicles[side].centre) < 3.5
        assert np.dot(mine.pedicles[side].axis, true.pedicles[side].axis) > np.cos(np.radians(15))
        assert apart(mine.facet_joints[side], true.facet_joints[side]) < 4
        assert apart(mine.foramina[side], true.foramina[side]) < 5
        assert apart(mine.transverse_process_tips[side], true.transverse_process_tips[side]) < 5
        assert apart(mine.laminae[side], true.laminae[side]) < 5
    assert apart(mine.spinous_process_tip, true.spinous_process_tip) < 5


def test_the_sacrum_is_near_the_truth(phantom, spine):
    mine, true = spine.sacrum, phantom.spine.sacrum
    assert apart(mine.endplate.centre, true.endplate.centre) < 2.5
    assert apart(mine.promontory, true.promontory) < 3
    assert np.dot(mine.endplate.normal, true.endplate.normal) > np.cos(np.radians(5))
    for side in Side:
        assert apart(mine.superior_articular_processes[side], true.superior_articular_processes[side]) < 4


def test_left_is_left(spine):
    for vertebra in spine.vertebrae:
        for points in (vertebra.laminae, vertebra.foramina, vertebra.facet_joints):
            for side, point in points.items():
                assert vertebra.frame.to_local(point)[0] * side.sign > 0


def test_the_canal_runs_down_its_true_line(phantom, spine):
    line = np.array(phantom.spine.canal)
    inner = spine.canal[2:-2]
    assert len(inner) > 10
    assert max(np.linalg.norm(line - point, axis=1).min() for point in inner) < 4
    assert spine.canal[0][2] > spine.canal[-1][2]


def test_coarse_labels_give_the_same_as_fine_ones(phantom, spine):
    assert locate(phantom.levels, coarse(phantom.regions)) == spine


def test_an_oblique_lattice_turns_the_landmarks_and_nothing_else(phantom, spine):
    angle = np.radians(12)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turn[:3, 3] = 30, -20, 10
    moved = Affine(turn) @ phantom.levels.affine
    turned = locate(replace(phantom.levels, affine=moved), replace(phantom.regions, affine=moved))
    for side in Side:
        before, after = (found.vertebra("L5").pedicles[side].centre for found in (spine, turned))
        assert apart(after, turn[:3, :3] @ before + turn[:3, 3]) < 1.0
