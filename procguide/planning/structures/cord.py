"""The spinal cord: where labels tell it apart, there; else modelled along the canal's centre line."""

from __future__ import annotations

import numpy as np

from procguide.anatomy import Region
from procguide.geometry import Vector, vector
from procguide.planning.nouns import StructureOrigin, Tube
from procguide.planning.site import LocalLabels, Site
from procguide.planning.structures.nouns import Solid

__all__ = ["spinal_cord"]

_RADIUS_MM = 5.0
"""Half of the width of a lumbar enlargement, the cord's wider axis; assumed."""
_SPREAD_MM = 1.5
"""Of its surface about the modelled one: it lies eccentric in the canal; assumed."""
_LABEL_SPREAD_MM = 2.5
"""The same of the label that our networks give it, which is thin: on eight phantoms the true surface lay
0.6 to 3.5 mm outside it in the mean of each, root mean square 1.2 to 4.4 mm."""
_NEAR_MM = 80.0
_LOWEST = "L3"
"""In 504 adults the conus ended between the middle third of T12 and the upper third of L3, on average at the
lower third of L1 (Saifuddin et al., Spine 1998;23:1452). The model runs down to the lowest seen."""
_SHARE_OF_LOWEST = 1 / 3


def spinal_cord(site: Site, labels: LocalLabels) -> Solid | None:
    """The cord near the needle; empty below the conus, None where neither cord nor canal is known."""
    if Region.SPINAL_CORD in labels.present:
        mask = labels.regions.mask(Region.SPINAL_CORD)
        spread = _LABEL_SPREAD_MM if labels.coarse_organs else 0.0
        return Solid(StructureOrigin.SEGMENTED, mask=mask, spread_mm=spread)
    course = _course(site)
    if course is None:
        return None
    tubes = (Tube("spinal cord", course, (_RADIUS_MM,) * (len(course) - 1)),) if len(course) > 1 else ()
    return Solid(StructureOrigin.MODELLED, tubes=tubes, spread_mm=_SPREAD_MM)


def _course(site: Site) -> tuple[Vector, ...] | None:
    """The canal's centre line above the conus, near the site; None without such a line."""
    line = np.array(site.spine.canal)
    if len(line) < 2:
        return None
    middle = np.asarray(site.upper.frame.origin)
    line = line[np.abs(line[:, 2] - middle[2]) <= _NEAR_MM]
    if _LOWEST in site.spine.levels:
        lowest = site.spine.vertebra(_LOWEST)
        top, bottom = np.asarray(lowest.superior_endplate.centre), np.asarray(lowest.inferior_endplate.centre)
        end = top + _SHARE_OF_LOWEST * (bottom - top)
        line = line[(line - end) @ np.asarray(lowest.frame.superior) >= 0]
    elif site.upper.level in ("L4", "L5", "L6"):
        line = line[:0]
    return tuple(vector(point) for point in line)
