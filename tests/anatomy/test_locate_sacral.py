"""Landmarks of the sacrum below S1, on a phantom whose construction is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from procguide.anatomy import Region, Side
from procguide.anatomy.locate_sacral import foramina_on_ct, with_sacral_landmarks
from procguide.anatomy.serialise import spine_from_json, spine_to_json
from procguide.geometry import AnatomicalFrame
from procguide.imaging import LabelMap, Modality, Volume
from procguide.phantom import Phantom, build, sample_parameters
from procguide.phantom.bones.sacrum_shape import FORAMINA


@pytest.fixture(scope="module")
def pelvis() -> Phantom:
    return build(sample_parameters(3), spacing_mm=1.2, box=((-75, -45, -140), (75, 90, 60)))


def test_hiatus_is_the_canals_end(pelvis: Phantom) -> None:
    sacrum = pelvis.spine.sacrum
    assert sacrum is not None
    assert sacrum.hiatus is not None
    assert np.linalg.norm(np.subtract(sacrum.hiatus, pelvis.anatomy.canal.points[-1])) < 4.0
    line = np.array(sacrum.canal)
    gap = np.linalg.norm(line[:, None] - pelvis.anatomy.canal.points[None], axis=2).min(axis=1)
    assert np.median(gap) < 1.5
    assert gap.max() < 4.0


def test_a_crack_in_the_roof_is_not_the_hiatus(pelvis: Phantom) -> None:
    whole = pelvis.spine.sacrum
    assert whole is not None
    assert whole.hiatus is not None
    crack = pelvis.anatomy.canal.points[-1] + (0.0, 0.0, 18.0)
    bone = np.argwhere(pelvis.regions.voxels == Region.SACRUM)
    off = pelvis.regions.to_patient(bone) - crack
    behind = bone[(np.abs(off[:, 0]) < 5.0) & (np.abs(off[:, 2]) < 3.0)]
    levels, regions = pelvis.levels.voxels.copy(), pelvis.regions.voxels.copy()
    levels[tuple(behind.T)] = regions[tuple(behind.T)] = 0
    cracked = pelvis.levels.with_voxels(levels), pelvis.regions.with_voxels(regions)
    found = with_sacral_landmarks(*cracked, pelvis.spine).sacrum
    assert found is not None
    assert found.hiatus is not None
    assert np.linalg.norm(np.subtract(found.hiatus, whole.hiatus)) < 2.0


@pytest.mark.parametrize("lean_deg", [-4.5, 4.5])
def test_the_canal_is_followed_where_s1_leans_to_a_side(pelvis: Phantom, lean_deg: float) -> None:
    upright = pelvis.spine.sacrum
    assert upright is not None
    frame, turn = upright.frame, np.tan(np.radians(lean_deg))
    up = np.asarray(frame.superior) + turn * np.asarray(frame.left)
    left = np.asarray(frame.left) - turn * np.asarray(frame.superior)
    leaning = replace(upright, frame=AnatomicalFrame.from_axes(frame.origin, up, left))
    spine = replace(pelvis.spine, sacrum=leaning)
    found = with_sacral_landmarks(pelvis.levels, pelvis.regions, spine).sacrum
    assert found is not None
    assert found.hiatus is not None
    off = np.array(found.canal)[:, None] - pelvis.anatomy.canal.points[None]
    near = np.argmin(np.linalg.norm(off, axis=2), axis=1)
    assert np.abs(off[np.arange(len(off)), near, 0]).max() < 1.2
    assert np.linalg.norm(np.subtract(found.hiatus, upright.hiatus)) < 3.0


@pytest.mark.parametrize("side", Side)
def test_foramina_are_seen_where_they_are(pelvis: Phantom, side: Side) -> None:
    sacrum, model = pelvis.spine.sacrum, pelvis.anatomy.sacrum
    assert sacrum is not None
    for n, name in enumerate(("S1", "S2", "S3")):
        across = FORAMINA[n][1]
        found = sacrum.posterior_foramina[side][name]
        local = model.frame.to_local(found.centre)
        strip = next(
            zone
            for zone in pelvis.zones
            if (zone.procedure, zone.level, zone.side) == ("sacral_lateral_branch_rfa", name, side)
        )
        z = model.frame.to_local(strip.centre)[2]
        assert found.seen
        assert side.sign * local[0] == pytest.approx(across * model.size, abs=2.5)
        assert abs(local[2] - z) < 5.0
        assert 1.5 < found.radius_mm < 7.0
    heights = [sacrum.posterior_foramina[side][name].centre[2] for name in ("S1", "S2", "S3")]
    assert heights == sorted(heights, reverse=True)


@pytest.fixture(scope="module")
def lidded(pelvis: Phantom) -> LabelMap:
    """Regions as networks label them: one face over the sacrum's holes."""
    from scipy import ndimage

    sacrum = pelvis.regions.voxels == Region.SACRUM
    canal = pelvis.regions.voxels == Region.CANAL
    closed = ndimage.binary_closing(sacrum, iterations=6) & ~canal & (pelvis.regions.voxels != Region.ILIUM)
    voxels = np.where(closed, Region.SACRUM, pelvis.regions.voxels).astype(pelvis.regions.voxels.dtype)
    return pelvis.regions.with_voxels(voxels)


