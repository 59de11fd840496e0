"""What a segmentation shows that tells a vertebra's level: sacrum, axis, sizes; ribs in ``rib_signs``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import Side
from procguide.segmentation.classes import CANAL_PARTS, TissueClass
from procguide.segmentation.instances import Instances
from procguide.segmentation.rib_signs import BodyExtent, Rib, RibPieces

__all__ = ["ColumnSigns", "VertebraSigns", "read_signs"]

_MIN_SACRUM_MM3 = 20_000.0
_MAX_GAP_MM = 24.0
_MAX_ASIDE_MM = 30.0
_MIN_DROP_MM = 20.0
_CUT_HEIGHT = 0.7
_CUT_AT_BORDER = 0.9
_MAX_AXIS_WIDTH_MM = 25.0
"""Of C2's and C3's bodies (assumed); T1 and T2, wider, were once found as one tall body and taken for C2."""
_MAX_C3_HEIGHT_MM = 22.0
_MIN_AXIS_RATIO = 1.5
_MAX_DENS_RATIO = 0.8


@dataclass(frozen=True)
class VertebraSigns:
    """One vertebra: ``centre_mm`` of its body (k, j, i) in the lattice, ``width_mm`` of it.

    ``whole``: the field does not cut its body. ``ribs`` by the patient's side.
    """

    centre_mm: tuple[float, float, float]
    width_mm: float
    whole: bool
    ribs: Mapping[Side, Rib]


@dataclass(frozen=True)
class ColumnSigns:
    """``vertebrae`` from the lowest upward, and what lies at the column's ends.

    ``on_sacrum``: the lowest rests on a piece of sacrum that can be trusted, ``gap_mm`` from the lower
    end of its body. ``axis``: the highest has a dens.
    """

    vertebrae: tuple[VertebraSigns, ...]
    on_sacrum: bool
    gap_mm: float
    axis: bool


def read_signs(classes: NDArray[np.uint8], instances: Instances, spacing_mm: float) -> ColumnSigns:
    """Measure the column; ``classes`` (k, j, i) on the lattice of ``instances``."""
    boxes = ndimage.find_objects(instances.labels)
    bodies = [
        BodyExtent.of((instances.labels[box] == n) & (classes[box] == TissueClass.BODY), box, spacing_mm)
        for n, box in enumerate(boxes, start=1)
    ]
    pieces = RibPieces.of(classes, instances.labels, spacing_mm)
    ribs = pieces.with_short_ones([pieces.at(n, body) for n, body in enumerate(bodies, start=1)], bodies)
    on_sacrum, gap = _rests_on_sacrum(classes, instances, spacing_mm)
    whole = _whole(bodies, classes.shape[0] * spacing_mm, on_sacrum)
    vertebrae = tuple(
        VertebraSigns(body.centre, body.width, whole[n], ribs[n]) for n, body in enumerate(bodies)
    )
    return ColumnSigns(vertebrae, on_sacrum, gap, _axis(bodies, classes, instances, spacing_mm))


def _rests_on_sacrum(classes: NDArray[np.uint8], instances: Instances, spacing: float) -> tuple[bool, float]:
    """Whether a sacrum lies right under the lowest body, and the gap between them in mm.

    It must be one piece of some size, in line with the column, and reach further down than the body:
    a few voxels so labelled elsewhere are not an anchor.
    """
    if not (classes == TissueClass.SACRUM).any():
        return False, np.inf
    sacrum = cc3d.largest_k(classes == TissueClass.SACRUM, k=1, connectivity=26) > 0
    points = np.argwhere(sacrum) * spacing
    lower = np.argwhere((instances.labels == 1) & (classes == TissueClass.BODY)) * spacing
    lower = lower[lower[:, 0] <= np.percentile(lower[:, 0], 25)]
    centre = lower.mean(axis=0)
    gap = float(np.linalg.norm(points - centre, axis=1).min())
    in_line = abs(float(points[:, 2].mean() - centre[2])) <= _MAX_ASIDE_MM
    below = float(np.percentile(points[:, 0], 10)) < centre[0] - _MIN_DROP_MM
    large = len(points) * spacing**3 >= _MIN_SACRUM_MM3
    return large and in_line and below and gap <= _MAX_GAP_MM, gap


def _whole(bodies: list[BodyExtent], field_mm: float, on_sacrum: bool) -> list[bool]:
    """Which bodies the field does not cut: of the lowest and the highest one may be."""
    typical = float(np.median([body.height for body in bodies]))
    whole = [True] * len(bodies)
    for n, border in ((0, bodies[0].low), (len(bodies) - 1, field_mm - bodies[-1].high)):
        # Networks see little at the border: a stump is taken for cut wherever it ends.
        share = _CUT_AT_BORDER if border < 2.5 else _CUT_HEIGHT
        whole[n] = bodies[n].height >= share * typical or (n == 0 and on_sacrum)
    return whole


def _axis(bodies: list[BodyExtent], classes: NDArray[np.uint8], instances: Instances, spacing: float) -> bool:
    """Whether the highest body is C2's: small, half as tall again as the next, narrow at its top.

    The canal must go on beside its upper end: what is tall because two bodies were taken for one at the
    field's border is no dens.
    """
    if len(bodies) < 3:
        return False
    top, below = bodies[-1], bodies[-2]
    if max(top.width, below.width) > _MAX_AXIS_WIDTH_MM or below.height > _MAX_C3_HEIGHT_MM:
        return False
    if top.height < _MIN_AXIS_RATIO * below.height:
        return False
    mask = (instances.labels == len(bodies)) & (classes == TissueClass.BODY)
    rows = np.flatnonzero(mask.any(axis=(1, 2)))
    widths = mask[rows].any(axis=1).sum(axis=1)
    quarter = max(1, len(rows) // 4)
    narrow = float(np.median(widths[-quarter:])) <= _MAX_DENS_RATIO * float(np.median(widths[:quarter]))
    end = min(rows[-1] + 1, classes.shape[0] - 1)
    return narrow and bool(np.isin(classes[end], CANAL_PARTS).sum() * spacing**2 > 30.0)
