"""Landmarks of one vertebra's arch: canal, pedicles, laminae, tips of the processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy.locate_body import Body
from procguide.anatomy.locate_patch import STEP_MM, Labels, Mask, Patch, keep_large, largest
from procguide.anatomy.locate_pedicle import bone_depth, locate_pedicle
from procguide.anatomy.regions import Side
from procguide.anatomy.spine import Pedicle
from procguide.geometry import Vector, unit, vector

__all__ = ["Arch", "locate_arch"]

_LAMINA_MM = 7
_LOW, _HIGH = (-58, -28, -45), (58, 80, 32)


@dataclass(frozen=True)
class Arch:
    """What was found behind one body; patient LPS mm."""

    canal_centre: Vector | None = None
    spinous_process_tip: Vector | None = None
    pedicles: Mapping[Side, Pedicle] = field(default_factory=dict)
    laminae: Mapping[Side, Vector] = field(default_factory=dict)
    transverse_process_tips: Mapping[Side, Vector] = field(default_factory=dict)


def locate_arch(labels: Labels, body: Body) -> Arch:
    """All landmarks that this vertebra has by itself. What is not there, or is absurd, is left out."""
    patch = Patch.around(labels, body.frame, _LOW, _HIGH)
    front = largest(patch.sample(lambda found: found.body(body.label)))
    arch = keep_large(patch.sample(lambda found: found.arch(body.label)) & ~front)
    if arch.sum() < 500:
        return Arch()
    canal = _canal(patch, front, arch, body)
    centre = _canal_centre(patch, canal)
    pedicles = _pedicles(patch, front | arch, body)
    laminae, tips = {}, {}
    for side in Side:
        if side in pedicles:
            tip = _transverse_tip(patch, arch, side, body, pedicles[side])
            if tip is not None:
                tips[side] = tip
        lamina = _lamina(patch, arch, canal, side)
        if lamina is not None:
            laminae[side] = lamina
    spinous = _spinous_tip(patch, arch, canal, body)
    return Arch(centre, spinous, pedicles, laminae, tips)


def _canal(patch: Patch, front: Mask, arch: Mask, body: Body) -> Mask:
    """The labelled canal, or where it is missing the hole of the vertebra's ring, extended along it."""
    canal = patch.sample(lambda found: found.canal())
    level = np.abs(patch.superior) <= 10
    if (canal[level].any(axis=(1, 2))).mean() >= 0.5:
        return canal
    band = (patch.superior >= -14) & (patch.superior <= 14)
    shadow = ndimage.binary_closing((front | arch)[band].any(axis=0), iterations=2)
    hole = ndimage.binary_fill_holes(shadow) & ~shadow
    inside = (np.abs(patch.left)[None, :] < 20) & (np.abs(patch.posterior - body.wall_mm - 8) < 16)[:, None]
    hole = largest(hole & inside)
    if not 40 <= hole.sum() <= 900:
        return np.zeros_like(canal)
    return np.asarray(band[:, None, None] & hole)


def _canal_centre(patch: Patch, canal: Mask) -> Vector | None:
    """Centre of the canal at the body's mid height."""
    points = patch.points(canal)
    middle = points[np.abs(points[:, 2]) <= 1.5]
    if len(middle) < 30:
        return None
    return vector(patch.to_patient((middle[:, 0].mean(), middle[:, 1].mean(), 0.0)))


def _half(patch: Patch, side: Side, inner_mm: float) -> NDArray[np.bool_]:
    """Columns on one side, at least ``inner_mm`` off the midline."""
    return np.asarray(patch.left * side.sign >= inner_mm)


def _pedicles(patch: Patch, bone: Mask, body: Body) -> dict[Side, Pedicle]:
    """Both pedicles; one that was missed or implausible is sought again at the other's mirror image."""
    depth = bone_depth(patch, bone)
    found = {}
    for side in Side:
        pedicle = locate_pedicle(patch, bone, depth, side, body.wall_mm)
        if pedicle is not None:
            found[side] = pedicle
    found = _plausible_pair(found, body)
    if len(found) != 1:
        return found
    known = next(iter(found))
    other = Side.LEFT if known is Side.RIGHT else Side.RIGHT
    mirrored = body.frame.to_local(found[known].centre) * (-1.0, 1.0, 1.0)
    again = locate_pedicle(patch, bone, depth, other, body.wall_mm, mirrored)
    return found if again is None else _plausible_pair({**found, other: again}, body)


