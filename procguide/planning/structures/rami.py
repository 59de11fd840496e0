"""Ventral rami beyond their foramen: along the ribs, and through the psoas. Modelled from bone."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side, Vertebra
from procguide.geometry import vector
from procguide.planning.nouns import StructureOrigin, Tube
from procguide.planning.site import LocalLabels, Site
from procguide.planning.structures.nerves import exiting_root
from procguide.planning.structures.nouns import Solid
from procguide.planning.zones.body import BodyBox

__all__ = ["along_rib", "rib_border", "through_psoas", "ventral_ramus"]

_SPREAD_MM = 4.0
"""Standard deviation of the true nerve's place about the modelled one: assumed. On phantoms 3 to 4 mm off;
the plexus was measured in three cadavers (Benglis), and a nerve's distance from its rib changes along it."""
_RADIUS_MM = 1.5
_ABOVE = 2
"""How many nerves from above reach a needle beside a body."""

_FROM_BACK = MappingProxyType({"L2": 0.06, "L3": 0.15, "L4": 0.23, "L5": 0.28})
"""Share of the body's depth before its back wall, at mid-height: between the plexus' anterior margin at the
discs above and below, 0, 0.11, 0.18, 0.28 at L1-L2 to L4-L5 (Benglis et al., J Neurosurg Spine 2009;10:139);
at L5 as at L4-L5, assumed."""
_TO_TIP = (0.55, 0.85)
"""Beside the first and the second body below, from its side to the transverse process's tip: within the
psoas, which lies between, upper nerves lateral of lower ones (BMC Musculoskelet Disord 2011;12:76); shares
assumed."""
_USUAL_TIP_MM = 20.0
_LEAVES_AT = "L2"
"""Beside this body L1's nerve has come to the psoas' outer border (assumed: a share of 0.8)."""
_LEAVING = 0.8

_OUTWARD_MM = (0.0, 6.0, 12.0, 20.0, 28.0, 36.0)
_BEHIND_WALL_MM = (5.7, 6.4, 7.0, 8.4, 9.2, 9.8)
_BELOW_PEDICLE_MM = (4.0, 4.5, 5.5, 9.0, 13.0, 16.0)
"""A thoracic nerve from its foramen outward. Means over phantoms, where it is drawn before the plane of the
ribs: assumed there. Far out the rib itself, where it is labelled, says how high it runs."""
_UNDER_RIB_MM = 10.0
"""Half-way between two ribs: near the spine the nerve has not reached its rib's groove (assumed)."""
_RIB_FROM_MM, _RIB_TO_MM, _RIB_BIN_MM = 14.0, 40.0, 4.0
_OWN_RIB_MM = (-14.0, 14.0)
"""Heights about the pedicle's lower border at which its own rib is met."""
_GAP_MM = 3.0


def ventral_ramus(site: Site, labels: LocalLabels) -> Solid | None:
    """The rami of the level's own nerve and the two above; None where none can be drawn."""
    levels = site.spine.levels
    here = levels.index(site.upper.level)
    above = [site.spine.vertebrae[n] for n in range(max(here - _ABOVE, 0), here + 1)]
    side = site.own_side
    ribs = labels.regions.to_patient(np.argwhere(labels.regions.mask(Region.RIB)))
    tubes = []
    for vertebra in above:
        if side not in vertebra.pedicles:
            continue
        if vertebra.level.startswith("T"):
            tubes.append(along_rib(vertebra, side, ribs))
        else:
            below = [
                one for one in site.spine.vertebrae if levels.index(one.level) > levels.index(vertebra.level)
            ]
            tubes += through_psoas(vertebra, side, below[:2])
    return Solid(StructureOrigin.MODELLED, tubes=tuple(tubes), spread_mm=_SPREAD_MM) if tubes else None


def along_rib(vertebra: Vertebra, side: Side, ribs: NDArray[np.float64]) -> Tube:
    """An intercostal or the subcostal nerve; ``ribs`` ``(n, 3)`` LPS mm are all voxels of ribs."""
    frame, pedicle, sign = vertebra.frame, vertebra.pedicles[side], side.sign
    x, _, z = frame.to_local(pedicle.centre)
    low = z - pedicle.height_mm / 2
    wall = BodyBox.of(vertebra).half_depth_mm
    out, under = np.array(_OUTWARD_MM), np.array(_BELOW_PEDICLE_MM)
    border = rib_border(frame.to_local(ribs) * (sign, 1, 1) - (sign * x, 0, low)) if len(ribs) else None
    if border is not None:
        far = np.clip((out - _OUTWARD_MM[1]) / (_OUTWARD_MM[3] - _OUTWARD_MM[1]), 0, 1)
        under = (1 - far) * under - far * (np.polyval(border, out) - _UNDER_RIB_MM)
    local = np.column_stack([sign * (sign * x + out), wall + np.array(_BEHIND_WALL_MM), low - under])
    return _tube(f"{vertebra.level} ventral ramus {side}", frame.to_patient(local))


def rib_border(ribs: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Slope and height of a rib's lower border, mm: a line over the distance outward. None where no rib is.

    ``ribs`` ``(n, 3)``: outward of the pedicle's middle, backward, above the pedicle's lower border.
    """
    low, high = _OWN_RIB_MM
    places, borders = [], []
    for start in np.arange(_RIB_FROM_MM, _RIB_TO_MM, _RIB_BIN_MM):
        column = ribs[(ribs[:, 0] >= start) & (ribs[:, 0] < start + _RIB_BIN_MM), 2]
        heights = np.sort(column[(column >= low) & (column <= high)])[::-1]
        if len(heights) < 4:
            continue
        gaps = np.flatnonzero(-np.diff(heights) > _GAP_MM)
        places.append(start + _RIB_BIN_MM / 2)
        borders.append(heights[gaps[0] if len(gaps) else -1])
    return np.polyfit(places, borders, 1) if len(places) >= 3 else None


def through_psoas(vertebra: Vertebra, side: Side, below: Sequence[Vertebra]) -> list[Tube]:
    """A lumbar nerve from where :func:`exiting_root` ends on, beside the bodies ``below``.

    These from cranial to caudal. L1's leaves the psoas beside L2 and ends there.
    """
    nodes = [np.asarray(exiting_root(vertebra, side).points[-1])]
    for body, usual in zip(below[:1] if vertebra.level == "L1" else below, _TO_TIP, strict=False):
        if body.level not in _FROM_BACK:
            break
        box, tip = BodyBox.of(body), body.transverse_process_tips.get(side)
        reach = abs(float(body.frame.to_local(tip)[0])) - box.half_width_mm if tip else _USUAL_TIP_MM
        share = _LEAVING if vertebra.level == "L1" and body.level == _LEAVES_AT else usual
        across = box.half_width_mm + share * max(reach, 0.0)
        nodes.append(box.at(side.sign * across, _FROM_BACK[body.level], 0.5))
    return [_tube(f"{vertebra.level} ventral ramus {side}", np.array(nodes))] if len(nodes) > 1 else []


def _tube(name: str, points: NDArray[np.float64]) -> Tube:
    return Tube(name, tuple(vector(point) for point in points), (_RADIUS_MM,) * (len(points) - 1))
