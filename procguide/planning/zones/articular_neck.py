"""The lateral neck of a superior articular process: where an electrode lies along a medial branch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Sacrum
from procguide.geometry import Vector, beam_direction
from procguide.planning.site import LocalLabels, Site
from procguide.planning.zones import junction
from procguide.planning.zones.junction import Junction
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]

_OUT_MM = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
_OFF_WALL_MM = 3.0
"""In the sacral groove the ramus keeps to the articular process's base: at most so far beside its wall does
the electrode's middle lie (assumed)."""
_ROWS = 6
"""Of the groove's sections, 0.5 mm apart, the uppermost: where an electrode may touch its floor (assumed)."""
_OBLIQUES = {False: (0.0, 10.0, 20.0), True: (-5.0, 0.0, 8.0)}
_TILTS = (-35.0, -42.0, -50.0)


def centre(site: Site) -> Vector:
    """The tip of the articular process."""
    return junction.centre(site)


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """Tips of electrodes that lie along the junction's bone, with gates at the active part's other end.

    For each slant the electrode touches the transverse process (or ala) beside the articular process's
    lateral face where that process reaches farthest against the slant, and goes on a little beyond.
    """
    number = site.number
    found = junction.read_junction(site, labels)
    off = number("off_bone_mm") + site.procedure.needle.radius_mm
    beyond, active = number("beyond_corner_mm"), number("active_tip_mm")
    tips, gates, misfit = [], [], []
    for contact, tilt, poor in _contacts(site, found):
        for oblique in _OBLIQUES[isinstance(site.below, Sacrum)]:
            along = _along(oblique, tilt)
            tips.append(contact + off * _outward(tilt) + beyond * along)
            gates.append(tips[-1] - active * along)
            misfit.append(poor)
    if not tips:
        return TargetZone(np.empty((0, 3)), np.empty(0))
    return TargetZone(
        found.patch.to_patient(np.array(tips)),
        np.clip(np.array(misfit), 0, 1),
        found.patch.to_patient(np.array(gates)),
    )


def _contacts(site: Site, found: Junction) -> Iterator[tuple[NDArray[np.float64], float, float]]:
    """Where an electrode of some slant touches bone: the point, the slant, and how far from the best."""
    number = site.number
    best = number("off_bone_mm") + site.procedure.needle.radius_mm
    if isinstance(site.below, Sacrum):
        floor, outward = (one[-_ROWS:] for one in found.upper_groove())
        for n, (point, way) in enumerate(zip(floor, outward, strict=True)):
            for tilt, out in product(_TILTS, _OUT_MM):
                contact = point + out * way
                if found.beside_process(contact + best * _outward(tilt)) <= _OFF_WALL_MM:
                    yield contact, tilt, out / 4 + 0.4 * (1 - n / len(floor))
        return
    for lateral in np.arange(number("lateral_low_mm"), number("lateral_high_mm") + 0.1, 0.5):
        for tilt in _TILTS:
            corner = found.corner(lateral, 90.0 + tilt)
            if corner is not None:
                yield corner, tilt, abs(lateral - best) / 2


def _along(oblique: float, tilt: float) -> NDArray[np.float64]:
    """The needle's way in on (lateral, posterior, superior)."""
    return np.array(beam_direction(oblique, tilt))


def _outward(tilt: float) -> NDArray[np.float64]:
    """Square to that slant, away from bone."""
    return np.array([0.0, np.cos(np.radians(90 + tilt)), np.sin(np.radians(90 + tilt))])
