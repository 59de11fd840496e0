"""Target zones of the sacrum against the phantom's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from procguide.anatomy import Region, Side
from procguide.errors import InputUnfitError
from procguide.imaging import LabelMap
from procguide.phantom import Phantom, build, sample_parameters
from procguide.planning.catalogue import load_catalogue
from procguide.planning.nouns import StructureOrigin
from procguide.planning.sacral import canal_end
from procguide.planning.site import LocalLabels, Request, Site, find_site
from procguide.planning.structures.sacral import (
    bone_with_hiatus,
    presacral_space,
    sacral_foramen,
    sacral_sac,
)
from procguide.planning.zones import CONSTRUCTIONS, TargetZone

BRANCHES, JOINT, CAUDAL = "sacral_lateral_branch_rfa", "sacroiliac_joint_injection", "caudal_esi"


@pytest.fixture(scope="module")
def pelvis() -> Phantom:
    return build(sample_parameters(3), spacing_mm=1.2, box=((-75, -45, -140), (75, 90, 60)))


@pytest.fixture(scope="module")
def labels(pelvis: Phantom) -> LocalLabels:
    present = frozenset(int(label) for label in pelvis.regions.present())
    return LocalLabels(pelvis.levels, pelvis.regions, present)


def site_of(pelvis: Phantom, procedure: str, level: str, side: Side | None) -> Site:
    return find_site(Request(load_catalogue()[procedure].at(level), level, side), pelvis.spine)


def truth(pelvis: Phantom, procedure: str, level: str | None, side: Side | None) -> np.ndarray:
    own = [zone for zone in pelvis.zones if zone.procedure == procedure]
    return next(zone.points for zone in own if (zone.level, zone.side) == (level, side))


def off(zone: TargetZone, points: np.ndarray) -> tuple[float, float]:
    """Distance of the zone's best and farthest place from the true zone, mm."""
    distance = np.linalg.norm(zone.points[:, None] - points[None], axis=2).min(axis=1)
    return float(distance[int(np.argmin(zone.misfit))]), float(np.median(distance))


def sampled(site: Site, labels: LocalLabels) -> TargetZone:
    return CONSTRUCTIONS[site.procedure.target.construction].sample(site, labels)


def test_caudal_needle_ends_in_the_canal_and_passes_the_hiatus(pelvis: Phantom, labels: LocalLabels) -> None:
    site = site_of(pelvis, CAUDAL, "sacrum", None)
    zone = sampled(site, labels)
    best, median = off(zone, truth(pelvis, CAUDAL, None, None))
    assert best < 1.5
    assert median < 2.0
    assert zone.gates is not None
    end = canal_end(site)
    assert np.linalg.norm(zone.gates - end.hiatus, axis=1).max() < 10.0
    assert (end.line[1:, 2] > end.line[0, 2]).all()


def test_a_joint_that_the_image_cuts_off_is_refused(pelvis: Phantom, labels: LocalLabels) -> None:
    site = site_of(pelvis, JOINT, "sacrum", Side.LEFT)
    lowest = min(point[2] for point in pelvis.spine.sacrum.joint_lines[Side.LEFT])  # type: ignore[union-attr]
    first = int(np.floor(labels.levels.to_index((0.0, 0.0, lowest - 3.0))[0]))
    levels, regions = (
        LabelMap(one.voxels[first:], one.affine.shifted((first, 0, 0)), names=one.names)
        for one in (labels.levels, labels.regions)
    )
    with pytest.raises(InputUnfitError, match="lower edge"):
        sampled(site, replace(labels, levels=levels, regions=regions))


def test_hiatus_is_open_in_the_bone_that_a_caudal_needle_meets(pelvis: Phantom, labels: LocalLabels) -> None:
    site = site_of(pelvis, CAUDAL, "sacrum", None)
    mask = bone_with_hiatus(site, labels).mask
    assert mask is not None
    removed = labels.levels.to_patient(np.argwhere(labels.bone & ~mask))
    end = canal_end(site)
    assert np.linalg.norm(removed - end.hiatus, axis=1).max() < 15.0
    assert np.abs((removed - end.hiatus) @ end.left).max() <= 3.0


