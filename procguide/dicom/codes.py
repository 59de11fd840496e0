"""SNOMED CT codes of what segments show (from the sets of DICOM PS3.16, CID 7151 and relatives)."""

from __future__ import annotations

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

__all__ = ["category_of", "code_of"]

_CODES: dict[str, Code] = {
    **{f"C{n}": getattr(codes.SCT, f"C{n}Vertebra") for n in range(1, 8)},
    **{f"T{n}": getattr(codes.SCT, f"T{n}Vertebra") for n in range(1, 13)},
    **{f"L{n}": getattr(codes.SCT, f"L{n}Vertebra") for n in range(1, 6)},
    "sacrum": codes.SCT.Sacrum,
    "coccyx": codes.SCT.Coccyx,
    "ilium": codes.SCT.Ilium,
    "rib": codes.SCT.Rib,
    "arch": codes.SCT.ArchOfVertebra,
    "pedicle": codes.SCT.PedicleOfVertebra,
    "lamina": codes.SCT.LaminaOfVertebra,
    "spinous process": codes.SCT.SpinousProcessOfVertebra,
    "transverse process": codes.SCT.StructureOfTransverseProcessOfVertebra,
    "superior articular process": codes.SCT.SuperiorArticularProcessOfVertebra,
    "inferior articular process": codes.SCT.InferiorArticularProcessOfVertebra,
    "canal": codes.SCT.VertebralCanal,
    "disc": Code("360499006", "SCT", "Intervertebral disc"),
    "body": codes.SCT.Vertebra,
    "skin": codes.SCT.Skin,
    "fat": codes.SCT.AdiposeTissue,
    "muscle": codes.SCT.Muscle,
    "kidney": codes.SCT.Kidney,
    "aorta": codes.SCT.Aorta,
}
"""By level or region name. L6, T13 and the body alone have none here: ``Vertebra``."""

_TISSUES = ("skin", "fat", "muscle")


def code_of(name: str) -> Code:
    """The code of a level (``"L4"``) or region (``"pedicle"``); unknown names are anatomical structures."""
    code: Code = _CODES["body"] if name in ("L6", "T13") else _CODES.get(name, codes.SCT.AnatomicalStructure)
    return code


def category_of(name: str) -> Code:
    """CID 7150: tissue or anatomical structure."""
    code: Code = codes.SCT.Tissue if name in _TISSUES else codes.SCT.AnatomicalStructure
    return code
