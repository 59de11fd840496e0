import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from procguide.geometry import Affine

FLIPS = st.sampled_from([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
ORDERS = st.permutations([0, 1, 2])


@st.composite
def affines(draw, shear=0.4):
    """Rotated, permuted, flipped, scaled and sheared."""
    rotation = Rotation.random(rng=np.random.default_rng(draw(st.integers(0, 10**6)))).as_matrix()
    spacing = np.array(draw(st.tuples(*[st.floats(0.2, 8.0)] * 3)))
    skew = np.eye(3) + np.triu(np.array(draw(arrays(float, (3, 3), elements=st.floats(-shear, shear)))), 1)
    steps = (rotation @ skew * spacing * draw(FLIPS))[:, draw(ORDERS)]
    return Affine.from_steps(steps.T, draw(st.tuples(*[st.floats(-1000, 1000)] * 3)))


POINTS = arrays(float, (5, 3), elements=st.floats(-600, 600))


class TestRoundTrips:
    @given(affines(), POINTS)
    def test_inverse_undoes_the_map(self, affine, points):
        np.testing.assert_allclose(affine.inverse.apply(affine.apply(points)), points, atol=1e-6)

    @given(affines(), affines(), POINTS)
    def test_matmul_composes(self, first, second, points):
        np.testing.assert_allclose(
            (first @ second).apply(points), first.apply(second.apply(points)), atol=1e-6
        )

    @given(affines(), st.tuples(*[st.integers(-20, 20)] * 3))
    def test_shifted_moves_the_origin_only(self, affine, index):
        shifted = affine.shifted(index)
        np.testing.assert_allclose(shifted.origin, affine.apply(index))
        np.testing.assert_array_equal(shifted.directions, affine.directions)
        np.testing.assert_allclose(shifted.apply((0, 0, 0)), affine.apply(index))

    @given(affines())
    def test_spacing_and_directions_make_the_matrix(self, affine):
        np.testing.assert_allclose(affine.directions * affine.spacing, affine.matrix[:3, :3], atol=1e-12)

    @given(affines())
    def test_equal_affines_have_equal_hashes(self, affine):
        twin = Affine(affine.matrix.copy())
        assert twin == affine
        assert hash(twin) == hash(affine)
        assert affine.isclose(twin)
        assert affine != "something else"


class TestOrientation:
    @given(ORDERS, FLIPS, st.integers(0, 10**6), st.floats(0, 20))
    def test_letters_name_the_nearest_patient_axes(self, order, flips, seed, degrees):
        axis = np.random.default_rng(seed).normal(size=3)
        wobble = Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis)).as_matrix()
        steps = np.diag(flips)[:, order]
        affine = Affine.from_steps((wobble @ steps).T, (0, 0, 0))
        expected = "".join(("LPS" if flips[axis] > 0 else "RAI")[axis] for axis in order)
        assert affine.orientation == expected

    @given(affines())
    def test_letters_name_each_patient_axis_once(self, affine):
        pairs = {"L": 0, "R": 0, "P": 1, "A": 1, "S": 2, "I": 2}
        assert sorted(pairs[letter] for letter in affine.orientation) == [0, 1, 2]

    def test_the_working_orientation(self):
        affine = Affine.axis_aligned((3, 2, 1), (10, 20, 30))
        assert affine.orientation == "SPL"
        assert affine.is_axis_aligned
        np.testing.assert_allclose(affine.apply((1, 1, 1)), (11, 22, 33))
        np.testing.assert_allclose(affine.spacing, (3, 2, 1))

    def test_oblique_is_not_axis_aligned(self):
        assert not Affine.from_steps([(0, 0.1, 1), (0, 1, -0.1), (1, 0, 0)], (0, 0, 0)).is_axis_aligned
        assert Affine.from_steps([(0, -2, 0), (1, 0, 0), (0, 0, 3)], (0, 0, 0)).is_axis_aligned


class TestRefusals:
    @pytest.mark.parametrize(
        "matrix",
        [
            np.eye(3),
            np.diag([1, 1, 0, 1]),
            np.diag([1, 1, np.nan, 1]),
            np.ones((4, 4)),
            np.diag([1, 1, 1, 2]),
        ],
    )
    def test_what_is_no_affine(self, matrix):
        with pytest.raises(ValueError, match="affine"):
            Affine(matrix)

    def test_the_matrix_cannot_be_changed(self):
        source = np.eye(4)
        affine = Affine(source)
        source[0, 3] = 7
        assert affine.origin[0] == 0
        with pytest.raises(ValueError, match="read-only"):
            affine.matrix[0, 3] = 1
