"""Screws, rods, cement and laminectomy on the label map."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from procguide.anatomy import VERSE_LABELS, Region, Side
from procguide.phantom import Phantom, PhantomParameters, build
from procguide.phantom.assemble import assemble
from procguide.phantom.population.parameters import Hardware

HARDWARE = Hardware(("L4", "L5"), 6.0, (("L3", 4.0),), ("L4",))
BOX = ((-45, -50, 0), (45, 95, 150))


@pytest.fixture(scope="module")
def operated() -> Phantom:
    return build(replace(PhantomParameters(), hardware=HARDWARE), 1.0, box=BOX)


def test_without_hardware_there_is_none() -> None:
    implants = assemble(PhantomParameters()).implants
    assert not implants.screws
    assert not implants.rods
    assert not implants.cement


class TestScrews:
    def test_both_sides_of_each_level_thin_enough_for_the_pedicle(self, operated: Phantom) -> None:
        screws = operated.anatomy.implants.screws
        assert [(s.level, s.side) for s in screws] == [(a, side) for a in ("L4", "L5") for side in Side]
        for screw in screws:
            pedicle = operated.spine.vertebra(screw.level).pedicles[screw.side]
            assert 2 * screw.radius <= 0.91 * pedicle.width_mm
            # The axis passes the isthmus near its centre.
            way = (screw.tip - screw.head) / np.linalg.norm(screw.tip - screw.head)
            offset = np.asarray(pedicle.centre) - screw.head
            assert np.linalg.norm(offset - (offset @ way) * way) < 1.0
            assert 45 < np.linalg.norm(screw.tip - screw.head) < 75

    def test_they_stay_in_bone_and_out_of_the_canal(self, operated: Phantom) -> None:
        metal = operated.tissues.voxels == Region.IMPLANT
        bare = build(PhantomParameters(), 1.0, box=BOX)
        assert not (metal & np.isin(bare.regions.voxels, [int(Region.CANAL)])).any()
        for screw in operated.anatomy.implants.screws:
            frame = operated.anatomy.vertebrae[screw.level].frame
            half = operated.anatomy.vertebrae[screw.level].shape.depth_upper / 2
            tip = frame.to_local(screw.tip)
            assert -half + 3 < tip[1] < 0
            assert screw.side.sign * tip[0] > 0

    def test_metal_has_no_level_but_an_instance(self, operated: Phantom) -> None:
        metal = operated.tissues.voxels == Region.IMPLANT
        assert metal.sum() > 3000
        assert not operated.levels.voxels[metal].any()
        assert {VERSE_LABELS["L4"] + 100, VERSE_LABELS["L5"] + 200} <= set(operated.instances.voxels[metal])

    def test_rods_join_the_heads(self, operated: Phantom) -> None:
        pieces, count = ndimage.label(operated.tissues.voxels == Region.IMPLANT, np.ones((3, 3, 3)))
        sizes = np.bincount(pieces.ravel())[1:]
        assert (sizes > 500).sum() == 2
        assert count <= 4

    def test_one_level_needs_no_rod(self) -> None:
        single = replace(PhantomParameters(), hardware=Hardware(screws=("L4",)))
        assert not assemble(single).implants.rods

    def test_sacral_screws_join_in(self) -> None:
        low = replace(PhantomParameters(), hardware=Hardware(screws=("L5", "S1")))
        implants = assemble(low).implants
        assert {screw.level for screw in implants.screws} == {"L5", "S1"}
        assert len(implants.rods) == 2


@pytest.mark.parametrize("spacing", [0.8, 1.5])
@pytest.mark.parametrize(("level", "millilitres"), [("L3", 4.0), ("T12", 2.5)])
def test_cement_has_the_volume_asked_for(level: str, millilitres: float, spacing: float) -> None:
    filled = replace(PhantomParameters(), hardware=Hardware(cement=((level, millilitres),)))
    z = assemble(filled).pose.frames[level].origin[2]
    phantom = build(filled, spacing, box=((-30, -60, z - 25), (30, 60, z + 25)))
    cement = phantom.tissues.voxels == Region.CEMENT
    assert cement.sum() * spacing**3 / 1000 == pytest.approx(millilitres, rel=0.10)
    assert (phantom.levels.voxels[cement] == VERSE_LABELS[level]).all()
    local = phantom.anatomy.pose.frames[level].to_local(phantom.tissues.to_patient(np.argwhere(cement)))
    assert local[:, 1].mean() < 0
    assert np.quantile(local[:, 1], 0.95) < phantom.anatomy.pose.shapes[level].depth_upper / 6


class TestLaminectomy:
    def test_the_midline_is_open(self, operated: Phantom) -> None:
        own = operated.levels.voxels == VERSE_LABELS["L4"]
        frame = operated.anatomy.pose.frames["L4"]
        local = frame.to_local(operated.tissues.to_patient(np.argwhere(own)))
        behind = local[local[:, 1] > operated.anatomy.pose.shapes["L4"].depth_upper / 2 + 14]
        assert not (np.abs(behind[:, 0]) < 7).any()
        parts = operated.tissues.voxels[own]
        assert (parts == Region.INFERIOR_ARTICULAR_PROCESS).sum() > 100
        assert (parts == Region.PEDICLE).sum() > 100

    def test_its_neighbours_keep_theirs(self, operated: Phantom) -> None:
        for level in ("L3", "L5"):
            own = operated.levels.voxels == VERSE_LABELS[level]
            assert (operated.tissues.voxels[own] == Region.SPINOUS_PROCESS).sum() > 500

    def test_scar_fills_the_gap_and_flavum_is_gone(self, operated: Phantom) -> None:
        frame, shape = operated.anatomy.pose.frames["L4"], operated.anatomy.pose.shapes["L4"]
        y = (shape.depth_upper + shape.depth_lower) / 4 + shape.canal_depth + np.arange(2.0, 16.0)
        line = frame.to_patient(np.column_stack([np.zeros(len(y)), y, np.full(len(y), -6.0)]))
        k, j, i = np.rint(operated.tissues.to_index(line)).astype(int).T
        bed = operated.tissues.voxels[k, j, i]
        assert np.isin(bed, (Region.SOFT_TISSUE, Region.FAT)).mean() > 0.8  # scar with islands of fat
        assert (bed == Region.SOFT_TISSUE).mean() > 0.5

    def test_truth_names_no_part_that_was_taken(self, operated: Phantom) -> None:
        opened, whole = operated.spine.vertebra("L4"), operated.spine.vertebra("L5")
        assert opened.spinous_process_tip is None
        assert not opened.laminae
        assert whole.spinous_process_tip is not None
