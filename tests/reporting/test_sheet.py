"""Words on a picture: where they stand, that they fit, and that they do not touch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procguide.reporting.sheet import Box, Sheet, spread, wrapped


@given(st.lists(st.floats(-50, 650), max_size=30).map(sorted))
def test_spread_keeps_order_and_distance_within_bounds(places):
    moved = spread(places, 20.0, 10.0, 600.0)
    gap = min(20.0, 590.0 / max(len(places) - 1, 1))
    assert len(moved) == len(places)
    assert all(b - a >= gap - 1e-6 for a, b in pairwise(moved))
    assert all(10.0 - 1e-6 <= place <= 600.0 + 1e-6 for place in moved)


def test_spread_leaves_what_has_room_and_moves_the_rest_evenly():
    assert spread([100.0, 200.0, 300.0], 30.0, 0.0, 400.0) == [100.0, 200.0, 300.0]
    assert spread([100.0, 101.0, 300.0], 30.0, 0.0, 400.0) == pytest.approx([85.5, 115.5, 300.0])
    assert spread([], 30.0, 0.0, 400.0) == []


def test_words_are_moved_and_made_smaller_until_they_fit():
    sheet = Sheet(200, 100, (0.0, 0.0, 0.0))
    frame = Box(20, 10, 90, 60)
    for anchor in ("la", "rm", "mb"):
        box = sheet.write("superior articular process", 150, 90, size=30, anchor=anchor, within=frame)
        assert frame.contains(box)
    assert sheet.written[0].words.endswith("\u2026")
    wide = sheet.write("superior articular process", 150, 90, size=30, within=Box(0, 0, 200, 100))
    assert sheet.written[-1].words == "superior articular process"
    assert wide.width <= 200


def test_words_are_where_their_box_says():
    sheet = Sheet(300, 80, (0.0, 0.0, 0.0))
    box = sheet.write("L4", 100, 40, size=30, rim=None, anchor="mm")
    ink = np.argwhere(np.asarray(sheet.image).max(axis=-1) > 60)
    assert ink[:, 1].min() >= box.left - 1
    assert ink[:, 1].max() <= box.right
    assert ink[:, 0].min() >= box.top - 1
    assert ink[:, 0].max() <= box.bottom


def test_lines_are_no_wider_than_asked():
    words = "nerve root and ganglion T9 to L5 (likely course, spread 1.5 mm SD)"
    lines = wrapped(words, 15, 200)
    assert " ".join(lines) == words
    assert len(lines) > 2
    assert wrapped("", 15, 200) == []
    sheet = Sheet(400, 100, (0.0, 0.0, 0.0))
    assert all(sheet.write(line, 0, 0, size=15, rim=None).width <= 201 for line in lines)
