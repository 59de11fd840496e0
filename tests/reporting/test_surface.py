"""The 3D picture: depths, normals, tints, and a needle that bone hides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from procguide.anatomy import VERSE_LABELS, Region
from procguide.geometry import Affine
from procguide.imaging import LabelMap
from procguide.reporting.palette import PART_COLOURS, VERTEBRA_TINTS, mixed, rgb
from procguide.reporting.scene3d import view_from
from procguide.reporting.shapes import BONES, Group, shapes_of
from procguide.reporting.surface import PAPER, SLATE, Rod, add_rods, cast, shade, veiled

L3, L4 = VERSE_LABELS["L3"], VERSE_LABELS["L4"]
TINTS = {L3: rgb(VERTEBRA_TINTS[L3 % 2 == 0]), L4: rgb(VERTEBRA_TINTS[L4 % 2 == 0])}


def _shapes(levels, regions=None, affine=None):
    affine = affine or Affine.axis_aligned(1.0, (-24.5, -24.5, -24.5))
    regions = np.where(levels > 0, np.uint8(Region.BODY), 0).astype(np.uint8) if regions is None else regions
    return shapes_of(LabelMap(levels, affine), LabelMap(regions, affine))


@pytest.fixture(scope="module")
def ball():
    index = np.indices((50, 50, 50)) - 24.5
    inside = np.linalg.norm(index, axis=0) < 15
    return _shapes((inside * L4).astype(np.uint8))


@pytest.mark.parametrize(("oblique", "tilt"), [(0.0, 0.0), (40.0, 15.0), (-70.0, -20.0)])
def test_ball_is_round_from_every_side(ball, oblique, tilt):
    plane = view_from(oblique, tilt, (0.0, 0.0, 0.0), 48.0, 0.5)
    surface = cast(ball, plane, 60.0)
    hit = np.isfinite(surface.depth)
    assert hit.sum() * 0.25 == pytest.approx(np.pi * 15**2, rel=0.03)
    centre = tuple(n // 2 for n in plane.shape)
    assert surface.depth[centre] == pytest.approx(-15.0, abs=0.3)
    np.testing.assert_allclose(surface.normal[centre], (0, 0, -1), atol=0.1)
    np.testing.assert_allclose(surface.colour[centre], TINTS[L4], atol=0.01)


def test_surface_is_smooth_between_voxels(ball):
    plane = view_from(20.0, 10.0, (0.0, 0.0, 0.0), 20.0, 0.25)
    surface = cast(ball, plane, 60.0)
    rows, columns = np.indices(plane.shape)
    middle = (np.array(plane.shape) - 1) / 2
    u, v = (columns - middle[1]) * 0.25, (rows - middle[0]) * 0.25
    expected = -np.sqrt(15.0**2 - u**2 - v**2)
    assert np.abs(surface.depth - expected).max() < 0.35
    steepest = np.degrees(np.arccos(np.clip(surface.normal[:, 1:] * surface.normal[:, :-1], -1, 1).sum(-1)))
    assert steepest.max() < 8.0  # neighbours a quarter of a voxel apart: no steps


def test_oblique_lattices_are_drawn_where_they_are():
    matrix = np.eye(4)
    turn = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    matrix[:3, :3] = turn @ np.diag([1.0, 1.3, 0.9])[:, [2, 1, 0]]
    levels = np.zeros((40, 40, 40), dtype=np.uint8)
    levels[15:25, 15:25, 15:25] = L4
    affine = Affine(matrix)
    centre = affine.apply((19.5, 19.5, 19.5))
    plane = view_from(30.0, 0.0, centre, 40.0, 0.5)
    hit = np.isfinite(cast(_shapes(levels, affine=affine), plane, 60.0).depth)
    assert np.argwhere(hit).mean(axis=0) == pytest.approx((np.array(plane.shape) - 1) / 2, abs=0.6)


def test_normals_point_outward(ball):
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    surface = cast(ball, plane, 60.0)
    row = plane.shape[0] // 2
    columns = np.flatnonzero(np.isfinite(surface.depth[row]))
    assert surface.normal[row, columns[3], 0] < -0.5
    assert surface.normal[row, columns[-4], 0] > 0.5


def test_bone_hides_a_rod_behind_it_and_not_one_before_it(ball):
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    surface = cast(ball, plane, 60.0)
    red = (1.0, 0.0, 0.0)
    centre = tuple(n // 2 for n in plane.shape)
    before = add_rods(surface, plane, [Rod((-10.0, 20.0, 0.0), (10.0, 20.0, 0.0), 1.5, red)])
    behind = add_rods(surface, plane, [Rod((-10.0, -20.0, 0.0), (10.0, -20.0, 0.0), 1.5, red)])
    shining = add_rods(surface, plane, [Rod((-10.0, -20.0, 0.0), (10.0, -20.0, 0.0), 1.5, red, through=0.5)])
    np.testing.assert_allclose(before.colour[centre], red)
    np.testing.assert_allclose(behind.colour[centre], surface.colour[centre])
    assert shining.colour[centre][0] > surface.colour[centre][0]
    assert before.depth[centre] < surface.depth[centre] == behind.depth[centre]


def test_a_rod_that_leaves_the_picture_is_cut_at_its_edge(ball):
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    surface = cast(ball, plane, 60.0)
    far = add_rods(surface, plane, [Rod((-10.0, 20.0, 0.0), (-80.0, 20.0, 90.0), 1.5, (1.0, 0.0, 0.0))])
    out = add_rods(surface, plane, [Rod((90.0, 20.0, 0.0), (99.0, 20.0, 0.0), 1.5, (1.0, 0.0, 0.0))])
    assert np.isfinite(far.depth).sum() > np.isfinite(surface.depth).sum()
    assert (out.depth == surface.depth).all()


def test_modelled_rods_are_banded(ball):
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    rod = Rod((-10.0, 20.0, 0.0), (10.0, 20.0, 0.0), 1.5, (1.0, 1.0, 0.0), banded=True)
    line = add_rods(cast(ball, plane, 60.0), plane, [rod]).colour[plane.shape[0] // 2, 30:66, 0]
    assert (line > 0.9).any()
    assert (line < 0.5).any()


@pytest.mark.parametrize("ground", [PAPER, SLATE])
def test_shading_stays_in_range_on_its_ground(ball, ground):
    plane = view_from(30.0, 10.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    picture = shade(cast(ball, plane, 60.0), plane, ball.occluders, ground)
    assert picture.min() >= 0
    assert picture.max() <= 1
    np.testing.assert_allclose(picture[0, 0], ground, atol=1e-6)
    rows, columns = plane.shape
    lit, dark = picture[rows // 3, columns // 3].mean(), picture[2 * rows // 3, 2 * columns // 3].mean()
    assert lit > 1.15 * dark  # the sun stands above the viewer's left shoulder


def test_hollows_are_darker():
    levels = np.zeros((60, 60, 60), dtype=np.uint8)
    levels[10:50, 10:40, 10:50] = L4
    levels[10:50, 20:40, 26:34] = 0  # a furrow 8 mm wide and 20 mm deep in its back
    shapes = _shapes(levels, affine=Affine.axis_aligned(1.0, (-29.5, -29.5, -29.5)))
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 50.0, 0.5)
    picture = shade(cast(shapes, plane, 80.0), plane, shapes.occluders).mean(axis=-1)
    middle = plane.shape[0] // 2
    assert picture[middle, middle] < 0.75 * picture[middle, middle - 20]


def test_a_veil_before_the_bone_lets_it_shine_through(ball):
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    surface = cast(ball, plane, 60.0)
    picture = shade(surface, plane, ball.occluders, SLATE)
    before = replace(surface, depth=surface.depth - 1, colour=np.full_like(surface.colour, (0, 1, 0)))
    through = veiled(picture, surface, before)
    centre = tuple(n // 2 for n in plane.shape)
    red, green = through[centre][0], through[centre][1]
    assert 0.7 * picture[centre][0] < red < picture[centre][0]
    assert green > red
    behind = replace(surface, depth=surface.depth + 1)
    assert (veiled(picture, surface, behind) == picture).all()


def test_nothing_to_see_is_an_empty_ground(ball):
    far = view_from(0.0, 0.0, (300.0, 0.0, 0.0), 40.0, 1.0)
    surface = cast(ball, far, 40.0)
    assert not np.isfinite(surface.depth).any()
    assert np.ptp(shade(surface, far, ball.occluders), axis=(0, 1)).max() < 1e-6
    empty = _shapes(np.zeros((20, 20, 20), dtype=np.uint8))
    assert not np.isfinite(cast(empty, far, 40.0).depth).any()


def test_neighbours_that_touch_keep_their_own_tints_and_their_joint():
    levels = np.zeros((50, 50, 50), dtype=np.uint8)
    levels[5:25, 15:35, 15:35] = L4
    levels[25:45, 15:35, 15:35] = L3
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    surface = cast(_shapes(levels), plane, 60.0)
    middle = plane.shape[1] // 2
    np.testing.assert_allclose(surface.colour[middle - 16, middle], TINTS[L3], atol=0.02)
    np.testing.assert_allclose(surface.colour[middle + 16, middle], TINTS[L4], atol=0.02)
    joint = surface.depth[middle - 2 : middle + 2, middle].max()
    assert joint > surface.depth[middle - 16, middle] + 0.2  # rounded edges meet in a groove


def test_parts_of_the_arch_have_their_own_colours_where_they_are_told_apart():
    levels = np.full((50, 50, 50), 0, dtype=np.uint8)
    levels[15:35, 15:35, 15:35] = L4
    regions = np.where(levels > 0, np.uint8(Region.LAMINA), 0).astype(np.uint8)
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    middle = plane.shape[0] // 2
    colour = cast(_shapes(levels, regions), plane, 60.0).colour[middle, middle]
    tint = VERTEBRA_TINTS[L4 % 2 == 0]
    near = [np.abs(colour - mixed(part, tint, 0.62)).max() for part in PART_COLOURS.values()]
    assert list(PART_COLOURS)[int(np.argmin(near))] is Region.LAMINA
    assert min(near) < 0.02


def test_a_thin_lamina_is_not_blurred_away():
    levels = np.zeros((40, 40, 40), dtype=np.uint8)
    levels[10:30, 20, 10:30] = L4  # one voxel thick
    plane = view_from(0.0, 0.0, (0.0, 0.0, -5.0), 40.0, 0.5)
    hit = np.isfinite(cast(_shapes(levels), plane, 60.0).depth)
    assert hit.sum() * 0.25 > 0.7 * 20 * 20  # its rim is rounded off


def test_a_fine_lattice_is_thinned_first(monkeypatch):
    import procguide.reporting.shapes as module

    monkeypatch.setattr(module, "_MOST_VOXELS", 10_000)
    index = np.indices((50, 50, 50)) - 24.5
    shapes = _shapes(((np.linalg.norm(index, axis=0) < 15) * L4).astype(np.uint8))
    assert shapes.materials.size < 30_000
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    assert np.isfinite(cast(shapes, plane, 60.0).depth).sum() * 0.25 == pytest.approx(np.pi * 15**2, rel=0.1)


def test_only_leaves_the_rest_out(ball):
    assert ball.only([Group.DISCS]).groups == ()
    assert ball.only(BONES).groups == ball.groups


def test_viewer_behind_sees_the_left_on_the_left():
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 40.0, 1.0)
    assert plane.project((10.0, 0.0, 0.0))[0] == pytest.approx(-10.0)
    assert plane.project((0.0, 0.0, 10.0))[1] == pytest.approx(-10.0)
