"""The skin as the operator sees it: where a needle may enter, how good, and where bone lies beneath."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from procguide.anatomy import Spine
from procguide.geometry import unit, vector, view_angles
from procguide.imaging import LabelMap, Volume
from procguide.imaging.resample import resample
from procguide.planning.nouns import Plan
from procguide.planning.skin_map import SkinEntries, SkinMap, SkinState, map_skin, quality_colours
from procguide.reporting.content import midline_x
from procguide.reporting.palette import NEEDLE
from procguide.reporting.plane import Plane
from procguide.reporting.scene3d import view_from
from procguide.reporting.slices import SMALL_PIXELS, encode, furnish, new_picture, text

__all__ = ["draw_skin"]

_PIXEL_MM = 0.8
_LAYER_MM = 2.0
_SMALLEST_MM, _LARGEST_MM = 130.0, 300.0
_AWAY_MM = 100.0
_BLUR_MM = 2.0
_SKIN_COLOUR = (0.90, 0.83, 0.77)
_CLOSED_COLOUR = (0.58, 0.58, 0.61)
_GROUND = (0.965, 0.972, 0.98)
_LIGHT = np.array(unit((-0.5, -0.6, -1.0)))  # right, down, into
_FACES = {0: "back", 1: "left side", 2: "front", 3: "right side"}
Floats = NDArray[np.float64]


def draw_skin(found: SkinEntries, plans: Sequence[Plan], levels: LabelMap, spine: Spine) -> tuple[bytes, str]:
    """JPEG of the reachable skin, and from where it is seen (``"the back"``).

    Yellow to violet: the best to the poorest that enters there. Grey: every needle there breaks a limit.
    """
    skin = map_skin(found)
    quarter = _quarter(skin, plans)
    plane = _plane(skin, plans, spine, 90.0 * quarter)
    figure, axes = new_picture(plane, SMALL_PIXELS)
    half = plane.width_mm / 2
    picture = _painted(found, skin, plane)
    axes.imshow(picture, extent=(-half, half, half, -half), interpolation="bicubic", aspect="auto")
    if quarter % 2 == 0:
        _bones(axes, plane, levels)
    if quarter == 0:
        _landmarks(axes, plane, spine)
    _entries(axes, plane, plans)
    _scale(axes, plane, skin)
    furnish(axes, plane, f"Where to enter: the {_FACES[quarter]}", light=True)
    return encode(figure), f"the {_FACES[quarter]}"


def _quarter(skin: SkinMap, plans: Sequence[Plan]) -> int:
    """From where to look, in quarter turns from the back: 1 the patient's left, 2 the front.

    Along the first needle; without one, as the skin faces where needles were tried.
    """
    if plans:
        return round(view_angles(plans[0].trajectory.direction)[0] / 90.0) % 4
    tried = (skin.state[skin.faces] != SkinState.NOT_TRIED).all(axis=1)
    a, b, c = (skin.points[skin.faces[tried, n]] for n in range(3))
    outward = np.cross(b - a, c - a).sum(axis=0)
    return round(view_angles(-outward)[0] / 90.0) % 4 if np.linalg.norm(outward) > 1e-6 else 0


def _plane(skin: SkinMap, plans: Sequence[Plan], spine: Spine, oblique_deg: float) -> Plane:
    """Square, about all that is open or at least tried, and the midline beside it."""
    shown = skin.points[skin.state == SkinState.OPEN]
    if not len(shown):
        shown = skin.points[skin.state != SkinState.NOT_TRIED]
    points = np.concatenate([shown, *([[plan.trajectory.entry] for plan in plans])])
    if oblique_deg == 0:
        middle = points.mean(axis=0)
        points = np.concatenate([points, [[midline_x(spine, middle[2]), middle[1], middle[2]]]])
    plane = view_from(oblique_deg, 0.0, vector(points.mean(axis=0)), 1.0, _PIXEL_MM)
    places = plane.project(points)
    low, high = places.min(axis=0), places.max(axis=0)
    size = float(np.clip((high - low)[:2].max() * 1.25 + 30.0, _SMALLEST_MM, _LARGEST_MM))
    u, v, _ = (low + high) / 2
    centre = np.asarray(plane.centre) + u * np.asarray(plane.right) + v * np.asarray(plane.down)
    return Plane(vector(centre), plane.right, plane.down, size, size, _PIXEL_MM)


def _painted(found: SkinEntries, skin: SkinMap, plane: Plane) -> NDArray[np.float64]:
    """RGB 0 to 1 ``(rows, columns, 3)``: the lit skin in the map's colours."""
    from scipy.spatial import cKDTree

    points, light = _seen_skin(found, plane)
    rows, columns = plane.shape
    picture = np.tile(np.array(_GROUND), (rows, columns, 1))
    seen = np.isfinite(points[..., 0])
    if not seen.any() or not len(skin.points):
        return picture
    distance, nearest = cKDTree(skin.points).query(points[seen], k=4)
    weight = 1.0 / (distance + 0.3)
    state, quality = skin.state[nearest], np.nan_to_num(skin.quality[nearest])
    opened = np.where(state == SkinState.OPEN, weight, 0.0)
    closed = np.where(state == SkinState.EXCLUDED, weight, 0.0)
    colour = np.tile(np.array(_SKIN_COLOUR), (len(nearest), 1))
    far = distance[:, 0] > 6.0
    grey = (closed.sum(axis=1) >= 0.5 * weight.sum(axis=1)) & ~far
    bright = (opened.sum(axis=1) >= 0.5 * weight.sum(axis=1)) & ~far
    colour[grey] = _CLOSED_COLOUR
    mean = (opened * quality).sum(axis=1) / np.maximum(opened.sum(axis=1), 1e-9)
    evened = _evened(mean, bright, seen)
    colour[bright] = quality_colours(evened[bright], skin.range)
    shade = light[seen][:, None]
    picture[seen] = np.where(bright[:, None], colour * (0.72 + 0.28 * shade), colour * (0.45 + 0.55 * shade))
    return np.asarray(np.clip(picture, 0, 1))


