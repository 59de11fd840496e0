"""Zones of the lumbar posterior elements against a phantom's true ones, and what they must not be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from procguide.anatomy import CANAL_CONTENT, VERSE_LABELS, Region, Side
from procguide.errors import InputUnfitError
from procguide.phantom import sample_parameters
from procguide.phantom.assemble import assemble
from procguide.phantom.truth.nouns import TrueZone
from procguide.phantom.truth.spine import true_spine
from procguide.phantom.truth.zones import true_zones
from procguide.planning import Request, load_catalogue
from procguide.planning.nouns import StructureOrigin
from procguide.planning.site import Site, find_site
from procguide.planning.structures import Solid, dura
from procguide.planning.structures.adamkiewicz import adamkiewicz_zone
from procguide.planning.structures.nerves import nerve_spread_mm
from procguide.planning.zones import CONSTRUCTIONS, TargetZone
from procguide.planning.zones.interlaminar import _square
from procguide.planning.zones.junction import read_junction

if TYPE_CHECKING:
    from tests.planning.conftest import Patient

SUBPEDICULAR = "transforaminal_esi_subpedicular"
KAMBIN = "transforaminal_esi_kambin"
FACET = "facet_joint_injection"
BLOCK = "lumbar_medial_branch_block"
ABLATION = "lumbar_medial_branch_rfa"
IN_ZONE_MM = {SUBPEDICULAR: 2.0, KAMBIN: 3.0, FACET: 2.0, BLOCK: 2.0, ABLATION: 3.0}
INTERSPACES = ("L2-L3", "L3-L4", "L4-L5", "L5-S1")
NERVES = ("L2", "L3", "L4", "L5")
CASES = [
    *((procedure, level) for procedure in (SUBPEDICULAR, KAMBIN, FACET) for level in INTERSPACES),
    *((procedure, level) for procedure in (BLOCK, ABLATION) for level in NERVES),
]


@pytest.fixture(scope="module")
def truth() -> tuple[TrueZone, ...]:
    anatomy = assemble(sample_parameters(2))
    return true_zones(anatomy, true_spine(anatomy))


def site_of(patient: Patient, procedure: str, level: str, side: Side | None) -> Site:
    return find_site(Request(load_catalogue()[procedure].at(level), level, side), patient.spine)


def zone_of(patient: Patient, procedure: str, level: str, side: Side | None) -> TargetZone:
    site = site_of(patient, procedure, level, side)
    return CONSTRUCTIONS[site.procedure.target.construction].sample(site, patient.about(site.upper.level))


def best(zone: TargetZone) -> np.ndarray:
    return np.asarray(zone.points[np.argsort(zone.misfit, kind="stable")[:5]])


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(("procedure", "level"), CASES)
def test_best_targets_lie_in_the_true_zone(
    patient: Patient, truth: tuple[TrueZone, ...], procedure: str, level: str, side: Side
) -> None:
    true = next(
        zone for zone in truth if (zone.procedure, zone.level, zone.side) == (procedure, level[:2], side)
    )
    zone = zone_of(patient, procedure, level, side)
    assert ((zone.misfit >= 0) & (zone.misfit <= 1)).all()
    off = np.linalg.norm(best(zone)[:, None] - true.points[None], axis=2).min(axis=1)
    assert np.median(off) < IN_ZONE_MM[procedure], off


@pytest.mark.parametrize(("procedure", "level"), [(KAMBIN, "L3-L4"), (FACET, "L4-L5"), (ABLATION, "L3")])
def test_left_and_right_are_mirror_images(
    patient: Patient, mirrored: Patient, procedure: str, level: str
) -> None:
    left = zone_of(patient, procedure, level, Side.LEFT).points
    right = zone_of(mirrored, procedure, level, Side.RIGHT).points * (-1, 1, 1)
    assert np.linalg.norm(left.mean(axis=0) - right.mean(axis=0)) < 0.8


@pytest.mark.parametrize("level", INTERSPACES)
def test_kambin_targets_lie_in_neither_bone_nor_disc(patient: Patient, level: str) -> None:
    points = zone_of(patient, KAMBIN, level, Side.LEFT).points
    index = tuple(np.round(patient.levels.to_index(points)).astype(int).T)
    inside = (patient.levels.voxels[index] > 0) | (patient.regions.voxels[index] == Region.DISC)
    assert inside.mean() < 0.05


@pytest.mark.parametrize("level", ["L3", "L4"])
def test_electrode_lies_along_bone_without_entering_it(patient: Patient, level: str) -> None:
    zone = zone_of(patient, ABLATION, level, Side.RIGHT)
    assert zone.gates is not None
    active = load_catalogue()[ABLATION].target.numbers["active_tip_mm"].value
    along = zone.gates - zone.points
    assert np.linalg.norm(along, axis=1) == pytest.approx(active)
    points = zone.points[:, None] + np.linspace(0, 1, 21)[None, :, None] * along[:, None]
    index = np.round(patient.levels.to_index(points)).astype(int)
    inside = patient.levels.voxels[tuple(np.moveaxis(index, -1, 0))] > 0
    assert (inside.mean(axis=1) < 0.1).mean() > 0.3


@pytest.mark.parametrize("level", NERVES[:3])
def test_block_stands_off_both_bones_of_the_corner(patient: Patient, level: str) -> None:
    zone = zone_of(patient, BLOCK, level, Side.LEFT)
    best = zone.points[int(np.argmin(zone.misfit))]
    index = np.argwhere(patient.levels.voxels == VERSE_LABELS[f"L{int(level[1]) + 1}"])
    off = (
        np.linalg.norm(patient.levels.to_patient(index) - best, axis=1).min() - patient.levels.spacing[0] / 2
    )
    assert 0.0 <= off <= 2.0


@pytest.mark.parametrize("side", Side)
def test_beside_the_sacrum_no_tip_strays_from_the_articular_process(patient: Patient, side: Side) -> None:
    zone, site = zone_of(patient, BLOCK, "L5", side), site_of(patient, BLOCK, "L5", side)
    found = read_junction(site, patient.about(site.upper.level))
    places = found.patch.from_patient(zone.points)
    assert max(found.beside_process(place) for place in places) <= 3.0
    assert np.ptp(places[:, 2]) > 1.0


def test_a_missing_transverse_process_is_said(patient: Patient) -> None:
    site = site_of(patient, BLOCK, "L3", Side.LEFT)
    label = VERSE_LABELS["L4"]
    frame = site.below.frame
    process = frame.to_local(site.below.superior_articular_processes[Side.LEFT])
    index = np.argwhere(patient.levels.voxels == label)
    lateral = frame.to_local(patient.levels.to_patient(index))[:, 0]
    cut = index[lateral > process[0] + 4.0]
    levels = patient.levels.voxels.copy()
    levels[tuple(cut.T)] = 0
    bare = replace(patient, levels=patient.levels.with_voxels(levels))
    with pytest.raises(InputUnfitError, match="no transverse process"):
        zone_of(bare, BLOCK, "L3", Side.LEFT)


@pytest.mark.parametrize("side", [None, Side.LEFT])
def test_interlaminar_targets_lie_between_flavum_and_sac(
    patient: Patient, truth: tuple[TrueZone, ...], side: Side | None
) -> None:
    zone = zone_of(patient, "lumbar_interlaminar_esi", "L3-L4", side)
    true = next(one for one in truth if one.procedure == "lumbar_interlaminar_esi" and one.level == "L3")
    off = zone.points - np.array(true.centre)
    beside = np.abs(off[:, 2]) <= 4.0
    assert beside.any()
    # Behind the space's middle: half a standard deviation of the sac's place is kept.
    assert -0.5 <= np.median(off[beside, 1]) <= 2.0
    assert off[beside, 1].min() >= -1.0
    assert off[beside, 1].max() <= 2.5


@pytest.mark.parametrize("level", ["L1-L2", "L2-L3", "L4-L5", "L5-S1"])
def test_an_interlaminar_tip_lies_no_farther_off_the_sac_than_the_space_is_deep(
    patient: Patient, level: str
) -> None:
    from scipy.spatial import cKDTree

    site = site_of(patient, "lumbar_interlaminar_esi", level, None)
    labels = patient.about(site.upper.level)
    sac = dura(site, labels)
    assert sac is not None
    assert sac.mask is not None
    zone = zone_of(patient, "lumbar_interlaminar_esi", level, None)
    assert len(zone.points)
    far, _ = cKDTree(labels.levels.to_patient(np.argwhere(sac.mask))).query(zone.points)
    assert far.max() <= site.number("off_dura_most_mm") + 1.25


def test_a_window_without_room_behind_the_sac_gives_no_target(patient: Patient) -> None:
    canal = patient.regions.mask(*CANAL_CONTENT)
    voxels = patient.regions.voxels.copy()
    voxels[canal] = Region.THECAL_SAC
    filled = patient.regions.with_voxels(voxels)
    zone = zone_of(replace(patient, regions=filled), "lumbar_interlaminar_esi", "L4-L5", None)
    assert len(zone.points) == 0


class TestArteryZone:
    def test_lies_in_front_of_and_above_the_foramens_middle(self, patient: Patient) -> None:
        site = site_of(patient, SUBPEDICULAR, "L2-L3", Side.LEFT)
        found = adamkiewicz_zone(site, patient.about(site.upper.level))
        assert found is not None
        frame = site.upper.frame
        middle = frame.to_local(site.upper.foramina[Side.LEFT])
        points = frame.to_local(np.array(found.tubes[0].points))
        assert (points[:, 1] + found.tubes[0].radii_mm[0] <= middle[1] + 0.2).all()
        assert (points[:, 2] > middle[2]).all()

    def test_is_not_below_l3(self, patient: Patient) -> None:
        site = site_of(patient, SUBPEDICULAR, "L4-L5", Side.LEFT)
        assert adamkiewicz_zone(site, patient.about(site.upper.level)) is None


def test_roots_of_the_lowest_levels_have_the_wider_spread() -> None:
    assert nerve_spread_mm("L3") <= nerve_spread_mm("L4") < nerve_spread_mm("L5")


@pytest.mark.parametrize(("rise", "least", "most"), [(0, 1.0, 1.0), (1, 0.6, 0.72)])
def test_behind_a_steep_sac_a_standoff_counts_square_to_it(rise: int, least: float, most: float) -> None:
    """A sac whose back rises by ``rise`` voxels a slice; a tip 3 mm behind it along y."""
    k, j, _ = np.ogrid[:40, :60, :20]
    mask = np.broadcast_to(j <= 10 + rise * k, (40, 60, 20))
    back = np.array([10.5 + 20 * rise])
    points = np.array([[20.0], [back[0] + 3.0], [10.0]])
    square = _square(Solid(StructureOrigin.MODELLED, mask=mask), points, back, (1.0, 1.0, 1.0))
    assert least <= square[0] <= most
