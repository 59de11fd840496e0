"""What a label's published name means in this project's regions and levels."""

from __future__ import annotations

import re
from collections.abc import Mapping

from procguide.anatomy import LEVELS, POSTERIOR_ELEMENTS, SACRUM, VERTEBRA, Region
from procguide.anatomy.vocabularies import Meaning

__all__ = ["meaning_of", "meanings_of", "single_region"]

_LEVEL = re.compile(r"(?<![a-z0-9])([ctl]) ?0?(\d{1,2})(?![0-9])")
_LONG_LEVEL = re.compile(r"(cervical|thoracic|lumbar)(?: vertebrae?)? 0?(\d{1,2})")
_SACRAL = re.compile(r"(?<![a-z0-9])s[1-5]?(?![a-z0-9])")
_KNOWN_LEVELS = (*LEVELS, "T13", "L6")

_WORDS: tuple[tuple[str, tuple[Region, ...]], ...] = (
    (r"background|unknown|implant|screw|costal cartilage|costovertebral|vertebral vein", ()),
    (r"vertebral arter(y|ies)", (Region.VERTEBRAL_ARTERY,)),
    (r"fracture|lesion|tumou?r|metasta|marrow|nerve|ligament", ()),
    (r"sacr(um|al)", (Region.SACRUM,)),
    (r"coccyx|coccygeal", (Region.COCCYX,)),
    (r"dis[ck]s?\b|ivds?\b|intervertebral|annulus|nucleus", (Region.DISC,)),
    (r"thecal sac|dural sac|\bcsf\b|cauda equina", (Region.THECAL_SAC,)),
    (r"canal", (Region.CANAL,)),
    (r"(spinal|^) ?cord\b", (Region.SPINAL_CORD,)),
    (r"spin(ous|osus)", (Region.SPINOUS_PROCESS,)),
    (r"(transvers\w*|costal|lateral) process", (Region.TRANSVERSE_PROCESS,)),
    (r"superior articular", (Region.SUPERIOR_ARTICULAR_PROCESS,)),
    (r"inferior articular", (Region.INFERIOR_ARTICULAR_PROCESS,)),
    (r"\blamina", (Region.LAMINA,)),
    (r"\bpedicle", (Region.PEDICLE,)),
    (r"posterior element|\barch\b|\barcus\b|processes", (Region.ARCH,)),
    (r"vertebra\w* bod(y|ies)|corpus|\bbody$|^bod(y|ies)$|endplate|\bvb\b", (Region.BODY,)),
    (r"vertebra|\bspine\b", VERTEBRA),
    (r"\bribs?\b", (Region.RIB,)),
    (r"\bhips?\b|ilium|iliac (bone|crest|wing)|pelvi[cs]|hip bone|innominate", (Region.ILIUM,)),
    (r"\bfemur", (Region.FEMUR,)),
    (r"iliopsoas|\bpsoas", (Region.PSOAS,)),
    (r"autochthon|erector spinae", (Region.ERECTOR_SPINAE,)),
    (r"quadratus lumborum", (Region.QUADRATUS_LUMBORUM,)),
    (r"multifidus", (Region.MULTIFIDUS,)),
    (r"adrenal|suprarenal", ()),
    (r"\bkidney", (Region.KIDNEY,)),
    (r"\blungs?\b(?! vessel| air| tumou?r)", (Region.LUNG,)),
    (r"\baorta", (Region.AORTA,)),
    (r"inferior vena cava|\bivc\b|postcava", (Region.VENA_CAVA,)),
    (r"iliac arter|common iliac art", (Region.ILIAC_ARTERY,)),
    (r"iliac ve(in|na)", (Region.ILIAC_VEIN,)),
    (r"\bliver\b(?! vessel| tumou?r)", (Region.LIVER,)),
    (r"\bspleen", (Region.SPLEEN,)),
    (r"bowel|colon|duodenum|intestine", (Region.BOWEL,)),
    (r"ureter", (Region.URETER,)),
    (r"carotid", (Region.CAROTID_ARTERY,)),
    (r"o?esophagus", (Region.OESOPHAGUS,)),
    (r"trachea", (Region.TRACHEA,)),
    (r"jugular", (Region.JUGULAR_VEIN,)),
    (r"\bthyroid (gland|lobe)|^thyroid$", (Region.THYROID,)),
)


def meaning_of(name: str) -> Meaning | None:
    """The regions and level that a label's name stands for; None for what has no place here.

    Names are those of public lists: ``vertebrae_L5``, ``L5``, ``lumbar vertebrae 5 (L5)``,
    ``disc_L4_L5``, ``sacrum``, ``spinal_canal``, ``rib_left_7``. A level with nothing else is the whole
    vertebra; two levels are the disc between them.
    """
    words = " ".join(re.sub(r"[^a-z0-9]+", " ", name.lower()).split())
    found = _levels(words)
    regions = next((regions for pattern, regions in _WORDS if re.search(pattern, words)), None)
    if regions == ():
        return None
    if regions == (Region.DISC,) or len(found) == 2 or (found and _SACRAL.search(words)):
        return Meaning((Region.DISC,))
    if _only(Region.SACRUM, regions):
        return Meaning((Region.SACRUM,), SACRUM, partial=bool(re.search(r"\bs[1-5]\b|\d", words)))
    if not found and re.fullmatch(r"(vertebrae? )?s[1-5]", words):
        return Meaning((Region.SACRUM,), SACRUM, partial=True)
    if regions is None:
        alone = _LEVEL.sub("", words).strip() in ("", "level", "left", "right")
        return Meaning(VERTEBRA, found[0]) if len(found) == 1 and alone else None
    own = regions == VERTEBRA or _of_a_vertebra(regions)
    return Meaning(regions, found[0] if own and found else None)


def meanings_of(names: Mapping[int, str]) -> dict[int, Meaning]:
    """Label to meaning, without those that have none."""
    found = {label: meaning_of(name) for label, name in names.items()}
    return {label: meaning for label, meaning in found.items() if meaning is not None and label}


def single_region(meaning: Meaning) -> Region | None:
    """The one region that such labels get; None for a whole vertebra, which is yet to be parted."""
    regions = meaning.regions
    if set(regions) >= {Region.BODY, Region.ARCH}:
        return None
    if len(regions) > 1 and set(regions) <= set(POSTERIOR_ELEMENTS):
        return Region.ARCH
    return regions[0]


def _levels(words: str) -> list[str]:
    text = _LONG_LEVEL.sub(lambda match: f"{match[1][0]}{match[2]}", words)
    found = [f"{letter.upper()}{int(number)}" for letter, number in _LEVEL.findall(text)]
    unique = list(dict.fromkeys(found))
    return [level for level in unique if level in _KNOWN_LEVELS]


def _only(region: Region, regions: tuple[Region, ...] | None) -> bool:
    return regions == (region,)


def _of_a_vertebra(regions: tuple[Region, ...]) -> bool:
    return set(regions) <= set(VERTEBRA)
