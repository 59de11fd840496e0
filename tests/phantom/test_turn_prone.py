"""Prone and supine: one subject, a known deformation between."""

import numpy as np
import pytest

from procguide.anatomy import SACRUM, VERSE_LABELS, Region, Side
from procguide.errors import UsageError
from procguide.phantom import Phantom, build, sample_parameters
from procguide.phantom.deformation import Deformation
from procguide.phantom.posture import prone_bends, turn_prone

Pair = tuple[Phantom, Phantom, Deformation]


@pytest.fixture(scope="module")
def pair() -> Pair:
    """A whole subject at 3 mm, both ways."""
    supine = build(sample_parameters(5), 3.0)
    return supine, *turn_prone(supine, seed=2)


def test_bones_move_rigidly(pair: Pair) -> None:
    supine, _, deformation = pair
    for level in (*supine.parameters.levels, SACRUM):
        motion = deformation.motions[level]
        points = supine.levels.to_patient(np.argwhere(supine.levels.voxels == VERSE_LABELS[level]))
        rigid = points @ motion[:3, :3].T + motion[:3, 3]
        error = np.linalg.norm(deformation.to_supine(rigid) - points, axis=1)
        assert error.mean() < 0.05, level
        assert np.quantile(error, 0.99) < 0.5, level


def test_the_field_can_be_inverted(pair: Pair) -> None:
    supine, _, deformation = pair
    corners = supine.tissues.grid.corners
    points = np.random.default_rng(0).uniform(corners.min(axis=0) + 20, corners.max(axis=0) - 20, (500, 3))
    np.testing.assert_allclose(deformation.to_supine(deformation.to_prone(points)), points, atol=0.01)


def test_the_prone_labels_are_the_supine_ones_moved(pair: Pair) -> None:
    supine, prone, deformation = pair
    for level in ("T10", "L2", "L5"):
        label = VERSE_LABELS[level]
        moved = deformation.to_prone(supine.levels.centroid(label))
        # Labels are those of the nearest voxel: half a voxel of 3 mm, and the change of a thin shape.
        np.testing.assert_allclose(prone.levels.centroid(label), moved, atol=1.7)
        volumes = [int((p.levels.voxels == label).sum()) for p in (supine, prone)]
        assert volumes[1] == pytest.approx(volumes[0], rel=0.06)


def test_landmarks_lie_in_the_prone_bones(pair: Pair) -> None:
    _, prone, _ = pair
    for vertebra in prone.spine.vertebrae:
        label = VERSE_LABELS[vertebra.level]
        k, j, i = np.rint(prone.levels.to_index(vertebra.pedicles[Side.LEFT].centre)).astype(int)
        assert (prone.levels.voxels[k - 1 : k + 2, j - 1 : j + 2, i - 1 : i + 2] == label).any()
        k, j, i = np.rint(prone.levels.to_index(vertebra.frame.origin)).astype(int)
        assert prone.tissues.voxels[k, j, i] == Region.BODY


def test_lordosis_changes_by_what_was_drawn(pair: Pair) -> None:
    supine, prone, _ = pair
    bends = prone_bends(supine.parameters, seed=2)
    expected = -sum(bends[level][0] for level in ("L1", "L2", "L3", "L4", "L5"))

    def lean(phantom: Phantom, level: str) -> float:
        up = phantom.spine.vertebra(level).frame.superior
        return float(np.degrees(np.arctan2(up[1], up[2])))

    def sacral(phantom: Phantom) -> float:
        sacrum = phantom.spine.sacrum
        assert sacrum is not None
        return float(np.degrees(np.arctan2(sacrum.frame.superior[1], sacrum.frame.superior[2])))

    change = (lean(prone, "L1") - sacral(prone)) - (lean(supine, "L1") - sacral(supine))
    assert change == pytest.approx(expected, abs=0.3)


def test_population_bends_as_published() -> None:
    parameters = sample_parameters(5)
    lumbar = [
        -sum(prone_bends(parameters, seed)[level][0] for level in ("L1", "L2", "L3", "L4", "L5"))
        for seed in range(300)
    ]
    assert np.mean(lumbar) == pytest.approx(2.8 * 0.85, abs=1.0)
    assert 4.0 < np.std(lumbar) < 7.0


def test_l3_stays_and_the_belly_gets_flatter(pair: Pair) -> None:
    supine, prone, deformation = pair
    np.testing.assert_allclose(deformation.motions["L3"], np.eye(4), atol=1e-9)

    def belly(phantom: Phantom) -> float:
        """How far the front's middle stands before its sides at L3, mm."""
        k = int(phantom.tissues.to_index(phantom.spine.vertebra("L3").frame.origin)[0])
        body = phantom.tissues.voxels[k] > 0
        columns = np.flatnonzero(body.any(axis=0))
        front = body[:, columns].argmax(axis=0) * float(phantom.tissues.spacing[1])
        middle = len(columns) // 2
        return float(front[[middle // 2, -middle // 2]].mean() - front[middle])

    assert belly(prone) < belly(supine) - 3.0


def test_prone_cannot_be_turned_again(pair: Pair) -> None:
    with pytest.raises(UsageError, match="supine"):
        turn_prone(pair[1])
