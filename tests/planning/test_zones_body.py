from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial import KDTree

from procguide.anatomy import VERSE_LABELS, Region, Side, Vertebra
from procguide.errors import InputUnfitError
from procguide.geometry import Affine
from procguide.imaging import LabelMap
from procguide.planning import Plan, Request, Subject, load_catalogue, plan
from procguide.planning.nouns import StructureOrigin
from procguide.planning.site import LocalLabels, Site, find_site
from procguide.planning.structures import Solid, nerve_root
from procguide.planning.structures.cord import spinal_cord
from procguide.planning.structures.pedicle import other_bone, pedicle_wall
from procguide.planning.structures.vessels import aorta
from procguide.planning.zones import CONSTRUCTIONS, TargetZone
from procguide.planning.zones.body import BodyBox

if TYPE_CHECKING:
    from tests.planning.conftest import Patient

AUGMENTATION = "vertebral_augmentation"
BASIVERTEBRAL = "basivertebral_nerve_ablation"
DISCOGRAPHY = "discography"
SYMPATHETIC = "lumbar_sympathetic_block"
CELIAC = "celiac_plexus_block"
CASES = [
    (AUGMENTATION, "T11"),
    (AUGMENTATION, "L1"),
    (AUGMENTATION, "L5"),
    (BASIVERTEBRAL, "L4"),
    (BASIVERTEBRAL, "L5"),
    (DISCOGRAPHY, "L2-L3"),
    (DISCOGRAPHY, "L5-S1"),
    (SYMPATHETIC, "L2"),
    (SYMPATHETIC, "L4"),
    (CELIAC, "T12"),
    (CELIAC, "L1"),
]


def site_of(patient: Patient, procedure: str, level: str, side: Side) -> Site:
    return find_site(Request(load_catalogue()[procedure].at(level), level, side), patient.spine)


def zone_of(patient: Patient, procedure: str, level: str, side: Side) -> TargetZone:
    site = site_of(patient, procedure, level, side)
    return CONSTRUCTIONS[site.procedure.target.construction].sample(site, patient.about(site.upper.level))


def values_at(labels: LabelMap, points: np.ndarray) -> np.ndarray:
    index = np.round(labels.to_index(points)).astype(int)
    return np.asarray(labels.voxels[tuple(np.moveaxis(index, -1, 0))])


def mask_at(solid: Solid | None, labels: LocalLabels, points: np.ndarray) -> np.ndarray:
    assert solid is not None
    assert solid.mask is not None
    return values_at(labels.levels.with_voxels(solid.mask.astype(np.uint8)), points) > 0


def shaft(best: Plan, step_mm: float = 0.25) -> np.ndarray:
    entry, target = np.array(best.trajectory.entry), np.array(best.trajectory.target)
    count = int(best.trajectory.length_mm / step_mm) + 2
    return entry + np.linspace(0, 1, count)[:, None] * (target - entry)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("procedure", "level"), CASES)
def test_a_zone_has_room_and_its_centre_foretells_it(
    patient: Patient, procedure: str, level: str, side: Side
) -> None:
    zone = zone_of(patient, procedure, level, side)
    site = site_of(patient, procedure, level, side)
    centre = CONSTRUCTIONS[site.procedure.target.construction].centre(site)
    assert len(zone.points) >= 10
    assert np.linalg.norm(zone.points - centre, axis=1).min() < 3.0
    assert zone.misfit.shape == (len(zone.points),)
    assert zone.misfit.min() < 0.3
    assert ((zone.misfit >= 0) & (zone.misfit <= 1)).all()


@pytest.mark.parametrize(("procedure", "level"), CASES)
def test_a_mirrored_patient_has_mirrored_zones(
    patient: Patient, mirrored: Patient, procedure: str, level: str
) -> None:
    here = zone_of(patient, procedure, level, Side.LEFT).points
    there = zone_of(mirrored, procedure, level, Side.RIGHT).points * (-1, 1, 1)
    assert len(here) == pytest.approx(len(there), abs=2)
    gaps = np.linalg.norm(here[:, None] - there[None], axis=-1)
    assert gaps.min(axis=1).max() < 1.0


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("level", ["T11", "L1", "L5"])
def test_cement_goes_to_the_anterior_third_on_the_pedicles_side(
    patient: Patient, level: str, side: Side
) -> None:
    zone = zone_of(patient, AUGMENTATION, level, side)
    vertebra = patient.spine.vertebra(level)
    assert (values_at(patient.levels, zone.points) == VERSE_LABELS[level]).all()
    assert (values_at(patient.regions, zone.points) == Region.BODY).all()
    x, y, z = vertebra.frame.to_local(zone.points).T
    assert (x * side.sign > 0).all()
    depth = (vertebra.superior_endplate.depth_mm + vertebra.inferior_endplate.depth_mm) / 2
    assert (y < -depth / 6).all()
    assert (np.abs(z) < 5).all()


