"""Canal content, nerves and small vessels: what anatomy says of them, read from labels and centrelines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import BONE, Region, Side
from procguide.geometry import Affine
from procguide.imaging import Grid
from procguide.phantom import Phantom, PhantomParameters, build, sample_parameters
from procguide.phantom.assemble import assemble
from procguide.phantom.bones.vertebra import arch_points
from procguide.phantom.build import phantom_of
from procguide.phantom.canvas import instance_of
from procguide.phantom.neural.bone_field import bone_field
from procguide.phantom.neural.branches import medial_branch_groove
from procguide.phantom.paint import default_grid, paint
from procguide.phantom.population.parameters import LevelWear, NeuralShape
from procguide.phantom.truth.nouns import Course
from procguide.phantom.tubes import splat

LUMBAR = ("L1", "L2", "L3", "L4", "L5")
IN_BONE = np.array([*BONE], dtype=np.uint8)
IN_SAC = (Region.CEREBROSPINAL_FLUID, Region.CAUDA_EQUINA, Region.SPINAL_CORD, Region.DURA)


@pytest.fixture(scope="module")
def lumbar() -> Phantom:
    """The mean subject's lumbar spine at 1 mm, narrow."""
    return build(PhantomParameters(), 1.0, box=((-36, -50, -92), (36, 62, 205)))


def again(phantom: Phantom, spacing: float, low: ArrayLike, high: ArrayLike) -> Phantom:
    """The same subject in another box; its nerves are laid already."""
    grid = default_grid(phantom.anatomy, spacing, (low, high))
    return phantom_of(phantom.parameters, phantom.anatomy, paint(phantom.anatomy, grid))


def course(phantom: Phantom, name: str) -> Course:
    return next(c for c in phantom.courses if c.name == name)


