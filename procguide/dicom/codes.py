"""SNOMED CT codes of what segments show (from the sets of DICOM PS3.16, CID 7151 and relatives)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

__all__ = ["Meaning", "category_of", "code_of", "meaning_of"]

_THORACIC_DISCS = {f"T{n}-T{n + 1}": getattr(codes.SCT, f"T{n}T{n + 1}Disc") for n in range(1, 12)}
_LUMBAR_DISCS = {f"L{n}-L{n + 1}": getattr(codes.SCT, f"L{n}L{n + 1}Disc") for n in range(1, 5)}

_CODES: dict[str, Code] = {
    **{f"C{n}": getattr(codes.SCT, f"C{n}Vertebra") for n in range(1, 8)},
    **{f"T{n}": getattr(codes.SCT, f"T{n}Vertebra") for n in range(1, 13)},
    **{f"L{n}": getattr(codes.SCT, f"L{n}Vertebra") for n in range(1, 6)},
    "vertebra": codes.SCT.Vertebra,
    **{f"{level} disc": code for level, code in (_THORACIC_DISCS | _LUMBAR_DISCS).items()},
    "T12-L1 disc": codes.SCT.T12L1Disc,
    "L5-S1 disc": codes.SCT.L5S1Disc,
    "disc": Code("360499006", "SCT", "Intervertebral disc"),
    "sacrum": codes.SCT.Sacrum,
    "coccyx": codes.SCT.Coccyx,
    "ilium": codes.SCT.Ilium,
    "femur": codes.SCT.Femur,
    "rib": codes.SCT.Rib,
    "arch": codes.SCT.ArchOfVertebra,
    "pedicle": codes.SCT.PedicleOfVertebra,
    "lamina": codes.SCT.LaminaOfVertebra,
    "spinous process": codes.SCT.SpinousProcessOfVertebra,
    "transverse process": codes.SCT.StructureOfTransverseProcessOfVertebra,
    "superior articular process": codes.SCT.SuperiorArticularProcessOfVertebra,
    "inferior articular process": codes.SCT.InferiorArticularProcessOfVertebra,
    "facet cartilage": codes.SCT.Cartilage,
    "canal": codes.SCT.VertebralCanal,
    "cerebrospinal fluid": codes.SCT.CerebrospinalFluid,
    "spinal cord": codes.SCT.SpinalCord,
    "dura": codes.SCT.DuraMater,
    "cauda equina": codes.SCT.Nerve,
    "nerve root": codes.SCT.Nerve,
    "ganglion": codes.SCT.Nerve,
    "medial branch": codes.SCT.Nerve,
    "epidural fat": codes.SCT.AdiposeTissue,
    "epidural vein": codes.SCT.Vein,
    "ligamentum flavum": codes.SCT.Ligament,
    "body": codes.SCT.Vertebra,
    "skin": codes.SCT.Skin,
    "fat": codes.SCT.AdiposeTissue,
    "muscle": codes.SCT.Muscle,
    "erector spinae": codes.SCT.ErectorSpinaeMuscle,
    "multifidus": codes.SCT.Muscle,
    "psoas": codes.SCT.Muscle,
    "quadratus lumborum": codes.SCT.Muscle,
    "kidney": codes.SCT.Kidney,
    "ureter": codes.SCT.Ureter,
    "liver": codes.SCT.Liver,
    "spleen": codes.SCT.Spleen,
    "lung": codes.SCT.Lung,
    "pleura": codes.SCT.Pleura,
    "aorta": codes.SCT.Aorta,
    "vena cava": codes.SCT.InferiorVenaCava,
    "iliac artery": codes.SCT.IliacArtery,
    "iliac vein": codes.SCT.IliacVein,
    "segmental artery": codes.SCT.Artery,
    "radiculomedullary artery": codes.SCT.Artery,
    "implant": codes.SCT.BoneScrewDevice,
}
"""By name without its side. Where the sets know no narrower term, the kind of structure stands: a nerve, a
ligament, a muscle; the segment's label names it. L6, T13, and the body alone, are ``Vertebra``."""

_TISSUES = ("skin", "fat", "muscle", "epidural fat")
_SIDE = re.compile(r"^(left|right) ")
_LEVEL = re.compile(r"^(?:[CTLS]\d+(?:-[CTLS]\d+)?) ")


@dataclass(frozen=True)
class Meaning:
    """What a segment is: its category, its type and, of paired structures, its side."""

    category: Code
    kind: Code
    side: Code | None = None


def meaning_of(name: str) -> Meaning:
    """What a name such as ``"L4"``, ``"pedicle"``, ``"L4-L5 disc"`` or ``"left L4 ganglion"`` stands for.

    Unknown names are anatomical structures.
    """
    side = _SIDE.match(name)
    laterality = {"left": codes.SCT.Left, "right": codes.SCT.Right}[side[1]] if side else None
    plain = _SIDE.sub("", name)
    if plain not in _CODES:
        plain = _LEVEL.sub("", plain)
    kind = _CODES["vertebra"] if plain in ("L6", "T13") else _CODES.get(plain, codes.SCT.AnatomicalStructure)
    category = codes.SCT.Tissue if plain in _TISSUES else codes.SCT.AnatomicalStructure
    return Meaning(codes.SCT.PhysicalObject if plain == "implant" else category, kind, laterality)


def code_of(name: str) -> Code:
    """The type of :func:`meaning_of`."""
    return meaning_of(name).kind


def category_of(name: str) -> Code:
    """CID 7150: tissue, anatomical structure or physical object."""
    return meaning_of(name).category
