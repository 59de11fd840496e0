"""Numbers in the words a physician says, with their units."""

from __future__ import annotations

from procguide.anatomy import Side
from procguide.geometry import Vector

__all__ = [
    "counted",
    "degrees_of",
    "millimetres",
    "offset_words",
    "percent",
    "plain",
    "position_words",
    "side_words",
    "signed_words",
    "view_words",
]


def plain(identifier: str) -> str:
    """``"Exiting nerve root"`` for ``"exiting_nerve_root"``."""
    text = identifier.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def millimetres(value: float | None, digits: int = 1) -> str:
    """``"4.2 mm"``; a dash where there is no number."""
    return "\u2013" if value is None else f"{value:.{digits}f} mm"


def degrees_of(value: float) -> str:
    """``"1 degree"``, ``"25 degrees"``."""
    whole = abs(round(value))
    return f"{whole} degree" if whole == 1 else f"{whole} degrees"


def signed_words(value: float, positive: str, negative: str, nothing: str) -> str:
    """``"25 degrees left oblique"``: the size and the side's own words; ``nothing`` under half a degree."""
    if round(value) == 0:
        return nothing
    return f"{degrees_of(value)} {positive if value > 0 else negative}"


def view_words(oblique_deg: float, tilt_deg: float) -> str:
    """``"25 degrees left oblique, 5 degrees cranial tilt"``."""
    oblique = signed_words(oblique_deg, "left oblique", "right oblique", "no oblique")
    tilt = signed_words(tilt_deg, "cranial tilt", "caudal tilt", "no tilt")
    return f"{oblique}, {tilt}"


def offset_words(value_mm: float, positive: str, negative: str) -> str:
    """``"52 mm left of"``; ``"level with"`` under half a millimetre."""
    if round(value_mm) == 0:
        return "level with"
    return f"{abs(value_mm):.0f} mm {positive if value_mm > 0 else negative}"


def percent(share: float) -> str:
    """``"16 %"``; under one, and over ninety-nine, said so."""
    if share < 0.01:
        return "under 1 %"
    return "over 99 %" if share > 0.99 else f"{100 * share:.0f} %"


def counted(count: int) -> str:
    """``"12 345"``: thousands apart by a narrow space that does not break."""
    return f"{count:,}".replace(",", "\u202f")


def position_words(point: Vector) -> str:
    """A point with its own directions: ``"L 32.1, P 88.0, S 410.5 mm"``."""
    letters = zip(point, "LPS", "RAI", strict=True)
    return (
        ", ".join(f"{plus if value >= 0 else minus} {abs(value):.1f}" for value, plus, minus in letters)
        + " mm"
    )


def side_words(side: Side | str | None) -> str:
    """``"LEFT"``, ``"RIGHT"`` or ``"MIDLINE"`` where the procedure has no side."""
    return str(side).upper() if side else "MIDLINE"
