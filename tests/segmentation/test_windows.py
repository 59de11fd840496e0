"""Where windows lie, and how answers are blended."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from procguide.segmentation.windows import Blend, Shape, Windows, cut, plan_windows

LATTICES = st.tuples(*[st.integers(1, 150)] * 3)


def coverage(windows: Windows, lattice: Shape) -> NDArray[np.int_]:
    """By how many windows each voxel is seen."""
    seen = np.zeros(lattice, dtype=int)
    for row in windows.rows:
        for start in row:
            place = tuple(slice(max(a, 0), a + n) for a, n in zip(start, windows.shape, strict=True))
            seen[place] += 1
    return seen


@given(LATTICES)
def test_every_voxel_is_seen(lattice: Shape) -> None:
    windows = plan_windows(lattice, 80, 8)
    assert coverage(windows, lattice).min() >= 1
    assert windows.count == sum(len(row) for row in windows.rows)
    assert windows.axis == int(np.argmax(lattice))
    for length, n in zip(windows.shape, lattice, strict=True):
        assert length % 8 == 0
        assert 80 <= length <= 88
        assert length == 80 or n > 80


@given(LATTICES)
def test_windows_stay_on_the_lattice_where_it_is_long_enough(lattice: Shape) -> None:
    windows = plan_windows(lattice, 32, 8)
    for row in windows.rows:
        for start in row:
            for a, length, n in zip(start, windows.shape, lattice, strict=True):
                if n >= length:
                    assert 0 <= a <= n - length
                else:
                    assert a <= 0
                    assert a + length >= n


@given(LATTICES)
def test_rows_rise_and_overlap_by_a_quarter_of_the_patch(lattice: Shape) -> None:
    windows = plan_windows(lattice, 32, 8)
    starts = [row[0][windows.axis] for row in windows.rows]
    steps = np.diff(starts)
    assert (steps > 0).all()
    assert (steps <= windows.shape[windows.axis] - 8 + 1).all()


def test_a_crop_a_little_longer_than_the_patch_is_one_window() -> None:
    assert plan_windows((40, 84, 88), 80, 8).count == 1


def test_windows_without_a_wanted_voxel_are_left_out() -> None:
    lattice = (200, 90, 90)
    where = np.zeros(lattice, dtype=bool)
    for k in range(200):
        where[k, 10 + k // 4 : 20 + k // 4, 40:50] = True
    windows = plan_windows(lattice, 32, 8, where)
    assert coverage(windows, lattice)[where].min() >= 1
    assert windows.count < 0.5 * plan_windows(lattice, 32, 8).count


def test_a_gap_and_an_empty_mask_cost_nothing() -> None:
    lattice = (300, 40, 40)
    where = np.zeros(lattice, dtype=bool)
    assert plan_windows(lattice, 32, 8, where).count == 0
    where[:20] = where[-20:] = True
    windows = plan_windows(lattice, 32, 8, where)
    assert coverage(windows, lattice)[where].min() >= 1
    assert not coverage(windows, lattice)[100:200].any()


def test_beyond_the_edge_the_edge_repeats() -> None:
    image = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    window = cut(image, (-1, 0, 1), (4, 2, 2))
    assert window.shape == (4, 2, 2)
    np.testing.assert_array_equal(window[0], window[1])
    np.testing.assert_array_equal(window[2], window[3])
    np.testing.assert_array_equal(window[..., 0], window[..., 1])


@pytest.mark.parametrize("lattice", [(50, 20, 30), (20, 61, 18), (10, 12, 9), (17, 24, 75)])
def test_blending_answers_that_agree_gives_them_back(lattice: Shape) -> None:
    """Each window answers with the truth: whatever the weights, so does the blend."""
    truth = np.random.default_rng(0).normal(size=(4, *lattice)).astype(np.float32)
    windows = plan_windows(lattice, 16, 4)
    blend = Blend(windows, lattice, 4)
    channel, last = np.full(lattice, 99, dtype=np.uint8), np.full(lattice, np.nan, dtype=np.float32)

    def take(stop: int) -> None:
        settled = blend.settle(stop)
        assert settled.covered.all()
        assert (channel[settled.place] == 99).all()
        channel[settled.place], last[settled.place] = settled.channel, settled.last

    for row in windows.rows:
        take(max(row[0][windows.axis], 0))
        for start in row:
            blend.add(start, np.stack([cut(values, start, windows.shape) for values in truth]))
    take(lattice[windows.axis])
    np.testing.assert_array_equal(channel, truth[:-1].argmax(axis=0))
    np.testing.assert_allclose(last, truth[-1], rtol=1e-5, atol=1e-6)


def test_the_middle_of_a_window_counts_more_than_its_edge() -> None:
    windows = Windows((16, 8, 8), 0, (((0, 0, 0),), ((8, 0, 0),)))
    blend = Blend(windows, (24, 8, 8), 2)
    lasts = []
    for start, value in ((0, 0.0), (8, 1.0)):
        lasts.append(blend.settle(start).last)
        blend.add((start, 0, 0), np.full((2, 16, 8, 8), value, dtype=np.float32))
    lasts.append(blend.settle(24).last)
    along = np.concatenate(lasts)[:, 4, 4]
    assert (along[:8] == 0).all()
    assert (along[16:] == 1).all()
    assert (np.diff(along) >= -1e-6).all()
    assert along[9] < 0.2
    assert along[14] > 0.8
