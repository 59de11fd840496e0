"""What was asked for, checked before any image is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from procguide.anatomy import Side, parse_level
from procguide.errors import UsageError
from procguide.geometry import Vector, vector

if TYPE_CHECKING:
    from pathlib import Path

    from procguide.planning.catalogue import Procedure
    from procguide.planning.names import Objective
    from procguide.planning.site import Request
    from procguide.segmentation.hints import LevelAt

__all__ = [
    "find_procedure",
    "parse_entry",
    "parse_level_at",
    "parse_lowest_level",
    "parse_request",
    "parse_requests",
    "parse_target",
    "parse_weights",
]


def find_procedure(identifier: str, catalogue: Path | None = None) -> Procedure:
    """The catalogue's entry, or the user's own; an unknown one is an error that suggests the nearest."""
    from procguide.planning import load_catalogue

    entries = load_catalogue(catalogue)
    if identifier in entries:
        return entries[identifier]
    raise UsageError(f"there is no procedure {identifier!r}; {_nearest(identifier, tuple(entries))}")


def parse_request(
    procedure: str,
    level: str,
    side: str | None,
    target: str | None = None,
    *,
    catalogue: Path | None = None,
) -> Request:
    """Check procedure, level, side and target point against the catalogue."""
    from procguide.planning.site import Request, canonical_level

    entry = find_procedure(procedure, catalogue)
    return Request(entry, canonical_level(entry, level), _parse_side(entry, side), parse_target(target))


def parse_requests(
    procedure: str, levels: Sequence[str], side: str | None, *, catalogue: Path | None = None
) -> tuple[Request, ...]:
    """A request for every level on every side; ``both`` is left and right."""
    from procguide.planning.session import requests_for

    entry = find_procedure(procedure, catalogue)
    both = side is not None and side.strip().lower() == "both"
    if both and entry.side == "none":
        raise UsageError(f"{entry.id} has no side; leave --side out")
    sides = (Side.LEFT, Side.RIGHT) if both else (_parse_side(entry, side),)
    return requests_for(entry, levels, sides)


def _parse_side(entry: Procedure, text: str | None) -> Side | None:
    if text is None:
        if entry.side == "required":
            raise UsageError(f"{entry.id} needs a side: add --side left or --side right (the patient's own)")
        return None
    if entry.side == "none":
        raise UsageError(f"{entry.id} has no side; leave --side out")
    try:
        return Side(text.strip().lower())
    except ValueError:
        raise UsageError(f"{text!r} is not a side; {_nearest(text, ('left', 'right', 'both'))}") from None


def parse_target(text: str | None) -> Vector | None:
    """``"X,Y,Z"`` in patient LPS mm as ``(3,)``."""
    return None if text is None else _point(text, "--target X,Y,Z")


def parse_entry(text: str | None) -> Vector | None:
    """``"X,Y,Z"`` in patient LPS mm, on the skin or a little off it."""
    return None if text is None else _point(text, "--entry X,Y,Z")


def parse_weights(text: str | None) -> Mapping[Objective, float] | None:
    """``"clearance=0.5,view=0.2"``: the weights of the objectives that count; the rest count nothing."""
    if text is None:
        return None
    from procguide.planning.frontier import read_weights

    given: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        try:
            given[name.lower()] = float(number)
        except ValueError:
            raise UsageError(f"{part!r} is no weight; give --weights clearance=0.5,view=0.2") from None
    return read_weights(given)


def _point(text: str, usage: str) -> Vector:
    try:
        x, y, z = (float(part) for part in text.split(","))
        if not all(map(isfinite, (x, y, z))):
            raise ValueError
    except ValueError:
        raise UsageError(f"{text!r} is not a point; give {usage} in patient LPS mm") from None
    return vector((x, y, z))


def parse_lowest_level(text: str | None) -> str | None:
    """The canonical name of ``--lowest-level``."""
    return None if text is None else parse_level(text)


def parse_level_at(texts: Sequence[str] | None) -> tuple[LevelAt, ...]:
    """Each ``"X,Y,Z=L3"`` of ``--level-at``: a point in patient LPS mm and the level there."""
    from procguide.segmentation.hints import LevelAt

    stated = []
    for text in texts or ():
        point, equals, level = text.partition("=")
        if not equals:
            raise UsageError(f"{text!r} names no level; give --level-at X,Y,Z=L3 in patient LPS mm")
        stated.append(LevelAt(_point(point, "--level-at X,Y,Z=L3"), parse_level(level)))
    return tuple(stated)


def _nearest(text: str, allowed: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    begun = [name for name in allowed if text and name.startswith(text.lower())]
    near = begun or get_close_matches(text.lower(), allowed, n=1, cutoff=0.5)
    listed = f"use one of {', '.join(allowed)}"
    return f"did you mean {' or '.join(near)}? {listed}" if near else listed