def test_a_ct_shows_foramina_that_labels_close(pelvis: Phantom, lidded: LabelMap) -> None:
    sacrum = pelvis.spine.sacrum
    assert sacrum is not None
    bone = np.where(pelvis.regions.voxels == Region.SACRUM, 500, 40).astype(np.int16)
    image = Volume(bone, pelvis.regions.affine, Modality.CT)
    spine = with_sacral_landmarks(pelvis.levels, lidded, pelvis.spine)
    found = foramina_on_ct(pelvis.levels, lidded, spine, image)
    assert found is not None
    for side in Side:
        for name, one in sacrum.posterior_foramina[side].items():
            assert found[side][name].seen
            assert np.linalg.norm(np.subtract(found[side][name].centre, one.centre)) < 3.0
    even = Volume(np.full_like(bone, 500), pelvis.regions.affine, Modality.CT)
    assert foramina_on_ct(pelvis.levels, lidded, spine, even) is None
    other = Volume(bone, pelvis.regions.affine, Modality.MR)
    assert foramina_on_ct(pelvis.levels, lidded, spine, other) is None


def test_without_holes_foramina_are_placed_and_said_to_be(pelvis: Phantom, lidded: LabelMap) -> None:
    spine = with_sacral_landmarks(pelvis.levels, lidded, pelvis.spine)
    assert spine.sacrum is not None
    for side in Side:
        row = spine.sacrum.posterior_foramina[side]
        assert not any(one.seen for one in row.values())
        assert all(10 < side.sign * one.centre[0] < 28 for one in row.values())


def test_joint_lines_run_up_beside_the_sacrum(pelvis: Phantom) -> None:
    assert pelvis.spine.sacrum is not None
    for side in Side:
        line = np.array(pelvis.spine.sacrum.joint_lines[side])
        assert (np.diff(line[:, 2]) > 0).all()
        assert (side.sign * line[:, 0] > 30).all()
        assert line[-1, 2] - line[0, 2] >= 15.0


@pytest.mark.parametrize("side", Side)
def test_a_joint_below_which_the_bones_do_not_part_has_no_end(pelvis: Phantom, side: Side) -> None:
    from scipy.ndimage import distance_transform_edt

    assert pelvis.spine.sacrum is not None
    end = pelvis.spine.sacrum.joint_lines[side][0]
    regions = pelvis.regions
    beside = [
        distance_transform_edt(regions.voxels != bone, sampling=regions.spacing)
        for bone in (Region.SACRUM, Region.ILIUM)
    ]
    index = np.argwhere((beside[0] > 5.0) & (beside[0] < 8.0) & (beside[1] < 20.0))
    points = regions.to_patient(index)
    below = index[(points[:, 2] < end[2] - 2.0) & (side.sign * points[:, 0] > 10.0)]
    voxels = regions.voxels.copy()
    voxels[tuple(below.T)] = Region.ILIUM
    spine = with_sacral_landmarks(pelvis.levels, regions.with_voxels(voxels), pelvis.spine)
    assert spine.sacrum is not None
    assert set(spine.sacrum.joint_lines) == set(Side) - {side}


def test_without_canal_or_ilium_nothing_is_made_up(pelvis: Phantom) -> None:
    voxels = pelvis.regions.voxels.copy()
    voxels[np.isin(voxels, (Region.CANAL, Region.ILIUM))] = 0
    bare = replace(pelvis.spine, canal=())
    spine = with_sacral_landmarks(pelvis.levels, pelvis.regions.with_voxels(voxels), bare)
    assert spine.sacrum is not None
    assert spine.sacrum.hiatus is None
    assert not spine.sacrum.posterior_foramina
    assert not spine.sacrum.joint_lines


def test_json_keeps_them(pelvis: Phantom) -> None:
    assert spine_from_json(spine_to_json(pelvis.spine)) == pelvis.spine
