"""Target zones lie in the tissue that the procedure aims at."""

from collections import Counter

import numpy as np
import pytest

from procguide.anatomy import BROAD, Region, Side
from procguide.phantom import Phantom, build, sample_parameters
from procguide.phantom.posture import turn_prone
from procguide.phantom.truth.nouns import TrueZone

BOX = ((-75, -75, -115), (75, 110, 380))


@pytest.fixture(scope="module", params=[3, 8])
def subject(request: pytest.FixtureRequest) -> Phantom:
    return build(sample_parameters(request.param), 1.5, box=BOX)


def region_at(phantom: Phantom, zone: TrueZone) -> Region:
    k, j, i = np.rint(phantom.tissues.to_index(zone.centre)).astype(int)
    fine = Region(int(phantom.tissues.voxels[k, j, i]))
    return BROAD.get(fine, fine)


def test_every_procedure_below_the_neck_has_its_zones(subject: Phantom) -> None:
    count = Counter(zone.procedure for zone in subject.zones)
    lumbar = sum(level.startswith("L") for level in subject.parameters.levels)
    assert count["lumbar_interlaminar_esi"] == count["discography"] == lumbar
    assert count["transforaminal_esi_subpedicular"] == count["transforaminal_esi_kambin"] == 2 * lumbar
    assert count["facet_joint_injection"] == 2 * lumbar
    assert count["vertebral_augmentation"] == 2 * len(subject.parameters.levels)
    assert count["lumbar_sympathetic_block"] == 4
    assert count["caudal_esi"] == 1
    assert count["sacral_lateral_branch_rfa"] == 6
    assert count["sacroiliac_joint_injection"] == 2
    assert count["lumbar_medial_branch_block"] == count["lumbar_medial_branch_rfa"] >= 2 * lumbar


def test_medial_branch_zones_lie_at_the_foot_of_the_articular_process_below(subject: Phantom) -> None:
    spine = subject.spine
    for zone in subject.zones:
        if zone.procedure != "lumbar_medial_branch_block":
            continue
        assert zone.level is not None
        assert zone.side is not None
        below = spine.below(zone.level)
        away = np.subtract(zone.centre, below.superior_articular_processes[zone.side])
        assert np.linalg.norm(away) < 18.0, (zone.level, zone.side)
        k, j, i = np.rint(subject.tissues.to_index(zone.centre)).astype(int)
        assert -0.8 < subject.bone_distance[k, j, i] < 3.0, (zone.level, zone.side)


@pytest.mark.parametrize(
    ("procedure", "allowed"),
    [
        ("vertebral_augmentation", {Region.BODY}),
        ("basivertebral_nerve_ablation", {Region.BODY}),
        ("discography", {Region.DISC}),
        ("lumbar_interlaminar_esi", {Region.CANAL}),
        ("scs_lead", {Region.CANAL}),
        ("caudal_esi", {Region.CANAL}),
    ],
)
def test_centres_lie_in_the_aimed_tissue(subject: Phantom, procedure: str, allowed: set[Region]) -> None:
    zones = [zone for zone in subject.zones if zone.procedure == procedure]
    assert zones
    assert {region_at(subject, zone) for zone in zones} <= allowed


@pytest.mark.parametrize(
    "procedure",
    ["transforaminal_esi_subpedicular", "transforaminal_esi_kambin", "lumbar_sympathetic_block"],
)
def test_centres_outside_bone(subject: Phantom, procedure: str) -> None:
    for zone in subject.zones:
        if zone.procedure == procedure:
            k, j, i = np.rint(subject.tissues.to_index(zone.centre)).astype(int)
            assert subject.bone_distance[k, j, i] > 0.3, (zone.procedure, zone.level, zone.side)


def test_sides_are_the_patients(subject: Phantom) -> None:
    for zone in subject.zones:
        if zone.side is not None and zone.level is not None and zone.level in subject.parameters.levels:
            x = subject.spine.vertebra(zone.level).frame.to_local(zone.centre)[0]
            assert x * zone.side.sign > 0, zone


def test_zones_move_with_the_prone_subject(subject: Phantom) -> None:
    prone, deformation = turn_prone(subject, seed=1)
    before = next(z for z in subject.zones if z.procedure == "discography" and z.level == "L1")
    after = next(z for z in prone.zones if z.procedure == "discography" and z.level == "L1")
    np.testing.assert_allclose(deformation.to_supine(after.centre), before.centre, atol=0.01)
    left = [z for z in prone.zones if z.procedure == "vertebral_augmentation" and z.side is Side.LEFT]
    assert {region_at(prone, zone) for zone in left} == {Region.BODY}
