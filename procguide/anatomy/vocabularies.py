"""What the integers of common label maps mean, in this project's regions and levels.

Sources: VerSe as in :mod:`procguide.anatomy.levels`; TotalSegmentator v2's "total" task as its README
lists the classes; TPTBox's ``Location`` (subregions) and ``Vertebra_Instance`` (instances) as its
``vert_constants`` lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from procguide.anatomy.levels import LEVELS, SACRUM, VERSE_NAMES
from procguide.anatomy.regions import VERTEBRA, Region

__all__ = ["MEANINGS", "Meaning", "Vocabulary"]


class Vocabulary(StrEnum):
    """Whose integers a label map holds.

    ``TPTBOX`` are the subregions that SPINEPS and TPTBox write, ``TPTBOX_INSTANCES`` the file beside
    them that says which vertebra. The ``COUNTED_...`` number vertebrae, vertebral bodies or discs
    1, 2, ... from the lowest upward, without names.
    """

    VERSE = "verse"
    REGIONS = "regions"
    TOTALSEGMENTATOR = "totalsegmentator"
    TPTBOX = "tptbox"
    TPTBOX_INSTANCES = "tptbox-instances"
    COUNTED_VERTEBRAE = "counted-vertebrae"
    COUNTED_BODIES = "counted-bodies"
    COUNTED_DISCS = "counted-discs"


@dataclass(frozen=True)
class Meaning:
    """What one integer stands for: ``regions`` together, of ``level`` where it says so.

    ``level`` is a vertebra's name or ``"sacrum"``; ``count`` its number from the lowest upward where
    bones are numbered without names. ``partial``: a piece of its region, which says nothing of the
    region where it is alone (S1 of the sacrum).
    """

    regions: tuple[Region, ...]
    level: str | None = None
    count: int | None = None
    partial: bool = False


_COLUMN = tuple(reversed(LEVELS))
_MAX_COUNT = 40


def _verse() -> dict[int, Meaning]:
    table = {n: Meaning(VERTEBRA, name) for n, name in VERSE_NAMES.items() if name not in (SACRUM, "coccyx")}
    return table | {26: Meaning((Region.SACRUM,), SACRUM), 27: Meaning((Region.COCCYX,))}


def _regions() -> dict[int, Meaning]:
    return {int(region): Meaning((region,)) for region in Region if region is not Region.BACKGROUND}


def _alike(labels: Iterable[int], *regions: Region) -> dict[int, Meaning]:
    return dict.fromkeys(labels, Meaning(regions))


def _totalsegmentator() -> dict[int, Meaning]:
    vertebrae = {27 + n: Meaning(VERTEBRA, level) for n, level in enumerate(_COLUMN)}
    return {
        **vertebrae,
        25: Meaning((Region.SACRUM,), SACRUM),
        26: Meaning((Region.SACRUM,), SACRUM, partial=True),
        1: Meaning((Region.SPLEEN,)),
        5: Meaning((Region.LIVER,)),
        15: Meaning((Region.OESOPHAGUS,)),
        16: Meaning((Region.TRACHEA,)),
        17: Meaning((Region.THYROID,)),
        52: Meaning((Region.AORTA,)),
        63: Meaning((Region.VENA_CAVA,)),
        79: Meaning((Region.SPINAL_CORD,)),
        **_alike((2, 3, 23, 24), Region.KIDNEY),
        **_alike(range(10, 15), Region.LUNG),
        **_alike((18, 19, 20), Region.BOWEL),
        **_alike((57, 58), Region.CAROTID_ARTERY),
        **_alike((65, 66), Region.ILIAC_ARTERY),
        **_alike((67, 68), Region.ILIAC_VEIN),
        **_alike((75, 76), Region.FEMUR),
        **_alike((77, 78), Region.ILIUM),
        **_alike(range(92, 116), Region.RIB),
    }


def _tptbox() -> dict[int, Meaning]:
    return {
        26: Meaning((Region.SACRUM,), SACRUM),
        **_alike((40,), *VERTEBRA),
        **_alike((41,), Region.PEDICLE, Region.LAMINA),
        **_alike((42,), Region.SPINOUS_PROCESS),
        **_alike((43, 44), Region.TRANSVERSE_PROCESS),
        **_alike((45, 46), Region.SUPERIOR_ARTICULAR_PROCESS),
        **_alike((47, 48), Region.INFERIOR_ARTICULAR_PROCESS),
        **_alike((49, 50, 51, 52, 53, 62), Region.BODY),
        **_alike((58, 59, 100), Region.DISC),
        **_alike((60,), Region.SPINAL_CORD),
        **_alike((61, 126), Region.CANAL, Region.THECAL_SAC),
        **_alike((63, 64), Region.RIB),
    }


def _tptbox_instances() -> dict[int, Meaning]:
    vertebrae = {n: meaning for n, meaning in _verse().items() if n not in (26, 27)}
    sacral = dict.fromkeys((26, *range(29, 34)), Meaning((Region.SACRUM,), SACRUM))
    discs = {100 + n: Meaning((Region.DISC,)) for n in range(1, 30)}
    endplates = {200 + n: Meaning((Region.BODY,), meaning.level) for n, meaning in vertebrae.items()}
    return vertebrae | sacral | {27: Meaning((Region.COCCYX,))} | discs | endplates


def _counted(*regions: Region) -> dict[int, Meaning]:
    return {n: Meaning(regions, count=n) for n in range(1, _MAX_COUNT)}


MEANINGS: Mapping[Vocabulary, Mapping[int, Meaning]] = MappingProxyType(
    {
        Vocabulary.VERSE: MappingProxyType(_verse()),
        Vocabulary.REGIONS: MappingProxyType(_regions()),
        Vocabulary.TOTALSEGMENTATOR: MappingProxyType(_totalsegmentator()),
        Vocabulary.TPTBOX: MappingProxyType(_tptbox()),
        Vocabulary.TPTBOX_INSTANCES: MappingProxyType(_tptbox_instances()),
        Vocabulary.COUNTED_VERTEBRAE: MappingProxyType(_counted(*VERTEBRA)),
        Vocabulary.COUNTED_BODIES: MappingProxyType(_counted(Region.BODY)),
        Vocabulary.COUNTED_DISCS: MappingProxyType(_counted(Region.DISC)),
    }
)
"""Label to meaning. A label that is not listed has no counterpart here; 0 is background everywhere."""
