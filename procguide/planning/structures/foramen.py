"""How far the foramen reaches from front to back, read from the labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Pedicle, Side, Vertebra
from procguide.errors import InputUnfitError
from procguide.imaging import LabelMap
from procguide.planning.site import required

__all__ = ["foramen_depth", "foramen_span", "pedicle_of"]

_STEP_MM = 0.5
_HALF_MM = 14.0
_USUAL_HALF_MM = 5.0
_LEAST_MM = 4.0
_GANGLION_BELOW_MM = (3.0, 4.0, 5.0)
_GANGLION_LATERAL_MM = {"L5": 4.0}
"""From six o'clock outward: at L5 the ganglion lies in the foramen's lateral half (Silverstein et al., Int J
Spine Surg 2015;9:3); how far is assumed."""


def pedicle_of(vertebra: Vertebra, side: Side) -> Pedicle:
    """The pedicle, or an error that names it."""
    if side not in vertebra.pedicles:
        raise InputUnfitError(
            f"the {side} pedicle of {vertebra.level} was not found; check the labels of {vertebra.level}."
        )
    return vertebra.pedicles[side]


def foramen_span(
    vertebra: Vertebra,
    side: Side,
    below_mm: float,
    bone: NDArray[np.bool_],
    lattice: LabelMap,
    lateral_mm: float = 0.0,
) -> tuple[float, float]:
    """Ventral and dorsal border ``below_mm`` under the pedicle: y in the vertebra's frame.

    At six o'clock, or ``lateral_mm`` outside it. From the body's back wall to the articular process or
    lamina: the free run nearest to the foramen's landmark. Where a border is out of sight, 5 mm from the
    landmark (assumed). ``bone`` lies on ``lattice``'s grid.
    """
    pedicle = pedicle_of(vertebra, side)
    x, _, z = vertebra.frame.to_local(pedicle.centre)
    x += side.sign * lateral_mm
    foramen = required(vertebra.foramina.get(side), f"{side} foramen", vertebra.level)
    middle = float(vertebra.frame.to_local(foramen)[1])
    y = middle + np.arange(-_HALF_MM, _HALF_MM + _STEP_MM, _STEP_MM)
    height = z - pedicle.height_mm / 2 - below_mm
    points = vertebra.frame.to_patient(np.stack([np.full_like(y, x), y, np.full_like(y, height)], axis=1))
    index = np.clip(np.round(lattice.to_index(points)).astype(int), 0, np.array(lattice.shape) - 1)
    free = ~bone[index[:, 0], index[:, 1], index[:, 2]]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], free.astype(int), [0]])))
    runs = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if (b - a) * _STEP_MM >= _LEAST_MM]
    if not runs:
        return middle - _USUAL_HALF_MM, middle + _USUAL_HALF_MM
    zero = len(y) // 2
    first, last = min(runs, key=lambda run: max(run[0] - zero, zero - run[1], 0))
    front = middle - _USUAL_HALF_MM if first == 0 else float(y[first]) - _STEP_MM / 2
    back = middle + _USUAL_HALF_MM if last == len(y) else float(y[last - 1]) + _STEP_MM / 2
    return (front, back) if back - front >= _LEAST_MM else (middle - _USUAL_HALF_MM, middle + _USUAL_HALF_MM)


def foramen_depth(
    vertebra: Vertebra, side: Side, bone: NDArray[np.bool_], lattice: LabelMap
) -> tuple[float, float] | None:
    """Ventral and dorsal border where the ganglion lies, the middle of three heights; None without one."""
    if side not in vertebra.foramina or side not in vertebra.pedicles:
        return None
    lateral = _GANGLION_LATERAL_MM.get(vertebra.level, 0.0)
    spans = [foramen_span(vertebra, side, below, bone, lattice, lateral) for below in _GANGLION_BELOW_MM]
    front, rear = np.median(spans, axis=0)
    return float(front), float(rear)
