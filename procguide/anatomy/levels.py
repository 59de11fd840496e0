"""Names of vertebral levels and the integers that stand for them.

Integers follow the VerSe scheme (Sekuboyina et al., Med Image Anal 2021): C1-C7 1-7, T1-T12 8-19,
L1-L5 20-24, L6 25, sacrum 26, coccyx 27, T13 28.
"""

from __future__ import annotations

from types import MappingProxyType

from procguide.errors import UsageError

__all__ = [
    "LEVELS",
    "SACRUM",
    "VERSE_LABELS",
    "VERSE_NAMES",
    "Interspace",
    "level_below",
    "parse_interspace",
    "parse_level",
]

SACRUM = "sacrum"

LEVELS: tuple[str, ...] = (
    *(f"C{n}" for n in range(1, 8)),
    *(f"T{n}" for n in range(1, 13)),
    *(f"L{n}" for n in range(1, 6)),
)
"""The usual presacral levels, cranial to caudal. L6 and T13 exist as labels, never by default."""

VERSE_LABELS = MappingProxyType(
    {level: n for n, level in enumerate(LEVELS, start=1)} | {"L6": 25, SACRUM: 26, "coccyx": 27, "T13": 28}
)
VERSE_NAMES = MappingProxyType({label: name for name, label in VERSE_LABELS.items()})

Interspace = tuple[str, str]
"""Upper and lower level, as ``("L4", "L5")``; the lower of the last is ``"S1"``."""


def level_below(level: str) -> str:
    """``"L5"`` for ``"L4"``; ``"S1"`` for ``"L5"`` and ``"L6"``."""
    if level in ("L5", "L6"):
        return "S1"
    if level == "T13":
        return "L1"
    return LEVELS[LEVELS.index(parse_level(level)) + 1]


def parse_level(text: str) -> str:
    """A presacral level's canonical name; ``"l4"`` and ``" L4 "`` are ``"L4"``."""
    name = text.strip().upper()
    if name not in LEVELS and name not in ("L6", "T13"):
        raise UsageError(f"{text!r} is not a vertebral level; use one of C1-C7, T1-T12, L1-L5 (T13, L6)")
    return name


def parse_interspace(text: str) -> Interspace:
    """``"L4-L5"``, ``"L4-5"`` or ``"l5/s1"`` as upper and lower level."""
    parts = text.strip().upper().replace("/", "-").replace("\u2013", "-").split("-")
    if len(parts) == 2:
        upper = parse_level(parts[0])
        lower = parts[1] if parts[1][:1].isalpha() else upper[0] + parts[1]
        if lower in (level_below(upper), "L6" if upper == "L5" else "", "T13" if upper == "T12" else ""):
            return (upper, lower)
    raise UsageError(f"{text!r} is not an interspace; name two neighbours, as L4-L5 or L5-S1")