@pytest.mark.parametrize("procedure", [AUGMENTATION, BASIVERTEBRAL])
@pytest.mark.parametrize("side", Side)
def test_gates_lie_on_the_isthmus(patient: Patient, procedure: str, side: Side) -> None:
    zone = zone_of(patient, procedure, "L4", side)
    pedicle = patient.spine.vertebra("L4").pedicles[side]
    assert zone.gates is not None
    off = zone.gates - np.asarray(pedicle.centre)
    assert np.abs(off @ np.asarray(pedicle.axis)).max() < 1e-6
    assert np.linalg.norm(off, axis=1).max() <= max(pedicle.width_mm, pedicle.height_mm) / 2
    inside = values_at(patient.levels, zone.gates) == VERSE_LABELS["L4"]
    assert inside.mean() > 0.9
    assert inside[0]


@pytest.mark.parametrize("level", ["L3", "L4", "L5"])
def test_a_lesion_keeps_ten_millimetres_from_the_canal(patient: Patient, level: str) -> None:
    zone = zone_of(patient, BASIVERTEBRAL, level, Side.LEFT)
    vertebra = patient.spine.vertebra(level)
    x, y, _ = vertebra.frame.to_local(zone.points).T
    wall = (vertebra.superior_endplate.depth_mm + vertebra.inferior_endplate.depth_mm) / 4
    assert (wall - y >= 15.0 - 1e-6).all()
    assert (wall - y <= 20.0).all()
    assert np.abs(x).max() <= 3.0 + 1e-6
    canal = patient.regions.to_patient(np.argwhere(patient.regions.mask(Region.CANAL)))
    near = canal[np.abs(canal[:, 2] - vertebra.frame.origin[2]) < 15]
    # The hole by which vessels leave the body is labelled canal, and reaches 2 mm farther forward.
    assert np.linalg.norm(zone.points[:, None] - near[None], axis=-1).min() > 12.0


def test_in_a_shallow_body_the_canal_comes_first(patient: Patient) -> None:
    """The share of the depth that is allowed ends 13 mm before the wall; the tip goes past it by a little."""
    site = site_of(patient, BASIVERTEBRAL, "L4", Side.LEFT)
    shrunk = replace(
        site.upper,
        superior_endplate=replace(site.upper.superior_endplate, depth_mm=26.0),
        inferior_endplate=replace(site.upper.inferior_endplate, depth_mm=26.0),
    )
    shallow = replace(site, upper=shrunk)
    zone = CONSTRUCTIONS[site.procedure.target.construction].sample(shallow, patient.about(site.upper.level))
    behind = 13.0 - shrunk.frame.to_local(zone.points)[:, 1]
    assert behind.min() >= 15.0 - 1e-6
    assert np.ptp(behind) < 1.0


@pytest.mark.parametrize("procedure", [AUGMENTATION, BASIVERTEBRAL])
def test_a_missing_pedicle_is_named(patient: Patient, procedure: str) -> None:
    vertebra = replace(patient.spine.vertebra("L4"), pedicles={})
    vertebrae = tuple(vertebra if one.level == "L4" else one for one in patient.spine.vertebrae)
    site = site_of(patient, procedure, "L4", Side.LEFT)
    bare = replace(site, upper=vertebra, spine=replace(patient.spine, vertebrae=vertebrae))
    with pytest.raises(InputUnfitError, match="left pedicle of L4"):
        CONSTRUCTIONS[site.procedure.target.construction].centre(bare)


