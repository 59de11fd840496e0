"""Landmarks of one vertebra's arch: canal, pedicles, laminae, tips of the processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy.locate_body import Body
from procguide.anatomy.locate_patch import STEP_MM, Labels, Mask, Patch, keep_large, largest
from procguide.anatomy.regions import Side
from procguide.anatomy.spine import Pedicle
from procguide.geometry import Vector, unit, vector

__all__ = ["Arch", "locate_arch"]

_LOW, _HIGH = (-58, -28, -45), (58, 80, 32)
_PEDICLE_WIDTH_MM = (3.0, 26.0)
_PEDICLE_HEIGHT_MM = (6.0, 28.0)
_PEDICLE_OFF_MIDLINE_MM = (5.0, 36.0)


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
    pedicles, laminae, tips = {}, {}, {}
    for side in Side:
        pedicle = _pedicle(patch, front | arch, side, body)
        if pedicle is not None:
            pedicles[side] = pedicle
            tip = _transverse_tip(patch, arch, side, body, pedicle)
            if tip is not None:
                tips[side] = tip
        lamina = _lamina(patch, arch, canal, side)
        if lamina is not None:
            laminae[side] = lamina
    pedicles = _plausible_pair(pedicles, body)
    spinous = _spinous_tip(patch, arch, canal, body)
    return Arch(centre, spinous, pedicles, laminae, {s: tip for s, tip in tips.items() if s in pedicles})


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


def _pedicle(patch: Patch, bone: Mask, side: Side, body: Body) -> Pedicle | None:
    """Where the bridge from body to arch is thinnest, in coronal sections behind the posterior wall."""
    half = ndimage.binary_closing(bone & _half(patch, side, 3.0))
    sections = _follow(patch, half, side, body)
    if len(sections) < 6:
        return None
    y, area, x, z, sd_x, sd_z = np.array(sections).T
    smooth = ndimage.gaussian_filter1d(area, 1.0)
    near = y <= body.wall_mm + 12.0
    smallest = float(smooth[near].min())
    weight = np.exp(-(((smooth / smallest - 1) / 0.08) ** 2)) * near
    weight /= weight.sum()
    middle = float(weight @ y)
    around = (np.abs(y - middle) <= 4.0) & (smooth <= 1.6 * smallest)
    if around.sum() < 3:
        return None
    slope_x, at_x = np.polyfit(y[around] - middle, x[around], 1)
    slope_z, at_z = np.polyfit(y[around] - middle, z[around], 1)
    toward_front = np.asarray(unit((-np.clip(slope_x, -0.8, 0.8), -1.0, -np.clip(slope_z, -0.6, 0.6))))
    width = 4 * float(weight @ sd_x) * float(np.hypot(*toward_front[1:]))
    height = 4 * float(weight @ sd_z) * float(np.hypot(*toward_front[:2]))
    if not (
        _PEDICLE_WIDTH_MM[0] <= width <= _PEDICLE_WIDTH_MM[1]
        and _PEDICLE_HEIGHT_MM[0] <= height <= _PEDICLE_HEIGHT_MM[1]
        and _PEDICLE_OFF_MIDLINE_MM[0] <= at_x * side.sign <= _PEDICLE_OFF_MIDLINE_MM[1]
    ):
        return None
    return Pedicle(
        vector(patch.to_patient((at_x, middle, at_z))),
        vector(patch.frame.rotation @ toward_front),
        width,
        height,
    )


def _follow(patch: Patch, half: Mask, side: Side, body: Body) -> list[tuple[float, ...]]:
    """Sections from the posterior wall backward: y, area, centroid x and z, standard deviations x and z.

    Starts from the piece nearest to where pedicles stand and follows the piece that overlaps; ends where
    the bridge ends.
    """
    height = abs(patch.superior[-1])
    start = int(np.searchsorted(patch.posterior, body.wall_mm + 3.0))
    rows = (patch.superior >= -0.75 * height) & (patch.superior <= 0.9 * height)
    seed = _seed(patch, half[:, start] & rows[:, None], side)
    if seed is None:
        return []
    found: dict[int, tuple[float, ...]] = {}
    for step in (1, -1):
        piece = seed
        for j in range(start, start + step * 14, step):
            if not 0 <= j < half.shape[1] or patch.posterior[j] < body.wall_mm - 2.0:
                break
            piece = _overlapping(half[:, j] & rows[:, None], piece)
            if not piece.any():
                break
            k, i = np.nonzero(piece)
            x, z = patch.left[i], patch.superior[k]
            # A voxel's own extent belongs to the second moment: step^2 / 12.
            spread = STEP_MM**2 / 12
            found[j] = (
                float(patch.posterior[j]), float(len(k)), float(x.mean()), float(z.mean()),
                float(np.sqrt(x.var() + spread)), float(np.sqrt(z.var() + spread)),
            )  # fmt: skip
    return [found[j] for j in sorted(found)]


def _seed(patch: Patch, section: Mask, side: Side) -> Mask | None:
    """The piece of a coronal section that is the pedicle: large, above the middle, off the midline."""
    pieces, count = ndimage.label(section)
    best, best_score = None, 15.0
    for number in range(1, count + 1):
        piece = np.asarray(pieces == number)
        k, i = np.nonzero(piece)
        off = abs(float(patch.left[i].mean()) * side.sign - 15.0)
        score = min(len(k), 250) - 4.0 * off - 4.0 * abs(float(patch.superior[k].mean()) - 5.0)
        if score > best_score:
            best, best_score = piece, score
    return best


def _overlapping(section: Mask, piece: Mask) -> Mask:
    """Of a section's pieces the one that shares most with the piece before."""
    pieces, count = ndimage.label(section)
    if count == 0:
        return np.zeros_like(section)
    shared = np.bincount(pieces[piece], minlength=count + 1)
    shared[0] = 0
    return np.asarray(pieces == int(shared.argmax())) if shared.max() else np.zeros_like(section)


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
    lateral = largest(arch & rows[:, None, None] & _half(patch, side, abs(x) - 2), np.ones((3, 3, 3), bool))
    points = patch.points(lateral)
    if not len(points):
        return None
    reach = points[:, 0] * side.sign
    end = points[reach >= reach.max() - 2.5]
    protrudes = reach.max() - abs(x) - pedicle.width_mm / 2
    if protrudes < 7.0 or end[:, 2].mean() > z + 14 or reach.max() > 57:
        return None
    return vector(patch.to_patient((side.sign * (reach.max() + STEP_MM / 2), *end[:, 1:].mean(axis=0))))


def _lamina(patch: Patch, arch: Mask, canal: Mask, side: Side) -> Vector | None:
    """Centre of the plate straight behind the canal, between midline and the canal's lateral border."""
    points = patch.points(canal & (np.abs(patch.superior) <= 12)[:, None, None])
    if len(points) < 100:
        return None
    middle, half = float(points[:, 0].mean()), 2.0 * float(points[:, 0].std())
    off = (patch.left - middle) * side.sign
    columns = (off >= 2.0) & (off <= max(half, 6.0))
    behind = patch.posterior >= float(points[:, 1].mean())
    plate = arch & columns & behind[:, None]
    depth = np.cumsum(plate, axis=1)
    plate &= depth <= 9
    plate = largest(plate)
    if plate.sum() < 150:
        return None
    k = np.nonzero(plate)[0]
    low, high = np.percentile(k, [8, 92])
    inside = patch.points(plate)[(k >= low) & (k <= high)]
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
    end = points[points[:, 1] >= far - 2.0].mean(axis=0)
    return vector(patch.to_patient((end[0], far + STEP_MM / 2, end[2])))
