"""The posterior sacral foramina: holes in the sacrum's back, or where people have them on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy.locate_patch import connected
from procguide.anatomy.locate_unrolled import Unrolled
from procguide.anatomy.regions import Side
from procguide.anatomy.spine import SacralForamen
from procguide.geometry import Vector, vector

__all__ = ["SEGMENTS", "locate_foramina"]

SEGMENTS = ("S1", "S2", "S3")
"""Whose lateral branches are treated."""

_DEEP_MM = 4.0
_LID_SAMPLES = 15
_BAND_MM = (9.0, 32.0)
_AREA_MM2 = (8.0, 220.0)
_FIRST_MM = (12.0, 48.0)
_STEP_MM = (13.0, 34.0)
_ALIKE_MM = 8.0
_OFF_USUAL_MM = 5.0
"""So far from its usual height a hole is worth a square millimetre less of its radius (assumed)."""
_PLACE_MM = MappingProxyType({"S1": (30.0, 23.5, 4.5), "S2": (53.0, 15.0, 3.6), "S3": (72.0, 13.5, 3.2)})
"""Below the promontory, middle from the midline, radius: S1 23.5 mm from the midline (Kim et al., Korean J
Pain 2023;36:98), the S2 pair 29.8 mm apart with bridges of 14.2 and 12.8 mm above and below (McGrath and
Stringer, Surg Radiol Anat 2011;33:279), openings after Saluja et al. (J Clin Diagn Res 2018;12(6):AC01);
S1 3 cm below the promontory as the catalogue has it; the rest is assumed."""


@dataclass(frozen=True)
class _Hole:
    station: float
    across: float
    radius_mm: float


def locate_foramina(unrolled: Unrolled) -> dict[Side, Mapping[str, SacralForamen]]:
    """S1 to S3 on each side: seen where the labels leave three holes in a row, else by distances."""
    endplate = float(np.argmin(np.abs(unrolled.line[:, 2])))
    rows = _both_rows(endplate, *(_holes(unrolled, side) for side in (Side.LEFT, Side.RIGHT)))
    seen = rows is not None
    found: dict[Side, Mapping[str, SacralForamen]] = {}
    for side in Side:
        holes = rows[side] if rows is not None else _usual(unrolled, side)
        places = {}
        for name, hole in zip(SEGMENTS, holes, strict=True):
            centre = _opening(unrolled, hole)
            if centre is not None:
                places[name] = SacralForamen(centre, hole.radius_mm, seen)
        if places:
            found[side] = places
    return found


def _both_rows(
    endplate: float, left: Sequence[_Hole], right: Sequence[_Hole]
) -> dict[Side, Sequence[_Hole]] | None:
    """Of the rows on both sides that are alike, the two that look most like S1 to S3; None where none are."""
    pairs = [(one, other) for one in _rows(left) for other in _rows(right) if _alike(one, other)]
    if not pairs:
        return None
    best = max(pairs, key=lambda pair: sum(_likeness(row, endplate) for row in pair))
    return {Side.LEFT: best[0], Side.RIGHT: best[1]}


def _likeness(row: Sequence[_Hole], endplate: float) -> float:
    """Wide holes speak for a row, far from the usual heights against it: S2 to S4 are a row as well."""
    below = (place[0] for place in _PLACE_MM.values())
    return sum(
        hole.radius_mm**2 - ((hole.station - endplate - usual) / _OFF_USUAL_MM) ** 2
        for hole, usual in zip(row, below, strict=True)
    )


def _alike(left: Sequence[_Hole], right: Sequence[_Hole]) -> bool:
    """Whether two rows have their holes at about the same heights and distances from the midline."""
    return all(
        abs(one.station - other.station) <= _ALIKE_MM and abs(one.across + other.across) <= _ALIKE_MM
        for one, other in zip(left, right, strict=True)
    )


def _opening(unrolled: Unrolled, hole: _Hole) -> Vector | None:
    """The middle between the hole's rims: it has no face of its own."""
    beside = 1.5 * hole.radius_mm
    rims = [unrolled.at(hole.station, hole.across + off) for off in (-beside, beside)]
    known = [rim for rim in rims if rim is not None]
    return vector(unrolled.patch.to_patient(np.mean(known, axis=0))) if known else None


def _usual(unrolled: Unrolled, side: Side) -> list[_Hole]:
    """Where published distances put them, along the canal from the endplate's height."""
    endplate = float(np.argmin(np.abs(unrolled.line[:, 2])))
    return [
        _Hole(endplate + below, side.sign * across, radius) for below, across, radius in _PLACE_MM.values()
    ]


def _holes(unrolled: Unrolled, side: Side) -> list[_Hole]:
    """Pits of the dorsal face on one side, cranial to caudal."""
    floor = float(np.nanmin(unrolled.dorsal)) if not np.isnan(unrolled.dorsal).all() else 0.0
    face = np.where(np.isnan(unrolled.dorsal), floor - _DEEP_MM, unrolled.dorsal)
    depth = ndimage.grey_closing(face, size=(_LID_SAMPLES, _LID_SAMPLES)) - face
    off = unrolled.across * side.sign
    depth[:, (off < _BAND_MM[0]) | (off > _BAND_MM[1])] = 0
    pieces, count = connected(np.ascontiguousarray(depth >= _DEEP_MM))
    holes = []
    for n in range(1, count + 1):
        own: tuple[NDArray[np.intp], ...] = np.nonzero(pieces == n)
        if _AREA_MM2[0] <= len(own[0]) <= _AREA_MM2[1]:
            across = float(unrolled.across[own[1]].mean())
            holes.append(_Hole(float(own[0].mean()), across, float(np.sqrt(len(own[0]) / np.pi))))
    return sorted(holes, key=lambda hole: hole.station)


def _rows(holes: Sequence[_Hole]) -> list[tuple[_Hole, ...]]:
    """Every row of three: a first hole at S1's height, then each at a segment's distance."""
    first = [hole for hole in holes if _FIRST_MM[0] <= hole.station <= _FIRST_MM[1]]
    rows: list[tuple[_Hole, ...]] = [(hole,) for hole in first]
    for _ in SEGMENTS[1:]:
        rows = [
            (*row, hole)
            for row in rows
            for hole in holes
            if _STEP_MM[0] <= hole.station - row[-1].station <= _STEP_MM[1]
        ]
    return rows