@pytest.mark.parametrize("level", ["L1-L2", "L3-L4", "L5-S1"])
def test_the_disc_is_met_in_its_middle_and_entered_behind(patient: Patient, level: str) -> None:
    zone = zone_of(patient, DISCOGRAPHY, level, Side.RIGHT)
    upper = patient.spine.vertebra(level[:2])
    assert (values_at(patient.regions, zone.points) == Region.DISC).all()
    assert zone.gates is not None
    x, y, _ = upper.frame.to_local(zone.gates).T
    middle = upper.frame.to_local(zone.points).mean(axis=0)
    assert (x < -5).all()
    assert (y > middle[1] - 4).all()
    assert y.max() > middle[1] + 10


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("procedure", "level"), [(SYMPATHETIC, "L3"), (CELIAC, "L1")])
def test_beside_the_body_and_not_past_its_front(
    patient: Patient, procedure: str, level: str, side: Side
) -> None:
    zone = zone_of(patient, procedure, level, side)
    vertebra = patient.spine.vertebra(level)
    x, y, z = vertebra.frame.to_local(zone.points).T
    assert (x * side.sign > 8).all()
    assert (y < -5).all()
    half_depth = (vertebra.superior_endplate.depth_mm + vertebra.inferior_endplate.depth_mm) / 4
    assert (y >= -half_depth - 1e-6).all()
    assert (z < 0).all() if procedure == SYMPATHETIC else (z > 0).all()
    body = patient.levels.to_patient(np.argwhere(patient.levels.voxels == VERSE_LABELS[level]))
    gap = np.linalg.norm(zone.points[:, None] - body[None], axis=-1).min(axis=1)
    assert gap.min() > 1.0
    assert gap.max() < 9.0


@pytest.mark.parametrize(("from_wall_mm", "left"), [(1.0, True), (0.0, False)])
def test_places_within_a_vessels_margin_are_left_out_unless_all_are(
    patient: Patient, from_wall_mm: float, left: bool
) -> None:
    """A vena cava before the body, or all about it."""
    site = site_of(patient, SYMPATHETIC, "L3", Side.RIGHT)
    labels = patient.about(site.upper.level)
    frame, front = site.upper.frame, -BodyBox.of(site.upper).half_depth_mm
    index = np.argwhere(labels.regions.voxels >= 0)
    x, y, _ = frame.to_local(labels.regions.to_patient(index)).T
    cava = (np.abs(x) < 40) & (y < front - from_wall_mm + (0 if left else 40)) & (y > front - 25)
    voxels = labels.regions.voxels.copy()
    voxels[tuple(index[cava & (labels.levels.voxels.ravel() == 0)].T)] = Region.VENA_CAVA
    beside = replace(
        labels, regions=labels.regions.with_voxels(voxels), present=labels.present | {int(Region.VENA_CAVA)}
    )
    sample = CONSTRUCTIONS[site.procedure.target.construction].sample
    alone, zone = sample(site, labels).points, sample(site, beside).points
    away, _ = KDTree(labels.regions.to_patient(np.argwhere(voxels == Region.VENA_CAVA))).query(zone)
    margin = next(rule.margin_mm.value for rule in site.procedure.structures if rule.name == "vena_cava")
    if left:
        assert (away >= margin).all()
        assert len(zone) > 0
        assert frame.to_local(zone)[:, 1].mean() > frame.to_local(alone)[:, 1].mean()
    else:
        assert np.array_equal(zone, alone)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("level", ["L2", "L3"])
def test_the_best_place_for_the_sympathetic_trunk_stands_as_both_views_show_it(
    patient: Patient, level: str, side: Side
) -> None:
    zone, site = zone_of(patient, SYMPATHETIC, level, side), site_of(patient, SYMPATHETIC, level, side)
    best = zone.points[int(np.argmin(zone.misfit))]
    box = BodyBox.of(patient.spine.vertebra(level))
    x, y, _ = box.vertebra.frame.to_local(best) * (side.sign, 1, 1)
    assert x == pytest.approx(site.number("lateral_fraction") * box.half_width_mm, abs=2.5)
    assert y == pytest.approx(-box.half_depth_mm + site.number("behind_front_mm"), abs=2.5)


def test_beside_a_body_the_root_from_above_counts_too(patient: Patient) -> None:
    labels = patient.about("L1")
    names = [tube.name for tube in nerve_root(site_of(patient, CELIAC, "L1", Side.LEFT), labels).tubes]
    assert names == ["L1 root left", "T12 root left"]
    above = patient.spine.vertebra("T12")
    bare = replace(above, pedicles={})
    spine = replace(
        patient.spine, vertebrae=tuple(bare if one is above else one for one in patient.spine.vertebrae)
    )
    site = site_of(replace(patient, spine=spine), CELIAC, "L1", Side.LEFT)
    assert [tube.name for tube in nerve_root(site, labels).tubes] == ["L1 root left"]


