import pytest

from procguide.anatomy import Anchor, Endplate, Sacrum, Spine, Vertebra
from procguide.errors import InputUnfitError
from procguide.geometry import AnatomicalFrame


def _vertebra(level: str, height: float) -> Vertebra:
    frame = AnatomicalFrame.from_axes((0, 0, height), (0, 0, 1), (1, 0, 0))
    plate = Endplate((0, 0, height), (0, 0, 1), 45.0, 33.0)
    return Vertebra(level, 0.9, frame, plate, plate)


@pytest.fixture
def spine() -> Spine:
    frame = AnatomicalFrame.from_axes((0, 0, -40), (0, 0, 1), (1, 0, 0))
    sacrum = Sacrum(frame, Endplate((0, 0, -40), (0, 0, 1), 50.0, 34.0), (0, -17, -40))
    return Spine((_vertebra("L4", 40.0), _vertebra("L5", 0.0)), sacrum, (), Anchor.SACRUM)


def test_levels_run_from_cranial_to_caudal(spine):
    assert spine.levels == ("L4", "L5")
    assert spine.vertebra("L5") is spine.vertebrae[1]


def test_a_level_out_of_view_names_what_is_in_view(spine):
    with pytest.raises(InputUnfitError, match="L2 is not in view; levels in view: L4, L5") as caught:
        spine.vertebra("L2")
    assert "Load images that show L2" in str(caught.value)


def test_an_empty_spine_says_none():
    with pytest.raises(InputUnfitError, match="levels in view: none"):
        Spine((), None, (), Anchor.NONE).vertebra("L1")


def test_below_is_the_next_vertebra_or_the_sacrum(spine):
    assert spine.below("L4") is spine.vertebrae[1]
    assert spine.below("L5") is spine.sacrum


def test_below_the_last_without_a_sacrum_is_an_error():
    spine = Spine((_vertebra("L5", 0.0),), None, (), Anchor.USER)
    with pytest.raises(InputUnfitError, match="S1 is not in view"):
        spine.below("L5")
