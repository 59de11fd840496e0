"""Vertebrae, joints and discs: parts, orientation and wear, measured from what was painted."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from procguide.anatomy import VERSE_LABELS, Region, Side
from procguide.geometry import Affine, AnatomicalFrame
from procguide.imaging import Grid
from procguide.phantom import Phantom, PhantomParameters
from procguide.phantom.assemble import assemble
from procguide.phantom.bones.discs import paint_discs
from procguide.phantom.bones.paint import paint_bones
from procguide.phantom.bones.pose import Pose, pose_spine
from procguide.phantom.bones.roughness import bumps
from procguide.phantom.bones.vertebra import vertebra_field, vertebra_model
from procguide.phantom.bones.wear import worn_shape
from procguide.phantom.build import phantom_of
from procguide.phantom.canvas import Canvas, instance_of
from procguide.phantom.neural.paint import canal_distance
from procguide.phantom.population.morphometry import FACETS, PHANTOM_LEVELS, mean_shapes
from procguide.phantom.population.parameters import LevelWear, SideJitter

SPACING = 1.0


@dataclass(frozen=True)
class Bone:
    """One vertebra alone on a lattice along the patient's axes."""

    inside: NDArray[np.bool_]
    region: NDArray[np.uint8]
    local: NDArray[np.float64]
    pose: Pose

    def points(self, *regions: Region) -> NDArray[np.float64]:
        """Local ``(n, 3)`` mm of the bone's voxels, of these regions if named."""
        chosen = self.inside & np.isin(self.region, regions) if regions else self.inside
        return self.local[chosen]


def bone(level: str, parameters: PhantomParameters | None = None, **wear: float) -> Bone:
    given = parameters or PhantomParameters()
    if wear:
        given = replace(given, wear={level: LevelWear(**wear)})
    pose = pose_spine(given)
    frame = pose.frames[level]
    low = np.asarray(frame.origin) - (70, 45, 50)
    grid = Grid((100, 150, 140), Affine.axis_aligned(SPACING, low))
    field = vertebra_field(grid, vertebra_model(given, pose, level))
    assert field is not None
    index = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in field.window), indexing="ij"), axis=-1)
    local = frame.to_local(grid.affine.apply(index.astype(float)))
    return Bone(field.distance < 0, field.region, local, pose)


def column_top(body: Bone, x: float, y: float, radius: float = 2.0) -> float:
    """Height of the body's upper surface over a place, local mm."""
    points = body.points(Region.BODY)
    return float(points[np.hypot(points[:, 0] - x, points[:, 1] - y) < radius][:, 2].max())


def spine_in(parameters: PhantomParameters, low: ArrayLike, high: ArrayLike, spacing: float = 1.0) -> Phantom:
    """Discs, joints and bones alone in a box: no soft tissue, no nerves."""
    anatomy = assemble(parameters)
    low, high = np.asarray(low, float), np.asarray(high, float)
    k, j, i = (int(n) for n in np.ceil((high - low) / spacing)[::-1])
    canvas = Canvas.blank(Grid((k, j, i), Affine.axis_aligned(spacing, low)))
    paint_discs(canvas, anatomy)
    paint_bones(canvas, anatomy, canal_distance(canvas.grid, anatomy))
    return phantom_of(parameters, anatomy, canvas)


