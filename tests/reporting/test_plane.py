"""Which way round a picture is: a marker on the patient's left must be where its letters say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procguide.geometry import beam_direction
from procguide.reporting.plane import (
    Plane,
    axial_through,
    coronal_at,
    crop_around,
    down_the_needle,
    orientation_letters,
    sagittal_through,
    sample,
)

TARGET = np.array([16.0, 20.0, 26.0])


def needle(oblique_deg, tilt_deg, length_mm=80.0):
    return TARGET - np.array(beam_direction(oblique_deg, tilt_deg)) * length_mm, TARGET


def brightest_column(picture, threshold=900.0):
    return float(np.nonzero(picture > threshold)[1].mean())


def test_axial_is_seen_from_the_feet(case):
    plane = axial_through(*needle(25, 5), 170.0)
    picture = sample(case.volume, plane)
    assert brightest_column(picture) > 0.6 * picture.shape[1]
    assert orientation_letters(plane.right) == "L"
    assert orientation_letters(plane.down) == "P"
    assert plane.into[2] > 0.9  # the viewer looks from the feet toward the head


def test_coronal_has_left_on_the_right_and_the_head_up(case):
    plane = coronal_at((0.0, 10.0, 26.0), 170.0)
    picture = sample(case.volume, plane)
    assert brightest_column(picture) > 0.6 * picture.shape[1]
    assert (orientation_letters(plane.right), orientation_letters(plane.down)) == ("L", "I")


def test_sagittal_has_anterior_on_the_left(case):
    plane = sagittal_through((60.0, 90.0, 26.0), (60.0, 10.0, 26.0), 120.0)
    picture = sample(case.volume, plane)
    assert (orientation_letters(plane.right), orientation_letters(plane.down)) == ("P", "I")
    u = (brightest_column(picture) - (picture.shape[1] - 1) / 2) * plane.pixel_mm
    assert u == pytest.approx(10.0 - plane.centre[1], abs=1.5)  # the rod stands at y = 10


def test_down_the_needle_is_seen_from_behind(case):
    plane = down_the_needle((0.0, 100.0, 26.0), (0.0, 10.0, 26.0), 170.0)
    picture = sample(case.volume, plane)
    assert brightest_column(picture) < 0.4 * picture.shape[1]
    assert orientation_letters(np.negative(plane.right)) == "L"
    np.testing.assert_allclose(plane.into, (0, -1, 0), atol=1e-9)


@given(st.floats(-55, 55), st.floats(-40, 40))
def test_needle_lies_in_both_of_its_planes(oblique, tilt):
    entry, target = needle(oblique, tilt)
    for plane in (axial_through(entry, target, 150.0), sagittal_through(entry, target, 150.0)):
        offsets = plane.project([entry, target])[:, 2]
        np.testing.assert_allclose(offsets, 0.0, atol=1e-6)
    across = down_the_needle(entry, target, 90.0).project([entry, target])
    np.testing.assert_allclose(across[:, :2], 0.0, atol=1e-6)
    assert across[0, 2] < across[1, 2]


@given(st.floats(-60, 60), st.floats(-40, 40))
def test_pixels_and_projection_agree(oblique, tilt):
    plane = down_the_needle(*needle(oblique, tilt), 60.0)
    grid = plane.grid()
    corner = plane.project(grid.affine.apply((0, 0, 0)))
    rows, columns = plane.shape
    expected = (-(columns - 1) / 2 * plane.pixel_mm, -(rows - 1) / 2 * plane.pixel_mm, 0.0)
    np.testing.assert_allclose(corner, expected, atol=1e-6)
    assert np.linalg.det(np.column_stack([plane.right, plane.down, plane.into])) == pytest.approx(1)


def test_letters_name_the_strongest_first_and_leave_out_the_slight():
    assert orientation_letters((0.8, 0.6, 0.0)) == "LP"
    assert orientation_letters((-0.1, 0.0, 1.0)) == "S"


def test_outside_a_ct_is_air(case):
    far = Plane((500.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), 20.0, 20.0)
    assert (sample(case.volume, far) == -1000).all()


def test_crop_keeps_the_place(case):
    part = crop_around(case.volume, [(60.0, 10.0, 26.0)], 10.0)
    assert max(part.shape) < 20
    index = np.rint(part.to_index((60.0, 10.0, 26.0))).astype(int)
    assert part.voxels[tuple(index)] == 1500