def _evened(values: Floats, where: NDArray[np.bool_], seen: NDArray[np.bool_]) -> Floats:
    """``values`` of the ``seen`` pixels blurred over 2 mm among those ``where`` they count."""
    counted = np.zeros(seen.shape)
    counted[seen] = where
    total = np.zeros(seen.shape)
    total[seen] = np.where(where, values, 0.0)
    sigma = _BLUR_MM / _PIXEL_MM
    blurred = gaussian_filter(total, sigma) / np.maximum(gaussian_filter(counted, sigma), 1e-9)
    return np.asarray(blurred[seen])


def _bones(axes: Any, plane: Plane, levels: LabelMap) -> None:
    """Outlines of vertebrae and sacrum as they lie under the skin."""
    k, j, i = levels.shape
    corners = levels.to_patient(np.array([[0, j / 2, 0], [k - 1, j / 2, i - 1]]))
    (u0, v0, _), (u1, v1, _) = plane.project(corners)
    for label in levels.present():
        shadow = (levels.voxels == label).any(axis=1)
        outline = gaussian_filter(shadow.astype(np.float32), 0.8)
        u, v = np.linspace(u0, u1, i), np.linspace(v0, v1, k)
        axes.contour(u, v, outline, levels=[0.5], colors=["#1B2A41"], linewidths=0.9, alpha=0.4, zorder=3)