class TestParts:
    @pytest.mark.parametrize("level", ["T8", "T10", "T12", "L1", "L3", "L5"])
    def test_one_piece_with_every_part(self, level: str) -> None:
        vertebra = bone(level)
        _, count = ndimage.label(vertebra.inside, structure=np.ones((3, 3, 3)))
        assert count == 1
        for part in range(Region.BODY, Region.ARCH):
            assert len(vertebra.points(Region(part))) > 150, Region(part)

    @pytest.mark.parametrize(
        ("levels", "level"),
        [((*PHANTOM_LEVELS, "L6"), "L6"), ((*PHANTOM_LEVELS, "L6"), "L5"), (PHANTOM_LEVELS[:-1], "L4"),
         ((*PHANTOM_LEVELS[:5], "T13", *PHANTOM_LEVELS[5:]), "T13")],
    )  # fmt: skip
    def test_vertebrae_too_many_or_too_few(self, levels: tuple[str, ...], level: str) -> None:
        shapes, joints = mean_shapes(levels)
        given = replace(PhantomParameters(), levels=levels, vertebrae=shapes, facets=joints)
        vertebra = bone(level, given, osteophyte=9.0, facets=1.0, disc=1.0)
        _, count = ndimage.label(vertebra.inside, structure=np.ones((3, 3, 3)))
        assert count == 1
        assert min(len(vertebra.points(Region(part))) for part in range(Region.BODY, Region.ARCH)) > 150

    def test_thoracic_processes_are_stout_and_point_back_lumbar_ones_are_blades(self) -> None:
        swept, thick = {}, {}
        for level in ("T9", "L3"):
            points = bone(level).points(Region.TRANSVERSE_PROCESS)
            left = points[points[:, 0] > 0]
            tip = left[left[:, 0] > left[:, 0].max() - 4]
            root = left[left[:, 0] < left[:, 0].min() + 4]
            run = tip.mean(axis=0) - root.mean(axis=0)
            swept[level] = np.degrees(np.arctan2(run[1], run[0]))
            outer = left[np.abs(left[:, 0] - left[:, 0].max() + 8) < 1]
            thick[level] = np.ptp(outer[:, 1])
        assert swept["T9"] > 25 > swept["L3"]
        assert thick["T9"] > 8 > thick["L3"]

    def test_accessory_process_points_back_and_down_behind_the_root(self) -> None:
        points = bone("L3").points(Region.TRANSVERSE_PROCESS)
        left = points[points[:, 0] > 0]
        near = left[left[:, 0] < left[:, 0].min() + 10]
        hindmost = near[near[:, 1] > near[:, 1].max() - 2]
        assert hindmost[:, 2].mean() < near[:, 2].mean() - 1.0

    def test_thoracic_spinous_process_slopes_and_lumbar_one_is_deep(self) -> None:
        drop = {}
        depth = {}
        for level in ("T8", "L3"):
            points = bone(level).points(Region.SPINOUS_PROCESS)
            end = points[points[:, 1] > points[:, 1].max() - 6]
            drop[level] = points[:, 2].max() - end[:, 2].mean()
            depth[level] = np.ptp(end[:, 2])
        assert drop["T8"] > 25 > drop["L3"]
        assert depth["L3"] > 15 > depth["T8"]

    def test_body_has_waist_and_dished_endplates(self) -> None:
        body = bone("L3")
        points = body.points(Region.BODY)
        half = body.pose.shapes["L3"].body_height / 2
        widths = [
            np.ptp(points[np.abs(points[:, 2] - z) < 1.2][:, 0]) for z in (-0.85 * half, 0.0, 0.85 * half)
        ]
        assert widths[1] < min(widths[0], widths[2]) - 2.5
        rim = column_top(body, 0.0, -body.pose.shapes["L3"].depth_upper / 2 + 2.0)
        assert 0.8 < rim - column_top(body, 0.0, 1.0) < 4.0

    def test_thoracic_body_is_narrower_in_front(self) -> None:
        share = {}
        for level in ("T8", "L3"):
            points = bone(level).points(Region.BODY)
            b = points[:, 1].min()
            front = points[np.abs(points[:, 1] - 0.6 * b) < 1.0]
            share[level] = np.ptp(front[:, 0]) / np.ptp(points[np.abs(points[:, 1]) < 1.0][:, 0])
        assert share["T8"] < share["L3"] - 0.04

    def test_left_and_right_differ_only_by_what_was_asked(self) -> None:
        plain = PhantomParameters()
        wide = replace(plain, left={"L3": SideJitter(pedicle=1.5)})
        count = {}
        for name, given in (("plain", plain), ("wide", wide)):
            points = bone("L3", given).points(Region.PEDICLE)
            count[name] = (points[:, 0] > 0).sum(), (points[:, 0] < 0).sum()
        assert count["wide"][0] > 1.15 * count["plain"][0]
        assert count["wide"][1] == count["plain"][1]


