"""Colours that colour-blind eyes tell apart (Okabe and Ito 2008, and Tol 2021), and what each stands for.

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
NERVE: Colour = (230, 159, 0)
STRUCTURES: Mapping[str, Colour] = {
    "bone": (240, 228, 190),
    "dura": (204, 121, 167),
    "spinal_cord": (204, 121, 167),
    "nerve_root": NERVE,
    "ventral_ramus": NERVE,
    "disc": (68, 170, 153),
    "aorta": (204, 102, 119),
    "vena_cava": (0, 114, 178),
}
_REST: tuple[Colour, ...] = ((68, 170, 153), (0, 114, 178), (204, 121, 167), (153, 153, 51), (204, 102, 119))


def structure_colour(name: str) -> Colour:
    """A structure's colour, the same every time; never that of a broken limit."""
    if name in STRUCTURES:
        return STRUCTURES[name]
    return _REST[sum(map(ord, name)) % len(_REST)]
