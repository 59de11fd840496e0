"""The anatomy's vocabulary, and the spine as objects."""

from procguide.anatomy.levels import (
    LEVELS,
    SACRUM,
    VERSE_LABELS,
    VERSE_NAMES,
    Interspace,
    level_below,
    parse_interspace,
    parse_level,
)
from procguide.anatomy.regions import BONE, BROAD, CANAL_CONTENT, POSTERIOR_ELEMENTS, VERTEBRA, Region, Side
from procguide.anatomy.spine import Anchor, Endplate, Pedicle, SacralForamen, Sacrum, Spine, Vertebra

__all__ = [
    "BONE",
    "BROAD",
    "CANAL_CONTENT",
    "LEVELS",
    "POSTERIOR_ELEMENTS",
    "SACRUM",
    "VERSE_LABELS",
    "VERSE_NAMES",
    "VERTEBRA",
    "Anchor",
    "Endplate",
    "Interspace",
    "Pedicle",
    "Region",
    "SacralForamen",
    "Sacrum",
    "Side",
    "Spine",
    "Vertebra",
    "level_below",
    "parse_interspace",
    "parse_level",
]