@pytest.fixture(scope="module")
def lumbar() -> Phantom:
    """T11 to the sacrum of the mean subject, the spine alone."""
    return spine_in(PhantomParameters(), (-32, -20, -5), (32, 95, 255), 1.0)


def _cartilage(phantom: Phantom, level: str, side: Side) -> NDArray[np.float64]:
    mask = phantom.tissues.voxels == Region.FACET_CARTILAGE
    mask &= phantom.instances.voxels == instance_of(level, side)
    return phantom.tissues.to_patient(np.argwhere(mask))


class TestJoints:
    @pytest.mark.parametrize("level", ["T11", "T12", "L1", "L2", "L3", "L4", "L5"])
    def test_orientation_in_the_label_map_is_the_parameters(self, lumbar: Phantom, level: str) -> None:
        frame = lumbar.anatomy.pose.frames[level]
        for side in Side:
            local = frame.to_local(_cartilage(lumbar, level, side))[:, :2]
            assert len(local) > 60
            axis = np.linalg.eigh(np.cov(local.T))[1][:, -1]
            angle = np.degrees(np.arctan2(abs(axis[0]), abs(axis[1])))
            assert angle == pytest.approx(FACETS[level].angle_deg, abs=9)
            assert side.sign * local[:, 0].mean() > 8

    @pytest.mark.parametrize("level", ["T12", "L1", "L2", "L3", "L4"])
    def test_joint_space_is_narrow_all_over(self, lumbar: Phantom, level: str) -> None:
        below = lumbar.parameters.below(level)
        assert below is not None
        for side in Side:
            near = _around(lumbar, lumbar.anatomy.pose.facets[level, side].frame.origin, 14)
            inferior = _mask(lumbar, level, Region.INFERIOR_ARTICULAR_PROCESS)[near]
            superior = _mask(lumbar, below, Region.SUPERIOR_ARTICULAR_PROCESS)[near]
            gap = ndimage.distance_transform_edt(~inferior)[superior]
            assert 1.0 < gap.min() <= 2.5
            assert (gap < 4.0).sum() > 90
            cartilage = (lumbar.tissues.voxels == Region.FACET_CARTILAGE)[near]
            for process in (inferior, superior):
                away = ndimage.distance_transform_edt(~process)[cartilage]
                assert np.percentile(away, 85) < 4.0

    def test_wear_narrows_the_joint_and_swells_its_processes(self) -> None:
        volume, gap = [], []
        for worn in (0.0, 1.0):
            vertebra = bone("L4", facets=worn)
            volume.append(len(vertebra.points(Region.INFERIOR_ARTICULAR_PROCESS)))
            gap.append(vertebra.pose.facets["L4", Side.LEFT].gap)
        assert volume[1] > 1.3 * volume[0]
        assert gap[1] < gap[0]

    def test_foramina_are_open_and_narrow_with_wear(self) -> None:
        room = []
        for share in (0.0, 1.0):
            given = replace(
                PhantomParameters(),
                wear={"L4": LevelWear(foraminal_left=share, disc=share, osteophyte=3 * share)},
            )
            phantom = spine_in(given, (0, -40, 15), (45, 50, 95))
            centre = phantom.spine.vertebra("L4").foramina[Side.LEFT]
            # The largest ball without bone whose middle is within 6 mm of the foramen's centre.
            room.append(float(phantom.bone_distance[_around(phantom, centre, 6)].max()))
        assert room[0] > 4.0
        assert room[1] < room[0] - 0.8

    def test_interlaminar_windows_are_open_below_and_closed_above(self, lumbar: Phantom) -> None:
        window = {level: _window(lumbar, level) for level in ("T11", "L2", "L3", "L4")}
        for level in ("L2", "L3", "L4"):
            assert 6 < window[level] < 17, level
        assert window["T11"] < window["L4"]


