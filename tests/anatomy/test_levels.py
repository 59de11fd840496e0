import pytest
from hypothesis import given
from hypothesis import strategies as st

from procguide.anatomy import LEVELS, VERSE_LABELS, VERSE_NAMES, level_below, parse_interspace, parse_level
from procguide.errors import UsageError


def test_verse_integers_are_the_published_ones():
    wanted = {"C1": 1, "C7": 7, "T1": 8, "T12": 19, "L1": 20, "L5": 24, "L6": 25, "sacrum": 26, "T13": 28}
    assert {level: VERSE_LABELS[level] for level in wanted} == wanted


def test_names_and_labels_are_inverse():
    assert {label: VERSE_NAMES[label] for label in VERSE_NAMES} == {
        n: name for name, n in VERSE_LABELS.items()
    }


@pytest.mark.parametrize(
    ("text", "level"), [("l4", "L4"), (" L4 ", "L4"), ("t12", "T12"), ("l6", "L6"), ("T13", "T13")]
)
def test_a_level_is_read_in_any_case(text, level):
    assert parse_level(text) == level


@pytest.mark.parametrize("text", ["", "L7", "S1", "L", "4", "L4-L5", "lumbar"])
def test_what_is_no_level_is_refused_with_what_is_allowed(text):
    with pytest.raises(UsageError, match="C1-C7, T1-T12, L1-L5") as caught:
        parse_level(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("level", "below"), [("C7", "T1"), ("T12", "L1"), ("T13", "L1"), ("L4", "L5"), ("L5", "S1"), ("L6", "S1")]
)
def test_the_level_below(level, below):
    assert level_below(level) == below


@pytest.mark.parametrize(
    ("text", "interspace"),
    [
        ("L4-L5", ("L4", "L5")),
        ("L4-5", ("L4", "L5")),
        ("l5/s1", ("L5", "S1")),
        ("L4\N{EN DASH}L5", ("L4", "L5")),
        ("T12-L1", ("T12", "L1")),
        ("L5-L6", ("L5", "L6")),
        ("L6-S1", ("L6", "S1")),
        ("T12-T13", ("T12", "T13")),
    ],
)
def test_an_interspace_is_read_as_people_write_it(text, interspace):
    assert parse_interspace(text) == interspace


@pytest.mark.parametrize("text", ["L4", "L4-L4", "L5-L4", "L3-L5", "L4-L5-S1", "", "L4-"])
def test_what_are_no_neighbours_is_refused(text):
    with pytest.raises(UsageError, match=r"two neighbours|not a vertebral level"):
        parse_interspace(text)


@given(st.sampled_from(LEVELS))
def test_every_level_with_the_one_below_is_an_interspace(level):
    assert parse_interspace(f"{level}-{level_below(level)}") == (level, level_below(level))