def test_the_pedicles_wall_is_all_but_the_bone_itself(patient: Patient) -> None:
    site, labels = site_of(patient, AUGMENTATION, "L3", Side.LEFT), patient.about("L3")
    wall = pedicle_wall(site, labels)
    pedicle = site.upper.pedicles[Side.LEFT]
    along = np.asarray(pedicle.centre) + np.linspace(-2, 6, 17)[:, None] * np.asarray(pedicle.axis)
    assert not mask_at(wall, labels, along).any()
    medial = along[:9] - np.asarray(site.upper.frame.left) * (pedicle.width_mm / 2 + 2.5)
    assert mask_at(wall, labels, medial).all()
    lateral = along + np.asarray(site.upper.frame.left) * (pedicle.width_mm / 2 + 3.0)
    assert mask_at(wall, labels, lateral[:8]).any()
    assert wall.mask is not None
    assert not (wall.mask & (labels.levels.voxels == VERSE_LABELS["L3"])).any()


def test_other_bone_leaves_out_the_vertebra_that_is_entered(patient: Patient) -> None:
    labels = patient.about("L3")
    solid = other_bone(site_of(patient, AUGMENTATION, "L3", Side.LEFT), labels)
    assert solid.mask is not None
    own = labels.levels.voxels == VERSE_LABELS["L3"]
    assert not solid.mask[own].any()
    assert solid.mask[labels.levels.voxels == VERSE_LABELS["L4"]].all()


def test_the_cord_is_modelled_above_the_lowest_conus(patient: Patient) -> None:
    labels = patient.about("L3")
    solid = spinal_cord(site_of(patient, AUGMENTATION, "L1", Side.LEFT), labels)
    assert solid is not None
    assert solid.origin is StructureOrigin.MODELLED
    points = np.array(solid.tubes[0].points)
    lowest = patient.spine.vertebra("L3")
    assert (points[:, 2] > lowest.frame.origin[2]).all()
    assert (values_at(patient.regions, points[1:-1]) == Region.CANAL).mean() > 0.9
    below = spinal_cord(site_of(patient, AUGMENTATION, "L5", Side.LEFT), labels)
    assert below is not None
    assert not below.tubes or np.array(below.tubes[0].points)[:, 2].min() > lowest.frame.origin[2]


def test_a_labelled_cord_is_believed(patient: Patient) -> None:
    labels = patient.about("L1")
    seen = replace(labels, present=labels.present | {int(Region.SPINAL_CORD)})
    site = site_of(patient, AUGMENTATION, "L1", Side.LEFT)
    solid, ours = spinal_cord(site, seen), spinal_cord(site, replace(seen, coarse_organs=True))
    assert solid is not None
    assert ours is not None
    assert solid.origin is StructureOrigin.SEGMENTED
    assert solid.spread_mm == 0.0 < ours.spread_mm  # our networks' label of it is thin


def test_without_a_canal_the_cord_is_not_judged(patient: Patient) -> None:
    site = site_of(patient, AUGMENTATION, "L1", Side.LEFT)
    blind = replace(site, spine=replace(patient.spine, canal=()))
    assert spinal_cord(blind, patient.about("L1")) is None


