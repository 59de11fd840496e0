"""The neck's phantom: whole bones in their places, and truth that lies where it should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from procguide.anatomy import BONE, CANAL_CONTENT, VERSE_LABELS, Region, Side
from procguide.errors import UsageError
from procguide.geometry import Vector
from procguide.imaging import LabelMap
from procguide.phantom.neck import NeckPhantom, build_neck, sample_neck
from procguide.phantom.neck.parameters import NECK_LEVELS

SPACING = 1.5
SAC = (Region.CEREBROSPINAL_FLUID, Region.SPINAL_CORD, Region.DURA)


@pytest.fixture(scope="module")
def neck() -> NeckPhantom:
    return build_neck(sample_neck(2003), SPACING)


def off_mm(labels: LabelMap, mask: np.ndarray, point: Vector | np.ndarray) -> float:
    """Distance of a point to the nearest voxel of a mask."""
    centres = labels.to_patient(np.argwhere(mask))
    return float(np.linalg.norm(centres - np.asarray(point), axis=1).min())


def test_a_seed_is_a_neck() -> None:
    assert sample_neck(4) == sample_neck(4)
    assert sample_neck(4) != sample_neck(5)


def test_every_vertebra_is_there_in_one_piece(neck: NeckPhantom) -> None:
    for level in NECK_LEVELS:
        mask = neck.levels.voxels == VERSE_LABELS[level]
        labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
        assert np.bincount(labels.ravel())[1:].max() > 0.97 * mask.sum(), level


def test_bodies_have_the_size_of_bodies(neck: NeckPhantom) -> None:
    body = neck.tissues.mask(Region.BODY)
    for level in NECK_LEVELS[1:]:
        ml = (body & (neck.levels.voxels == VERSE_LABELS[level])).sum() * SPACING**3 / 1000
        assert 1.2 < ml < 12.0, level


def test_all_that_needles_keep_off_is_there(neck: NeckPhantom) -> None:
    least_ml = {
        Region.SPINAL_CORD: 5.0,
        Region.VERTEBRAL_ARTERY: 0.8,
        Region.CAROTID_ARTERY: 4.0,
        Region.JUGULAR_VEIN: 5.0,
        Region.TRACHEA: 15.0,
        Region.OESOPHAGUS: 8.0,
        Region.THYROID: 5.0,
        Region.LUNG: 50.0,
        Region.EPIDURAL_FAT: 2.0,
    }
    for region, least in least_ml.items():
        assert neck.tissues.mask(region).sum() * SPACING**3 / 1000 > least, region


def test_landmarks_lie_on_bone(neck: NeckPhantom) -> None:
    bone = neck.tissues.mask(*BONE)
    for vertebra in neck.spine.vertebrae[1:-1]:
        assert vertebra.spinous_process_tip is not None
        points = [vertebra.spinous_process_tip, *vertebra.transverse_process_tips.values()]
        points += [*vertebra.laminae.values(), *(one.centre for one in vertebra.pedicles.values())]
        points += [*vertebra.superior_articular_processes.values()]
        assert max(off_mm(neck.tissues, bone, point) for point in points) < 2.0, vertebra.level


def test_the_canal_holds_its_centre_and_no_bone(neck: NeckPhantom) -> None:
    canal = neck.tissues.mask(*CANAL_CONTENT)
    for vertebra in neck.spine.vertebrae[1:]:
        assert vertebra.canal_centre is not None
        assert off_mm(neck.tissues, canal, vertebra.canal_centre) < SPACING


def test_left_is_left(neck: NeckPhantom) -> None:
    for vertebra in neck.spine.vertebrae:
        for side in Side:
            points = [vertebra.transverse_process_tips[side], vertebra.pedicles[side].centre]
            assert all(side.sign * vertebra.frame.to_local(point)[0] > 5 for point in points)
    for zone in neck.zones:
        if zone.side is not None:
            assert zone.side.sign * zone.centre[0] > 5


def test_epidural_zones_lie_in_fat_behind_the_sac(neck: NeckPhantom) -> None:
    zones = [zone for zone in neck.zones if zone.procedure == "cervical_interlaminar_esi"]
    assert [zone.level for zone in zones] == ["C7", "T1"]
    for zone in zones:
        assert off_mm(neck.tissues, neck.tissues.mask(Region.EPIDURAL_FAT), zone.centre) < SPACING
        assert off_mm(neck.tissues, neck.tissues.mask(*SAC), zone.centre) > 0.5


def test_branches_cross_the_pillars_face(neck: NeckPhantom) -> None:
    zones = [zone for zone in neck.zones if zone.procedure == "cervical_medial_branch_block"]
    assert len(zones) == 10
    for zone in zones:
        own = neck.levels.voxels == VERSE_LABELS[zone.level or ""]
        assert off_mm(neck.tissues, own, zone.centre) < 2.5


def test_the_artery_enters_where_the_parameters_say(neck: NeckPhantom) -> None:
    for side in Side:
        assert neck.parameters.artery_entry[side] == "C6"
        mask = neck.tissues.mask(Region.VERTEBRAL_ARTERY)
        for level, within in (("C5", True), ("C7", False)):
            bone = neck.anatomy.vertebrae[level]
            at = bone.frame.to_patient(bone.foramen(side))
            assert (off_mm(neck.tissues, mask, at) < 2.0) is within, level


def test_what_a_voxel_holds_does_not_depend_on_the_box(neck: NeckPhantom) -> None:
    origin, k = neck.tissues.affine.origin, 20
    low = origin + SPACING * (np.array([100, 60, k]) - 0.5)
    part = build_neck(neck.parameters, SPACING, box=(low, low + SPACING * np.array([40, 30, 25])))
    size = part.tissues.shape
    whole = neck.tissues.voxels[k : k + size[0], 60 : 60 + size[1], 100 : 100 + size[2]]
    assert (part.tissues.voxels == whole).mean() > 0.995


def test_a_spacing_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="spacing"):
        build_neck(sample_neck(1), 0.0)
