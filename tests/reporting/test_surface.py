"""The 3D picture: depths, normals, tints, and a needle that bone hides."""

from __future__ import annotations

import numpy as np
import pytest

from procguide.anatomy import VERSE_LABELS
from procguide.geometry import Affine
from procguide.imaging import LabelMap
from procguide.reporting.scene3d import view_from
from procguide.reporting.surface import add_rod, cast, shade, tints

L4 = VERSE_LABELS["L4"]


@pytest.fixture(scope="module")
def ball():
    index = np.indices((50, 50, 50)) - 24.5
    inside = np.linalg.norm(index, axis=0) < 15
    affine = Affine.axis_aligned(1.0, (-24.5, -24.5, -24.5))
    return LabelMap((inside * L4).astype(np.uint8), affine)


@pytest.mark.parametrize(("oblique", "tilt"), [(0.0, 0.0), (40.0, 15.0), (-70.0, -20.0)])
def test_ball_is_round_from_every_side(ball, oblique, tilt):
    plane = view_from(oblique, tilt, (0.0, 0.0, 0.0), 48.0, 0.5)
    surface = cast(ball, tints(ball), plane, 60.0)
    hit = np.isfinite(surface.depth)
    assert hit.sum() * 0.25 == pytest.approx(np.pi * 15**2, rel=0.04)
    centre = tuple(n // 2 for n in plane.shape)
    assert surface.depth[centre] == pytest.approx(-15.0, abs=0.6)
    np.testing.assert_allclose(surface.normal[centre], (0, 0, -1), atol=0.1)
    np.testing.assert_allclose(surface.colour[centre], tints(ball)[L4], atol=0.02)


def test_normals_point_outward(ball):
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    surface = cast(ball, tints(ball), plane, 60.0)
    row = plane.shape[0] // 2
    columns = np.flatnonzero(np.isfinite(surface.depth[row]))
    assert surface.normal[row, columns[3], 0] < -0.5
    assert surface.normal[row, columns[-4], 0] > 0.5


def test_bone_hides_a_rod_behind_it_and_not_one_before_it(ball):
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    surface = cast(ball, tints(ball), plane, 60.0)
    red = (1.0, 0.0, 0.0)
    centre = tuple(n // 2 for n in plane.shape)
    before = add_rod(surface, plane, (-10.0, 20.0, 0.0), (10.0, 20.0, 0.0), 1.5, red)
    behind = add_rod(surface, plane, (-10.0, -20.0, 0.0), (10.0, -20.0, 0.0), 1.5, red)
    shining = add_rod(surface, plane, (-10.0, -20.0, 0.0), (10.0, -20.0, 0.0), 1.5, red, through=0.5)
    np.testing.assert_allclose(before.colour[centre], red)
    np.testing.assert_allclose(behind.colour[centre], surface.colour[centre])
    assert shining.colour[centre][0] > surface.colour[centre][0]
    assert before.depth[centre] < surface.depth[centre] == behind.depth[centre]


def test_shading_stays_in_range_on_a_light_ground(ball):
    plane = view_from(30.0, 10.0, (0.0, 0.0, 0.0), 48.0, 0.5)
    picture = shade(cast(ball, tints(ball), plane, 60.0), plane.pixel_mm)
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert picture[0, 0].min() > 0.9
    assert picture[plane.shape[0] // 2, plane.shape[1] // 2].max() < 0.95


def test_nothing_to_see_is_an_empty_ground(ball):
    far = view_from(0.0, 0.0, (300.0, 0.0, 0.0), 40.0, 1.0)
    surface = cast(ball, tints(ball), far, 40.0)
    assert not np.isfinite(surface.depth).any()
    assert np.ptp(shade(surface, 1.0), axis=(0, 1)).max() < 1e-6


def test_viewer_behind_sees_the_left_on_the_left():
    plane = view_from(0.0, 0.0, (0.0, 0.0, 0.0), 40.0, 1.0)
    assert plane.project((10.0, 0.0, 0.0))[0] == pytest.approx(-10.0)
    assert plane.project((0.0, 0.0, 10.0))[1] == pytest.approx(-10.0)