@pytest.mark.parametrize("side", Side)
def test_sacroiliac_zone_lies_at_the_joints_lower_dorsal_edge(
    pelvis: Phantom, labels: LocalLabels, side: Side
) -> None:
    zone = sampled(site_of(pelvis, JOINT, "sacrum", side), labels)
    best, median = off(zone, truth(pelvis, JOINT, None, side))
    assert best < 2.5
    assert median < 4.0
    assert (side.sign * zone.points[:, 0] > 30).all()


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("level", ["S1", "S2", "S3"])
def test_strip_lies_on_bone_lateral_to_the_foramen(
    pelvis: Phantom, labels: LocalLabels, level: str, side: Side
) -> None:
    site = site_of(pelvis, BRANCHES, level, side)
    zone = sampled(site, labels)
    best, median = off(zone, truth(pelvis, BRANCHES, level, side))
    assert best < 3.5
    assert median < 4.0
    foramen = site.sacrum.posterior_foramina[side][level]
    assert foramen.seen
    lateral = side.sign * (zone.points - foramen.centre) @ np.asarray(site.sacrum.frame.left)
    assert (lateral > foramen.radius_mm + 3.5).all()


def test_a_strip_where_the_image_shows_no_bone_is_refused(pelvis: Phantom, labels: LocalLabels) -> None:
    site = site_of(pelvis, BRANCHES, "S1", Side.LEFT)
    same = sampled(site, replace(labels, dense=labels.bone))
    np.testing.assert_array_equal(same.points, sampled(site, labels).points)
    with pytest.raises(InputUnfitError, match="shows no bone"):
        sampled(site, replace(labels, dense=np.zeros_like(labels.bone)))


def test_what_was_not_found_is_said(pelvis: Phantom) -> None:
    spine = pelvis.spine
    assert spine.sacrum is not None
    bare = replace(spine.sacrum, hiatus=None, posterior_foramina={}, joint_lines={})
    for procedure, level, words in (
        (CAUDAL, "sacrum", "hiatus"),
        (JOINT, "sacrum", "joint was not found"),
        (BRANCHES, "S2", "foramen of S2"),
    ):
        side = None if procedure == CAUDAL else Side.LEFT
        request = Request(load_catalogue()[procedure].at(level), level, side)
        site = find_site(request, replace(spine, sacrum=bare))
        with pytest.raises(InputUnfitError, match=words):
            CONSTRUCTIONS[site.procedure.target.construction].centre(site)


def test_sac_ends_above_the_caudal_zone(pelvis: Phantom, labels: LocalLabels) -> None:
    site = site_of(pelvis, CAUDAL, "sacrum", None)
    solid = sacral_sac(site, labels)
    assert solid is not None
    assert solid.mask is not None
    lowest = labels.levels.to_patient(np.argwhere(solid.mask))[:, 2].min()
    true_sac = pelvis.tissues.mask(Region.CEREBROSPINAL_FLUID, Region.DURA)
    true_lowest = pelvis.tissues.to_patient(np.argwhere(true_sac))[:, 2].min()
    assert lowest > sampled(site, labels).points[:, 2].max()
    assert lowest < true_lowest + 15.0


def test_presacral_space_is_free_of_bone_and_before_it(pelvis: Phantom, labels: LocalLabels) -> None:
    mask = presacral_space(site_of(pelvis, CAUDAL, "sacrum", None), labels)
    assert mask is not None
    assert mask.mask is not None
    assert not (mask.mask & labels.bone).any()
    assert mask.mask.any()


def test_placed_foramina_have_a_wider_spread(pelvis: Phantom, labels: LocalLabels) -> None:
    site = site_of(pelvis, BRANCHES, "S1", Side.LEFT)
    seen = sacral_foramen(site, labels)
    assert site.spine.sacrum is not None
    row = site.spine.sacrum.posterior_foramina[Side.LEFT]
    placed_row = {name: replace(one, seen=False) for name, one in row.items()}
    sacrum = replace(site.spine.sacrum, posterior_foramina={Side.LEFT: placed_row})
    placed = sacral_foramen(replace(site, spine=replace(site.spine, sacrum=sacrum)), labels)
    assert seen is not None
    assert placed is not None
    assert seen.origin is StructureOrigin.MODELLED
    assert placed.spread_mm > seen.spread_mm
