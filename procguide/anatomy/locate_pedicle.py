"""The pedicle's isthmus: where the bridge between body and arch is narrowest.

Narrow is measured first by the largest ball that fits (half the transverse width, in anatomy) and then by
area: spurs of the articular and transverse processes reach into the sections without being pedicle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from procguide.anatomy.locate_patch import STEP_MM, Mask, Patch
from procguide.anatomy.regions import Side
from procguide.anatomy.spine import Pedicle
from procguide.geometry import unit, vector

__all__ = ["bone_depth", "locate_pedicle"]

_WIDTH_MM = (3.0, 26.0)
_HEIGHT_MM = (6.0, 28.0)
_OFF_MIDLINE_MM = (5.0, 36.0)
_HEIGHT_OFF_SEED_MM = 7.0
_MEDIAL_MM = 29.0
_LONGEST_MM = 10.0
"""How far behind the posterior wall an isthmus can be (Zindrick et al., Spine 1987: 4-9 mm)."""
_NARROW, _SMALL = 1.15, 1.7
_CONVERGENCE_DEG = np.arange(-10.0, 40.1, 5.0)
"""Angles tried between the pedicle's axis and straight ahead; positive converges toward the front."""
_RISE_DEG = np.arange(-20.0, 20.1, 5.0)


@dataclass(frozen=True, eq=False)
class _Run:
    """Sections one after the other along a direction, from front to back.

    ``along`` is the distance from the run's start, mm; ``radius`` of the largest ball, mm; ``area`` mm2;
    ``across`` and ``height`` the centroid (mm along the section's own lateral axis, and local superior)
    with standard deviations;
    ``behind_wall`` how far the centroid lies behind the body's posterior wall.
    """

    along: NDArray[np.float64]
    radius: NDArray[np.float64]
    area: NDArray[np.float64]
    across: NDArray[np.float64]
    height: NDArray[np.float64]
    across_sd: NDArray[np.float64]
    height_sd: NDArray[np.float64]
    behind_wall: NDArray[np.float64]

    def weights(self) -> NDArray[np.float64]:
        """Equal shares for the narrow stretch: sections in an unbroken run little wider than the narrowest.

        Only sections behind the posterior wall count, and not those as far back as the pars; the
        hindmost where there are none.
        """
        behind = (self.behind_wall >= 1.0) & (self.behind_wall <= _LONGEST_MM)
        if not behind.any():
            behind = np.abs(self.behind_wall - 4.0) <= np.abs(self.behind_wall - 4.0).min()
        place = int(np.argmin(np.where(behind & (self.along <= 6.0), self.radius, np.inf)))
        pieces, _ = ndimage.label(behind & (self.radius <= _NARROW * self.radius[place]))
        narrow = pieces == pieces[place]
        narrow &= self.area <= _SMALL * self.area[narrow].min()
        return np.asarray(narrow / narrow.sum())

    def slimmest(self) -> NDArray[np.float64]:
        """Equal shares for the narrow stretch's sections of least area: what its size is measured on."""
        narrow = self.weights() > 0
        slim = narrow & (self.area <= 1.06 * self.area[narrow].min())
        return np.asarray(slim / slim.sum())


def locate_pedicle(
    patch: Patch,
    bone: Mask,
    depth: NDArray[np.float64],
    side: Side,
    wall_mm: float,
    expected: ArrayLike | None = None,
) -> Pedicle | None:
    """One side's pedicle; None where there is no bridge, or none of a pedicle's size and place.

    ``depth`` is that of :func:`bone_depth`. ``expected`` (local mm, as its mirror image on the other side
    tells) stands in for the search of the bridge. Where the whole bone shows none of a pedicle's size, as
    where the transverse process springs from body and pedicle alike, the medial part alone is looked at.
    """
    for lateral_mm in (np.inf, _MEDIAL_MM):
        off = patch.left * side.sign
        half = ndimage.binary_closing(bone & (off >= 2.5) & (off <= lateral_mm))
        found = _isthmus(patch, half, depth, side, wall_mm, expected)
        if found is not None:
            return found
    return None


