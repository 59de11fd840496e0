"""Landmarks lie where the voxels say the part is."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from procguide.anatomy import BONE, VERSE_LABELS, Anchor, Region, Side
from procguide.geometry import Vector
from procguide.phantom import Phantom
from procguide.phantom.population.morphometry import PHANTOM_LEVELS

Distance = Callable[[Vector, str, Region], float]


@pytest.fixture(scope="module")
def distance(phantom: Phantom) -> Distance:
    """Distance of a point to the nearest voxel of a part of a level, mm; 0 within a voxel's half diagonal."""
    codes = phantom.levels.voxels.astype(np.int32) * 32 + phantom.regions.voxels
    half_diagonal = float(np.linalg.norm(phantom.levels.spacing)) / 2

    def measure(point: Vector, level: str, region: Region) -> float:
        voxels = phantom.levels.to_patient(np.argwhere(codes == VERSE_LABELS[level] * 32 + region))
        nearest = float(np.linalg.norm(voxels - np.asarray(point), axis=1).min())
        return max(0.0, nearest - half_diagonal)

    return measure


def _label(phantom: Phantom, point: Vector) -> int:
    k, j, i = np.rint(phantom.regions.to_index(point)).astype(int)
    return int(phantom.regions.voxels[k, j, i])


def test_levels_anchor_and_canal(phantom: Phantom) -> None:
    spine = phantom.spine
    assert spine.levels == PHANTOM_LEVELS
    assert spine.anchor is Anchor.SACRUM
    assert spine.sacrum is not None
    heights = np.array(spine.canal)[:, 2]
    assert (np.diff(heights) < 0).all()


@pytest.mark.parametrize("level", PHANTOM_LEVELS)
def test_landmarks_lie_in_their_part(phantom: Phantom, distance: Distance, level: str) -> None:
    vertebra = phantom.spine.vertebra(level)
    assert distance(vertebra.frame.origin, level, Region.BODY) == 0
    for side in Side:
        assert distance(vertebra.pedicles[side].centre, level, Region.PEDICLE) <= 1.5
        assert distance(vertebra.laminae[side], level, Region.LAMINA) <= 1.6
        inferior = vertebra.inferior_articular_processes[side]
        assert distance(inferior, level, Region.INFERIOR_ARTICULAR_PROCESS) <= 1.6
        tip = vertebra.transverse_process_tips[side]
        if phantom.levels.grid.contains(np.asarray(tip)[None])[0]:
            assert distance(tip, level, Region.TRANSVERSE_PROCESS) <= 2.5
        if level != PHANTOM_LEVELS[0]:
            superior = vertebra.superior_articular_processes[side]
            assert distance(superior, level, Region.SUPERIOR_ARTICULAR_PROCESS) <= 1.6
    assert vertebra.spinous_process_tip is not None
    assert distance(vertebra.spinous_process_tip, level, Region.SPINOUS_PROCESS) <= 2.5
    assert vertebra.canal_centre is not None
    assert _label(phantom, vertebra.canal_centre) == Region.CANAL


@pytest.mark.parametrize("level", PHANTOM_LEVELS[1:])
def test_openings_are_open(phantom: Phantom, level: str) -> None:
    vertebra = phantom.spine.vertebra(level)
    bone = {int(r) for r in BONE}
    for side in Side:
        assert _label(phantom, vertebra.foramina[side]) not in bone
        assert side.sign * vertebra.frame.to_local(vertebra.foramina[side])[0] > 8


@pytest.mark.parametrize("level", PHANTOM_LEVELS[2:])
def test_pedicle_axis_and_size_match_the_voxels(phantom: Phantom, level: str) -> None:
    """Area of the bone cut across the axis at the isthmus against the ellipse of the stated size."""
    vertebra = phantom.spine.vertebra(level)
    for side, pedicle in vertebra.pedicles.items():
        assert np.dot(pedicle.axis, vertebra.frame.posterior) < -0.8
        assert side.sign * np.dot(pedicle.axis, vertebra.frame.left) < 0.15  # T12's may diverge a little
        up = np.asarray(vertebra.frame.superior)
        across = np.cross(pedicle.axis, up)
        steps = np.arange(-14, 14.1, 0.5)
        a, b = np.meshgrid(steps, steps, indexing="ij")
        plane = np.asarray(pedicle.centre) + a[..., None] * across + b[..., None] * up
        index = np.rint(phantom.levels.to_index(plane)).astype(int)
        place = tuple(index[..., n] for n in range(3))
        # The pars may lie beside a slanting pedicle in the same plane; it is not part of the width.
        hit = phantom.levels.voxels[place] == VERSE_LABELS[level]
        hit &= phantom.regions.voxels[place] != Region.LAMINA
        blobs, _ = ndimage.label(hit)
        middle = blobs == blobs[len(steps) // 2, len(steps) // 2]
        width = middle[:, len(steps) // 2].sum() * 0.5
        height = middle[len(steps) // 2, :].sum() * 0.5
        assert width == pytest.approx(pedicle.width_mm, abs=2.6)
        # The articular and transverse processes may add to the height just behind the isthmus.
        assert -2.0 < height - pedicle.height_mm < 4.0


def test_sacral_landmarks(phantom: Phantom) -> None:
    sacrum = phantom.spine.sacrum
    assert sacrum is not None
    mask = phantom.levels.voxels == VERSE_LABELS["sacrum"]
    spacing = phantom.levels.spacing
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    surface = np.maximum(outside, inside)
    for point in (sacrum.promontory, sacrum.endplate.centre, *sacrum.alae.values()):
        k, j, i = np.rint(phantom.levels.to_index(point)).astype(int)
        assert surface[k, j, i] <= 3.0, point
    for side in Side:
        notch = sacrum.frame.to_local(sacrum.alae[side])
        process = sacrum.frame.to_local(sacrum.superior_articular_processes[side])
        assert side.sign * notch[0] > side.sign * process[0]
        assert notch[2] < process[2]