def _seen_skin(found: SkinEntries, plane: Plane) -> tuple[Floats, Floats]:
    """The first skin behind each pixel, LPS mm (NaN: none), and how much light it gets, 0 to 1."""
    body = Volume(found.body.field, found.body.grid.affine)
    grid = plane.grid(2 * _AWAY_MM, _LAYER_MM)
    slab = resample(body, grid, fill=50.0).voxels
    inside = slab < 0
    first = inside.argmax(axis=0)
    seen = inside.any(axis=0) & (first > 0)
    before = np.take_along_axis(slab, np.maximum(first - 1, 0)[None], axis=0)[0]
    here = np.take_along_axis(slab, first[None], axis=0)[0]
    depth = np.where(seen, first - here / np.minimum(here - before, -1e-3), np.nan)
    rows, columns = np.indices(first.shape)
    points = grid.affine.apply(np.stack([np.nan_to_num(depth), rows, columns], axis=-1))
    smooth = gaussian_filter(np.where(seen, depth, np.nanmean(depth) if seen.any() else 0.0), 5.0)
    slopes = np.gradient(smooth * _LAYER_MM, plane.pixel_mm)
    normal = np.stack([slopes[1], slopes[0], -np.ones_like(smooth)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lit: Floats = np.clip(normal @ _LIGHT, 0, 1)
    return np.where(seen[..., None], points, np.nan), lit


def _landmarks(axes: Any, plane: Plane, spine: Spine) -> None:
    """Spinous processes under the skin by their levels, and the line through them."""
    tips = [(v.level, v.spinous_process_tip) for v in spine.vertebrae if v.spinous_process_tip is not None]
    places = [(level, *plane.project(tip)[:2]) for level, tip in tips]
    half = plane.width_mm / 2
    if places:
        axes.plot(
            [u for _, u, _ in places],
            [v for _, _, v in places],
            color="#1B2A41",
            linewidth=1.2,
            dashes=(6, 4),
        )
    for level, u, v in places:
        under_the_scale = u < -half * 0.4 and v > half * 0.62
        if abs(u) < half * 0.9 and abs(v) < half * 0.88 and not under_the_scale:
            axes.plot(u, v, "+", color="#1B2A41", markersize=13, markeredgewidth=2)
            text(
                axes,
                u - 3,
                v,
                level,
                size=20,
                colour="#1B2A41",
                rim="#FFFFFF",
                ha="right",
                va="center",
                weight="bold",
            )


def _entries(axes: Any, plane: Plane, plans: Sequence[Plan]) -> None:
    """The plans' entries by rank, the first the largest."""
    for plan in reversed(plans):
        u, v, _ = plane.project(plan.trajectory.entry)
        first = plan is plans[0]
        size = 25 if first else 17
        colour = NEEDLE if first else "#FFFFFF"
        axes.plot(
            u, v, "o", color=colour, markersize=size, markeredgecolor="black", markeredgewidth=1.6, zorder=8
        )
        ink, rim = ("white", "black") if first else ("black", "white")
        text(
            axes,
            u,
            v,
            str(plan.rank),
            size=19 if first else 14,
            colour=ink,
            rim=rim,
            ha="center",
            va="center",
            weight="bold",
        )


def _scale(axes: Any, plane: Plane, skin: SkinMap) -> None:
    """What the colours mean, at the lower left."""
    half = plane.width_mm / 2
    left, top = -half * 0.95, half * 0.74
    width, height = half * 0.42, half * 0.035
    if (skin.state == SkinState.OPEN).any():
        strip = quality_colours(np.linspace(0, 1, 64), (0.0, 1.0))[None]
        axes.imshow(strip, extent=(left, left + width, top + height, top), aspect="auto", zorder=7)
        options: dict[str, Any] = {"size": 15, "colour": "#1B2A41", "rim": "#FFFFFF", "va": "bottom"}
        text(axes, left, top - 1, "poor", ha="left", **options)
        text(axes, left + width, top - 1, "best", ha="right", **options)
    from matplotlib.patches import Rectangle

    box = Rectangle((left, top + 2.2 * height), width * 0.16, height, color=_CLOSED_COLOUR, zorder=7)
    axes.add_patch(box)
    text(
        axes,
        left + width * 0.2,
        top + 2.7 * height,
        "a limit is broken",
        size=15,
        colour="#1B2A41",
        rim="#FFFFFF",
        ha="left",
        va="center",
    )