def _around(phantom: Phantom, point: ArrayLike, reach: int) -> tuple[slice, ...]:
    index = np.rint(phantom.tissues.to_index(point)).astype(int)
    return tuple(slice(max(0, int(n) - reach), int(n) + reach + 1) for n in index)


def _mask(phantom: Phantom, level: str, part: Region) -> NDArray[np.bool_]:
    return (phantom.levels.voxels == VERSE_LABELS[level]) & (phantom.tissues.voxels == part)


def _window(phantom: Phantom, level: str) -> float:
    """Height of the gap between this level's lamina and the next one's in the midline, mm."""
    below = phantom.parameters.below(level)
    assert below is not None
    edges = []
    for name, pick in ((level, np.min), (below, np.max)):
        frame = phantom.anatomy.pose.frames[name]
        shape = phantom.anatomy.pose.shapes[name]
        mask = (phantom.levels.voxels == VERSE_LABELS[name]) & (phantom.tissues.voxels != Region.BODY)
        local = frame.to_local(phantom.levels.to_patient(np.argwhere(mask)))
        wall = shape.depth_upper / 2 + shape.canal_depth
        at_arch = local[(np.abs(local[:, 0]) < 1.2) & (local[:, 1] < wall + 9)]
        edges.append(frame.to_patient((0.0, wall + 3.0, float(pick(at_arch[:, 2]))))[2])
    return float(edges[0] - edges[1])


class TestWear:
    def test_osteophytes_enlarge_the_rim_and_not_the_waist(self) -> None:
        extents = []
        for reach in (0.0, 6.0):
            body = bone("L3", osteophyte=reach)
            points = body.points(Region.BODY)
            half = body.pose.shapes["L3"].body_height / 2
            extents.append([np.ptp(points[np.abs(points[:, 2] - z) < 1.2][:, 1]) for z in (-0.9 * half, 0.0)])
        assert extents[1][0] > extents[0][0] + 1.0
        assert extents[1][1] == pytest.approx(extents[0][1], abs=0.6)

    def test_lips_are_no_ring(self) -> None:
        reach = vertebra_model(
            replace(PhantomParameters(), wear={"L3": LevelWear(osteophyte=5.0)}),
            pose_spine(PhantomParameters()),
            "L3",
        ).body.lips[0]
        assert reach.max() > 3 * reach.mean() * 0.6
        assert reach.std() > 0.3 * reach.mean()

    def test_schmorl_node_dents_the_endplate(self) -> None:
        healthy, dented = bone("L2"), bone("L2", schmorl_upper=6.0)
        lost = healthy.points(Region.BODY).shape[0] - dented.points(Region.BODY).shape[0]
        assert 60 < lost * SPACING**3 < 700
        heights = [
            [column_top(b, x, y) for x in (-8, -4, 0, 4, 8) for y in (-4, 0, 4)] for b in (healthy, dented)
        ]
        assert np.max(np.subtract(*heights)) > 3.0

    def test_slip_moves_this_vertebra_and_all_above(self) -> None:
        plain = pose_spine(PhantomParameters())
        slipped = pose_spine(replace(PhantomParameters(), wear={"L4": LevelWear(slip=7.0)}))
        for level in ("T8", "L3", "L4"):
            moved = np.subtract(slipped.frames[level].origin, plain.frames[level].origin)
            assert np.linalg.norm(moved) == pytest.approx(7.0)
            assert moved[1] < -6.0
        assert slipped.frames["L5"] == plain.frames["L5"]

    def test_wedge_takes_the_front_and_leaves_the_back(self) -> None:
        heights = []
        for share in (0.0, 0.4):
            body = bone("L1", wedge=share)
            points = body.points(Region.BODY)
            middle = points[np.abs(points[:, 0]) < 3]
            shape = body.pose.shapes["L1"]
            front = middle[np.abs(middle[:, 1] + 0.8 * shape.depth_upper / 2) < 1.5]
            back = middle[np.abs(middle[:, 1] - 0.8 * shape.depth_upper / 2) < 1.5]
            heights.append((np.ptp(front[:, 2]), np.ptp(back[:, 2])))
        assert heights[1][0] / heights[0][0] == pytest.approx(0.62, abs=0.09)
        assert heights[1][1] / heights[0][1] > 0.9

    def test_biconcave_fracture_sinks_the_middle(self) -> None:
        healthy, broken = bone("L1"), bone("L1", biconcave=0.4)
        sunk = column_top(healthy, 0.0, 1.0) - column_top(broken, 0.0, 1.0)
        assert sunk == pytest.approx(0.2 * healthy.pose.shapes["L1"].body_height, abs=1.5)

    def test_worn_disc_is_lower(self) -> None:
        shape = PhantomParameters().vertebrae["L4"]
        worn = worn_shape(shape, LevelWear(disc=1.0))
        assert worn.disc_height == pytest.approx(shape.disc_height / 2)
        assert worn.body_height == shape.body_height

    def test_sacralised_process_reaches_for_the_ala(self) -> None:
        volume = [
            len(bone("L5", replace(PhantomParameters(), sacralised=s)).points(Region.TRANSVERSE_PROCESS))
            for s in (0.0, 1.0)
        ]
        assert volume[1] > 1.7 * volume[0]