def _isthmus(
    patch: Patch,
    half: Mask,
    depth: NDArray[np.float64],
    side: Side,
    wall_mm: float,
    expected: ArrayLike | None,
) -> Pedicle | None:
    """The isthmus of the bridge between body and arch in one side's bone.

    A first run of coronal sections finds the bridge; its axis is the direction with most bone around a
    line through it; sections across that axis give the isthmus.
    """
    if expected is None:
        seed = _seed(patch, half, side, wall_mm + 3.0)
        if seed is None:
            return None
        start = np.array([seed[0], wall_mm + 4.0, seed[1]])
    else:
        start = np.array(expected, dtype=np.float64)
    seeded_at = float(start[2])
    first = _run(patch, (half, depth), side, start, wall_mm, 0.0)
    if first is None:
        return None
    weight = first.weights()
    start[:2] += side.sign * (weight @ first.across), weight @ first.along
    start[2] = first.slimmest() @ first.height
    angle, rise = _corridor(patch, depth, start, side, 2 * float(first.slimmest() @ first.across_sd))
    run = _run(patch, (half, depth), side, start, wall_mm, angle)
    found = None if run is None else _measure(patch, run, side, start, angle, rise)
    if found is None:
        return None
    _, _, height = patch.frame.to_local(found.centre)
    return found if abs(height - seeded_at) <= _HEIGHT_OFF_SEED_MM else None


def bone_depth(patch: Patch, bone: Mask) -> NDArray[np.float64]:
    """Distance to the bone's surface about the pedicles, mm, ``(superior, posterior, left)``; 0 elsewhere."""
    depth = np.zeros(bone.shape)
    window = np.ix_(
        np.abs(patch.superior) <= 28,
        (patch.posterior >= -6) & (patch.posterior <= 50),
        np.abs(patch.left) <= 45,
    )
    depth[window] = ndimage.distance_transform_edt(bone[window]) * STEP_MM
    return depth


def _corridor(
    patch: Patch, depth: NDArray[np.float64], start: NDArray[np.float64], side: Side, radius_mm: float
) -> tuple[float, float]:
    """Convergence and rise toward the back, degrees, of the lines that keep deepest in bone.

    Depth beyond the isthmus's own radius does not count: the body must not draw the line.
    """
    along = np.arange(-12.0, 9.1, 1.0)
    grid = np.meshgrid(_CONVERGENCE_DEG, _RISE_DEG, indexing="ij")
    angle, rise = (np.radians(values.ravel()) for values in grid)
    direction = np.stack(
        [np.sin(rise), np.cos(rise) * np.cos(angle), side.sign * np.cos(rise) * np.sin(angle)]
    )
    middle = (start - patch.low)[::-1] / STEP_MM
    index = middle[:, None, None] + direction[:, :, None] * along / STEP_MM
    kept = np.minimum(ndimage.map_coordinates(depth, index, order=1), radius_mm)
    score = kept.mean(axis=1)
    weight = np.exp(-(((1 - score / score.max()) / 0.03) ** 2))
    return (
        float(np.degrees(weight @ angle / weight.sum())),
        float(np.degrees(weight @ rise / weight.sum())),
    )


def _seed(patch: Patch, half: Mask, side: Side, posterior_mm: float) -> tuple[float, float] | None:
    """Left and superior of the piece of a coronal section that is the pedicle: large, high, lateral."""
    j = int(np.clip(np.searchsorted(patch.posterior, posterior_mm), 0, half.shape[1] - 1))
    pieces, count = ndimage.label(half[:, j])
    best, best_score = None, 10.0
    for number in range(1, count + 1):
        k, i = np.nonzero(pieces == number)
        x, z = float(patch.left[i].mean()), float(patch.superior[k].mean())
        score = min(len(k), 250) - 4.0 * abs(x * side.sign - 15.0) - 4.0 * abs(z - 5.0)
        if score > best_score:
            best, best_score = (x, z), score
    return best


