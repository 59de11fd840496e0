"""Colours that colour-blind eyes tell apart (Okabe and Ito 2008), and what each stands for.

Nothing is said by colour alone: a broken limit is also dashed and in words.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "BROKEN",
    "CROSSHAIR",
    "MEASURE",
    "NEEDLE",
    "NERVE",
    "OTHER",
    "STRUCTURES",
    "ZONE",
    "structure_colour",
]

Colour = tuple[int, int, int]

NEEDLE: Colour = (86, 180, 233)
BROKEN: Colour = (230, 80, 0)
ZONE: Colour = (240, 228, 66)
CROSSHAIR: Colour = (0, 158, 115)
MEASURE: Colour = (255, 255, 255)
OTHER: Colour = (190, 190, 190)
NERVE: Colour = (204, 121, 167)
STRUCTURES: Mapping[str, Colour] = {
    "bone": (240, 228, 190),
    "dura": (204, 121, 167),
    "cord": (204, 121, 167),
    "aorta": (213, 94, 0),
    "vena_cava": (0, 114, 178),
}
_REST: tuple[Colour, ...] = ((230, 159, 0), (0, 158, 115), (0, 114, 178), (204, 121, 167), (213, 94, 0))


def structure_colour(name: str) -> Colour:
    """A colour of its own for each structure, the same every time."""
    if name in STRUCTURES:
        return STRUCTURES[name]
    return _REST[sum(map(ord, name)) % len(_REST)]