def labels_at(phantom: Phantom, points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Tissue of the voxels that hold patient points; 0 outside the lattice."""
    index = np.rint(phantom.tissues.affine.inverse.apply(points)).astype(int)
    shape = np.array(phantom.tissues.voxels.shape)
    inside = ((index >= 0) & (index < shape)).all(axis=1)
    found = np.zeros(len(points), dtype=np.uint8)
    found[inside] = phantom.tissues.voxels[tuple(index[inside].T)]
    return found


def along_midline(phantom: Phantom, station: float) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Mm behind the canal's centreline and the tissues there, from front to back."""
    back = np.arange(-14.0, 22.0, 0.25)
    line = phantom.anatomy.canal_line
    return back, labels_at(phantom, line.at(np.full(len(back), station), 0 * back, back))


class TestSac:
    def test_ends_where_the_parameters_say(self, lumbar: Phantom) -> None:
        line, voxels = lumbar.anatomy.canal_line, lumbar.tissues
        fluid = np.argwhere(voxels.voxels == Region.CEREBROSPINAL_FLUID)
        lowest = voxels.affine.apply(fluid[np.argmin(fluid[:, 0])])
        assert abs(line.station(lowest) - line.height(*lumbar.parameters.neural.sac_end)) < 6.0

    def test_conus_ends_where_the_parameters_say(self, lumbar: Phantom) -> None:
        line = lumbar.anatomy.canal_line
        cord = np.argwhere(lumbar.tissues.voxels == Region.SPINAL_CORD)
        lowest = lumbar.tissues.affine.apply(cord[np.argmin(cord[:, 0])])
        assert abs(line.station(lowest) - line.height(*lumbar.parameters.neural.conus)) < 5.0

    def test_a_lower_conus_is_lower(self) -> None:
        high = assemble(replace(PhantomParameters(), neural=NeuralShape(conus=("T12", 0.3))))
        low = assemble(replace(PhantomParameters(), neural=NeuralShape(conus=("L2", 0.3))))
        ends = [a.canal_line.tube.points[int(a.sac.conus), 2] for a in (high, low)]
        assert ends[0] - ends[1] > 55

    def test_is_about_as_wide_as_patients_have_it(self, lumbar: Phantom) -> None:
        for level in ("L2", "L3", "L4"):
            _, across, deep = lumbar.anatomy.sac.sac_at(lumbar.anatomy.canal_line.height(level, 0.87))
            assert 15 < 2 * across < 22
            assert 11 < 2 * deep < 18

    def test_stenosis_narrows_it_at_its_disc_alone(self) -> None:
        worn = replace(PhantomParameters(), wear={"L4": LevelWear(central_stenosis=0.9, bulge=3.0)})
        sick, well = assemble(worn), assemble(PhantomParameters())

        def area(anatomy: object, level: str) -> float:
            station = anatomy.canal_line.height(level, 0.87)  # type: ignore[attr-defined]
            _, a, b = anatomy.sac.sac_at(station)  # type: ignore[attr-defined]
            return float(a * b)

        assert area(sick, "L4") < 0.65 * area(well, "L4")
        assert area(sick, "L2") == pytest.approx(area(well, "L2"), rel=0.02)

    def test_cauda_lies_in_the_posterior_half_supine(self, lumbar: Phantom) -> None:
        line, sac = lumbar.anatomy.canal_line, lumbar.anatomy.sac
        station = line.height("L3", 0.8)
        x, y = np.meshgrid(np.arange(-9, 9.5, 0.5), np.arange(-9, 9.5, 0.5))
        at = line.at(np.full(x.size, station), x.ravel(), y.ravel())
        strands = y.ravel()[labels_at(lumbar, at) == Region.CAUDA_EQUINA]
        assert len(strands) > 20
        assert float(np.mean(strands > sac.sac_at(station)[0])) > 0.8

    def test_strands_are_dozens_of_thin_dots(self, lumbar: Phantom) -> None:
        line = lumbar.anatomy.canal_line
        point = line.tube.points[int(line.height("L2", 0.4))]
        crossing = [
            c
            for c in lumbar.anatomy.nerves.strands
            if c.points[0, 2] > point[2] > c.points[-1, 2] and c.radius.max() < 0.7
        ]
        assert 30 < len(crossing) < 80
        k = int(np.rint(lumbar.tissues.affine.inverse.apply(point)[0]))
        counts = [int((lumbar.tissues.voxels[k] == r).sum()) for r in IN_SAC]
        assert 0.04 < counts[1] / sum(counts) < 0.5


class TestCanal:
    def test_nothing_is_left_unnamed(self, lumbar: Phantom) -> None:
        assert not (lumbar.tissues.voxels == Region.CANAL).any()

    def test_flavum_closes_every_gap_across_the_midline(self, lumbar: Phantom) -> None:
        """Backward from inside the sac the first thing behind fat is flavum or lamina, never muscle."""
        line, sac = lumbar.anatomy.canal_line, lumbar.anatomy.sac
        for level in LUMBAR:
            gap = np.arange(line.height(level, 0.62), line.height(level, 1.2))
            flavum = sac.flavum[gap.astype(int)]
            assert flavum.max() > 2.3
            met = 0
            for station in gap[flavum > 2.0]:
                for x in (-5.0, -2.5, 0.0, 2.5, 5.0):
                    back = np.arange(0.0, 20.0, 0.25)
                    ray = labels_at(lumbar, line.at(np.full(len(back), station), np.full(len(back), x), back))
                    beyond = ray[~np.isin(ray, [*IN_SAC, Region.EPIDURAL_FAT, Region.EPIDURAL_VEIN])]
                    first = beyond[0]
                    assert first == Region.LIGAMENTUM_FLAVUM or first in IN_BONE, (level, x, Region(first))
                    met += first == Region.LIGAMENTUM_FLAVUM
            assert met > 15, level

    def test_posterior_fat_is_four_to_six_mm_deep_at_its_deepest_under_l3(self, lumbar: Phantom) -> None:
        line = lumbar.anatomy.canal_line
        depths = []
        for share in np.arange(0.5, 1.15, 0.04):
            _, tissue = along_midline(lumbar, line.height("L3", float(share)))
            behind = tissue[len(tissue) * 2 // 5 :]
            depths.append(0.25 * float((behind == Region.EPIDURAL_FAT).sum()))
        assert 3.8 <= max(depths) <= 6.5
        assert min(depths) < 2.0

    def test_more_fat_where_the_parameters_say(self) -> None:
        lean = assemble(replace(PhantomParameters(), neural=NeuralShape(epidural_fat=0.6)))
        fat = assemble(replace(PhantomParameters(), neural=NeuralShape(epidural_fat=2.2)))
        n = int(lean.canal_line.height("L4", 0.9))
        assert fat.sac.sac_half_y[n] < lean.sac.sac_half_y[n] - 0.8

    def test_below_the_sac_the_canal_is_fat(self, lumbar: Phantom) -> None:
        line = lumbar.anatomy.canal_line
        _, tissue = along_midline(lumbar, line.height("S3", 0.2))
        assert (tissue == Region.EPIDURAL_FAT).sum() > 8
        assert not np.isin(tissue, IN_SAC[:1]).any()

    def test_longitudinal_ligaments_line_bodies_and_discs(self, lumbar: Phantom) -> None:
        for level in LUMBAR[:4]:
            frame = lumbar.anatomy.pose.frames[level]
            front = frame.to_patient(
                np.column_stack([0 * np.arange(80), -8 - 0.25 * np.arange(80), 0 * np.arange(80)])
            )
            assert (labels_at(lumbar, front) == Region.ANTERIOR_LONGITUDINAL_LIGAMENT).any(), level
            stations = [lumbar.anatomy.canal_line.height(level, share) for share in (0.3, 0.55, 0.75)]
            behind = np.concatenate([along_midline(lumbar, station)[1] for station in stations])
            assert (behind == Region.POSTERIOR_LONGITUDINAL_LIGAMENT).any(), level

    def test_interspinous_ligament_between_neighbours(self, lumbar: Phantom) -> None:
        instances = lumbar.instances.voxels[lumbar.tissues.voxels == Region.INTERSPINOUS_LIGAMENT]
        assert {instance_of(level) for level in LUMBAR} <= set(np.unique(instances).tolist())


class TestRoots:
    @pytest.mark.parametrize("level", ["T10", "L1", "L2", "L3", "L4", "L5"])
    def test_passes_under_its_own_pedicle_in_the_upper_foramen(self, lumbar: Phantom, level: str) -> None:
        model = lumbar.anatomy.vertebrae[level]
        for side in Side:
            arch = arch_points(model, side)
            local = model.frame.to_local(course(lumbar, f"{side.value} {level} root").points)
            under = local[np.argmin(np.abs(local[:, 0] - arch.isthmus[0]))]
            bottom = arch.isthmus[2] - model.shape.pedicle_height / 2
            height = model.shape.body_height + model.shape.disc_height - model.shape.pedicle_height
            assert 1.5 < bottom - under[2] < max(0.45 * height, 6.0)
            wall = (model.shape.depth_upper + model.shape.depth_lower) / 4
            assert 0 < under[1] - wall < 12

    def test_takes_off_steeper_from_level_to_level(self, lumbar: Phantom) -> None:
        """Coronal angle: 26 degrees at L1, 16 at L5 (J Clin Neurosci 2008;15:895), more above."""
        angles = {}
        for level in ("T11", "L2", "L5"):
            points = course(lumbar, f"left {level} root").points
            frame = lumbar.anatomy.pose.frames[level]
            local = frame.to_local(points)
            run = local[np.linalg.norm(local - local[0], axis=1) < 15.0][-1] - local[0]
            angles[level] = float(np.degrees(np.arctan2(abs(run[0]), -run[2])))
        assert angles["T11"] > angles["L2"] > angles["L5"]
        assert 11 < angles["L5"] < 22
        assert 28 < angles["T11"] < 55

    @pytest.mark.parametrize("seed", [9, 46, 47])
    def test_never_crosses_bone(self, seed: int) -> None:
        """Three subjects, one with L6 and one without L5, each with nerves of its own."""
        anatomy = assemble(sample_parameters(seed))
        names = {c.name for c in anatomy.nerves.courses}
        assert {f"left {level} root" for level in (*anatomy.parameters.levels, "S1", "S5")} <= names
        field = bone_field(anatomy)
        for found in anatomy.nerves.courses:
            if found.region in (Region.NERVE_ROOT, Region.GANGLION, Region.MEDIAL_BRANCH):
                assert field.distance(found.points).min() > -0.1, found.name

    def test_no_nerve_is_painted_in_bone(self, lumbar: Phantom) -> None:
        nerve = np.isin(lumbar.tissues.voxels, [Region.NERVE_ROOT, Region.GANGLION, Region.MEDIAL_BRANCH])
        assert nerve.sum() > 3000
        assert float(lumbar.bone_distance[nerve].min()) >= 0.0
        clear = lumbar.bone_distance[np.isin(lumbar.tissues.voxels, [Region.GANGLION])]
        assert float(np.mean(clear > 0.5)) > 0.9

    def test_ganglia_grow_to_s1(self, lumbar: Phantom) -> None:
        """211, 291 and 384 mm3 at L4, L5 and S1 (AJNR 2022;43:769)."""
        volume = {}
        for level in ("L2", "L4", "L5", "S1"):
            mine = lumbar.tissues.voxels == Region.GANGLION
            mine &= lumbar.instances.voxels == instance_of(level, Side.LEFT)
            volume[level] = int(mine.sum())
        assert volume["L2"] < volume["L4"] < volume["L5"]
        assert 130 < volume["L4"] < 290
        assert 180 < volume["L5"] < 400
        assert 180 < volume["S1"] < 480

    def test_roots_lie_in_fat_in_the_foramen(self, lumbar: Phantom) -> None:
        ganglion = course(lumbar, "left L3 ganglion")
        middle = ganglion.points[len(ganglion.points) // 2]
        around = middle + 5.0 * np.array([(0, 0, -1), (0, 1, -0.6), (0, -1, -0.6), (0, 0.5, -1)])
        fat = np.isin(labels_at(lumbar, around), [Region.FAT, Region.EPIDURAL_FAT, Region.EPIDURAL_VEIN])
        assert fat.sum() >= 3

    def test_sacral_nerves_leave_by_the_anterior_foramina(self, lumbar: Phantom) -> None:
        frame = lumbar.anatomy.sacrum.frame
        for level in ("S1", "S2", "S3"):
            ramus = frame.to_local(course(lumbar, f"right {level} ventral ramus").points)
            assert ramus[0, 0] < -10
            assert ramus[-1, 2] < ramus[0, 2]


class TestBranches:
    @pytest.mark.parametrize("level", ["T12", "L1", "L2", "L3", "L4", "L5"])
    def test_lies_in_its_groove_on_the_bone_below(self, lumbar: Phantom, level: str) -> None:
        field = bone_field(lumbar.anatomy)
        for side in Side:
            branch = course(lumbar, f"{side.value} {level} medial branch").points
            groove = medial_branch_groove(lumbar.anatomy, level, side)
            assert np.linalg.norm(branch - groove, axis=1).min() < 0.1
            on_bone = field.distance(branch[10:-10])
            assert 0.3 < field.distance(groove[None])[0] < 1.6
            assert float(np.median(on_bone)) < 2.5

    def test_touches_both_processes_it_passes_between(self, lumbar: Phantom) -> None:
        below = {"L2": "L3", "L3": "L4"}
        for level, under in below.items():
            groove = medial_branch_groove(lumbar.anatomy, level, Side.RIGHT)
            k, j, i = np.rint(lumbar.tissues.affine.inverse.apply(groove)).astype(int)
            near = (slice(k - 6, k + 7), slice(j - 6, j + 7), slice(i - 6, i + 7))
            mine = lumbar.tissues.voxels[near][
                lumbar.instances.voxels[near] == instance_of(under, Side.RIGHT)
            ]
            assert Region.SUPERIOR_ARTICULAR_PROCESS in mine
            assert Region.TRANSVERSE_PROCESS in mine


class TestArteries:
    @pytest.mark.parametrize(("level", "side"), [("T12", "right")])
    def test_adamkiewicz_enters_and_turns_where_it_should(self, level: str, side: str) -> None:
        neural = NeuralShape(adamkiewicz_level=level, adamkiewicz_side=side)
        anatomy = assemble(replace(PhantomParameters(), neural=neural))
        artery = next(c for c in anatomy.nerves.courses if "Adamkiewicz" in c.name)
        model = anatomy.vertebrae[level]
        arch = arch_points(model, Side(side))
        entry = model.frame.to_local(artery.points[0])
        assert np.sign(entry[0]) == Side(side).sign
        assert 0 < arch.isthmus[2] - model.shape.pedicle_height / 2 - entry[2] < 6
        assert entry[1] < arch.isthmus[1]
        top = artery.points[int(np.argmax(artery.points[:, 2]))]
        line = anatomy.canal_line
        station = line.station(top)
        ahead = (top - line.at(station, 0.0, 0.0)) @ line.axes[2][int(station)]
        assert ahead < anatomy.sac.cord_at(station)[0]
        assert 8 < top[2] - artery.points[0, 2] < 90

    def test_segmental_arteries_hug_the_waist(self, lumbar: Phantom) -> None:
        field = bone_field(lumbar.anatomy)
        artery = course(lumbar, "right L3 segmental artery").points
        middle = artery[len(artery) // 3 : 2 * len(artery) // 3]
        assert float(field.distance(middle).max()) < 6.0
        assert float(field.distance(artery).min()) > 0.2


class TestCourses:
    def test_points_are_close_together_and_named_once(self, lumbar: Phantom) -> None:
        for found in lumbar.courses:
            steps = np.linalg.norm(np.diff(found.points, axis=0), axis=1)
            assert steps.max() <= 1.0, found.name
            assert len(found.radius) == len(found.points)
            assert np.isfinite(found.points).all()
        names = [c.name for c in lumbar.courses if c.region != Region.EPIDURAL_VEIN]
        assert len(names) == len(set(names))
        assert {"left L4 root", "spinal cord", "thecal sac", "aorta"} <= set(names)

    def test_what_is_painted_follows_them(self, lumbar: Phantom) -> None:
        root = course(lumbar, "left L4 root")
        seen = labels_at(lumbar, root.points[12:])
        assert float(np.mean(np.isin(seen, [Region.NERVE_ROOT, Region.GANGLION]))) > 0.9


class TestLattice:
    def test_the_same_place_holds_the_same_in_any_box(self, lumbar: Phantom) -> None:
        affine = lumbar.tissues.affine
        low = affine.origin + np.array([16.0, 55.0, 130.0]) - 0.5
        part = again(lumbar, 1.0, low, low + np.array([40.0, 50.0, 30.0]))
        k, j, i = np.rint(affine.inverse.apply(part.tissues.affine.origin)).astype(int)
        a, b, c = part.tissues.voxels.shape
        assert np.mean(lumbar.tissues.voxels[k : k + a, j : j + b, i : i + c] == part.tissues.voxels) > 0.999

    @pytest.mark.parametrize("spacing", [0.5, 3.0])
    def test_any_spacing(self, lumbar: Phantom, spacing: float) -> None:
        small = again(lumbar, spacing, (-18, 5, 22), (18, 40, 46))
        present = set(np.unique(small.tissues.voxels).tolist())
        assert {Region.CEREBROSPINAL_FLUID, Region.NERVE_ROOT, Region.EPIDURAL_FAT} <= present
        assert (Region.DURA in present) == (spacing < 0.6)

    def test_thin_rods_are_one_voxel_wide_and_unbroken(self) -> None:
        grid = Grid((20, 20, 20), Affine.axis_aligned(1.0, np.zeros(3)))
        tissues, instances = np.full((2, *grid.shape), Region.FAT, dtype=np.uint8)
        start, end = grid.affine.apply([[2, 2, 2], [17, 12, 15]])
        rod = np.array([[*start, *end, 0.3, 0.3]])
        number = np.array([[Region.MEDIAL_BRANCH, 120]], dtype=np.uint8)
        splat(grid, rod, number, tissues, instances, np.ones((1, 256), dtype=bool))
        painted = (tissues == Region.MEDIAL_BRANCH).sum(axis=(1, 2))
        assert (painted[2:18] >= 1).all()
        assert painted.max() <= 3
        assert painted[:2].sum() == 0