def _plausible_pair(pedicles: Mapping[Side, Pedicle], body: Body) -> dict[Side, Pedicle]:
    """Both, unless one stands where the other says that no pedicle can be."""
    kept = dict(pedicles)
    if len(kept) < 2:
        return kept
    left, right = (body.frame.to_local(kept[side].centre) for side in (Side.LEFT, Side.RIGHT))
    if abs(left[2] - right[2]) <= 9 and abs(left[1] - right[1]) <= 9:
        return kept
    expected = np.array([body.wall_mm + 4.0, 5.0])
    off = {side: float(np.hypot(*(body.frame.to_local(p.centre)[1:] - expected))) for side, p in kept.items()}
    del kept[max(off, key=lambda side: off[side])]
    return kept


def _transverse_tip(patch: Patch, arch: Mask, side: Side, body: Body, pedicle: Pedicle) -> Vector | None:
    """The most lateral end of the arch at about the pedicle's height; None where there is but a stump."""
    x, _, z = body.frame.to_local(pedicle.centre)
    rows = np.abs(patch.superior - z) <= 22
    lateral = largest(arch & rows[:, None, None] & _half(patch, side, abs(x) - 2), corners=True)
    points = patch.points(lateral)
    if not len(points):
        return None
    reach = points[:, 0] * side.sign
    end = points[reach >= reach.max() - 2.5]
    protrudes = reach.max() - abs(x) - pedicle.width_mm / 2
    if protrudes < 5.5 or end[:, 2].mean() > z + 14 or reach.max() > 57:
        return None
    return vector(patch.to_patient((side.sign * (reach.max() + STEP_MM / 2), *end[:, 1:].mean(axis=0))))


def _lamina(patch: Patch, arch: Mask, canal: Mask, side: Side) -> Vector | None:
    """Centre of the plate straight behind the canal, between midline and the canal's lateral border."""
    points = patch.points(canal & (np.abs(patch.superior) <= 12)[:, None, None])
    if len(points) < 100:
        return None
    middle, half = float(points[:, 0].mean()), 2.0 * float(points[:, 0].std())
    off = (patch.left - middle) * side.sign
    # Near the midline the plate is lamina alone; farther out it runs down into the articular process.
    inner, outer = (off >= 2.0) & (off <= 6.0), (off >= 2.0) & (off <= max(half, 7.0))
    behind = patch.posterior >= float(points[:, 1].mean())
    plate = arch & behind[:, None]
    plate &= np.cumsum(plate, axis=1) <= _LAMINA_MM
    medial = largest(plate & inner)
    if medial.sum() < 60:
        return None
    heights = patch.superior[np.nonzero(medial)[0]]
    top = float(np.percentile(heights, 97))
    rows = (patch.superior <= top) & (patch.superior >= max(float(heights.min()), top - 18.0))
    inside = patch.points(largest(plate & outer & rows[:, None, None]))
    return vector(patch.to_patient(inside.mean(axis=0)))


def _spinous_tip(patch: Patch, arch: Mask, canal: Mask, body: Body) -> Vector | None:
    """The hindmost end of the arch near the midline; None where there is none behind the laminae."""
    points = patch.points(largest(arch & (np.abs(patch.left) <= 9)))
    if len(points) < 100:
        return None
    canal_points = patch.points(canal)
    behind = float(canal_points[:, 1].mean()) if len(canal_points) else body.wall_mm + 8
    far = points[:, 1].max()
    if far < behind + 18:
        return None
    # Along the process's own slope: thoracic ones hang down.
    hind = points[points[:, 1] >= max(behind + 12, far - 22)][:, 1:]
    fall = float(np.polyfit(hind[:, 0], hind[:, 1], 1)[0])
    slope = np.asarray(unit((1.0, np.clip(fall, -1.0, 0.3), 0.0)))[:2]
    along = points[:, 1:] @ slope
    end = points[along >= along.max() - 3.0].mean(axis=0)
    beyond = along.max() + STEP_MM / 2 - end[1:] @ slope
    return vector(patch.to_patient((end[0], *(end[1:] + beyond * slope))))
