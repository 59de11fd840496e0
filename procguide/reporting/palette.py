"""Colours of structures: Okabe and Ito's set, told apart with the common colour-vision deficiencies.

Modelled structures are dashed as well, so that no meaning hangs on colour alone.
"""

from __future__ import annotations

from types import MappingProxyType

from procguide.anatomy import Region

__all__ = ["NEEDLE", "REGION_COLOURS", "ROOT", "TARGET", "VERTEBRA_LINES", "VERTEBRA_TINTS", "rgb"]

NEEDLE = "#FF5A00"
TARGET = "#FFFFFF"
ROOT = "#F0E442"
VERTEBRA_LINES = ("#F7DDB5", "#9FD3C7")
"""Contours of neighbouring vertebrae in turn."""
VERTEBRA_TINTS = ("#E9D9BC", "#BFD0DC")
"""Surfaces of neighbouring vertebrae in turn."""
REGION_COLOURS = MappingProxyType(
    {
        Region.CANAL: "#56B4E9",
        Region.DISC: "#00B386",
        Region.SACRUM: "#D9A0C4",
        Region.RIB: "#B8B8B8",
        Region.ILIUM: "#B8B8B8",
        Region.KIDNEY: "#E69F00",
        Region.AORTA: "#E0569B",
    }
)


def rgb(colour: str) -> tuple[float, float, float]:
    """``"#FF8000"`` as three numbers 0 to 1."""
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return (red, green, blue)
