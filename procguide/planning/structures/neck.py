"""The vertebral artery: labelled, or where it runs through the transverse processes on average."""

from __future__ import annotations

import numpy as np

from procguide.anatomy import Region, Side, Vertebra
from procguide.geometry import vector
from procguide.planning.nouns import StructureOrigin, Tube
from procguide.planning.site import LocalLabels, Site
from procguide.planning.structures.nouns import Solid

__all__ = ["vertebral_artery"]

_RADIUS_MM = 2.2
_SPREAD_MM = 3.0
_BESIDE_BODY_MM = 4.0
_BESIDE_C7_MM = 4.5
_BODY_HALF_MM = (10.0, 13.0)
_BEHIND_CENTRE_MM = 1.0
_BEFORE_C7_MM = 3.0
"""Assumed: beside the body in the transverse foramina of C6 and above; before the process of C7, lateral
of the longus colli, as it comes up from the subclavian artery (on one chest CT with contrast it passed
C7 15 and 17 mm from the midline, 0 to 3 mm before the body's middle)."""
_CERVICAL = ("C2", "C3", "C4", "C5", "C6", "C7")


def vertebral_artery(site: Site, labels: LocalLabels) -> Solid | None:
    """Labelled where it is; else modelled from the cervical vertebrae in view, None without two of them."""
    if Region.VERTEBRAL_ARTERY in labels.present:
        return Solid(StructureOrigin.SEGMENTED, mask=labels.regions.mask(Region.VERTEBRAL_ARTERY))
    cervical = [one for one in site.spine.vertebrae if one.level in _CERVICAL]
    if not cervical or (len(cervical) == 1 and cervical[0].level == "C7"):
        return None
    tubes = []
    for side in Side:
        points = [point for one in cervical for point in _passage(one, side)]
        tubes.append(
            Tube(f"vertebral artery {side}", tuple(map(vector, points)), (_RADIUS_MM,) * (len(points) - 1))
        )
    return Solid(StructureOrigin.MODELLED, tubes=tuple(tubes), spread_mm=_SPREAD_MM)


def _passage(vertebra: Vertebra, side: Side) -> np.ndarray:
    """Above and below beside this vertebra, ``(2, 3)`` LPS mm, cranial to caudal."""
    half = float(np.clip(vertebra.superior_endplate.width_mm / 2, *_BODY_HALF_MM))
    y = -_BEFORE_C7_MM if vertebra.level == "C7" else _BEHIND_CENTRE_MM
    beside = _BESIDE_C7_MM if vertebra.level == "C7" else _BESIDE_BODY_MM
    x = side.sign * (half + beside)
    return vertebra.frame.to_patient(np.array([(x, y, 6.0), (x, y, -6.0)]))
