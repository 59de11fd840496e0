"""Angles and distances as words."""

from __future__ import annotations

import pytest

from procguide.reporting.words import counted, offset_words, plain, position_words, side_words, view_words


@pytest.mark.parametrize(
    ("oblique", "tilt", "words"),
    [
        (25.0, 5.0, "25 degrees left oblique, 5 degrees cranial tilt"),
        (-30.2, -12.4, "30 degrees right oblique, 12 degrees caudal tilt"),
        (0.3, -1.0, "no oblique, 1 degree caudal tilt"),
        (-0.2, 0.0, "no oblique, no tilt"),
    ],
)
def test_view(oblique, tilt, words):
    assert view_words(oblique, tilt) == words


def test_offsets_name_their_direction():
    assert offset_words(12.4, "left of", "right of") == "12 mm left of"
    assert offset_words(-12.4, "left of", "right of") == "12 mm right of"
    assert offset_words(0.2, "left of", "right of") == "level with"


def test_position_has_its_own_letters():
    assert position_words((-3.0, 4.25, -0.5)) == "R 3.0, P 4.2, I 0.5 mm"


def test_small_words():
    assert side_words(None) == "MIDLINE"
    assert side_words("left") == "LEFT"
    assert plain("nerve_root") == "Nerve root"
    assert counted(23552) == "23\u202f552"
