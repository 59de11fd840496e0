from __future__ import annotations

import pytest

from procguide.anatomy import Side
from procguide.cli.request import (
    find_procedure,
    parse_level_at,
    parse_lowest_level,
    parse_request,
    parse_target,
)
from procguide.errors import UsageError

TRANSFORAMINAL = "transforaminal_esi_subpedicular"


def test_canonical_names() -> None:
    request = parse_request(TRANSFORAMINAL, "l4-5", "LEFT", "1, -2.5,3e1")
    assert (request.level, request.side, request.target) == ("L4-L5", Side.LEFT, (1.0, -2.5, 30.0))


def test_near_miss_is_suggested() -> None:
    with pytest.raises(UsageError, match=f"did you mean .*{TRANSFORAMINAL}\\?"):
        find_procedure("transforaminal_esi")


@pytest.mark.parametrize("level", ["L4", "L9-L10", "C4-C5", "L4-S1", ""])
def test_wrong_level_lists_the_allowed(level: str) -> None:
    with pytest.raises(UsageError, match="L1-L2, L2-L3, L3-L4, L4-L5, L5-S1"):
        parse_request(TRANSFORAMINAL, level, "left")


def test_wrong_side_lists_the_allowed() -> None:
    with pytest.raises(UsageError, match=r"did you mean left.*use one of left, right"):
        parse_request(TRANSFORAMINAL, "L4-L5", "lef")


def test_required_side_is_asked_for() -> None:
    with pytest.raises(UsageError, match="add --side left or --side right"):
        parse_request(TRANSFORAMINAL, "L4-L5", None)


def test_optional_side_may_be_left_out() -> None:
    assert parse_request("lumbar_interlaminar_esi", "L4-L5", None).side is None


@pytest.mark.parametrize("text", ["1,2", "1,2,3,4", "a,b,c", "nan,0,0", "inf,0,0", ""])
def test_a_target_is_three_finite_numbers(text: str) -> None:
    with pytest.raises(UsageError, match="X,Y,Z"):
        parse_target(text)


def test_lowest_level() -> None:
    assert parse_lowest_level(" l3") == "L3"
    assert parse_lowest_level(None) is None
    with pytest.raises(UsageError, match="not a vertebral level"):
        parse_lowest_level("S1")


def test_levels_at_points() -> None:
    first, second = parse_level_at(["1, -2.5,3e1= l3", "0,0,60=T13"])
    assert (first.point, first.level) == ((1.0, -2.5, 30.0), "L3")
    assert str(second) == "0,0,60=T13"
    assert parse_level_at(None) == ()


@pytest.mark.parametrize("text", ["1,2,3", "1,2=L3", "1,2,x=L3", "1,2,inf=L3", "1,2,3=S1", "=L3"])
def test_a_level_at_needs_a_point_and_a_level(text: str) -> None:
    with pytest.raises(UsageError, match=r"X,Y,Z=L3|not a vertebral level"):
        parse_level_at([text])
