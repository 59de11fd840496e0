"""The picture of the skin: the right side bright, the entry where it is, letters as seen from behind."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from procguide.planning.skin import body_from_labels
from procguide.planning.skin_map import SkinEntries
from procguide.reporting.skin_picture import draw_skin


@pytest.fixture(scope="module")
def found(case):
    """Entries over the back: open on the patient's left, closed by bone on the right."""
    box = (np.array([-90.0, -59.0, -40.0]), np.array([90.0, 100.0, 100.0]))
    body = body_from_labels(case.regions, box)
    x, z = (grid.ravel() for grid in np.meshgrid(np.arange(-50.0, 51, 3), np.arange(-10.0, 71, 3)))
    points = np.stack([x, 20 + 76 * np.sqrt(1 - (x / 88) ** 2), z], axis=-1)
    closed = points[:, 0] < 0
    return SkinEntries.of(body, points, np.full(len(points), 0.5), {"bone": closed})


def test_open_skin_is_coloured_and_closed_skin_grey(found, plan_set, case):
    jpeg, place = draw_skin(found, plan_set.plans, case.levels, case.spine)
    assert place == "the back"
    pixels = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)
    middle = pixels[pixels.shape[0] // 3 : pixels.shape[0] // 2]
    spread = middle.max(axis=-1) - middle.min(axis=-1)
    violet = np.nonzero(spread > 45)[1]
    grey = np.nonzero((spread < 14) & (middle.max(axis=-1) < 175))[1]
    assert len(violet) > 2000
    assert len(grey) > 2000
    # Seen from behind: the patient's left is on the left.
    assert np.percentile(violet, 90) < np.percentile(grey, 20)


def test_the_first_entry_is_marked(found, plan_set, case):
    jpeg, _ = draw_skin(found, plan_set.plans, case.levels, case.spine)
    pixels = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)
    orange = (pixels[..., 0] > 220) & (abs(pixels[..., 1] - 90) < 40) & (pixels[..., 2] < 70)
    rows, columns = np.nonzero(orange)
    assert 80 < len(rows) < 3000
    assert np.ptp(columns) < 60


def test_without_a_plan_it_is_drawn_too(found, case):
    jpeg, place = draw_skin(found, (), case.levels, case.spine)
    assert place == "the back"
    assert Image.open(io.BytesIO(jpeg)).size[0] > 300


def test_entries_at_the_front_are_seen_from_the_front(found, case):
    front = found.entries * (1, -1, 1) + (0, 40, 0)
    there = SkinEntries.of(found.body, front, np.full(len(front), 0.5), {"bone": front[:, 0] < 0})
    assert draw_skin(there, (), case.levels, case.spine)[1] == "the front"
