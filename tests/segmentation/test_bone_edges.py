"""Labels of bone against the edges that a CT shows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from procguide.anatomy import Region
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.segmentation.bone_edges import EdgeShift, edges_on_ct

SPACING_MM = 1.2
SHAPE = (40, 40, 40)
AFFINE = Affine.axis_aligned(SPACING_MM, (0.0, 0.0, 0.0))
L4, L5, SACRUM = 23, 24, 26

Box = tuple[slice, slice, slice]


def box(low: tuple[int, int, int], high: tuple[int, int, int]) -> Box:
    k, j, i = (slice(a, b) for a, b in zip(low, high, strict=True))
    return k, j, i


def grown(part: Box, by: int) -> Box:
    k, j, i = (slice(one.start - by, one.stop + by) for one in part)
    return k, j, i


class Scene:
    """Bones in muscle, blurred as a CT blurs them, and labels of them."""

    def __init__(self) -> None:
        self.density = np.full(SHAPE, 50.0, dtype=np.float32)
        self.levels = np.zeros(SHAPE, dtype=np.uint8)
        self.regions = np.zeros(SHAPE, dtype=np.uint8)

    def bone(self, part: Box, hounsfield: float) -> Scene:
        self.density[part] = hounsfield
        return self

    def label(self, part: Box, level: int, region: Region) -> Scene:
        self.levels[part], self.regions[part] = level, region
        return self

    def shift(self) -> tuple[EdgeShift, LabelMap, LabelMap]:
        levels = LabelMap(self.levels, AFFINE, Modality.OTHER)
        regions = LabelMap(self.regions, AFFINE, Modality.OTHER)
        blurred = ndimage.gaussian_filter(self.density, 0.5).astype(np.int16)
        found = edges_on_ct(levels, regions, Volume(blurred, AFFINE, Modality.CT))
        assert found is not None
        return found, found.on(levels), found.on(regions)


PROCESS = box((14, 14, 14), (26, 26, 26))


@pytest.mark.parametrize("hounsfield", [220.0, 500.0, 900.0])
def test_a_label_a_voxel_too_thick_ends_where_the_bone_does(hounsfield: float) -> None:
    scene = Scene().bone(PROCESS, hounsfield).label(grown(PROCESS, 1), L4, Region.LAMINA)
    _, levels, regions = scene.shift()
    true = np.zeros(SHAPE, dtype=bool)
    true[PROCESS] = True
    assert np.array_equal(levels.voxels > 0, true)
    assert np.array_equal(regions.voxels == Region.LAMINA, true)


def test_a_label_a_voxel_too_thin_grows_by_it() -> None:
    scene = Scene().bone(PROCESS, 600.0).label(grown(PROCESS, -1), L4, Region.LAMINA)
    found, levels, _ = scene.shift()
    true = np.zeros(SHAPE, dtype=bool)
    true[PROCESS] = True
    assert not found.taken.any()
    missed = true & (levels.voxels != L4)
    assert not (levels.voxels[~true] > 0).any()
    assert missed.sum() < 0.1 * true.sum()  # edges and corners of a cube touch too little of it


def test_marrow_and_bodies_stay() -> None:
    body = box((10, 8, 10), (30, 28, 30))
    hollow = grown(PROCESS, -3)
    scene = Scene().bone(PROCESS, 700.0).bone(hollow, 20.0).label(PROCESS, L4, Region.LAMINA)
    found, *_ = scene.shift()
    assert not found.taken[hollow].any()
    faint = Scene().bone(body, 120.0).label(grown(body, 1), L4, Region.BODY)
    assert not faint.shift()[0].taken.any()


def test_a_plate_thinner_than_the_image_can_show_is_not_lost() -> None:
    plate = box((10, 18, 10), (30, 20, 30))
    scene = Scene().bone(plate, 150.0).bone(box((10, 21, 10), (30, 24, 30)), 1000.0)
    scene.label(plate, L4, Region.LAMINA)
    _, levels, _ = scene.shift()
    assert (levels.voxels[plate] == L4).any(axis=1).all()


def test_joints_stay_open() -> None:
    upper, lower = box((10, 14, 10), (30, 19, 30)), box((10, 20, 10), (30, 25, 30))
    scene = Scene().bone(box((10, 14, 10), (30, 25, 30)), 700.0)  # the image shows no cleft
    scene.label(upper, L4, Region.INFERIOR_ARTICULAR_PROCESS)
    scene.label(lower, L5, Region.SUPERIOR_ARTICULAR_PROCESS)
    _, levels, regions = scene.shift()
    assert not levels.voxels[:, 19].any()
    assert not regions.voxels[:, 19].any()


def test_the_pelvis_gives_up_what_its_coarse_network_said() -> None:
    ala = box((12, 12, 12), (28, 28, 28))
    scene = Scene().bone(ala, 500.0).label(grown(ala, 3), SACRUM, Region.SACRUM)
    _, levels, _ = scene.shift()
    assert np.array_equal(np.argwhere(levels.voxels).min(axis=0), (12, 12, 12))
    assert np.array_equal(np.argwhere(levels.voxels).max(axis=0), (27, 27, 27))


def test_labels_that_end_in_marrow_stay() -> None:
    """Of a sacrum that is fat within, a part is labelled; its cortex lies beyond."""
    sacrum, within = box((6, 6, 6), (34, 34, 34)), box((8, 8, 8), (32, 32, 32))
    part = box((8, 8, 8), (32, 32, 28))
    scene = Scene().bone(sacrum, 500.0).bone(within, -30.0).label(part, SACRUM, Region.SACRUM)
    found, *_ = scene.shift()
    assert not found.taken.any()


def test_no_bone_no_shift() -> None:
    nothing = LabelMap(np.zeros(SHAPE, dtype=np.uint8), AFFINE, Modality.OTHER)
    image = Volume(np.zeros(SHAPE, dtype=np.int16), AFFINE, Modality.CT)
    assert edges_on_ct(nothing, nothing, image) is None