def _directions(side: Side, angle_deg: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Local unit vectors backward along the axis, and lateral across it."""
    sin, cos = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))
    return np.array([side.sign * sin, cos, 0.0]), np.array([side.sign * cos, -sin, 0.0])


def _run(
    patch: Patch,
    solid: tuple[Mask, NDArray[np.float64]],
    side: Side,
    start: NDArray[np.float64],
    wall_mm: float,
    angle_deg: float,
) -> _Run | None:
    """Sections from 6 mm before to 8 mm behind ``start``, each the piece that overlaps its neighbour.

    ``solid`` is one side's bone and the depth in it.
    """
    half, depth = solid
    backward, lateral = _directions(side, angle_deg)
    along, across = np.arange(-6.0, 8.1, STEP_MM), np.arange(-14.0, 14.1, STEP_MM)
    place = start + along[:, None, None] * backward + across[None, :, None] * lateral
    i = np.rint((place[..., 0] - patch.low[0]) / STEP_MM).astype(int)
    j = np.rint((place[..., 1] - patch.low[1]) / STEP_MM).astype(int)
    inside = (i >= 0) & (i < half.shape[2]) & (j >= 0) & (j < half.shape[1])
    rows = np.flatnonzero(np.abs(patch.superior - start[2]) <= 16)
    i, j = np.where(inside, i, 0), np.where(inside, j, 0)
    sections = half[rows][:, j, i] & inside
    depths = depth[rows][:, j, i] * inside
    height = patch.superior[rows]
    centre = int(np.argmin(np.abs(along)))
    core = (np.abs(height - start[2]) <= 6)[:, None] & (np.abs(across) <= 6)[None, :]
    kept: dict[int, tuple[float, ...]] = {}
    for step in (1, -1):
        piece: Mask | None = None
        for number in range(centre, len(along) if step > 0 else -1, step):
            piece = _same_piece(sections[:, number], piece, height - start[2], across)
            if piece is None:
                break
            ball = float((depths[:, number] * (piece & core)).max())
            kept[number] = (ball, *_moments(piece, across, height))
    if len(kept) < 5:
        return None
    order = sorted(kept)
    radius, area, x, z, sd_x, sd_z = np.array([kept[number] for number in order]).T
    smooth = np.maximum(ndimage.gaussian_filter1d(radius, 1.0, mode="nearest"), 0.5)
    behind = start[1] - wall_mm + along[order] * backward[1] + x * lateral[1]
    area = ndimage.gaussian_filter1d(area, 1.0, mode="nearest")
    return _Run(along[order], smooth, area, x, z, sd_x, sd_z, behind)


def _same_piece(
    section: Mask, before: Mask | None, height: NDArray[np.float64], across: NDArray[np.float64]
) -> Mask | None:
    """The connected piece that shares most with the one before; at first, with the middle."""
    pieces, count = ndimage.label(section)
    if count == 0:
        return None
    if before is None:
        before = (np.abs(height)[:, None] <= 5) & (np.abs(across)[None, :] <= 4)
    shared = np.bincount(pieces[before], minlength=count + 1)
    shared[0] = 0
    return np.asarray(pieces == int(shared.argmax())) if shared.max() else None


def _moments(
    piece: Mask, across: NDArray[np.float64], height: NDArray[np.float64]
) -> tuple[float, float, float, float, float]:
    """Area, centroid and standard deviations, without thin spurs; step^2 / 12 is a sample's own variance."""
    blunt = ndimage.binary_opening(piece, iterations=2)
    k, i = np.nonzero(blunt if blunt.sum() >= 0.5 * piece.sum() else piece)
    x, z, own = across[i], height[k], STEP_MM**2 / 12
    return (
        len(k) * STEP_MM**2, float(x.mean()), float(z.mean()),
        float(np.sqrt(x.var() + own)), float(np.sqrt(z.var() + own)),
    )  # fmt: skip


def _measure(
    patch: Patch, run: _Run, side: Side, start: NDArray[np.float64], angle_deg: float, rise_deg: float
) -> Pedicle | None:
    """Centre, axis and size at the isthmus, if they are those of a pedicle."""
    weight = run.weights()
    backward, lateral = _directions(side, angle_deg)
    centre = start + (weight @ run.along) * backward + (weight @ run.across) * lateral
    slim = run.slimmest()
    centre[2] = slim @ run.height
    axis = np.asarray(unit(-backward - np.array([0, 0, np.tan(np.radians(rise_deg))])))
    # An ellipse is four standard deviations wide.
    width, height = 4 * float(slim @ run.across_sd), 4 * float(slim @ run.height_sd)
    inside = (_WIDTH_MM, width), (_HEIGHT_MM, height), (_OFF_MIDLINE_MM, centre[0] * side.sign)
    if not all(low <= value <= high for (low, high), value in inside):
        return None
    return Pedicle(vector(patch.to_patient(centre)), vector(patch.frame.rotation @ axis), width, height)
