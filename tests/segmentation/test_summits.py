"""Summits of the votes, held against SciPy's finder of peaks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from procguide.segmentation.instances import prominence, summits


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_summits_and_prominences_are_those_of_scipy(seed: int, apart: int) -> None:
    rng = np.random.default_rng(seed)
    votes = rng.poisson(0.3, 300) * rng.uniform(1.0, 2.0, 300)  # two summits are never equal
    density = np.pad(ndimage.gaussian_filter1d(votes, 2.5), 5)
    expected, found = signal.find_peaks(density, distance=apart, prominence=0.0)
    tops = summits(density, apart)
    assert tops.tolist() == expected.tolist()
    assert [prominence(density, top) for top in tops] == found["prominences"].tolist()


def test_two_tops_with_a_shallow_dip_are_told_by_their_prominence() -> None:
    density = np.array([0.0, 1, 5, 4, 6, 1, 0, 0])
    assert summits(density, 2).tolist() == [2, 4]
    assert [prominence(density, top) for top in (2, 4)] == [1.0, 6.0]
    assert summits(density, 3).tolist() == [4]
