import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from procguide.geometry import (
    AnatomicalFrame,
    beam_direction,
    distance_to_segment,
    unit,
    vector,
    view_angles,
)

POINT = arrays(float, 3, elements=st.floats(-200, 200))


class TestViewAngles:
    @given(st.floats(-179, 179), st.floats(-89, 89))
    def test_angles_to_direction_and_back(self, oblique, tilt):
        assert view_angles(beam_direction(oblique, tilt)) == pytest.approx((oblique, tilt), abs=1e-6)

    @given(POINT)
    def test_direction_to_angles_and_back(self, direction):
        assume(np.linalg.norm(direction) > 1e-3)
        np.testing.assert_allclose(beam_direction(*view_angles(direction)), unit(direction), atol=1e-7)

    def test_named_views(self):
        assert view_angles((0, -1, 0)) == pytest.approx((0, 0))
        oblique, tilt = view_angles((-1, -1, 0))  # from the patient's left and back, toward the right
        assert (oblique, tilt) == pytest.approx((45, 0))
        oblique, tilt = view_angles((0, -1, -1))  # from cranial, toward the feet
        assert (oblique, tilt) == pytest.approx((0, 45))


class TestFrame:
    @given(POINT, POINT, POINT, arrays(float, (4, 3), elements=st.floats(-300, 300)))
    def test_round_trip_and_right_handed(self, origin, superior, left, points):
        assume(np.linalg.norm(np.cross(superior, left)) > 1)
        frame = AnatomicalFrame.from_axes(origin, superior, left)
        np.testing.assert_allclose(frame.to_local(frame.to_patient(points)), points, atol=1e-9)
        np.testing.assert_allclose(frame.rotation.T @ frame.rotation, np.eye(3), atol=1e-9)
        np.testing.assert_allclose(np.cross(frame.left, frame.posterior), frame.superior, atol=1e-9)
        np.testing.assert_allclose(frame.superior, unit(superior), atol=1e-12)

    def test_a_straight_vertebra_reads_like_the_patient(self):
        frame = AnatomicalFrame.from_axes((10, 20, 30), (0, 0, 1), (1, 0.2, 0.3))
        rotated = AnatomicalFrame.from_axes((10, 20, 30), (0, 0, 1), (1, 0, 0))
        np.testing.assert_allclose(rotated.to_patient((1, 2, 3)), (11, 22, 33))
        assert frame.left[0] > 0.9


class TestVectors:
    def test_unit_of_nothing(self):
        with pytest.raises(ValueError, match="no direction"):
            unit((0, 0, 0))

    def test_a_vector_has_three_numbers(self):
        assert vector(np.array([1, 2, 3], np.float32)) == (1.0, 2.0, 3.0)
        with pytest.raises(ValueError, match="unpack"):
            vector((1, 2))

    @given(POINT, POINT, POINT)
    def test_distance_to_segment_against_sampling(self, point, start, end):
        samples = start + np.linspace(0, 1, 2001)[:, None] * (end - start)
        brute = np.linalg.norm(samples - point, axis=1).min()
        exact = float(distance_to_segment(point, start, end))
        assert exact <= brute + 1e-9
        assert brute - exact <= np.linalg.norm(end - start) / 4000 + 1e-9