class TestDiscs:
    @staticmethod
    def _disc(**wear: float) -> tuple[Phantom, AnatomicalFrame]:
        given = replace(PhantomParameters(), wear={"L4": LevelWear(**wear)})
        phantom = spine_in(given, (-35, -60, 15), (35, 20, 75))
        return phantom, phantom.anatomy.pose.frames["L4"]

    def test_nucleus_lies_inside_the_annulus(self) -> None:
        phantom, _ = self._disc()
        nucleus = phantom.tissues.mask(Region.NUCLEUS_PULPOSUS)
        disc = phantom.tissues.mask(Region.NUCLEUS_PULPOSUS, Region.ANNULUS_FIBROSUS)
        assert not phantom.tissues.mask(Region.DISC).any()
        assert 0.2 < nucleus.sum() / disc.sum() < 0.6
        across = ndimage.binary_dilation(nucleus, structure=np.ones((1, 3, 3))) & ~nucleus
        neighbours = phantom.tissues.voxels[across]
        soft = (int(Region.ANNULUS_FIBROSUS), int(Region.BODY), int(Region.VACUUM), int(Region.SACRUM))
        assert np.isin(neighbours, soft).mean() > 0.98

    def test_bulge_passes_the_rim_behind(self) -> None:
        behind = []
        for bulge in (0.0, 5.0):
            phantom, frame = self._disc(bulge=bulge)
            mask = phantom.instances.voxels == instance_of("L4")
            mask &= phantom.tissues.mask(Region.ANNULUS_FIBROSUS)
            local = frame.to_local(phantom.tissues.to_patient(np.argwhere(mask)))
            behind.append(local[np.abs(local[:, 0]) < 4][:, 1].max())
        assert behind[1] - behind[0] == pytest.approx(4.0, abs=1.6)

    def test_gas_only_where_badly_worn(self) -> None:
        assert not self._disc(disc=0.5)[0].tissues.mask(Region.VACUUM).any()
        gas = self._disc(disc=1.0)[0].tissues.mask(Region.VACUUM)
        assert gas.sum() > 40


class TestUnevenness:
    def test_bumps_are_fixed_in_patient_space(self) -> None:
        whole = Grid((24, 24, 24), Affine.axis_aligned(1.0, (-12, 5, 40)))
        part = Grid((10, 10, 10), Affine.axis_aligned(1.0, (-8, 9, 44)))
        everything = bumps(whole, (slice(0, 24),) * 3, 5, 0, 4.0)
        again = bumps(part, (slice(0, 10),) * 3, 5, 0, 4.0)
        np.testing.assert_allclose(everything[4:14, 4:14, 4:14], again, atol=1e-5)
        assert 0.5 < everything.std() < 1.6
