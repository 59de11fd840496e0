from dataclasses import replace

import numpy as np
import pytest

from procguide.anatomy import POSTERIOR_ELEMENTS, VERSE_LABELS, Anchor, Region, Side
from procguide.anatomy.locate import locate_spine
from procguide.errors import UsageError
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
    kept = (Region.BODY, Region.ARCH, Region.DISC, Region.CANAL, Region.SACRUM, Region.ILIUM)
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
    # Not where the field cuts through it: there the last sections hold part of the canal.
    inner = spine.canal[5:-2]
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


def test_crumbs_and_holes_do_not_move_the_landmarks(phantom, spine):
    rng = np.random.default_rng(3)
    levels, regions = phantom.levels.voxels.copy(), phantom.regions.voxels.copy()
    holes = (rng.random(levels.shape) < 0.02) & (levels > 0)
    levels[holes], regions[holes] = 0, 0
    crumbs = (rng.random(levels.shape) < 0.0005) & (levels == 0)
    levels[crumbs], regions[crumbs] = VERSE_LABELS["L5"], Region.ARCH
    levels[2:5, 2:5, 2:5], regions[2:5, 2:5, 2:5] = VERSE_LABELS["L5"], Region.BODY
    noisy = locate(phantom.levels.with_voxels(levels), phantom.regions.with_voxels(regions))
    for side in Side:
        clean, found = (one.vertebra("L5").pedicles[side].centre for one in (spine, noisy))
        assert apart(clean, found) < 3
    assert apart(noisy.vertebra("L5").frame.origin, spine.vertebra("L5").frame.origin) < 1.5


def test_a_missing_transverse_process_is_absent_not_invented(phantom, spine):
    levels, regions = phantom.levels.voxels.copy(), phantom.regions.voxels.copy()
    pedicle = spine.vertebra("L4").pedicles[Side.LEFT].centre
    index = np.indices(levels.shape).reshape(3, -1).T
    place = phantom.levels.to_patient(index)
    lateral = (place[:, 0] > pedicle[0] + 6).reshape(levels.shape) & (levels == VERSE_LABELS["L4"])
    lateral &= regions != Region.BODY
    levels[lateral], regions[lateral] = 0, 0
    found = locate(phantom.levels.with_voxels(levels), phantom.regions.with_voxels(regions)).vertebra("L4")
    assert Side.LEFT not in found.transverse_process_tips
    assert Side.RIGHT in found.transverse_process_tips


def test_without_a_labelled_canal_the_ring_gives_its_centre(phantom, spine):
    voxels = np.where(phantom.regions.voxels == Region.CANAL, 0, phantom.regions.voxels)
    found = locate(phantom.levels, phantom.regions.with_voxels(voxels))
    there = [v for v in found.vertebrae if v.canal_centre is not None]
    assert there
    for vertebra in there:
        assert apart(vertebra.canal_centre, spine.vertebra(vertebra.level).canal_centre) < 5
    assert len(found.canal) == len(there)


def test_a_vertebra_that_the_image_cuts_is_incomplete(phantom, spine):
    origin = phantom.levels.to_index(spine.vertebra("L4").frame.origin)
    stop = (int(origin[0]) + 4, *phantom.levels.shape[1:])
    found = locate(phantom.levels.crop((0, 0, 0), stop), phantom.regions.crop((0, 0, 0), stop))
    assert all(not v.complete for v in found.vertebrae if v.level == "L4")
    assert "L3" not in found.levels
    assert found.sacrum is not None


def test_empty_labels_give_an_empty_spine():
    empty = LabelMap(np.zeros((8, 8, 8), np.uint8), Affine.axis_aligned(1.5, (0, 0, 0)))
    found = locate(empty, empty)
    assert (found.vertebrae, found.sacrum, found.canal) == ((), None, ())


def test_label_maps_on_different_lattices_are_refused(phantom):
    with pytest.raises(UsageError, match="different lattices"):
        locate(phantom.levels, phantom.regions.crop((1, 0, 0), phantom.regions.shape))
