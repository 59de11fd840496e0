"""Where a lumbar root and its ganglion are likely to run: not visible on CT, so modelled from bone."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from procguide.anatomy import Side, Vertebra
from procguide.errors import InputUnfitError
from procguide.geometry import Vector, vector
from procguide.planning.nouns import Tube

__all__ = ["FORAMEN_SPREAD_MM", "NERVE_SPREAD_MM", "exiting_root", "foramen_zone", "required"]

NERVE_SPREAD_MM = 1.5
"""Standard deviation of the true root about the modelled one: assumed."""
FORAMEN_SPREAD_MM = 1.0
"""The same for the foramen's opening: assumed."""

_GANGLION_MM = MappingProxyType(
    {
        "L1": (4.36, 5.39, 1.77),
        "L2": (4.56, 5.83, 2.79),
        "L3": (4.99, 7.24, 3.23),
        "L4": (5.22, 7.97, 7.28),
        "L5": (5.82, 10.83, 8.31),
    }
)
"""Width, length, and distance of its middle from the pedicle's medial border (Silav et al., J Neurosurg
Sci 2016;60:339-344, 15 cadavers, 150 ganglia)."""

_ROOT_RADIUS_MM = 2.0  # assumed
_GAP_UNDER_PEDICLE_MM = 3.0  # assumed: bone to ganglion
_EXIT_SLOPE_DEG = (
    40.0  # below the horizontal; take-off about 50 from the axis (Silverstein 2015, 10.14444/2003)
)


def required(landmark: Vector | None, what: str, level: str) -> Vector:
    """A landmark, or an error that names it."""
    if landmark is None:
        raise InputUnfitError(
            f"the {what} of {level} was not found, and the plan needs it. "
            f"Check the labels of {level}, or load images that show it whole."
        )
    return landmark


def exiting_root(vertebra: Vertebra, side: Side, span: tuple[float, float]) -> Tube:
    """The root that leaves under this vertebra's pedicle: sac, ganglion, lateral exit.

    Drawn in the vertebra's frame: from the sac's lateral border at mid-pedicle down along the pedicle's
    medial wall, through the upper foramen under the pedicle where the ganglion lies, and on
    caudally, laterally and ventrally. ``span`` is the foramen's ventral and dorsal border there, y in the
    vertebra's frame; the ganglion's middle lies at 0.4 of it (assumed).
    """
    level = vertebra.level
    pedicle = vertebra.pedicles.get(side)
    if pedicle is None:
        raise InputUnfitError(f"the {side} pedicle of {level} was not found; check the labels of {level}.")
    canal = required(vertebra.canal_centre, "canal centre", level)
    frame, sign = vertebra.frame, side.sign
    x, _, z = frame.to_local(pedicle.centre)
    across = sign * x
    canal_x, canal_y, _ = frame.to_local(canal)
    width, length, from_medial = _GANGLION_MM.get(level, _GANGLION_MM["L3"])
    medial = across - pedicle.width_mm / 2
    under = z - pedicle.height_mm / 2 - _GAP_UNDER_PEDICLE_MM - width / 2
    ganglion = np.array(
        [medial + min(from_medial, pedicle.width_mm), span[0] + 0.4 * (span[1] - span[0]), under]
    )
    slope = np.array([np.cos(np.radians(_EXIT_SLOPE_DEG)), -0.35, -np.sin(np.radians(_EXIT_SLOPE_DEG))])
    slope /= np.linalg.norm(slope)
    sac = np.array([sign * canal_x + 0.7 * (medial - sign * canal_x), canal_y - 1.0, z])
    points = [
        sac,
        np.array([medial - 0.5, 0.5 * (canal_y + ganglion[1]), under + 2.0]),
        ganglion - slope * length / 2,
        ganglion + slope * length / 2,
        ganglion + slope * (length / 2 + 25.0),
    ]
    local = np.array(points) * (sign, 1.0, 1.0)
    return Tube(
        f"{level} root {side}",
        tuple(vector(point) for point in frame.to_patient(local)),
        (_ROOT_RADIUS_MM, _ROOT_RADIUS_MM, width / 2, _ROOT_RADIUS_MM),
    )


def foramen_zone(vertebra: Vertebra, side: Side) -> Tube:
    """The opening under this vertebra's pedicle as an upright capsule, 16 x 8 mm (assumed)."""
    centre = np.asarray(required(vertebra.foramina.get(side), f"{side} foramen", vertebra.level))
    up = np.asarray(vertebra.frame.superior) * 4.0
    return Tube(f"{vertebra.level} foramen {side}", (vector(centre - up), vector(centre + up)), (4.0,))
