"""Colours of structures: Okabe and Ito's set and mixtures of it, apart with colour-vision deficiencies too.

What touches differs in lightness as well as in hue. Modelled structures are dashed or striped besides,
so that no meaning hangs on colour alone.
"""

from __future__ import annotations

from types import MappingProxyType

from procguide.anatomy import Region

__all__ = [
    "NEEDLE",
    "PART_COLOURS",
    "REGION_COLOURS",
    "ROOT",
    "TARGET",
    "VERTEBRA_LINES",
    "VERTEBRA_TINTS",
    "mixed",
    "rgb",
]

NEEDLE = "#FF5A00"
TARGET = "#FFFFFF"
ROOT = "#F0E442"
VERTEBRA_LINES = ("#F7DDB5", "#9FD3C7")
"""Contours of neighbouring vertebrae in turn."""
VERTEBRA_TINTS = ("#EFDDBB", "#AFC6D8")
"""Surfaces of neighbouring vertebrae in turn: the body, and what is mixed into the parts of its arch."""
PART_COLOURS = MappingProxyType(
    {
        Region.PEDICLE: "#E69F00",
        Region.LAMINA: "#56B4E9",
        Region.SPINOUS_PROCESS: "#D55E00",
        Region.TRANSVERSE_PROCESS: "#1E8F4E",
        Region.SUPERIOR_ARTICULAR_PROCESS: "#F0E442",
        Region.INFERIOR_ARTICULAR_PROCESS: "#CC79A7",
    }
)
REGION_COLOURS = MappingProxyType(
    {
        Region.CANAL: "#3C7DE0",
        Region.THECAL_SAC: "#A79BF0",
        Region.SPINAL_CORD: "#FFF4B0",
        Region.DISC: "#35A08C",
        Region.SACRUM: "#D9A0C4",
        Region.RIB: "#B8B8B8",
        Region.ILIUM: "#9C9488",
        Region.KIDNEY: "#E69F00",
        Region.AORTA: "#E0569B",
        Region.VENA_CAVA: "#5A6FD0",
        Region.LIVER: "#A8623A",
        Region.LUNG: "#8FD3F0",
        Region.BOWEL: "#C9B23A",
    }
)


def rgb(colour: str) -> tuple[float, float, float]:
    """``"#FF8000"`` as three numbers 0 to 1."""
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return (red, green, blue)


def mixed(one: str, other: str, share: float) -> tuple[float, float, float]:
    """``share`` of ``one`` and the rest of ``other``."""
    red, green, blue = (share * a + (1 - share) * b for a, b in zip(rgb(one), rgb(other), strict=True))
    return (red, green, blue)
