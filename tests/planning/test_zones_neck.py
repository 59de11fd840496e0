"""Target zones of the neck on a plain synthetic neck."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from procguide.anatomy import VERSE_LABELS, Anchor, Endplate, Region, Side, Spine, Vertebra
from procguide.errors import InputUnfitError
from procguide.geometry import Affine, AnatomicalFrame
from procguide.imaging import LabelMap
from procguide.planning.catalogue import load_catalogue
from procguide.planning.nouns import StructureOrigin
from procguide.planning.site import LocalLabels, Request, Site, find_site
from procguide.planning.structures import BUILDERS
from procguide.planning.structures.neck import vertebral_artery
from procguide.planning.zones import CONSTRUCTIONS, TargetZone

SHAPE = (50, 70, 81)
ORIGIN = (-40.0, -30.0, -25.0)
BODY_HALF, BODY_FRONT, BODY_BACK = 13.0, -8.0, 8.0
PILLAR_X, PILLAR_Y, PILLAR_Z = (14.0, 24.0), (9.0, 19.0), (-7.0, 7.0)


def neck(level: str) -> tuple[Spine, LocalLabels]:
    """One vertebra at the origin: a body, two pillars and transverse processes beside the body."""
    affine = Affine.axis_aligned((1.0, 1.0, 1.0), ORIGIN)
    z, y, x = np.meshgrid(
        *(start + np.arange(n) for start, n in zip(ORIGIN[::-1], SHAPE, strict=True)), indexing="ij"
    )
    body = (np.abs(x) <= BODY_HALF) & (y >= BODY_FRONT) & (y <= BODY_BACK) & (np.abs(z) <= 7)
    process = (np.abs(x) > BODY_HALF) & (np.abs(x) <= 22) & (y >= -3) & (y <= 4) & (np.abs(z) <= 3)
    pillar = (np.abs(x) >= PILLAR_X[0]) & (np.abs(x) <= PILLAR_X[1])
    pillar &= (y >= PILLAR_Y[0]) & (y <= PILLAR_Y[1]) & (z >= PILLAR_Z[0]) & (z <= PILLAR_Z[1])
    regions = np.where(body, Region.BODY, np.where(process | pillar, Region.ARCH, 0)).astype(np.uint8)
    levels = np.where(regions > 0, VERSE_LABELS[level], 0).astype(np.uint8)
    frame = AnatomicalFrame((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    plate = Endplate((0.0, 0.0, 7.0), (0.0, 0.0, 1.0), 2 * BODY_HALF, BODY_BACK - BODY_FRONT)
    lower = replace(plate, centre=(0.0, 0.0, -7.0))
    vertebra = Vertebra(level, 1.0, frame, plate, lower)
    labels = LocalLabels(
        LabelMap(levels, affine), LabelMap(regions, affine), frozenset({int(Region.BODY), int(Region.ARCH)})
    )
    return Spine((vertebra,), None, (), Anchor.USER), labels


def site_of(procedure: str, level: str, side: Side) -> tuple[Site, LocalLabels]:
    spine, labels = neck(level)
    entry = load_catalogue()[procedure].at(level)
    return find_site(Request(entry, level, side), spine), labels


def zone_of(procedure: str, level: str, side: Side) -> TargetZone:
    site, labels = site_of(procedure, level, side)
    return CONSTRUCTIONS[site.procedure.target.construction].sample(site, labels)


@pytest.mark.parametrize("side", Side)
def test_pillar_is_met_at_its_centroid_on_the_lateral_face(side: Side) -> None:
    zone = zone_of("cervical_medial_branch_block", "C5", side)
    best = zone.points[int(np.argmin(zone.misfit))]
    off = site_of("cervical_medial_branch_block", "C5", side)[0].number("off_bone_mm")
    assert side.sign * best[0] == pytest.approx(PILLAR_X[1] + off, abs=0.6)
    assert best[1] == pytest.approx(np.mean(PILLAR_Y), abs=1.1)
    assert best[2] == pytest.approx(np.mean(PILLAR_Z), abs=1.1)
    assert (side.sign * zone.points[:, 0] > PILLAR_X[1]).all()


def test_c7_is_met_higher() -> None:
    usual, c7 = (zone_of("cervical_medial_branch_block", level, Side.LEFT) for level in ("C5", "C7"))
    heights = [zone.points[int(np.argmin(zone.misfit)), 2] for zone in (usual, c7)]
    assert 2.0 < heights[1] - heights[0] < 5.0


@pytest.mark.parametrize("side", Side)
def test_longus_colli_lies_before_the_bone_beside_the_body(side: Side) -> None:
    site, labels = site_of("stellate_ganglion_block", "C6", side)
    zone = CONSTRUCTIONS[site.procedure.target.construction].sample(site, labels)
    x = side.sign * zone.points[:, 0]
    assert (x >= BODY_HALF + site.number("lateral_low_mm") - 0.1).all()
    assert (x <= BODY_HALF + site.number("lateral_high_mm") + 0.1).all()
    index = np.round(labels.levels.to_index(zone.points)).astype(int)
    assert not labels.bone[tuple(index.T)].any()
    assert (zone.points[:, 1] <= -3.0 - site.number("off_bone_low_mm") + 0.1).all()
    assert (zone.points[:, 1] >= BODY_FRONT - site.number("off_bone_high_mm") - 1.1).all()


@pytest.mark.parametrize("procedure", ["cervical_medial_branch_block", "stellate_ganglion_block"])
def test_a_vertebra_cut_off_is_said(procedure: str) -> None:
    site, labels = site_of(procedure, "C6", Side.LEFT)
    empty = np.zeros_like(labels.levels.voxels)
    cut = LocalLabels(labels.levels.with_voxels(empty), labels.regions.with_voxels(empty), labels.present)
    with pytest.raises(InputUnfitError, match="C6"):
        CONSTRUCTIONS[site.procedure.target.construction].sample(site, cut)


@pytest.mark.parametrize("procedure", ["cervical_medial_branch_block", "stellate_ganglion_block"])
def test_a_vertebra_at_the_images_edge_is_refused(procedure: str) -> None:
    site, labels = site_of(procedure, "C6", Side.LEFT)
    cut = replace(site, upper=replace(site.upper, complete=False))
    with pytest.raises(InputUnfitError, match="cut off by the image's edge"):
        CONSTRUCTIONS[site.procedure.target.construction].sample(cut, labels)


def test_vertebral_artery_is_modelled_beside_the_body_with_a_spread() -> None:
    site, labels = site_of("stellate_ganglion_block", "C6", Side.LEFT)
    solid = vertebral_artery(site, labels)
    assert solid is not None
    assert solid.origin is StructureOrigin.MODELLED
    assert solid.spread_mm >= 2.0
    for tube, side in zip(solid.tubes, Side, strict=True):
        assert all(side.sign * point[0] > BODY_HALF for point in tube.points)


def test_vertebral_artery_that_is_labelled_is_taken_from_there() -> None:
    site, labels = site_of("stellate_ganglion_block", "C6", Side.LEFT)
    voxels = labels.regions.voxels.copy()
    voxels[20:24, 5:9, 10:14] = Region.VERTEBRAL_ARTERY
    present = labels.present | {int(Region.VERTEBRAL_ARTERY)}
    seen = vertebral_artery(site, LocalLabels(labels.levels, labels.regions.with_voxels(voxels), present))
    assert seen is not None
    assert seen.mask is not None
    assert seen.mask.sum() == 64


def test_vessels_that_nobody_labelled_are_not_judged() -> None:
    site, labels = site_of("stellate_ganglion_block", "C6", Side.LEFT)
    needed = {rule.name for rule in site.procedure.structures if rule.needed}
    for name in ("carotid_artery", "oesophagus", "trachea"):
        assert name in needed
        builder = next(build for known, build in BUILDERS.items() if known == name)
        assert builder(site, labels) is None