class TestAorta:
    """A tube of label 25 mm before the bodies, of a given radius, on a 1.5 mm lattice about a site."""

    @staticmethod
    def labels(
        site: Site, radius_mm: float, kept: slice = slice(None), across_mm: float = 0.0
    ) -> LocalLabels:
        shape, spacing = (80, 60, 60), 1.5
        origin = np.asarray(site.upper.frame.origin) - np.array([45.0, 70.0, 60.0])
        affine = Affine.axis_aligned((spacing,) * 3, origin)
        voxels = np.zeros(shape, np.uint8)
        j, i = np.ogrid[: shape[1], : shape[2]]
        off_y, off_x = j * spacing - 40.0, i * spacing - 45.0 - across_mm
        section = np.asarray(off_y**2 + off_x**2 <= radius_mm**2)
        voxels[kept] = np.where(section, Region.AORTA, 0)
        regions = LabelMap(voxels, affine, names={})
        levels = LabelMap(np.zeros(shape, np.uint8), affine, names={})
        return LocalLabels(levels, regions, frozenset({int(Region.AORTA)}))

    @staticmethod
    def areas(solid: Solid | None) -> np.ndarray:
        assert solid is not None
        assert solid.mask is not None
        return solid.mask.sum(axis=(1, 2)) * 2.25

    def test_a_strand_is_filled_out(self, patient: Patient) -> None:
        site = site_of(patient, CELIAC, "L1", Side.LEFT)
        solid = aorta(site, self.labels(site, 3.0))
        assert self.areas(solid)[20:70].min() > 0.9 * np.pi * 81
        assert solid is not None
        assert solid.spread_mm > 0

    def test_what_is_wide_enough_stays(self, patient: Patient) -> None:
        site = site_of(patient, CELIAC, "L1", Side.LEFT)
        labels = self.labels(site, 9.0)
        solid = aorta(site, labels)
        assert solid is not None
        assert np.array_equal(solid.mask, labels.regions.mask(Region.AORTA))
        assert solid.spread_mm == 0

    def test_gaps_are_bridged(self, patient: Patient) -> None:
        site = site_of(patient, CELIAC, "L1", Side.LEFT)
        voxels = self.labels(site, 9.0).regions.voxels.copy()
        voxels[35:45] = 0
        labels = self.labels(site, 9.0)
        gappy = replace(labels, regions=labels.regions.with_voxels(voxels))
        assert self.areas(aorta(site, gappy))[10:70].min() > 0.9 * np.pi * 81

    def test_a_section_cut_by_the_edge_is_left(self, patient: Patient) -> None:
        site = site_of(patient, CELIAC, "L1", Side.LEFT)
        labels = self.labels(site, 6.0, across_mm=-43.0)
        solid = aorta(site, labels)
        assert solid is not None
        assert np.array_equal(solid.mask, labels.regions.mask(Region.AORTA))

    def test_where_it_was_missed_it_is_not_judged(self, patient: Patient) -> None:
        site = site_of(patient, CELIAC, "L1", Side.LEFT)
        assert aorta(site, self.labels(site, 9.0, kept=slice(0, 15))) is None
        nobody = replace(self.labels(site, 9.0), present=frozenset())
        assert aorta(site, nobody) is None

    def test_below_its_division_little_or_nothing_is_right(self, patient: Patient) -> None:
        site = site_of(patient, AUGMENTATION, "L5", Side.LEFT)
        labels = self.labels(site, 4.0, kept=slice(0, 40))
        solid = aorta(site, labels)
        assert solid is not None
        assert np.array_equal(solid.mask, labels.regions.mask(Region.AORTA))


@pytest.mark.parametrize(("procedure", "level"), [(AUGMENTATION, "L2"), (BASIVERTEBRAL, "L4")])
def test_a_needle_through_a_pedicle_stays_in_bone_from_arch_to_tip(
    patient: Patient, procedure: str, level: str
) -> None:
    subject = Subject(patient.spine, patient.levels, patient.regions)
    found = plan(Request(load_catalogue()[procedure], level, Side.RIGHT), subject)
    assert found.plans, found.reason
    for one in found.plans:
        points = shaft(one)
        levels, regions = values_at(patient.levels, points), values_at(patient.regions, points)
        assert (regions != Region.CANAL).all()
        assert set(np.unique(levels)) <= {0, VERSE_LABELS[level]}
        first = int(np.argmax(levels == VERSE_LABELS[level]))
        assert (levels[first:] == VERSE_LABELS[level]).mean() > 0.97
        vertebra = patient.spine.vertebra(level)
        assert isinstance(vertebra, Vertebra)
        pedicle = vertebra.pedicles[Side.RIGHT]
        off = np.linalg.norm(points - np.asarray(pedicle.centre), axis=1).min()
        assert off < max(pedicle.width_mm, pedicle.height_mm) / 2


def test_a_needle_to_a_disc_passes_no_bone_and_enters_as_published(patient: Patient) -> None:
    subject = Subject(patient.spine, patient.levels, patient.regions)
    found = plan(Request(load_catalogue()[DISCOGRAPHY], "L3-L4", Side.LEFT), subject)
    assert found.plans, found.reason
    best = found.plans[0]
    points = shaft(best)
    assert (values_at(patient.levels, points) == 0).all()
    assert values_at(patient.regions, points)[-1] == Region.DISC
    frame = patient.spine.vertebra("L4").frame
    assert 40 <= frame.to_local(best.trajectory.entry)[0] <= 130
    assert 30 <= best.view.oblique_deg <= 60


@pytest.mark.parametrize(("procedure", "level"), [(SYMPATHETIC, "L3"), (CELIAC, "L1")])
def test_beside_a_body_that_the_image_cuts_nothing_is_planned(
    patient: Patient, procedure: str, level: str
) -> None:
    site = site_of(patient, procedure, level, Side.LEFT)
    assert isinstance(site.upper, Vertebra)
    cut = replace(site, upper=replace(site.upper, complete=False))
    with pytest.raises(InputUnfitError, match=f"{level} is cut off"):
        CONSTRUCTIONS[site.procedure.target.construction].sample(cut, patient.about(site.upper.level))
